"""One reference frame and its mask in, that object's mask in every frame of a video out; or in every photo.

Photos, in five lines:

    >>> import vos
    >>> concept = vos.Concept.from_image("rex.jpg", "rex_mask.png")
    >>> result = vos.segment("holiday.jpg", concept)
    >>> result.presence, result.score, result.box        # is it there, how sure, where
    >>> result.mask, result.alpha                        # bool and uint8 (H, W), in the photo's pixels
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.4.0"
__all__ = ["Concept", "PhotoResult", "VosError", "__version__", "segment"]

if TYPE_CHECKING:
    from vos.concept.concept import Concept
    from vos.errors import VosError
    from vos.photos.result import PhotoResult
    from vos.photos.segmenter import segment

_HOMES = {
    "Concept": "vos.concept.concept",
    "PhotoResult": "vos.photos.result",
    "VosError": "vos.errors",
    "segment": "vos.photos.segmenter",
}


def __getattr__(name: str) -> Any:
    """Imports on first use: ``import vos`` alone loads neither torch nor anything else heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
