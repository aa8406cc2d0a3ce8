"""One reference frame with a mask in, that object in every frame out."""
