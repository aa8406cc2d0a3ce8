"""Clicks, boxes and scribbles, by which users show objects without drawing masks.

May import the ground, label maps and the files beside it.
"""
