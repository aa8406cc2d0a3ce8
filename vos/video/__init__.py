"""A video from its first frame to its last: what is to be followed, the pipeline, and what lets it be interrupted.

May import errors, geometry, structures, stages, io, sam, persam, adaptation, concept, tracking and photos.
"""
