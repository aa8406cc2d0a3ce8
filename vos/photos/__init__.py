"""The search in one photo: method, presence, crop refinement, result.

May import persam, concept, sam, io and the ground.
"""
