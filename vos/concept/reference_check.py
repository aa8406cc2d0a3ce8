"""Is a reference good enough? Small, cut-off, ragged and ambiguous masks are found before they cost an album."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, covered_cells
from vos.persam.similarity import similarity
from vos.structures import TargetFeature

MIN_CELLS = 6.0  # cells of the embedding grid
MAX_BORDER = 0.15  # share of the outline that runs along the image's border
MAX_RAGGEDNESS = 0.12  # share of the mask that a small opening or closing changes
AMBIGUOUS_SHARE = 0.3  # look-alike area, as a share of the object's
WORKING_SIDE = 512  # longer side, pixels, at which shapes are judged


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing to mend about a reference.

    Attributes:
        kind: "small", "cut_off", "ragged" or "ambiguous".
        message: one line for the user: what, how much, what to do.
    """

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """What is wrong with a reference, and how it compares with others.

    Attributes:
        issues: empty for a good reference.
        quality: in [0, 1], higher is better.
    """

    issues: tuple[Issue, ...]
    quality: float


def check_reference(
    mask: npt.NDArray[np.bool_],
    features: torch.Tensor,
    coverage: torch.Tensor,
    target: TargetFeature,
    geometry: Geometry,
) -> ReferenceCheck:
    """Judges one reference.

    Args:
        mask: bool (H, W), original pixels, not empty.
        features: float (C, h, w) of its image on the embedding grid.
        coverage: float (h, w) in [0, 1], the mask on the grid.
        target: the target feature of this reference.
        geometry: of its image.
    """
    cells = float(coverage.sum())
    border, ragged = border_share(mask), raggedness(mask)
    alike = look_alike(features, coverage, target, geometry)
    issues = []
    if cells < MIN_CELLS:
        issues.append(
            Issue("small", f"the object covers only {cells:.1f} cells of what the model sees; crop the photo closer")
        )
    if border > MAX_BORDER:
        issues.append(
            Issue("cut_off", f"{border:.0%} of the outline is cut off by the photo's border; show the whole object")
        )
    if ragged > MAX_RAGGEDNESS:
        issues.append(Issue("ragged", f"{ragged:.0%} of the mask is fringe, holes or specks; draw it cleaner"))
    if alike > AMBIGUOUS_SHARE:
        issues.append(
            Issue("ambiguous", f"elsewhere in the photo, {alike:.0%} of the object's size looks like it; use another")
        )
    quality = min(1.0, cells / (4 * MIN_CELLS)) * (1 - border) * (1 - min(1.0, ragged)) / (1 + alike)
    return ReferenceCheck(tuple(issues), quality)


def border_share(mask: npt.NDArray[np.bool_]) -> float:
    """Measures the share of a mask's outline pixels that lie on the image's border; 0 where it fills the image."""
    if mask.all():
        return 0.0
    small = _working(mask)
    core = cv2.erode(small, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outline = (small > 0) & (core == 0)
    inner = np.zeros_like(outline)
    inner[1:-1, 1:-1] = True
    return float((outline & ~inner).sum()) / max(1.0, float(outline.sum()))


def raggedness(mask: npt.NDArray[np.bool_]) -> float:
    """Measures the share of a mask (H, W) that a small opening and closing change: fringes, cracks, specks, holes."""
    small = _working(mask)
    radius = max(1, round(0.04 * float(np.sqrt(small.sum()))))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = cv2.copyMakeBorder(small, radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    opened, closed = (cv2.morphologyEx(padded, kind, disk) for kind in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE))
    return float((opened != padded).sum() + (closed != padded).sum()) / max(1.0, float(small.sum()))


def look_alike(features: torch.Tensor, coverage: torch.Tensor, target: TargetFeature, geometry: Geometry) -> float:
    """Measures the look-alike area: as similar as the object's less typical quarter, as a share of the object."""
    found = similarity(features, [target])[0]
    rows, columns = geometry.image_grid_size
    found, coverage = found[:rows, :columns], coverage[:rows, :columns]
    # The cells around the outline see the object themselves.
    near = torch.nn.functional.max_pool2d(coverage[None, None], 3, 1, 1)[0, 0] > 0
    inside = found[covered_cells(coverage)]
    return float((found[~near] >= inside.quantile(0.25)).sum()) / len(inside)


def best_reference(checks: Sequence[ReferenceCheck]) -> int:
    """Finds the number of the best one: fewest issues, then the highest quality."""
    return min(range(len(checks)), key=lambda k: (len(checks[k].issues), -checks[k].quality, k))


def _working(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    scale = min(1.0, WORKING_SIDE / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    if not small.any():  # thinner than a working pixel
        small = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0
    return np.asarray(small, dtype=np.uint8)
