"""Rendering of the occlusion set: things, places, the camera, and the kinds of clips. Entry: make_occlusion_set.py."""
