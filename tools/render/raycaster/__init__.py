"""The ray caster that renders the demo clip and the occlusion set: things of ellipsoids over textured planes.

Imports NumPy and OpenCV, nothing of vos.
"""
