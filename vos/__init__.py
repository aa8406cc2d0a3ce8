"""One reference frame and its mask in, that object's mask in every frame of a video out; or in every photo.

A video, in five lines; and photos, in five lines:

    >>> import vos
    >>> for result in vos.track("clip.mp4", "mask.png"):
    ...     result.labels, result.time, result.frame.rgb     # uint8 (H, W), seconds, uint8 (H, W, 3)
    ...     result[1].presence, result[1].score, result[1].box, result[1].mask, result[1].alpha

    >>> concept = vos.Concept.from_image("rex.jpg", "rex_mask.png")
    >>> result = vos.segment("holiday.jpg", concept)
    >>> result.presence, result.score, result.box        # is it there, how sure, where
    >>> result.mask, result.alpha                        # bool and uint8 (H, W), in the photo's pixels
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.4.0"
__all__ = [
    "Concept",
    "ObjectResult",
    "PhotoResult",
    "Result",
    "Results",
    "Segmenter",
    "Session",
    "Tracker",
    "VosError",
    "__version__",
    "load",
    "register_model",
    "segment",
    "track",
    "write",
]

if TYPE_CHECKING:
    from vos.api.load import load
    from vos.api.result import ObjectResult, Result
    from vos.api.results import Results
    from vos.api.track import track
    from vos.api.tracker import Tracker
    from vos.api.write import write
    from vos.concept.concept import Concept
    from vos.errors import VosError
    from vos.photos.result import PhotoResult
    from vos.photos.segmenter import segment
    from vos.sam.own_models import register_model
    from vos.sam.segmenter import Segmenter
    from vos.session.session import Session

_HOMES = {
    "Concept": "vos.concept.concept",
    "ObjectResult": "vos.api.result",
    "PhotoResult": "vos.photos.result",
    "Result": "vos.api.result",
    "Results": "vos.api.results",
    "Segmenter": "vos.sam.segmenter",
    "Session": "vos.session.session",
    "Tracker": "vos.api.tracker",
    "VosError": "vos.errors",
    "load": "vos.api.load",
    "register_model": "vos.sam.own_models",
    "segment": "vos.photos.segmenter",
    "track": "vos.api.track",
    "write": "vos.api.write",
}


def __getattr__(name: str) -> Any:
    """Imports on first use: ``import vos`` alone loads neither torch nor anything else heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
