"""The data types that flow between the stages. Arrays are checked where they are made. Loads no torch by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

    from vos.geometry import Geometry, SizeHW


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
        hdr: uint16 (H, W, 3), the code values of an HDR video from which ``rgb`` was tone-mapped, where they are kept.
    """

    index: int
    name: str
    time: float
    rgb: npt.NDArray[np.uint8]
    hdr: npt.NDArray[np.uint16] | None = None

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
        """Makes boolean masks (N, H, W), one per object id, in the order of ``object_ids``."""
        masks: npt.NDArray[np.bool_] = self.labels[None] == np.asarray(self.object_ids, dtype=np.uint8)[:, None, None]
        return masks


@dataclass(frozen=True, slots=True, eq=False)
class ObjectPrompt:
    """What a user shows of one object in one frame: clicks, a box, both, or its mask.

    Attributes:
        object_id: 1 to 255.
        points: float32 (P, 2) as (x, y) in original pixels of the upright frame.
        labels: int64 (P,), 1 = on the object, 0 = not on it.
        box: float32 (4,) as (x0, y0, x1, y1) in original pixels, or None.
        mask: bool (H, W), or None; where it is given there is nothing else.
        name: what the object is called, "" = nobody has said.
        candidate: which of the model's candidates the user wants, from 0; None = the best.
    """

    object_id: int = 1
    points: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    labels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    box: npt.NDArray[np.float32] | None = None
    mask: npt.NDArray[np.bool_] | None = None
    name: str = ""
    candidate: int | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2 or self.labels.shape != self.points.shape[:1]:
            raise ValueError(f"points {self.points.shape} and labels {self.labels.shape} must be (P, 2) and (P,)")
        if self.box is not None and self.box.shape != (4,):
            raise ValueError(f"box must be (4,) as (x0, y0, x1, y1), got {self.box.shape}")
        is_prompted = self.box is not None or bool((self.labels == 1).any())
        if (self.mask is not None) == is_prompted or (self.mask is not None and len(self.points)):
            raise ValueError("an object is shown either by a mask, or by a box or at least one click on it")


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
class TrackedFrame:
    """What the tracker says about one frame, still at low resolution; ``vos.tracking.merge`` makes pixels of it.

    Attributes:
        logits: float32 (N, h4, w4), low-res logits per object; foreground where > 0 and above all other objects.
            An absent object is a constant far below 0, so that it can never win a pixel.
        predicted_iou: float32 (N,); 0 where absent, 1 where the user gave the mask itself.
        presence: N values, in the order of the object ids.
        given: the user's own mask of this frame, or None. The objects that have pixels in it are taken from it,
            unchanged; their logits are then the low-res coverage of that mask, for priors only.
        rejected_iou: float32 (N,), predicted IoU of what was found and not taken for the object where that is absent, 0
            elsewhere; None = the tracker does not tell.
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor
    presence: tuple[Presence, ...]
    given: LabelMap | None = None
    rejected_iou: torch.Tensor | None = None

    def __post_init__(self) -> None:
        count = len(self.presence)
        if self.logits.ndim != 3 or len(self.logits) != count or tuple(self.predicted_iou.shape) != (count,):
            raise ValueError(
                f"logits {tuple(self.logits.shape)} and predicted_iou {tuple(self.predicted_iou.shape)} "
                f"must be (N, h4, w4) and (N,) for {count} objects"
            )


@dataclass(frozen=True, slots=True)
class SegmentedFrame:
    """The result for one frame, in original pixels.

    Attributes:
        frame: the input frame (for overlays and mattes).
        label_map: non-overlapping labels.
        predicted_iou: float32 (N,), in the order of ``label_map.object_ids``; 0 where absent.
        presence: N values.
        rejected_iou: float32 (N,), see :class:`TrackedFrame`.
        alpha: uint8 (N, H, W), soft masks 0..255, when a matte was asked for.
        names: of the objects that have been given one, by their ids.
        soften: makes ``alpha`` later, where it was not asked for; None = the logits that it needs are gone.
    """

    frame: Frame
    label_map: LabelMap
    predicted_iou: npt.NDArray[np.float32]
    presence: tuple[Presence, ...]
    alpha: npt.NDArray[np.uint8] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    soften: Callable[[], npt.NDArray[np.uint8]] | None = None
    rejected_iou: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count = len(self.label_map.object_ids)
        if self.label_map.size != self.frame.size:
            raise ValueError(f"labels are {self.label_map.size}, the frame is {self.frame.size} (H, W)")
        if self.predicted_iou.shape != (count,) or len(self.presence) != count:
            raise ValueError(f"{count} objects, but predicted_iou {self.predicted_iou.shape}, presence {self.presence}")

    def name_of(self, object_id: int) -> str:
        """Says what an object is called."""
        return self.names.get(object_id, default_name(object_id))


def default_name(object_id: int) -> str:
    """Names an object that has been given no name."""
    return f"object_{object_id}"
