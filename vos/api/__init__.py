"""What ``import vos`` hands out for videos: track, Tracker, write, load. The command line goes the same ways.

May import everything below: the lines, the trackers, models, files. Loads torch only in the modules that need it.
"""
