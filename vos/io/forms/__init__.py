"""Results in the forms that other programs read: data sets, labelling tools, benchmarks of trackers, tables.

May import the ground, rendering, what all writers share, and the files beside it.
"""
