"""The embedded model on a GPU: what it finds there is what it finds on a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenes import iou

from vos.adaptation.config import AdaptConfig
from vos.sam.nano.segmenter import NanoSegmenter
from vos.structures import Frame, LabelMap
from vos.tracking.config import TrackerConfig
from vos.tracking.merge import merge
from vos.tracking.persam_tracker import PersamTracker

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

SIZE = (144, 192)
FRAMES = 6


def disc(index: int) -> tuple[Frame, LabelMap]:
    """A reddish disc on mottled ground, on its way to the right."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    labels = ((rows - 70) ** 2 + (columns - 50 - 8 * index) ** 2 < 28**2).astype(np.uint8)
    rgb = np.random.default_rng(3).integers(60, 120, (*SIZE, 3), dtype=np.uint8)
    rgb[labels > 0] += np.array((90, 0, 30), np.uint8)
    return Frame(index, f"{index:05d}", index / 25, rgb), LabelMap(labels, (1,))


def masks(device: str, precision: str, adapt: AdaptConfig) -> list[np.ndarray]:
    model = NanoSegmenter.load(device=device, precision=precision, input_size=384)
    tracker = PersamTracker(TrackerConfig(adapt=adapt), model)
    found = []
    for index in range(FRAMES):
        frame, reference = disc(index)
        embedding = model.encode([frame.rgb])[0]
        tracked = tracker.step(embedding, frame) if index else tracker.start(embedding, reference, frame)
        found.append(merge(tracked, embedding.geometry, frame, (1,), False).label_map.labels > 0)
    return found


def test_embeddings_are_those_of_the_cpu() -> None:
    rgb = disc(0)[0].rgb
    here, there = (NanoSegmenter.load(device=d, precision="float32", input_size=384) for d in ("cpu", "cuda"))
    one, other = here.encode([rgb])[0].features, there.encode([rgb])[0].features.cpu()
    assert float((one - other).norm() / one.norm()) < 1e-3


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_masks_are_those_of_the_cpu(precision: str) -> None:
    off = AdaptConfig(enabled=False)
    expected = masks("cpu", "float32", off)
    for mine, theirs in zip(masks("cuda", precision, off), expected):
        assert iou(mine, theirs) > (0.99 if precision == "float32" else 0.95)


def test_the_decoder_practises_on_the_gpu() -> None:
    found = masks("cuda", "auto", AdaptConfig(steps=12, views=5))
    for index, mask in enumerate(found):
        assert iou(mask, disc(index)[1].labels > 0) > 0.9
