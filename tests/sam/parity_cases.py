"""One image and the prompts that parity with the public code is recorded for and tested on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from seeded_weights import seeded_uniform

SEED = 7
FEATURE_STEP = 8  # every 8th channel, row and column of the features is recorded
LOGIT_STEP = 16  # every 16th row and column of the low-res logits


@dataclass(frozen=True)
class Case:
    """A prompt in original pixels; ``mask`` stands for the first case's logits as the mask prompt."""

    name: str
    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: bool = False
    attention: bool = False
    embedding: bool = False
    multimask: bool = True


_TWO = ((201.0, 140.5, 1), (31.0, 255.0, 0))
CASES = (
    Case("points_single", _TWO, multimask=False),
    Case("point_multi", _TWO[:1]),
    Case("box", box=(40.0, 20.5, 300.0, 260.0)),
    Case("points_mask", _TWO, mask=True),
    Case("points_box_mask", _TWO, box=(40.0, 20.5, 300.0, 260.0), mask=True),
    Case("guided", _TWO, attention=True, embedding=True, multimask=False),
    Case("attention", _TWO, attention=True),
    Case("semantic", _TWO, embedding=True),
)


def image() -> npt.NDArray[np.uint8]:
    """uint8 (301, 417, 3): soft colour patches with some noise, an odd aspect ratio that needs padding."""
    patches = ((seeded_uniform("patches", (7, 9, 3)) + 1) * 127).astype(np.uint8)
    soft = np.asarray(Image.fromarray(patches).resize((417, 301), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.clip(soft + 12 * seeded_uniform("noise", (301, 417, 3)), 0, 255).astype(np.uint8)


def attention() -> npt.NDArray[np.float32]:
    """float32 (1, 4096) in (0, 1)."""
    return 1 / (1 + np.exp(-3 * seeded_uniform("attention", (1, 4096))))


def embedding() -> npt.NDArray[np.float32]:
    """float32 (1, 256)."""
    return 2 * seeded_uniform("embedding", (1, 256))
