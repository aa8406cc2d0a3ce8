"""How likely a concept is in a picture, at a glance: from the encodings of an index, in milliseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.find.index import LEVELS
from vos.photos.methods.p2sam import cluster
from vos.photos.reference_pictures import mean_features

PARTS = 5  # that the object is split into


class Glance:
    """Rates pictures for one concept.

    The mean of how well each part of the object is matched by some cell, and of how alike the most alike cell is to
    the whole of it.

    Args:
        concept: that is looked for.
    """

    def __init__(self, concept: Concept) -> None:
        cells = concept.target().foreground.float().cpu()
        self.parts = cluster(cells, min(PARTS, len(cells)))
        self.means = mean_features(concept).cpu()

    @torch.no_grad()
    def rate(self, features: npt.NDArray[np.int8]) -> float:
        """Rates one picture, int8 (C, h, w) of the index: about 0..1, more = more likely."""
        cells = F.normalize(torch.from_numpy(np.array(features)).float().flatten(1) / LEVELS, dim=0)
        parts = float((self.parts @ cells).amax(dim=1).mean())
        return (parts + float((self.means @ cells).max())) / 2
