"""Encoded views of scenes, and what they show of the objects that are prompted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vos.geometry import BACKGROUND_COVERAGE
from vos.persam.target_model import coverage_at, moments, scales
from vos.sam.nano.network import LOGIT_STRIDE, NanoNetwork


@dataclass
class Shown:
    """What one view shows of each of R objects, in the terms of :class:`vos.structures.TargetFeature`.

    Attributes:
        direction: float (R, C), unit vectors.
        background_direction: float (R, C), unit vectors.
        cells: float (R, P, C), all cells of the view as unit vectors.
        inside: bool (R, P), which of them are the object's.
        outside: bool (R, P), which of them are background.
        moments: of the target model, per scale float (R, C + 1, C + 2).
        valid: bool (R,), whether the view counts.
    """

    direction: torch.Tensor
    background_direction: torch.Tensor
    cells: torch.Tensor
    inside: torch.Tensor
    outside: torch.Tensor
    moments: list[torch.Tensor]
    valid: torch.Tensor

    def exchanged(self, which: torch.Tensor, distance: int) -> Shown:
        """With what is shown of the objects ``distance`` rows further on in the place of some, bool (R,)."""

        def mixed(each: torch.Tensor) -> torch.Tensor:
            return torch.where(which.view(-1, *[1] * (each.ndim - 1)), each.roll(-distance, 0), each)

        return Shown(
            mixed(self.direction),
            mixed(self.background_direction),
            mixed(self.cells),
            mixed(self.inside),
            mixed(self.outside),
            [mixed(each) for each in self.moments],
            mixed(self.valid),
        )


@dataclass
class EncodedViews:
    """Encoded views of B scenes, N objects each.

    Attributes:
        features: of each view, float (B, C, h, w), what is matched.
        levels: of each view, three levels, float (B, C', h', w') each, what the decoder reads.
        low_res: float (B, N, V, h2, w2), covered share of each cell.
    """

    features: Sequence[torch.Tensor]
    levels: Sequence[Sequence[torch.Tensor]]
    low_res: torch.Tensor

    def scales(self, view: int) -> list[torch.Tensor]:
        """The feature maps that the target models read in a view: (B, C, h, w) each."""

        def one(features: torch.Tensor, *levels: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(scales(features, levels))

        return list(torch.vmap(one)(self.features[view], *self.levels[view]))

    def cells(self, view: int) -> torch.Tensor:
        """All cells of a view as unit vectors: (B, P, C)."""
        return F.normalize(self.features[view].flatten(2).transpose(1, 2), dim=2)

    def per_object(self, each: torch.Tensor) -> torch.Tensor:
        """What belongs to scenes (B, ...) once for every object: (R, ...), R = B * N."""
        return repeated(each, self.low_res.shape[1])

    def show(self, view: int, masks: torch.Tensor, valid: torch.Tensor) -> Shown:
        """What a view shows of the objects under masks (R, h2, w2) in [0, 1]; ``valid``: bool (R,)."""
        masks = torch.where(valid[:, None, None], masks, 1.0)  # any will do where the view does not count
        seen = [self.per_object(scale) for scale in self.scales(view)]
        coverages = [coverage_at(masks, scale) for scale in seen]
        weight = coverages[0].flatten(1)
        inside = weight > (0.8 * weight.amax(dim=1, keepdim=True)).clamp(max=0.5)
        outside = weight < BACKGROUND_COVERAGE
        plain = self.per_object(self.features[view].flatten(2).transpose(1, 2))
        own = inside[..., None]
        average = (plain * own).sum(dim=1) / own.sum(dim=1).clamp(min=1)
        embedding = (average + torch.where(own, plain, -torch.inf).amax(dim=1)) / 2

        def one(scale: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
            return moments(scale, coverage[None])[0]

        return Shown(
            direction=F.normalize(embedding, dim=1),
            background_direction=F.normalize((plain * outside[..., None]).sum(dim=1), dim=1),
            cells=self.per_object(self.cells(view)),
            inside=inside,
            outside=outside,
            moments=[torch.vmap(one)(scale, coverage) for scale, coverage in zip(seen, coverages)],
            valid=valid,
        )

    def levels_of(self, view: int) -> tuple[torch.Tensor, ...]:
        """The decoder's levels of a view, once for every object."""
        return repeated_levels(self.levels[view], self.low_res.shape[1])


def repeated(each: torch.Tensor, count: int) -> torch.Tensor:
    """What belongs to B pictures (B, ...), ``count`` times in a row each: (B * count, ...)."""
    return each[:, None].expand(-1, count, *each.shape[1:]).flatten(0, 1)


def repeated_levels(levels: Sequence[torch.Tensor], count: int) -> tuple[torch.Tensor, ...]:
    """The levels of B pictures for ``count`` prompts for each."""
    return tuple(repeated(level, count).contiguous(memory_format=torch.channels_last) for level in levels)


def encode_photos(network: NanoNetwork, images: torch.Tensor, autocast: bool) -> tuple[torch.Tensor, ...]:
    """What the decoder reads of views uint8 (B, 3, S, S): three levels, float (B, C', h', w') each."""
    return encode_with_features(network, images, autocast)[1:]


def encode_with_features(network: NanoNetwork, images: torch.Tensor, autocast: bool) -> tuple[torch.Tensor, ...]:
    """What is matched, float (B, C, h, w), and what the decoder reads of views: see :func:`encode_photos`."""
    pixels = images.float().contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
        return tuple(level.float() for level in network.encode(pixels))


def encode_views(network: NanoNetwork, views: torch.Tensor, masks: torch.Tensor, autocast: bool) -> EncodedViews:
    """Encodes views uint8 (B, V, 3, S, S) with masks bool (B, N, V, S, S)."""
    scenes, count, size = views.shape[0], views.shape[1], views.shape[-1]
    images = views.flatten(0, 1).float().contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
        # Apart from here on, so that each view's gradients are summed up for that view alone.
        features, *levels = (each.unflatten(0, (scenes, count)).unbind(1) for each in network.encode(images))
    side = size // LOGIT_STRIDE
    flat = masks.flatten(0, 2)[:, None].float()
    low_res = F.avg_pool2d(flat, LOGIT_STRIDE).view(*masks.shape[:3], side, side)
    return EncodedViews([each.float() for each in features], list(zip(*levels)), low_res)
