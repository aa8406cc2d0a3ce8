"""What an object has looked like: the user's references for good, confident recent views for a while."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F

from vos.persam.similarity import best_match
from vos.persam.target_feature import merge_views, prepared
from vos.structures import Presence, TargetFeature
from vos.tracking.config import MemoryConfig

BACKGROUND_MARGIN = 0.02  # cosine by which a background must match better than the object; nearer is a tie
FIELDS = ("embedding", "direction", "foreground", "background", "background_direction")


class Memory:
    """The appearance memory of one object: bounded, gated, recency-weighted.

    References never leave. A frame is admitted only when the object is present, its predicted IoU is high, and both
    that and its area are near their recent medians (the gates of SAM2Long and DAM4SAM), because one wrong view poisons
    every frame after it. Each admission makes the older views count ``momentum`` times as much.
    """

    def __init__(self, config: MemoryConfig) -> None:
        self.config = config
        self.references: list[TargetFeature] = []
        self.recent: list[TargetFeature] = []  # oldest first
        self.areas: list[float] = []  # of the latest frames in which the object was present, oldest first
        self.ious: list[float] = []  # predicted, likewise, over a longer time
        self.waited = 0  # frames since the last admission
        self.kept_area = 0.0  # at the last admission
        self._target: TargetFeature | None = None

    def add_reference(self, target: TargetFeature, area: float | None) -> None:
        """Adds a reference that the user gave.

        Args:
            target: from the reference mask.
            area: of the mask, in original pixels; None for a reference from outside of the video.
        """
        self.references.append(target)
        self._target = None
        self.areas = [] if area is None else [area]
        self.kept_area = area or 0.0

    def views(self) -> list[tuple[TargetFeature, float]]:
        """Returns all views with weights that sum to 1: references share 1 - ``weight``, the recent ones the rest."""
        recent = self.config.weight if self.recent else 0.0
        decay = [self.config.momentum**age for age in reversed(range(len(self.recent)))]
        shares = [recent * d / (sum(decay) or 1.0) for d in decay]  # momentum 0: only the newest counts
        lasting = (1 - recent) / len(self.references)
        return [(view, lasting) for view in self.references] + list(zip(self.recent, shares))

    def target(self) -> TargetFeature:
        """Returns all views as one, computed anew only when one has come."""
        if self._target is None:
            self._target = prepared(merge_views(self.views()))
        return self._target

    def update(self, area: float, predicted_iou: float, presence: Presence) -> bool:
        """Takes note of a frame; returns True if its view is good enough to be kept (then call :meth:`admit`)."""
        self.waited += 1
        if presence is not Presence.PRESENT:
            return False
        usual = median(self.areas or [area])
        self.areas = [*self.areas, area][-self.config.area_window :]
        self.ious = [*self.ious, predicted_iou][-self.config.iou_window :]
        limit = 1 + self.config.area_change
        least_iou = max(self.config.min_predicted_iou, self.config.iou_share * median(self.ious))
        admitted = (
            self.config.enabled
            and self.config.size > 0
            and (self.waited >= self.config.interval or self._grew(area))
            and predicted_iou >= least_iou
            and usual / limit <= area <= usual * limit
        )
        self.kept_area = area if admitted else self.kept_area
        return admitted

    def _grew(self, area: float) -> bool:
        """The object is so much larger or smaller than in the latest view that it cannot wait for the next one."""
        limit = 1 + self.config.growth
        return not self.kept_area / limit <= area <= self.kept_area * limit

    def background_filter(
        self, features: torch.Tensor, coverage: torch.Tensor, maps: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tells which covered cells look more like the object than like any background seen so far.

        It holds off drift: where a mask leaks onto a look-alike, those cells have a better match in the background of
        the references, and must not become part of the object's memory.

        Args:
            features: float (C, h, w) of the frame.
            coverage: float (h, w) in [0, 1] of the mask.
            maps: float (5, h, w), the object's similarity maps of this frame, where they are known already.

        Returns:
            bool (h, w), False outside of the mask.
        """
        inside = coverage > 0
        if maps is not None:
            return inside & (maps[1] + BACKGROUND_MARGIN >= maps[2])
        cells = F.normalize(features[:, inside], dim=0)
        views = [*self.references, *self.recent]
        to_object = torch.stack([best_match(view.foreground, cells) for view in views]).amax(dim=0)
        backgrounds = [best_match(view.background, cells) for view in views if len(view.background)]
        agrees = torch.zeros_like(inside)
        agrees[inside] = to_object + BACKGROUND_MARGIN >= torch.stack(backgrounds).amax(dim=0) if backgrounds else True
        return agrees

    def admit(self, target: TargetFeature) -> None:
        """Keeps a view, in place of the oldest when full."""
        self._target = None
        self.recent = [*self.recent, target][-self.config.size :]
        self.waited = 0

    def state(self) -> dict[str, torch.Tensor]:
        """Returns the memory as named tensors; see :meth:`restore`."""
        tensors = {
            "areas": torch.tensor(self.areas, dtype=torch.float64),
            "ious": torch.tensor(self.ious, dtype=torch.float64),
            "kept_area": torch.tensor(self.kept_area, dtype=torch.float64),
            "counts": torch.tensor([len(self.references), len(self.recent), self.waited]),
        }
        for number, target in enumerate([*self.references, *self.recent]):
            tensors |= target_state(target, f"view{number}.")
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        self.areas, self.ious = state["areas"].tolist(), state["ious"].tolist()
        self.kept_area = float(state["kept_area"])
        references, recent, self.waited = state["counts"].tolist()
        views = [restore_target(branch(state, f"view{number}"), device) for number in range(references + recent)]
        self.references, self.recent = views[:references], views[references:]
        self._target = None


def target_state(target: TargetFeature, prefix: str) -> dict[str, torch.Tensor]:
    """Turns a target feature into named CPU tensors."""
    tensors = {prefix + name: getattr(target, name).cpu().clone() for name in FIELDS}
    return tensors | {f"{prefix}moments{k}": each.cpu().clone() for k, each in enumerate(target.moments)}


def restore_target(state: Mapping[str, torch.Tensor], device: torch.device) -> TargetFeature:
    """Makes a target feature from the tensors of :func:`target_state`, prefix removed."""
    moments = tuple(state[name].to(device) for name in sorted(state) if name.startswith("moments"))
    values: dict[str, Any] = {name: state[name].to(device) for name in FIELDS}
    return TargetFeature(**values, moments=moments)


def branch(state: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """Picks the tensors under ``name.``, without that prefix."""
    return {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(f"{name}.")}
