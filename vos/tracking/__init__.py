"""The per-frame tracker: :meth:`vos.tracking.persam_tracker.PersamTracker.step` is a frame's way, read it first.

May import the method (persam, adaptation, concept), the model (sam) and the ground; knows no files and no videos.
"""
