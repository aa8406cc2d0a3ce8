"""Label maps: what users give, what we write, and colours as ids.

May import the ground and the files beside it.
"""
