"""Test-time adaptation: the decoder is tuned on synthetic views of the reference before it follows the objects.

May import persam, sam and the ground modules; knows no tracker.
"""
