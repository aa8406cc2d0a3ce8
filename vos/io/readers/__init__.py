"""Sources of frames: video files by PyAV or decord, folders, cameras and streams.

May import the ground and the files beside it.
"""
