"""tracker=published paints what the published scripts paint.

parity/clip.npz was recorded from persam_video.py and persam_video_f.py by `tools/parity/record_tracker.py`: vit_t with
weights of `seeded_weights`, on a CPU in float32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import parity_clip
import pytest
from seeded_weights import build_sam

from vos.persam.persam_f import FinetuneConfig
from vos.sam.official.segmenter import SamSegmenter
from vos.structures import Frame, ImageEmbedding, LabelMap
from vos.tracking.config import TrackerConfig
from vos.tracking.merge import merge
from vos.tracking.registry import make_tracker
from vos.tracking.tracker import Tracker

RECORDED = np.load(Path(__file__).parent / "parity" / "clip.npz")


@pytest.fixture(scope="module")
def model() -> SamSegmenter:
    return build_sam("vit_t", parity_clip.SEED)


@pytest.fixture(scope="module")
def embeddings(model: SamSegmenter) -> list[ImageEmbedding]:
    return [model.encode([image])[0] for image in parity_clip.clip()[0]]


def track(tracker: Tracker, embeddings: list[ImageEmbedding]) -> npt.NDArray[np.uint8]:
    images, first = parity_clip.clip()
    ids = (1, 2, 3)
    results = []
    for t, (image, embedding) in enumerate(zip(images, embeddings)):
        frame = Frame(t, f"{t:05d}", t / 25, image)
        tracked = tracker.step(embedding, frame) if t else tracker.start(embedding, LabelMap(first, ids), frame)
        results.append(merge(tracked, embedding.geometry, frame, ids).label_map.labels)
    return np.stack(results)


def mean_iou(ours: npt.NDArray[np.uint8], recorded: npt.NDArray[np.uint8]) -> float:
    """Over all objects and frames after the first."""
    pairs = [(a == i, b == i) for a, b in zip(ours[1:], recorded[1:]) for i in (1, 2, 3)]
    return float(np.mean([(a & b).sum() / max(1, (a | b).sum()) if (a | b).any() else 1.0 for a, b in pairs]))


def test_masks_are_the_published_ones(model: SamSegmenter, embeddings: list[ImageEmbedding]) -> None:
    ours = track(make_tracker(TrackerConfig(name="published"), model), embeddings)
    assert mean_iou(ours, RECORDED["persam"]) >= 0.99


def test_tuned_weights_and_masks_are_the_published_ones(model: SamSegmenter, embeddings: list[ImageEmbedding]) -> None:
    finetune = FinetuneConfig(steps=int(RECORDED["steps"]), exact=True)
    tracker = make_tracker(TrackerConfig(name="published", finetune=finetune), model)
    ours = track(tracker, embeddings)
    weights = tracker.state()
    for number, recorded in enumerate(RECORDED["weights"], start=1):
        np.testing.assert_allclose(weights[f"weights{number}"].numpy(), recorded, atol=1e-6)
    assert mean_iou(ours, RECORDED["persam_f"]) >= 0.99
