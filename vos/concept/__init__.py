"""A saved object: its reference views, its file, the check of its references; ``python -m vos.concept``.

May import persam, sam, io and the ground; its entry point also cli.
"""
