"""A data set of YOLO's kind: frames as images, outlines of the objects as polygons."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.io.clip import Clip
from vos.io.forms.base import ClipWriter
from vos.io.forms.found import names_in
from vos.io.writers.base import FolderWriter
from vos.structures import SegmentedFrame

INSIDE = 0.25  # pixels from a pixel's corner: programs that round and those that cut find the same pixel
QUALITY = 95  # of JPEG
MOST = 1000  # points of a ring, spread evenly, that are tried as the end of a cut
Points = npt.NDArray[np.int32]  # (N, 2), x and y


class YoloWriter(ClipWriter, FolderWriter):
    """Writes ``data.yaml``, ``images/train/*.jpg`` and ``labels/train/*.txt``, one polygon for each object and frame.

    A polygon has no holes, and an object one polygon: pieces and holes are joined by cuts of no width. What that
    changes is measured, and said in ``remark``. Classes count from 0, in the order of the objects' ids.

    Args:
        path: the folder.
        clip: what is said of the clip.
    """

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path, clip)
        self._classes: dict[int, tuple[int, str]] = {}  # by id
        self._count, self._sum, self._least = 0, 0.0, 1.0  # of IoUs

    def _write(self, segmented: SegmentedFrame) -> None:
        frame, (height, width) = segmented.frame, segmented.frame.size
        for object_id, name in names_in(segmented, self.clip).items():
            self._classes.setdefault(object_id, (len(self._classes), name))
        lines = []
        for found in self.objects.visible(segmented):
            outline = polygon(found.mask)
            self._measure(found.mask, outline)
            shares = (outline + INSIDE) / (width, height)
            lines.append(" ".join([str(self._classes[found.id][0]), *(f"{value:.6f}" for value in shares.ravel())]))
        for kind in ("images", "labels"):
            (self._folder / kind / "train").mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame.rgb).save(self._folder / "images/train" / f"{frame.name}.jpg", quality=QUALITY)
        text = "".join(f"{line}\n" for line in lines)
        (self._folder / "labels/train" / f"{frame.name}.txt").write_text(text, encoding="utf-8", newline="\n")

    def _measure(self, mask: npt.NDArray[np.bool_], outline: Points) -> None:
        """Compares a mask with what is drawn from its polygon."""
        drawn = cv2.fillPoly(np.zeros(mask.shape, np.uint8), [outline], 1) > 0
        iou = float((drawn & mask).sum() / (drawn | mask).sum())
        self._count, self._sum, self._least = self._count + 1, self._sum + iou, min(self._least, iou)

    def _finish(self) -> None:
        names = "".join(f"  {number}: {json.dumps(name)}\n" for number, name in self._classes.values())
        ids = "".join(f"  {number}: {i}\n" for i, (number, _) in self._classes.items())
        text = f"train: images/train\nval: images/train\nnames:\n{names}object_ids:\n{ids}"
        (self._folder / "data.yaml").write_text(text, encoding="utf-8", newline="\n")
        if self._count:
            mean = self._sum / self._count
            self.remark = f"{self.path}: IoU of polygons and masks {mean:.4f}, at the least {self._least:.4f}"


def polygon(mask: npt.NDArray[np.bool_]) -> Points:
    """Outlines a mask, bool (H, W), as one polygon through its border pixels: (N, 2), not closed.

    Rings of further pieces and of holes are hung in where they are nearest, by a way there and back.
    """
    rings, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    first, *rest = sorted((np.asarray(ring, np.int32)[:, 0] for ring in rings), key=len, reverse=True)
    outline = first
    for ring in rest:
        ends, begins = (np.unique(np.linspace(0, len(points) - 1, MOST, dtype=np.intp)) for points in (outline, ring))
        apart = ((outline[ends, None].astype(np.int64) - ring[begins]) ** 2).sum(axis=2)
        row, column = np.unravel_index(apart.argmin(), apart.shape)
        at, begin = ends[row], begins[column]
        around = np.concatenate([ring[begin:], ring[: begin + 1]])
        outline = np.concatenate([outline[: at + 1], around, outline[at:]])
    return np.pad(outline, ((0, max(0, 3 - len(outline))), (0, 0)), mode="edge")  # two points would be read as a box
