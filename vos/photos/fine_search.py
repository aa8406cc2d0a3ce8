"""The search for what is small in a photo: in windows at the photo's own resolution, where it looks most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.geometry import Geometry
from vos.persam.location_prior import LocationPrior, locate, peak_points
from vos.persam.similarity import similarity
from vos.photos.methods.base import Detection
from vos.photos.reference_pictures import ReferencePictures, likeness, mean_feature
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

SIDE = 1024  # longer side of the model input that shows where to look, pixels
PLACES, KEPT = 4, 2  # where it is looked, and masks that are worth a closer look
SHARES = (1 / 8, 1 / 4)  # sides of the windows, of that input's longer side
MARGIN = 1.0  # around the object in the pictures that windows are compared with
TYPICAL = 0.25  # longer side of an object in its window
NOTHING = -32.0  # logit outside of a window

Area = tuple[slice, slice]  # rows and columns of low-res cells


class FineSearch:
    """Searches photos for one concept where the whole photo at once has shown nothing for sure.

    Args:
        model: the concept's, whose decoder takes an image for each prompt.
        concept: that is looked for.
        pictures: of the concept.
    """

    def __init__(self, model: Segmenter, concept: Concept, pictures: ReferencePictures) -> None:
        self.model, self.pictures = model.at_input_size(SIDE), pictures
        self.target = concept.target().to(model.device)

    @torch.no_grad()
    def detect(self, rgb: npt.NDArray[np.uint8]) -> tuple[ImageEmbedding, list[Detection]]:
        """Detects masks in the windows around ``PLACES`` places, and keeps the best.

        Args:
            rgb: uint8 (H, W, 3), the photo.

        Returns:
            The photo's finer embedding, and at most ``KEPT`` masks on its low-res grid, none of them empty.
        """
        (embedding,) = self.model.encode([rgb])
        geometry = embedding.geometry
        (peaks,) = peak_points(similarity(embedding.features, [self.target]), geometry, PLACES)
        rated: list[tuple[float, Detection]] = []
        for share in SHARES:
            areas = [_area(peak, share, geometry) for peak in peaks]
            rated += self._in_windows(rgb, areas, geometry)
        best = sorted(rated, key=lambda one: -one[0])[:KEPT]
        return embedding, [found for _, found in best]

    def _in_windows(
        self, rgb: npt.NDArray[np.uint8], areas: Sequence[Area], geometry: Geometry
    ) -> list[tuple[float, Detection]]:
        """Decodes windows of one size in one batch; masks that are not empty, each with its rating."""
        model = self.pictures.model
        boxes = [_pixels(area, geometry) for area in areas]
        side = max(rows.stop - rows.start for rows, _ in boxes), max(c.stop - c.start for _, c in boxes)
        parts = [np.ascontiguousarray(rgb[_grown(rows, side[0]), _grown(columns, side[1])]) for rows, columns in boxes]
        known = self.pictures.known(MARGIN, TYPICAL * max(side))
        embeddings = model.encode(parts)
        prior = LocationPrior.joined([locate(each, [known.target], model.guidance_fields) for each in embeddings])
        found = model.decode_each(embeddings, [Prompt.empty()] * len(parts), prior.guidance, multimask=False)
        rated = []
        for area, embedding, (logits,), (iou,) in zip(areas, embeddings, found.logits, found.predicted_iou):
            if bool((logits > 0).any()):
                quality = float(iou.clamp(0, 1))
                mean = mean_feature(embedding.features, embedding.geometry.logits_to_grid(logits))
                mask = Detection(_pasted(logits, embedding.geometry, area, geometry), quality, Prompt.empty())
                rated.append((quality * likeness(mean, known.means), mask))
        return [(rating, mask) for rating, mask in rated if bool((mask.logits > 0).any())]


def _area(point: npt.NDArray[np.float32], share: float, geometry: Geometry) -> Area:
    """The window around a point (x, y) in original pixels, inside the image."""
    side = round(share * max(geometry.input_size) / geometry.logit_stride)
    spans = []
    for place, limit in zip(geometry.points_to_input(point)[::-1] / geometry.logit_stride, geometry.image_logit_size):
        length = min(side, limit)
        first = min(max(0, round(float(place)) - length // 2), limit - length)
        spans.append(slice(first, first + length))
    return spans[0], spans[1]


def _pixels(area: Area, geometry: Geometry) -> Area:
    """The original pixels of an area of low-res cells."""
    spans = []
    for span, scale, limit in zip(area, geometry.scale_xy[::-1], geometry.original_size):
        first, last = (round(edge * geometry.logit_stride / scale) for edge in (span.start, span.stop))
        spans.append(slice(min(first, limit - 1), max(min(last, limit), min(first, limit - 1) + 1)))
    return spans[0], spans[1]


def _grown(span: slice, length: int) -> slice:
    """The span with the rounding of its length taken out: begins earlier where it was rounded down."""
    return slice(max(0, span.stop - length), max(0, span.stop - length) + length)


def _pasted(logits: torch.Tensor, window: Geometry, area: Area, geometry: Geometry) -> torch.Tensor:
    """Puts a window's logits into the photo's low-res grid, on which there is nothing elsewhere."""
    rows, columns = window.image_logit_size
    size = area[0].stop - area[0].start, area[1].stop - area[1].start
    whole = logits.new_full(geometry.logit_size, NOTHING, dtype=torch.float32)
    small = F.interpolate(logits[None, None, :rows, :columns].float(), size=size, mode="bilinear", align_corners=False)
    whole[area] = small[0, 0]
    return whole
