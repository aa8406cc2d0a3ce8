"""The surest views of an object from all over the first pass: what it goes back with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch

from vos.structures import TargetFeature
from vos.tracking.memory import branch, restore_target, target_state


@dataclass(frozen=True)
class Highlight:
    """The surest view of a span of admissions.

    Attributes:
        view: what the object looked like.
        quality: predicted IoU of the mask that it was taken from.
    """

    view: TargetFeature
    quality: float


class Highlights:
    """The best view of each span of a video, the spans growing with it, so that a bounded number covers all of it.

    Args:
        spans: most spans that are kept apart, an even number; where there are more, neighbours become one.
    """

    def __init__(self, spans: int) -> None:
        self.spans = spans
        self.items: list[Highlight] = []  # one per span, oldest first
        self.length = 1  # admissions in each span but the last
        self.filled = 0  # admissions in the last span

    def note(self, view: TargetFeature, quality: float) -> None:
        """Takes note of a view that the memory has admitted."""
        latest = Highlight(view, quality)
        if self.items and self.filled < self.length:
            self.items[-1], self.filled = _surer(self.items[-1], latest), self.filled + 1
            return
        if len(self.items) == self.spans:
            self.items = [_surer(*self.items[k : k + 2]) for k in range(0, self.spans, 2)]
            self.length *= 2
        self.items, self.filled = [*self.items, latest], 1

    def branched(self) -> Highlights:
        """A copy that goes its own way."""
        other = copy.copy(self)
        other.items = list(self.items)
        return other

    def best(self, count: int) -> list[TargetFeature]:
        """The surest view of each of ``count`` parts of the video, or of as many as there are, oldest first."""
        total = len(self.items)
        cuts = [round(total * part / max(count, 1)) for part in range(count + 1)]
        parts = [self.items[a:b] for a, b in pairwise(cuts) if a < b]
        return [max(part, key=lambda item: item.quality).view for part in parts]

    def state(self) -> dict[str, torch.Tensor]:
        """As named tensors; see :meth:`restore`."""
        tensors = {
            "span": torch.tensor([self.length, self.filled]),
            "quality": torch.tensor([item.quality for item in self.items], dtype=torch.float64),
        }
        for number, item in enumerate(self.items):
            tensors |= target_state(item.view, f"view{number}.")
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        self.length, self.filled = state["span"].tolist()
        self.items = [
            Highlight(restore_target(branch(state, f"view{number}"), device), quality)
            for number, quality in enumerate(state["quality"].tolist())
        ]


def _surer(one: Highlight, other: Highlight) -> Highlight:
    return one if one.quality >= other.quality else other
