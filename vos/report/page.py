"""Pages for a browser: one file each, with everything in it, that asks the network for nothing."""

from __future__ import annotations

import base64
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import cv2

from vos.io.render import Rgb

if TYPE_CHECKING:
    from jinja2 import Environment

QUALITY = 82  # of JPEG pictures


def render(template: str, **values: Any) -> str:
    """Fills a template of ``vos/report/templates``; values are escaped.

    Args:
        template: its name.
        values: what it shows.
    """
    return _environment().get_template(template).render(**values).strip() + "\n"


def picture_source(rgb: Rgb) -> str:
    """Puts a picture into an address that holds it: data:image/jpeg;base64,..."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


def picture_values(rgb: Rgb) -> dict[str, Any]:
    """Gives what a template needs for a picture: its source, its width and height."""
    return {"picture": picture_source(rgb), "width": rgb.shape[1], "height": rgb.shape[0]}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Imported here: a run needs it at its end only.
    from jinja2 import DictLoader, Environment, StrictUndefined

    folder = files("vos.report").joinpath("templates")
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir() if each.name.endswith(".html")}
    return Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
