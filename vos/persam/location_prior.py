"""Where the object probably is: similarity, decoder guidance and point prompts (PerSAM, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.similarity import similarity, similarity_maps, similarity_maps_in
from vos.persam.target_model import fit, respond, scales
from vos.persam.window import Window, crop, hull
from vos.sam.prompting import Guidance
from vos.structures import ImageEmbedding, TargetFeature


@dataclass(frozen=True, slots=True)
class LocationPrior:
    """The location prior of N objects in one image.

    Attributes:
        similarity: float (N, h, w) in [-1, 1] on the embedding grid, with each object.
        guidance: the same knowledge in the forms that the model's decoder takes.
    """

    similarity: torch.Tensor
    guidance: Guidance

    @classmethod
    def joined(cls, priors: Sequence[LocationPrior]) -> LocationPrior:
        """Joins the priors of objects in several images of one geometry."""
        return cls(torch.cat([prior.similarity for prior in priors]), Guidance.joined([p.guidance for p in priors]))

    def without(self, forbidden: torch.Tensor | None) -> LocationPrior:
        """Returns this prior of one object with some cells as unlike the object as can be.

        Args:
            forbidden: bool (h, w), cells of the embedding grid where the object must not be found, or None.
        """
        if forbidden is None or not bool(forbidden.any()):
            return self
        cells = forbidden.to(self.similarity.device)
        found = self.similarity.masked_fill(cells, float(self.similarity.min()))
        guidance = self.guidance
        if guidance.attention is not None:
            attention = guidance.attention.masked_fill(cells.flatten(), float(guidance.attention.min()))
            guidance = replace(guidance, attention=attention)
        if guidance.maps is not None:
            maps = guidance.maps.clone()
            for channel, extreme in enumerate(("min", "min", "max", "max", "min")):  # alike the background
                value = getattr(maps[:, channel], extreme)()
                maps[:, channel] = maps[:, channel].masked_fill(cells, float(value))
            guidance = replace(
                guidance, maps=maps, responses=tuple(_without(each, cells) for each in guidance.responses)
            )
        return LocationPrior(found, guidance)


def _without(response: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """A target model's response (1, h', w') with the grid's ``cells`` (h, w) as unlike the object as can be."""
    ratio = response.shape[-1] // cells.shape[-1]
    fine = cells.repeat_interleave(ratio, dim=0).repeat_interleave(ratio, dim=1)
    return response.masked_fill(fine, float(response.min()))


def locate(
    embedding: ImageEmbedding,
    targets: Sequence[TargetFeature],
    fields: frozenset[str] = frozenset({"attention", "embedding", "maps"}),
) -> LocationPrior:
    """Compares an image with N objects at once.

    Args:
        embedding: of the image to search.
        targets: what is known of each of the N objects; several views through ``merge_views``.
        fields: which fields of the guidance to fill (``Segmenter.guidance_fields``).
    """
    maps, responses = None, tuple[torch.Tensor, ...]()
    if "maps" in fields:
        maps = similarity_maps(embedding.features, targets)
        responses = _target_responses(embedding, targets)
    found = maps[:, 0] if maps is not None else similarity(embedding.features, targets)
    return LocationPrior(
        similarity=found,
        guidance=Guidance(
            attention=attention_bias(found, embedding.geometry) if "attention" in fields else None,
            embedding=torch.stack([target.embedding for target in targets]) if "embedding" in fields else None,
            maps=maps,
            responses=responses,
        ),
    )


def locate_near(
    embedding: ImageEmbedding, targets: Sequence[TargetFeature], windows: Sequence[Window]
) -> list[LocationPrior]:
    """Compares each of N objects with its own window of an image; what they share is computed once.

    Args:
        embedding: of the image.
        targets: as for :func:`locate`.
        windows: N, of any sizes.

    Returns:
        N priors of one object each. A decoder that works on windows reads maps: there is no other guidance in them.
    """
    area = hull(windows)
    part, places = crop(embedding, area), [window.within(area) for window in windows]
    responses = _target_responses(part, targets)
    cells = [response.shape[-1] // (area.x1 - area.x0) for response in responses]
    priors = []
    for k, (maps, place) in enumerate(zip(similarity_maps_in(part.features, targets, places), places)):
        own = tuple(response[k][place.slices(count)][None] for response, count in zip(responses, cells))
        priors.append(LocationPrior(maps[None, 0], Guidance(maps=maps[None], responses=own)))
    return priors


def _target_responses(embedding: ImageEmbedding, targets: Sequence[TargetFeature]) -> tuple[torch.Tensor, ...]:
    """The responses of N objects' target models at every scale; none where a target has no moments."""
    if not embedding.levels or not all(target.moments for target in targets):
        return ()
    models = [target.classifiers or tuple(fit(scale[None])[0] for scale in target.moments) for target in targets]
    seen = scales(embedding.features, embedding.levels)
    return tuple(respond(scale, torch.stack(own)) for scale, own in zip(seen, zip(*models)))


def attention_bias(similarity: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """PerSAM's A = sigmoid((S - mean S) / std S), cell for cell on the embedding grid.

    The published code cuts the padding off S and stretches the rest over the whole grid, so that on a non-square
    image A lies beside the features that it steers. Here S stays where it is: mean and std are those of the image's
    own cells, and the padding gets 0, the least possible.

    Args:
        similarity: float (N, h, w) on the embedding grid.
        geometry: of the image.

    Returns:
        float (N, h * w) in [0, 1).
    """
    rows, columns = geometry.image_grid_size
    inside = similarity[:, :rows, :columns]
    mean = inside.mean(dim=(1, 2), keepdim=True)
    std = inside.std(dim=(1, 2), keepdim=True, unbiased=False).clamp(min=1e-6)
    bias = torch.zeros_like(similarity)
    bias[:, :rows, :columns] = torch.sigmoid((inside - mean) / std)
    return bias.flatten(1)


def peak_points(
    similarity: torch.Tensor,
    geometry: Geometry,
    count: int,
    windows: Sequence[npt.NDArray[np.float32] | None] | None = None,
) -> list[npt.NDArray[np.float32]]:
    """Finds the strongest separate peaks of each object's similarity: a point each, a grid cell or more apart.

    Args:
        similarity: float (N, h, w) on the embedding grid.
        geometry: of the image.
        count: most points per object.
        windows: per object a box (x0, y0, x1, y1) in original pixels outside which no point is taken, or None.

    Returns:
        N arrays float32 (P, 2) as (x, y) in original pixels, best first, 1 <= P <= ``count`` (0 for ``count`` 0).
    """
    if count == 0:  # every frame of a decoder that reads the maps themselves
        return [np.zeros((0, 2), dtype=np.float32) for _ in similarity]
    stride, cell = geometry.logit_stride, geometry.logits_per_cell
    rows, columns = geometry.image_logit_size
    maps = F.interpolate(similarity[:, None], scale_factor=cell, mode="bilinear", align_corners=False)
    maps = maps[:, 0, :rows, :columns].float().cpu()
    scale = np.asarray(geometry.scale_xy)
    height, width = geometry.original_size
    limit = np.array([width - 1, height - 1])
    points = []
    for k, single in enumerate(maps):
        window = None if windows is None else windows[k]
        values = single.clone() if window is None else _inside(single, geometry.boxes_to_input(window) / stride)
        found: list[npt.NDArray[np.float64]] = []
        while len(found) < count and (not found or bool(torch.isfinite(values).any())):
            y, x = divmod(int(values.argmax()), columns)
            found.append(np.clip((np.array([x, y]) + 0.5) * stride / scale - 0.5, 0, limit))
            values[max(0, y - cell) : y + cell + 1, max(0, x - cell) : x + cell + 1] = -torch.inf
        points.append(np.asarray(found, dtype=np.float32).reshape(-1, 2))
    return points


def _inside(values: torch.Tensor, box: npt.NDArray[np.floating]) -> torch.Tensor:
    """``values`` (h4, w4) with -inf outside ``box`` in low-res cells; at least one cell stays."""
    rows, columns = values.shape
    x0, x1 = (int(np.clip(round(float(v)), 0, columns - 1)) for v in (box[0], box[2]))
    y0, y1 = (int(np.clip(round(float(v)), 0, rows - 1)) for v in (box[1], box[3]))
    kept = torch.full_like(values, -torch.inf)
    kept[y0 : y1 + 1, x0 : x1 + 1] = values[y0 : y1 + 1, x0 : x1 + 1]
    return kept
