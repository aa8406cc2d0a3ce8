"""Photos: read upright and in sRGB, as they are meant to be seen; written; listed in the order a person would."""

from __future__ import annotations

import glob
import io
import re
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from vos.errors import VosError
from vos.io.atomic import atomic_path

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".heic", ".heif", ".avif"}
)
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# What is read, by content, whatever the name says. Pillow knows more, and starts Ghostscript for PostScript.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "MPO", "PPM", "TGA", "JPEG2000", "AVIF")
JPEG_QUALITY = 92
MAX_PIXELS = 2**27  # 134 megapixels, 400 MB as RGB: more is a mistake or a decompression bomb
_SPACES = {"RGB": "RGB", "CMYK": "CMYK"}  # Pillow's mode -> the profile's colour space; gray stays as it is stored
_ROUNDING = 2  # levels of 255 within which a profile counts as sRGB: converting would add nothing but noise
_LEVELS = (0, 32, 64, 96, 128, 160, 192, 224, 255)


def read_image(path: str | Path) -> npt.NDArray[np.uint8]:
    """Reads a photo as uint8 (H, W, 3) RGB, upright.

    EXIF orientation is applied; grayscale, palette, CMYK, 16-bit and float images are converted; colours with an
    embedded profile (ICC) become sRGB; transparency is flattened onto white. Of an animation, the first image.
    What a file holds is told by its content, not by its name. HEIC needs the package ``pillow-heif``.

    Raises:
        VosError: missing, not an image of ``FORMATS``, damaged, too large, or HEIC without ``pillow-heif``.
    """
    with open_image(path) as image:
        try:
            upright = ImageOps.exif_transpose(image)
            return _to_rgb(image if upright is None else upright)
        except Exception as error:  # Pillow's plugins raise nearly anything on damaged bytes
            raise _unreadable(path, error) from error


def open_image(path: str | Path) -> Image.Image:
    """Opens an image file with Pillow, its size checked, its pixels not decoded yet.

    Raises:
        VosError: missing, not an image, or more than ``MAX_PIXELS`` pixels.
    """
    path = Path(path)
    if not path.is_file():  # pipes and devices would be waited for, or have no end
        what = "a folder" if path.is_dir() else "no regular file" if path.exists() else "missing"
        raise VosError(f"{path} is {what}; an image file was expected")
    try:
        with path.open("rb") as file:
            beginning = file.read(12)
        if not beginning:
            raise VosError(f"{path} is empty; an image file was expected")
        is_heif = beginning[4:8] == b"ftyp" and beginning[8:] in HEIF_BRANDS
        image = _open_heif(path) if is_heif else Image.open(path, formats=_formats())
        if isinstance(image, TiffImageFile):
            image.filename = ""  # or Pillow 13 maps the file, and a sideways one with its sides exchanged
    except VosError:
        raise
    except Exception as error:  # as above
        raise _unreadable(path, error) from error
    if image.width * image.height > MAX_PIXELS:
        raise VosError(f"{path} is {image.height}x{image.width}; at most {MAX_PIXELS} pixels are read: make it smaller")
    return image


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """Lists those of ``FORMATS`` that this Pillow can read."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def write_image(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Writes a JPEG or PNG, as the suffix says; PNGs quickly rather than small. Appears only when complete.

    Args:
        path: ends in .jpg or .png.
        pixels: uint8 (H, W) gray, (H, W, 3) RGB or, as PNG, (H, W, 4) RGBA.

    Raises:
        VosError: the disk is full, or the place cannot be written.
    """
    with atomic_path(path) as temporary:
        options: dict[str, Any] = (
            {"compress_level": 3} if path.suffix == ".png" else {"quality": JPEG_QUALITY, "subsampling": 0}
        )
        Image.fromarray(pixels).save(temporary, **options)


def list_images(spec: str | Path) -> list[Path]:
    """Lists the images of a folder (nested folders included), a glob pattern or a single file, in natural order.

    Hidden files are left out. Natural order: ``2.jpg`` comes before ``10.jpg``.

    Raises:
        VosError: there is none.
    """
    images = [path for path in find_paths(spec) if is_image(path)]
    if not images:
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise VosError(f"{spec}: no images found; give a folder or a pattern such as 'photos/*.jpg' ({kinds})")
    return sorted(images, key=natural_key)


def find_paths(spec: str | Path) -> list[Path]:
    """Finds whatever a folder (nested folders included), a glob pattern or the name of a single file stands for."""
    path = Path(spec)
    if path.is_dir():
        return [p for p in path.rglob("*") if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    if path.is_file():
        return [path]
    return [Path(p) for p in glob.glob(str(spec), recursive=True)]  # noqa: PTH207 - may be absolute


def root_of(spec: Path) -> Path:
    """Finds the folder of all that :func:`find_paths` finds: itself, or the part of a pattern without wildcards."""
    if spec.is_dir():
        return spec
    parts = spec.parts[:-1]
    fixed = next((k for k, part in enumerate(parts) if re.search(r"[*?\[]", part)), len(parts))
    return Path(*parts[:fixed])


def is_image(path: Path) -> bool:
    """Tells whether a path is a file with the suffix of an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def natural_key(path: Path) -> tuple[tuple[tuple[str | int, ...], ...], str]:
    """Returns a sort key of a path in which runs of digits count as numbers."""
    parts = (re.split(r"(\d+)", part.casefold()) for part in path.parts)
    return tuple(tuple(int(s) if i % 2 else s for i, s in enumerate(part)) for part in parts), str(path)


def _to_rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        gray = _to_8bit(np.asarray(image))
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = to_srgb(rgba)
        image.putalpha(rgba.getchannel("A"))
        return on_white(image)
    return np.array(to_srgb(image))  # a copy: writable and contiguous


def on_white(rgba: Image.Image) -> npt.NDArray[np.uint8]:
    """Lays a picture with straight alpha, mode "RGBA", on white; uint8 (H, W, 3)."""
    return np.array(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))


def to_srgb(image: Image.Image) -> Image.Image:
    """Converts an image without transparency to sRGB, mode "RGB".

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
    """Makes the transform from a profile to sRGB; None where there is nothing to convert, or no way."""
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


def _to_8bit(gray: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Scales 16-bit integers by their full range; floats are taken as 0..1, or by their own maximum above that."""
    values = np.nan_to_num(gray.astype(np.float64))
    top = 65535.0 if gray.dtype.kind in "iu" else max(1.0, float(values.max(initial=0)))
    scaled: npt.NDArray[np.uint8] = (values.clip(0, top) * (255 / top)).round().astype(np.uint8)
    return scaled


def _open_heif(path: Path) -> Image.Image:
    try:
        import pillow_heif  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise VosError(f"{path}: HEIC photos need one more package: pip install pillow-heif") from error
    image: Image.Image = pillow_heif.open_heif(path).to_pillow()
    return image


def _unreadable(path: str | Path, error: Exception) -> VosError:
    if isinstance(error, Image.DecompressionBombError):
        return VosError(f"{path} is too large; at most {MAX_PIXELS} pixels are read: make it smaller")
    if isinstance(error, UnidentifiedImageError):
        return VosError(f"{path} cannot be read as an image: it holds none of {', '.join(FORMATS)}, or is damaged")
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return VosError(f"{path} cannot be read as an image ({reason})")
