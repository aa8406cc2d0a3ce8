"""Test-time adaptation: the decoder practises on synthetic views of the reference before it is followed.

May import persam, sam and the ground.
"""
