"""One reference frame and its mask in, that object's mask in every frame of a video out."""

__version__ = "0.1.0"
