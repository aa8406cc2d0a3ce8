"""The data types that flow between the stages. Arrays are checked where they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, SizeHW

__all__ = [
    "PRESENCES", "Frame", "Geometry", "Guidance", "ImageEmbedding", "LabelMap", "MaskCandidates", "Presence",
    "Prompt", "SegmentedFrame", "SizeHW", "TargetFeature",
]  # fmt: skip


class Presence(str, Enum):
    """Whether an object is in a frame. A value, never an exception."""

    PRESENT = "present"
    UNCERTAIN = "uncertain"
    ABSENT = "absent"


PRESENCES = tuple(Presence)  # in the order of the numbers that stand for them in files


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded image.

    Attributes:
        index: position in the stream, from 0.
        name: file stem under which results are written, e.g. "00000".
        time: presentation time in seconds.
        rgb: uint8 (H, W, 3), RGB, upright (rotation applied).
    """

    index: int
    name: str
    time: float
    rgb: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"rgb must be uint8 (H, W, 3), got {self.rgb.dtype} {self.rgb.shape}")

    @property
    def size(self) -> SizeHW:
        """(H, W) in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Which object each pixel belongs to.

    Attributes:
        labels: uint8 (H, W) in original pixels, 0 = background, otherwise one of ``object_ids``.
        object_ids: the ids of all followed objects, ascending, fixed by the reference; an object that is
            absent from this frame keeps its id.
    """

    labels: npt.NDArray[np.uint8]
    object_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.labels.dtype != np.uint8 or self.labels.ndim != 2:
            raise ValueError(f"labels must be uint8 (H, W), got {self.labels.dtype} {self.labels.shape}")
        if list(self.object_ids) != sorted(set(self.object_ids)) or not all(0 < i < 256 for i in self.object_ids):
            raise ValueError(f"object_ids must be ascending, unique and in 1..255, got {self.object_ids}")
        known = np.isin(np.arange(256), (0, *self.object_ids))
        if not known.take(self.labels).all():  # faster than sorting the values of every frame
            surplus = set(np.unique(self.labels).tolist()) - {0, *self.object_ids}
            raise ValueError(f"labels hold ids {sorted(surplus)} that are not in object_ids {self.object_ids}")

    @property
    def size(self) -> SizeHW:
        """(H, W) in original pixels."""
        return self.labels.shape[0], self.labels.shape[1]

    def masks(self) -> npt.NDArray[np.bool_]:
        """Boolean masks (N, H, W), one per object id, in the order of ``object_ids``."""
        return self.labels[None] == np.asarray(self.object_ids, dtype=np.uint8)[:, None, None]


@dataclass(frozen=True, slots=True)
class ImageEmbedding:
    """What the image encoder gives for one image.

    Attributes:
        features: float (C, h, w) on the embedding grid; similarities are taken here.
        levels: finer feature maps for the decoder, finest last (empty for SAM).
        geometry: how the image maps to the model input and the grid.
    """

    features: torch.Tensor
    geometry: Geometry
    levels: tuple[torch.Tensor, ...] = ()

    def __post_init__(self) -> None:
        if self.features.ndim != 3 or tuple(self.features.shape[1:]) != self.geometry.grid_size:
            raise ValueError(f"features {tuple(self.features.shape)} do not cover the grid {self.geometry.grid_size}")


@dataclass(frozen=True, slots=True)
class TargetFeature:
    """What one object looks like on the embedding grid of one image.

    Attributes:
        embedding: float (C,), the pooled feature t (PerSAM, section 3.1).
        direction: float (C,), t / |t|.
        foreground: float (K, C), unit features of the cells inside the object, K >= 1; perhaps in bfloat16, in which
            they are matched.
        background: float (B, C), unit features of the cells outside, B >= 0; likewise.
        background_direction: float (C,), unit mean of the surroundings; zeros when there are none.
        moments: per scale float (C' + 1, C' + 2), what the target model is fitted to (``vos.persam.target_model``);
            empty where the model has no finer levels.
        classifiers: per scale float (C' + 1,), the target models fitted to the moments; empty where they have not been.
    """

    embedding: torch.Tensor
    direction: torch.Tensor
    foreground: torch.Tensor
    background: torch.Tensor
    background_direction: torch.Tensor
    moments: tuple[torch.Tensor, ...] = ()
    classifiers: tuple[torch.Tensor, ...] = ()

    def to(self, device: torch.device) -> TargetFeature:
        """Returns the same target feature with all its tensors on ``device``."""
        moved: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            moved[item.name] = tuple(e.to(device) for e in value) if isinstance(value, tuple) else value.to(device)
        return TargetFeature(**moved)


@dataclass(frozen=True, slots=True)
class Guidance:
    """PerSAM's guidance of the mask decoder for N objects; each model takes from it what it understands.

    Attributes:
        attention: float (N, h * w) in (0, 1), added to SAM's token-to-image attention (target-guided attention).
        embedding: float (N, C), added to SAM's query tokens (target-semantic prompting).
        maps: float (N, 5, h, w), cosine similarities on the grid for the embedded model: to the object's direction,
            best match among its cells, best match among background cells, to the background's direction,
            second minus third.
        answers: the target model's, coarse to fine: float (N, h', w') in [-2, 2] each, 1 on the object and -1 around
            it; empty where the views hold no moments.
    """

    attention: torch.Tensor | None = None
    embedding: torch.Tensor | None = None
    maps: torch.Tensor | None = None
    answers: tuple[torch.Tensor, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Guidance]) -> Guidance:
        """The guidance of several groups of objects, all with the same fields, as one."""
        rows = zip(*((part.attention, part.embedding, part.maps) for part in parts))
        attention, embedding, maps = (None if None in row else torch.cat(row) for row in rows)
        return cls(attention, embedding, maps, tuple(torch.cat(row) for row in zip(*(part.answers for part in parts))))

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Guidance:
        """The same guidance with every field, whose first dimension is always the object, changed alike."""
        attention, embedding, maps = (
            None if value is None else change(value) for value in (self.attention, self.embedding, self.maps)
        )
        return Guidance(attention, embedding, maps, tuple(change(answer) for answer in self.answers))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked of the mask decoder about one object.

    Attributes:
        points: float32 (P, 2) as (x, y) in original pixels.
        labels: int64 (P,), 1 = on the object, 0 = on the background.
        box: float32 (4,) as (x0, y0, x1, y1) in original pixels, or None.
        mask_logits: float (h4, w4), low-res logits of an earlier mask on this embedding's geometry, or None.
        others_logits: float (h4, w4), the same of all other objects together (their maximum), or None; the embedded
            model alone reads it.
    """

    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    box: npt.NDArray[np.float32] | None = None
    mask_logits: torch.Tensor | None = None
    others_logits: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2 or self.labels.shape != self.points.shape[:1]:
            raise ValueError(f"points {self.points.shape} and labels {self.labels.shape} must be (P, 2) and (P,)")
        if self.box is not None and self.box.shape != (4,):
            raise ValueError(f"box must be (4,) as (x0, y0, x1, y1), got {self.box.shape}")

    @classmethod
    def empty(
        cls,
        box: npt.NDArray[np.float32] | None = None,
        mask_logits: torch.Tensor | None = None,
        others_logits: torch.Tensor | None = None,
    ) -> Prompt:
        """Makes a prompt without points; without arguments nothing is asked but what the guidance says."""
        return cls(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), box, mask_logits, others_logits)

    @classmethod
    def from_points(cls, positive: npt.NDArray[np.float32], negative: npt.NDArray[np.float32] | None = None) -> Prompt:
        """Makes a prompt of points (P, 2) on the object and (Q, 2) on the background, original pixels."""
        negative = np.zeros((0, 2), np.float32) if negative is None else negative
        labels = np.array([1] * len(positive) + [0] * len(negative), dtype=np.int64)
        return cls(np.concatenate([positive, negative]).astype(np.float32), labels)


@dataclass(frozen=True, slots=True)
class MaskCandidates:
    """What the mask decoder answers for N objects, M candidates each.

    Attributes:
        logits: float (N, M, h4, w4), low-res logits; foreground where > 0.
        predicted_iou: float (N, M), the model's own estimate of each mask's IoU.
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor

    def __post_init__(self) -> None:
        if self.logits.ndim != 4 or self.predicted_iou.shape != self.logits.shape[:2]:
            raise ValueError(
                f"logits {tuple(self.logits.shape)} and predicted_iou {tuple(self.predicted_iou.shape)} "
                "must be (N, M, h4, w4) and (N, M)"
            )

    def best(self) -> MaskCandidates:
        """Keeps, per object, the candidate with the highest predicted IoU: M = 1."""
        pick = self.predicted_iou.argmax(dim=1)
        rows = torch.arange(len(pick), device=pick.device)
        return MaskCandidates(self.logits[rows, pick][:, None], self.predicted_iou[rows, pick][:, None])


@dataclass(frozen=True, slots=True)
class SegmentedFrame:
    """The result for one frame, in original pixels.

    Attributes:
        frame: the input frame (for overlays and mattes).
        label_map: non-overlapping labels.
        predicted_iou: float32 (N,), in the order of ``label_map.object_ids``; 0 where absent.
        presence: N values.
        alpha: uint8 (N, H, W), soft masks 0..255, when a matte was asked for.
    """

    frame: Frame
    label_map: LabelMap
    predicted_iou: npt.NDArray[np.float32]
    presence: tuple[Presence, ...]
    alpha: npt.NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        count = len(self.label_map.object_ids)
        if self.label_map.size != self.frame.size:
            raise ValueError(f"labels are {self.label_map.size}, the frame is {self.frame.size} (H, W)")
        if self.predicted_iou.shape != (count,) or len(self.presence) != count:
            raise ValueError(f"{count} objects, but predicted_iou {self.predicted_iou.shape}, presence {self.presence}")
