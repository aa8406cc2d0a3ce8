"""Two photos made from a seed, on which the published image scripts were recorded, and what is kept of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from seeded_weights import seeded_uniform

SEED = 11  # of the model's weights
LOGIT_STEP = 8  # every 8th row and column of low-res logits is recorded
SIMILARITY_STEP = 3  # ... and every 3rd of the similarity in original pixels
FINETUNE_STEPS = 60


def photos() -> tuple[list[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]]:
    """The reference photo (90, 132) and a portrait one (120, 84), uint8 RGB; and the mask of the first, bool."""
    reference, mask = _photo("reference", (90, 132), (55, 42, 24))
    other, _ = _photo("other", (120, 84), (40, 70, 21))
    return [reference, other], mask


def _photo(
    name: str, size: tuple[int, int], disc: tuple[int, int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    y, x = np.mgrid[: size[0], : size[1]]
    image = _texture(name, size, 9)
    cx, cy, radius = disc
    inside = (x - cx) ** 2 + (y - cy) ** 2 <= radius**2
    image[inside] = _texture("object", size, 5)[inside]
    return image, inside


def _texture(name: str, size: tuple[int, int], cells: int) -> npt.NDArray[np.uint8]:
    patches = ((seeded_uniform(name, (cells, cells, 3), SEED) + 1) * 127).astype(np.uint8)
    return np.array(Image.fromarray(patches).resize(size[::-1], Image.Resampling.BICUBIC))


def stages(
    similarity: npt.NDArray[np.float32],
    points: npt.NDArray[np.floating],
    attention: npt.NDArray[np.float32],
    embedding: npt.NDArray[np.float32],
    logits: Sequence[npt.NDArray[np.float32]],
    predicted_iou: Sequence[npt.NDArray[np.float32]],
    mask: npt.NDArray[np.bool_],
) -> dict[str, npt.NDArray[np.generic]]:
    """One photo's way through the method, small enough to be kept.

    Args:
        similarity: (H, W), original pixels.
        points: (2, 2) as (x, y), positive then negative.
        attention: (4096,), the bias.
        embedding: (C,), the semantic prompt.
        logits: of the three decoder calls, (M, 256, 256) each.
        predicted_iou: of the three calls, (M,) each.
        mask: (H, W), the final one.
    """
    kept: dict[str, npt.NDArray[np.generic]] = {
        "similarity": similarity[::SIMILARITY_STEP, ::SIMILARITY_STEP],
        "points": np.asarray(points, np.float32),
        "attention": attention.reshape(64, 64)[::4, ::4],
        "embedding": embedding[::4],
        "mask": np.packbits(mask),
    }
    for call, (maps, quality) in enumerate(zip(logits, predicted_iou), start=1):
        kept[f"logits{call}"] = maps[:, ::LOGIT_STEP, ::LOGIT_STEP]
        kept[f"iou{call}"] = quality
    return kept
