"""Low-res logits become pixels: argmax, soft masks, masks that the user gave."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fakes import Collector, ColourSegmenter, ListSource, RedTracker, square_clip, square_mask
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.geometry import Geometry
from vos.matting.alpha import soft_masks
from vos.structures import Frame, LabelMap, Presence, TrackedFrame
from vos.tracking.config import EdgesConfig, TrackerConfig
from vos.tracking.merge import merge
from vos.tracking.observation import ABSENT_LOGIT
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference

GEOMETRY = Geometry((40, 60), (64, 96), (64, 96))


def frame(size: tuple[int, int] = (40, 60)) -> Frame:
    return Frame(0, "00000", 0.0, np.zeros((*size, 3), np.uint8))


def tracked(logits: torch.Tensor, given_mask: LabelMap | None = None) -> TrackedFrame:
    return TrackedFrame(logits, torch.full((len(logits),), 0.5), (Presence.PRESENT,) * len(logits), given_mask)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(0, 1000))
def test_labels_are_those_of_all_objects_at_once(count: int, seed: int) -> None:
    logits = 6 * torch.randn(count, *GEOMETRY.logit_size, generator=torch.Generator().manual_seed(seed))
    ids = tuple(range(3, 3 + 2 * count, 2))
    result = merge(tracked(logits), GEOMETRY, frame(), ids)

    full = GEOMETRY.logits_to_original(logits[None])[0]
    stacked = torch.cat([torch.zeros_like(full[:1]), full])
    assert (result.label_map.labels == np.array([0, *ids], np.uint8)[stacked.argmax(dim=0).numpy()]).all()


def test_absent_object_gets_no_pixel_and_no_alpha() -> None:
    logits = torch.full((2, *GEOMETRY.logit_size), ABSENT_LOGIT)
    logits[1] = 5
    result = merge(tracked(logits), GEOMETRY, frame(), (4, 9), with_alpha=True)
    assert (result.label_map.labels == 9).all()
    assert result.alpha is not None
    assert not result.alpha[0].any()


def test_given_mask_is_painted_over_the_others() -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10, 20] = 2  # a single pixel, which no low-res logits could give
    logits = torch.full((2, *GEOMETRY.logit_size), 5.0)
    result = merge(tracked(logits, LabelMap(labels, (1, 2))), GEOMETRY, frame(), (1, 2), with_alpha=True)
    assert ((result.label_map.labels == 2) == (labels == 2)).all()
    assert (result.label_map.labels[labels == 0] == 1).all()


def noisy_frame(seed: int = 0) -> Frame:
    """A frame with edges everywhere, which nobody may write to."""
    image = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    image.setflags(write=False)
    return Frame(0, "00000", 0.0, image)


def blobs(count: int, seed: int = 0) -> torch.Tensor:
    coarse = torch.randn(1, count, 4, 6, generator=torch.Generator().manual_seed(seed))
    return 6 * torch.nn.functional.interpolate(coarse, size=GEOMETRY.logit_size, mode="bicubic")[0]


def test_soft_masks_are_those_of_the_labels_and_the_frame_alone() -> None:
    logits, ids = blobs(2, 3) - 2, (1, 2)
    now = merge(tracked(logits), GEOMETRY, noisy_frame(), ids, with_alpha=True)
    later = merge(tracked(logits), GEOMETRY, noisy_frame(), ids)
    given_mask = merge(tracked(blobs(2), now.label_map), GEOMETRY, noisy_frame(), ids, with_alpha=True)
    assert now.alpha is not None
    assert later.alpha is None
    assert later.soften is not None
    assert now.alpha.any()
    np.testing.assert_array_equal(later.soften(), now.alpha)
    np.testing.assert_array_equal(given_mask.alpha, now.alpha)  # a mask that is given is as soft as one that is found
    np.testing.assert_array_equal(now.alpha, soft_masks(now.label_map.labels, ids, noisy_frame().rgb))


@pytest.mark.parametrize(
    ("name", "enabled", "refined"),
    [
        ("persam", None, True),
        ("persam", False, False),
        ("published", None, False),
        ("published", True, True),
    ],
)
def test_outlines_are_refined_but_for_the_published_tracker(name: str, enabled: bool | None, refined: bool) -> None:
    config = TrackerConfig(name=name, edges=EdgesConfig(enabled=enabled, radius=5))
    assert config.outlines == (config.edges if refined else None)


def test_arguments_stay_as_they_are() -> None:
    logits, picture = blobs(3), noisy_frame()
    before = logits.clone(), picture.rgb.tobytes()
    merge(tracked(logits), GEOMETRY, picture, (3, 4, 5), True, EdgesConfig(radius=1))
    assert torch.equal(logits, before[0])
    assert picture.rgb.tobytes() == before[1]


def test_refined_edges_are_the_frames() -> None:
    image = np.full((40, 60, 3), 30, np.uint8)
    image[12:30, 16:44] = (220, 90, 60)
    truth = np.zeros((40, 60), bool)
    truth[12:30, 16:44] = True
    cells = GEOMETRY.mask_to_low_res(torch.from_numpy(np.roll(truth, 2, axis=(0, 1)))[None]) * 8 - 4
    wrong = []
    for edges in (None, EdgesConfig(radius=3)):
        result = merge(tracked(cells), GEOMETRY, Frame(0, "00000", 0.0, image), (1,), True, edges)
        wrong.append(int(((result.label_map.labels == 1) != truth).sum()))
    assert wrong[0] > 100
    assert wrong[1] < wrong[0] / 4


def test_given_masks_keep_their_edges() -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 20:40] = 1
    result = merge(tracked(blobs(1), LabelMap(labels, (1,))), GEOMETRY, noisy_frame(), (1,), True, EdgesConfig())
    np.testing.assert_array_equal(result.label_map.labels, labels)


def test_the_option_travels_down_the_line_and_frames_stay_as_they_are() -> None:
    masks = []
    for edges in (None, EdgesConfig(radius=1)):
        collector, clip = Collector(), square_clip(4)
        copies = [np.array(image) for image in clip]
        pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), [collector], edges=edges)
        segment_video(ListSource(clip), [Reference(0, square_mask(0))], pipeline)
        masks.append([result.label_map.labels.tobytes() for result in collector.results])
        for image, copy in zip(clip, copies):
            np.testing.assert_array_equal(image, copy)
    assert masks[0] != masks[1]
