"""Soft masks of hard ones: what share of each pixel near an outline is the object, and what colour it has there.

On arrays alone: knows no tracker, no files but its own weights.
"""
