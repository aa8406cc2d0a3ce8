"""The font that knows more than Latin letters."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont


@lru_cache(maxsize=8)
def wide_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Loads DejaVu Sans from matplotlib's wheel, which is not imported for it.

    Where there is no matplotlib it is Pillow's own font, which knows little more than ASCII.

    Args:
        size: of the letters, pixels.
    """
    spec = find_spec("matplotlib")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)
