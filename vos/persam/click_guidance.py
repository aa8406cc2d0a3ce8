"""What the clicks, the box and the last mask say about looks: maps for a decoder that was trained on them.

A convolutional decoder sees where a click is, not which other cells look like the clicked one. Cosines to the clicked
features say it; where there is a mask or a box, so does a target model fitted to it (:mod:`vos.persam.target_model`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.target_model import coverage_at, fit, moments, respond, scales
from vos.sam.nano.inputs import box_map
from vos.sam.prompting import Guidance, Prompt
from vos.structures import ImageEmbedding

NONE = 0.0  # of a map that nothing is known for


def click_guidance(embedding: ImageEmbedding, prompt: Prompt) -> Guidance:
    """Makes the guidance of one object from its clicks, its box and its last mask."""
    geometry = embedding.geometry
    height, width = geometry.padded_size
    points = torch.from_numpy(geometry.points_to_input(prompt.points)) / torch.tensor([width, height])
    labels = torch.from_numpy(prompt.labels)
    given = None if prompt.mask_logits is not None or prompt.box is not None else torch.tensor([False])
    seen = [scale[None].float() for scale in scales(embedding.features, embedding.levels)]
    positive, negative = (points[labels == label][None] for label in (1, 0))
    maps, responses = click_maps(seen, positive, negative, _area(prompt, geometry)[None], given)
    return Guidance(maps=maps, responses=responses)


def _area(prompt: Prompt, geometry: Geometry) -> torch.Tensor:
    """The last mask, else the box, else nothing that is known: float (h4, w4) in [0, 1]."""
    if prompt.mask_logits is not None:
        return prompt.mask_logits.float().sigmoid()
    if prompt.box is not None:
        return box_map(
            torch.from_numpy(geometry.boxes_to_input(prompt.box) / geometry.logit_stride), geometry.logit_size
        )
    return torch.full(geometry.logit_size, 0.5)


def click_maps(
    seen: Sequence[torch.Tensor],
    positive: torch.Tensor,
    negative: torch.Tensor,
    area: torch.Tensor,
    area_given: torch.Tensor | None,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Compares every cell with the clicked ones and with the area of R objects.

    Args:
        seen: feature maps at strides 16, 8, 4, float (R, C, h, w) each, the first of unit vectors.
        positive: float (R, P, 2), clicks on the object as (x, y) in shares of the input's sides; outside 0..1 = none.
        negative: float (R, Q, 2), clicks on the background, likewise.
        area: float (R, h2, w2) in [0, 1], the last mask, or else the box.
        area_given: bool (R,), whether there is one; None = always.

    Returns:
        float (R, 5, h, w), cosines: mean and best to the positive clicks, best to the negative ones, to the area's
        mean, second minus third. At each scale float (R, h', w'): the response of the target model of the area, without
        one the best cosine to the positive clicks.
    """
    coarse = seen[0]
    on, there = cosines(coarse, positive)
    off, not_there = cosines(coarse, negative)
    mean_on = on.sum(dim=1) / there.sum(dim=1).clamp(min=1)[:, None, None]
    best_on, best_off = best(on, there), best(off, not_there)
    inside = coverage_at(area, coarse)[:, None]
    direction = F.normalize((coarse * inside).sum(dim=(2, 3)), dim=1)
    to_area = torch.einsum("rc,rchw->rhw", direction, coarse)
    if area_given is not None:
        to_area = to_area * area_given[:, None, None]
    maps = torch.stack([mean_on, best_on, best_off, to_area, best_on - best_off], dim=1)
    responses = []
    for scale in seen:
        response = torch.stack([_response(own, coverage_at(one[None], own)) for own, one in zip(scale, area)])
        if area_given is not None:
            clicked = best(*cosines(whitened(scale), positive))
            response = torch.where(area_given[:, None, None], response, clicked)
        responses.append(response)
    return maps, tuple(responses)


def whitened(features: torch.Tensor) -> torch.Tensor:
    """Takes from features (R, C, h, w) what all cells of a picture share, and makes unit vectors of the rest."""
    return F.normalize(F.instance_norm(features), dim=1)


def cosines(features: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compares unit features (R, C, h, w) with those at points (R, P, 2): (R, P, h, w), 0 where none; bool (R, P)."""
    there = ((points >= 0) & (points <= 1)).all(dim=2)
    grid = torch.where(there[..., None], points * 2 - 1, 0.0)[:, :, None]
    own = F.grid_sample(features, grid.to(features), padding_mode="border", align_corners=False)[..., 0]
    own = F.normalize(own, dim=1) * there[:, None]
    return torch.einsum("rcp,rchw->rphw", own, features), there


def best(values: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Finds the largest of values (R, P, h, w) over those points that are there; 0 where there are none."""
    if values.shape[1] == 0:
        return values.sum(dim=1)
    most = torch.where(there[..., None, None], values, -torch.inf).amax(dim=1)
    return torch.where(there.any(dim=1)[:, None, None], most, NONE)


def _response(features: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
    """The target model of an area (1, h, w) on the features (C, h, w) that it was fitted to: (h, w)."""
    return respond(features, fit(moments(features, coverage)))[0]
