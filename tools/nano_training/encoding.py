"""Encoded views of scenes, and what the network knows of an object from the views that it was shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from vos.persam.similarity import similarity_maps
from vos.persam.target import merge_views, target_feature
from vos.persam.target_model import coverage_at, fit, moments, respond, scales, sum_weighted
from vos.sam.nano_network import LOGIT_STRIDE, NanoNetwork
from vos.structures import TargetFeature

GRID_STRIDE = 16
REFERENCE_SHARE = 0.5  # of the reference among several views, as in the tracker


@dataclass
class View:
    """One view of an object: its target feature and, per scale, the target model's moments (C + 1, C + 2)."""

    target: TargetFeature
    moments: list[torch.Tensor]


@dataclass
class Knowledge:
    """The views of one object, its reference first."""

    views: list[View]

    def with_view(self, view: View) -> Knowledge:
        """The same and one more."""
        return replace(self, views=[*self.views, view])

    def weights(self) -> list[float]:
        """Of the views; they sum to 1."""
        later = len(self.views) - 1
        return [REFERENCE_SHARE, *[(1 - REFERENCE_SHARE) / later] * later] if later else [1.0]


@dataclass
class EncodedViews:
    """Encoded views of B scenes.

    Attributes:
        features: float (B, V, C, h, w), what is matched.
        levels: three levels, float (B * V, C', h', w') each, what the decoder reads.
        low_res: float (B, N, V, h2, w2), covered share of each cell.
    """

    features: torch.Tensor
    levels: list[torch.Tensor]
    low_res: torch.Tensor

    def scales(self, scene: int, view: int) -> list[torch.Tensor]:
        """The feature maps that the target model reads in one view."""
        image = scene * self.features.shape[1] + view
        return scales(self.features[scene, view], [level[image] for level in self.levels])

    def remember(self, scene: int, view: int, mask: torch.Tensor) -> View:
        """What a view shows of the object under a mask (h2, w2) in [0, 1]."""
        seen = self.scales(scene, view)
        at = [coverage_at(mask[None], scale) for scale in seen]
        target = target_feature(self.features[scene, view], at[0][0])
        return View(target, [moments(scale, part)[0] for scale, part in zip(seen, at)])

    def locate(self, rows: list[tuple[int, int]], view: int, known: list[Knowledge]) -> list[torch.Tensor]:
        """Maps of all objects in a view: (R, 6, h, w) on the grid, then (R, 1, h', w') at strides 8 and 4."""
        mixed = [
            torch.stack([sum_weighted([v.moments[k] for v in own.views], own.weights()) for own in known])
            for k in range(len(known[0].views[0].moments))
        ]
        models = [fit(each) for each in mixed]
        maps: list[list[torch.Tensor]] = [[] for _ in models]
        for number, (scene, _) in enumerate(rows):
            seen = self.scales(scene, view)
            answers = [respond(scale, model[number : number + 1]) for scale, model in zip(seen, models)]
            own = known[number]
            target = merge_views([(v.target, weight) for v, weight in zip(own.views, own.weights())])
            maps[0].append(torch.cat([similarity_maps(self.features[scene, view], [target])[0], answers[0]]))
            for k in (1, 2):
                maps[k].append(answers[k])
        return [torch.stack(each) for each in maps]

    def levels_of(self, rows: list[tuple[int, int]], view: int) -> tuple[torch.Tensor, ...]:
        """The decoder's levels for each row's view."""
        images = torch.tensor([scene * self.features.shape[1] + view for scene, _ in rows])
        return tuple(
            level.index_select(0, images).contiguous(memory_format=torch.channels_last) for level in self.levels
        )


def encode_photo(network: NanoNetwork, image: torch.Tensor, autocast: bool) -> tuple[torch.Tensor, ...]:
    """What the decoder reads of one view uint8 (1, 3, S, S): three levels, float (1, C', h', w') each."""
    pixels = image.float().contiguous(memory_format=torch.channels_last)
    with torch.autocast(image.device.type, torch.bfloat16, enabled=autocast):
        return tuple(level.float() for level in network.encode(pixels)[1:])


def encode_views(network: NanoNetwork, views: torch.Tensor, masks: torch.Tensor, autocast: bool) -> EncodedViews:
    """Encodes views uint8 (B, V, 3, S, S) with masks bool (B, N, V, S, S)."""
    scenes, count, size = views.shape[0], views.shape[1], views.shape[-1]
    images = views.flatten(0, 1).float().contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
        features, *levels = network.encode(images)
    side = size // LOGIT_STRIDE
    flat = masks.flatten(0, 2)[:, None].float()
    low_res = F.avg_pool2d(flat, LOGIT_STRIDE).view(*masks.shape[:3], side, side)
    return EncodedViews(features.float().unflatten(0, (scenes, count)), levels, low_res)
