"""The clips of the occlusion set: models, places, stages, and the kinds of clips. Entry: ../occlusion_set.py.

Imports the ray caster, nothing of vos.
"""
