"""Which methods there are to find an object in a photo, by the name that ``method=`` takes."""

from __future__ import annotations

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.photos.config import MethodConfig
from vos.photos.methods.base import PhotoMethod
from vos.photos.methods.p2sam import P2SamMethod
from vos.photos.methods.persam import PersamMethod
from vos.photos.methods.persam_f import PersamFMethod
from vos.photos.methods.published import PublishedMethod
from vos.sam.segmenter import Segmenter

METHODS: dict[str, type[PhotoMethod]] = {
    "persam": PersamMethod,
    "persam_f": PersamFMethod,
    "p2sam": P2SamMethod,
    "persam_published": PublishedMethod,
}


def make_method(model: Segmenter, concept: Concept, config: MethodConfig) -> PhotoMethod:
    """Makes the method that ``config.name`` asks for, for one concept.

    Raises:
        VosError: an unknown method, or a concept that does not fit it or the model.
    """
    if config.name not in METHODS:
        raise VosError(f"method={config.name} is unknown; choose one of {', '.join(METHODS)}")
    return METHODS[config.name](model, concept, config)
