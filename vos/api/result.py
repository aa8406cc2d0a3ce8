"""What is found in one frame of a video: the label map, and each object by its id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.geometry import mask_box
from vos.io.render import overlay, preview
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True, eq=False)
class ObjectResult:
    """One object in one frame.

    Attributes:
        id: its object id, 1..255.
        name: what it is called.
        presence: present, uncertain or absent.
        score: in [0, 1], the predicted IoU of its mask; 1 where the mask was given, 0 where absent.
        mask: bool (H, W), original pixels; empty where absent.
    """

    id: int
    name: str
    presence: Presence
    score: float
    mask: npt.NDArray[np.bool_] = field(repr=False)
    _result: Result = field(repr=False)

    @property
    def alpha(self) -> npt.NDArray[np.uint8]:
        """Returns the soft mask, uint8 (H, W), 255 = object; made on first use.

        Raises:
            VosError: the result was read from a folder that keeps no soft masks.
        """
        soft: npt.NDArray[np.uint8] = self._result.alphas[self._result.ids.index(self.id)]
        return soft

    @cached_property
    def box(self) -> npt.NDArray[np.float32] | None:
        """Returns float32 (4,) as (x0, y0, x1, y1), first and last pixel of the mask; None where absent."""
        return mask_box(self.mask)

    def __repr__(self) -> str:
        where = "" if self.box is None else f", box={[int(value) for value in self.box]}"
        return f"ObjectResult({self.id} {self.name!r} {self.presence.value}, score={self.score:.2f}{where})"


class Result(Mapping[int, ObjectResult]):
    """What is found in one frame; a mapping from object id to :class:`ObjectResult`.

    Attributes:
        index: number of the frame in the clip, from 0.
        name: file stem under which it is written, e.g. "00000".
        time: presentation time in seconds.
        labels: uint8 (H, W), the id of the object that each pixel belongs to, 0 = background.
        ids: of all objects that are followed, ascending, absent ones too.
    """

    def __init__(self, segmented: SegmentedFrame, has_picture: bool = True) -> None:
        self.segmented, self._has_picture = segmented, has_picture
        frame, label_map = segmented.frame, segmented.label_map
        self.index, self.name, self.time = frame.index, frame.name, frame.time
        self.labels, self.ids = label_map.labels, label_map.object_ids
        self._alphas = segmented.alpha

    @property
    def frame(self) -> Frame:
        """Returns the frame itself; ``frame.rgb`` is its picture, uint8 (H, W, 3).

        Raises:
            VosError: the result was read from a folder, and its video is not there any more.
        """
        if not self._has_picture:
            raise VosError(f"the picture of frame {self.name} is not at hand; give the video: vos.load(folder, video)")
        return self.segmented.frame

    @property
    def alphas(self) -> npt.NDArray[np.uint8]:
        """Returns the soft masks of all objects, uint8 (N, H, W), in the order of ``ids``; made on first use.

        Raises:
            VosError: the result was read from a folder that keeps no soft masks.
        """
        if self._alphas is None:
            if self.segmented.soften is None:
                raise VosError("there are no soft masks here; results of vos.track have them, and runs with keep=alpha")
            self._alphas = self.segmented.soften()
        return self._alphas

    def __getitem__(self, object_id: int) -> ObjectResult:
        """Returns the result for one object.

        Raises:
            KeyError: nobody follows an object of this id.
        """
        if object_id not in self.ids:
            raise KeyError(f"no object {object_id}; there are {', '.join(map(str, self.ids)) or 'none'}")
        k = self.ids.index(object_id)
        object_id = self.ids[k]  # an int, where 1.0 or NumPy's 1 was asked for
        presence, score = self.segmented.presence[k], float(self.segmented.predicted_iou[k])
        mask = self.labels == np.uint8(object_id)
        return ObjectResult(object_id, self.segmented.name_of(object_id), presence, score, mask, self)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def overlay(self, strength: float = 0.5) -> npt.NDArray[np.uint8]:
        """Draws the objects on the frame: uint8 (H, W, 3) RGB, tint of a ``strength`` in 0..1, and contours."""
        return overlay(self.frame.rgb, LabelMap(self.labels, self.ids), strength)

    def to_supervision(self) -> supervision.Detections:
        """Returns the objects that are not absent as ``supervision.Detections``.

        Masks, boxes (the last pixel exclusive, as there), scores; ids as ``tracker_id`` and ``class_id``, names as
        ``data["class_name"]``.

        Raises:
            VosError: the package supervision is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise VosError("to_supervision() needs another package: pip install 'vos[supervision]'") from error
        shown = [(one, one.box) for one in self.values() if one.box is not None]
        if not shown:
            return supervision.Detections.empty()
        ids = np.array([one.id for one, _ in shown])
        return supervision.Detections(
            xyxy=np.array([box + np.array([0, 0, 1, 1], np.float32) for _, box in shown], np.float32),
            mask=np.array([one.mask for one, _ in shown]),
            confidence=np.array([one.score for one, _ in shown], np.float32),
            class_id=ids,
            tracker_id=ids,
            data={"class_name": np.array([one.name for one, _ in shown])},
        )

    def __repr__(self) -> str:
        found = ", ".join(f"{one.id} {one.name!r} {one.presence.value} {one.score:.2f}" for one in self.values())
        return f"Result(frame {self.name} at {self.time:.3f} s: {found or 'no objects'})"

    def _repr_jpeg_(self) -> bytes:
        """Shows itself in a notebook: the overlay, or without the picture its masks."""
        blank = np.zeros((*self.labels.shape, 3), np.uint8)
        return preview(self.overlay() if self._has_picture else overlay(blank, LabelMap(self.labels, self.ids)), ".jpg")
