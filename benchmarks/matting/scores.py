"""Errors of soft masks, as alphamatting.com and videomatting.com have them.

Rhemann et al., CVPR 2009; Erofeev et al., BMVC 2015. Every pixel of the frame counts; smaller is better throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields

import cv2
import numpy as np
import numpy.typing as npt

Alpha = npt.NDArray[np.float32]  # (H, W), 0..1

GRADIENT_SIGMA = 1.4  # of the Gaussian's derivatives, pixels
CONNECTED_STEP, CONNECTED_FROM = 0.1, 0.15  # levels of the connectivity error
HAZE_REACH = 10  # pixels
NOTHING = 0.02  # alpha of the truth at or below which there is nothing of the object


@dataclass(frozen=True)
class MatteScores:
    """The errors of a clip, means over its frames.

    Attributes:
        sad: sum of absolute differences of a frame, thousands.
        mse: mean squared difference, thousandths.
        gradient: summed squared difference of the gradients' lengths, thousands.
        connectivity: summed difference in how far pixels hang together with the object, thousands.
        dtssd: root of the mean squared difference of the changes from frame to frame, hundredths.
        haze: alpha farther than 10 pixels from anything of the object, share of its area, per cent.
    """

    sad: float
    mse: float
    gradient: float
    connectivity: float
    dtssd: float
    haze: float

    @classmethod
    def mean(cls, scores: Sequence[MatteScores]) -> MatteScores:
        """Averages the scores of several clips."""
        return cls(*(float(np.mean(column)) for column in zip(*map(astuple, scores))))

    def named(self) -> dict[str, float]:
        """Returns the errors by name."""
        return asdict(self)

    @classmethod
    def names(cls) -> list[str]:
        """Names the errors, in order."""
        return [item.name for item in fields(cls)]


def score_clip(truth: Sequence[Alpha], mattes: Sequence[Alpha]) -> MatteScores:
    """Scores the soft masks of a clip against the true ones, as many."""
    rows = [
        (
            float(np.abs(matte - real).sum()) / 1e3,
            float(np.square(matte - real).mean()) * 1e3,
            gradient_error(real, matte) / 1e3,
            connectivity_error(real, matte) / 1e3,
            haze(real > NOTHING, matte, float(real.sum())) * 100,
        )
        for real, matte in zip(truth, mattes)
    ]
    sad, mse, gradient, connectivity, far = (float(np.mean(column)) for column in zip(*rows))
    return MatteScores(sad, mse, gradient, connectivity, flicker_error(truth, mattes) * 100, far)


def gradient_error(truth: Alpha, matte: Alpha) -> float:
    """Sums the squared differences between the lengths of the gradients."""
    lengths = [np.hypot(*_gradient(alpha)) for alpha in (truth, matte)]
    return float(np.square(lengths[0] - lengths[1]).sum())


def _gradient(alpha: Alpha) -> tuple[Alpha, Alpha]:
    """The derivatives of a Gaussian, in x and in y."""
    reach = int(np.ceil(3 * GRADIENT_SIGMA))
    x = np.arange(-reach, reach + 1)
    bell = np.exp(-(x**2) / (2 * GRADIENT_SIGMA**2))
    slope = -x * bell
    bell, slope = bell / np.sqrt(np.square(bell).sum()), slope / np.sqrt(np.square(slope).sum())
    return tuple(
        np.asarray(cv2.sepFilter2D(alpha, cv2.CV_32F, a, b, borderType=cv2.BORDER_REPLICATE), np.float32)
        for a, b in ((slope, bell), (bell, slope))
    )  # type: ignore[return-value]


def connectivity_error(truth: Alpha, matte: Alpha) -> float:
    """Sums the differences in how far pixels hang together with the largest region that both have in common."""
    levels = np.arange(CONNECTED_STEP, 1 + 1e-6, CONNECTED_STEP)
    reached = np.full(truth.shape, -1.0)
    for level in levels:
        both = ((truth >= level) & (matte >= level)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(both, connectivity=4)
        inside = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()) if count > 1 else np.zeros(truth.shape, bool)
        reached[(reached < 0) & ~inside] = level - CONNECTED_STEP
    reached[reached < 0] = 1.0
    degrees = []
    for alpha in (truth, matte):
        gap = alpha - reached
        degrees.append(1 - gap * (gap >= CONNECTED_FROM))
    return float(np.abs(degrees[0] - degrees[1]).sum())


def flicker_error(truth: Sequence[Alpha], mattes: Sequence[Alpha]) -> float:
    """dtSSD: means over the frames of the root of the mean squared difference between the changes."""
    pairs = zip(truth[1:], truth, mattes[1:], mattes)
    roots = [np.sqrt(np.square((new - old) - (real_new - real_old)).mean()) for real_new, real_old, new, old in pairs]
    return float(np.mean(roots)) if roots else 0.0


def haze(real: npt.NDArray[np.bool_], matte: Alpha, area: float) -> float:
    """Sums the alpha farther than ``HAZE_REACH`` pixels from the object, as a share of its ``area`` in pixels."""
    distance = cv2.distanceTransform((~real).astype(np.uint8), cv2.DIST_L2, 5)
    return float(matte[distance > HAZE_REACH].sum()) / max(area, 1.0)
