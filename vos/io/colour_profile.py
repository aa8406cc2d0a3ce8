"""Colour profiles (ICC) embedded in photos: phones store Display P3, cameras Adobe RGB, printers CMYK."""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import product

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "CMYK": "CMYK"}  # Pillow's mode -> the profile's colour space; gray stays as it is stored
_ROUNDING = 2  # levels of 255 within which a profile counts as sRGB: converting would add nothing but noise
_LEVELS = (0, 32, 64, 96, 128, 160, 192, 224, 255)


def to_srgb(image: Image.Image) -> Image.Image:
    """An image without transparency as sRGB, mode "RGB".

    Colours are converted by the embedded profile as browsers do (relative colorimetric, black point compensation).
    Without a profile, with a broken one, or one for other kinds of pixels, they are taken as sRGB.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode in ("1", "L", "LA", "La"):
        return image.convert("RGB")
    pixels = image if image.mode in _SPACES else image.convert("RGB")
    transform = _transform(bytes(profile), pixels.mode)
    if transform is None:
        return pixels.convert("RGB")
    converted = ImageCms.applyTransform(pixels, transform)
    assert converted is not None  # only in place there is none
    return converted


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a profile to sRGB; None where there is nothing to convert, or no way."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if mode == "RGB" and _is_identity(transform) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError):  # broken, or Pillow without LittleCMS
        return None


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    colours = np.array([list(product(_LEVELS, repeat=3))], np.uint8)
    converted = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return int(np.abs(np.asarray(converted).astype(np.int16) - colours).max()) <= _ROUNDING
