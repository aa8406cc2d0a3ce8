"""Clips whose objects have an exact soft alpha and exact colours: hair, motion blur, glass, smoke, defocus.

Imports NumPy and OpenCV, the ray caster, and the actors of the occlusion clips; nothing of vos.
"""
