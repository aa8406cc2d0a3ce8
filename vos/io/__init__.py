"""Frames, images and masks from and to disk: readers, writers, masks, rendering.

May import the ground only (errors, geometry, structures, stages).
"""
