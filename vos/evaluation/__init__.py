"""Scores: DAVIS J and F, PerSeg, their reports, and the runs that make what is scored.

Scoring imports io and the ground only, and no torch; ``jobs`` knows the lines. Never cli.
"""
