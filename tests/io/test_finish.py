"""The last touch: what each option does to hard and soft masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vos.io.config import FinishConfig
from vos.io.finish import Finish
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

SIZE = (120, 160)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]]


def disk(y: float, x: float, radius: float) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 <= radius**2


def result(labels: np.ndarray, ids: tuple[int, ...] = (1,), soft: bool = True, sigma: float = 1.0) -> SegmentedFrame:
    alpha = [cv2.GaussianBlur((labels == i).astype(np.uint8) * 255, (0, 0), sigma) for i in ids]
    return SegmentedFrame(
        Frame(0, "00000", 0.0, np.zeros((*SIZE, 3), np.uint8)),
        LabelMap(labels.astype(np.uint8), ids),
        np.ones(len(ids), np.float32),
        (Presence.PRESENT,) * len(ids),
        np.stack(alpha) if soft else None,
    )


def finished(segmented: SegmentedFrame, **options: object) -> tuple[np.ndarray, np.ndarray]:
    done = Finish(FinishConfig(**options))(segmented)  # type: ignore[arg-type]
    assert done.alpha is not None
    return done.label_map.labels, done.alpha


@pytest.mark.parametrize("grow", [1, 3, 12, -1, -3, -12])
def test_outlines_move_by_so_many_pixels(grow: int) -> None:
    labels, alpha = finished(result(disk(60, 80, 30)), grow=grow)
    for mask in (labels == 1, alpha[0] > 127):
        assert np.sqrt(mask.sum() / np.pi) == pytest.approx(30 + grow, abs=0.7)
        assert not (mask & ~disk(60, 80, 31.5 + grow)).any()
        assert not (disk(60, 80, 28.5 + grow) & ~mask).any()


def test_the_frames_edge_is_no_outline() -> None:
    labels, alpha = finished(result(X < 80), grow=-5, feather=6)
    assert (labels[:, :74] == 1).all()
    assert (alpha[0, :, :60] == 255).all()
    assert not labels[:, 76:].any()


def test_objects_keep_clear_of_each_other() -> None:
    both = np.where(disk(60, 50, 20), 1, np.where(disk(60, 100, 20), 3, 0))
    labels, alpha = finished(result(both, (1, 3)), grow=15)
    assert (labels[both > 0] == both[both > 0]).all()
    assert set(np.unique(labels[60])) == {0, 1, 3}
    meeting = np.flatnonzero(np.diff(labels[60, 40:110].astype(int)))  # once, halfway between 70 and 80
    assert list(meeting + 40) in ([74], [75])
    assert alpha.sum(axis=0, dtype=int).max() <= 255
    touching = np.where(X < 80, 1, 3)
    labels, _ = finished(result(touching, (1, 3)), grow=10)
    np.testing.assert_array_equal(labels, touching)
    labels, _ = finished(result(touching, (1, 3)), grow=-4)
    assert list(np.flatnonzero(labels[60] == 0)) == list(range(76, 84))


@pytest.mark.parametrize("feather", [4, 12, 30])
def test_a_feathered_edge_fades_over_so_many_pixels(feather: float) -> None:
    labels, alpha = finished(result((X < 80).astype(np.uint8), sigma=0.1), feather=feather)
    row = alpha[0, 60].astype(int)
    assert np.count_nonzero((row > 25.5) & (row < 229.5)) == pytest.approx(feather, abs=1.5)
    assert abs(row[79] + row[80] - 255) <= 2  # the outline stays
    np.testing.assert_array_equal(labels, X < 80)


def test_holes_are_filled_but_not_bays_and_other_objects() -> None:
    ring = disk(60, 80, 40) & ~disk(60, 80, 15) & ~((np.abs(Y - 60) < 6) & (X < 50) & (X > 44))
    both = np.where(ring, 1, np.where(disk(60, 88, 3), 2, 0))
    bay = ring & (X > 44) | (disk(60, 80, 40) & (X <= 44) & ~disk(60, 41, 4))
    labels, alpha = finished(result(both, (1, 2)), fill_holes=True)
    np.testing.assert_array_equal(labels[disk(60, 80, 40)], np.where(both == 2, 2, 1)[disk(60, 80, 40)])
    inside = disk(60, 80, 30) & ~disk(60, 88, 6)
    assert (alpha[0][inside] == 255).all()
    before = result(both, (1, 2)).alpha
    assert before is not None
    outer = ~disk(60, 80, 38.5)
    np.testing.assert_array_equal(alpha[0][outer], before[0][outer])  # the outer edge stays as soft as it was
    labels, _ = finished(result(bay), fill_holes=True)
    assert not labels[disk(60, 41, 2)].all()


def test_small_pieces_go_with_their_soft_edges() -> None:
    mask = disk(60, 50, 30) | disk(30, 110, 6) | disk(90, 110, 12)  # 2827, 113 and 452 pixels
    whole = result(mask)
    assert whole.alpha is not None
    whole.alpha[0, 100:104, 20:24] = 60  # a speck that is in no hard mask
    labels, alpha = finished(whole, min_piece=0.05)
    np.testing.assert_array_equal(labels > 0, mask & ~disk(30, 110, 6))
    assert not alpha[0][disk(30, 110, 12)].any()
    assert not alpha[0, 96:, :24].any()
    kept = disk(60, 50, 34) | disk(90, 110, 16)
    np.testing.assert_array_equal(alpha[0][kept], whole.alpha[0][kept])
    labels, _ = finished(whole, min_piece=1.0)
    np.testing.assert_array_equal(labels > 0, disk(60, 50, 30))  # the largest stays anyway


@pytest.mark.parametrize("labels", [np.zeros(SIZE), np.ones(SIZE)])
def test_nothing_and_everything(labels: np.ndarray) -> None:
    for grow in (9, -9):
        after, alpha = finished(result(labels), grow=grow, feather=5, fill_holes=True, min_piece=0.1, smooth=0.1)
        np.testing.assert_array_equal(after, labels)
        np.testing.assert_array_equal(alpha[0], labels * 255)


def test_an_object_that_moving_inwards_leaves_nothing_of_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    small, large = disk(60, 80, 5), disk(60, 20, 15)
    finish = Finish(FinishConfig(grow=-8))
    for _ in range(2):
        assert set(np.unique(finish(result(small + 2 * large, (1, 2))).label_map.labels)) == {0, 2}
    finish(result(disk(60, 80, 0) * 0, (1,)))  # was not there before
    assert caplog.messages == ["finish.grow=-8 leaves nothing of object_1 in frame 00000"]


def test_hard_masks_alone_and_once_for_all_outputs() -> None:
    finish, segmented = Finish(FinishConfig(grow=4)), result(disk(60, 80, 30), soft=False)
    done = finish(segmented)
    assert done.alpha is None
    assert finish(segmented) is done
    alone, _ = finished(result(disk(60, 80, 30)), grow=4)
    np.testing.assert_array_equal(done.label_map.labels, alone)
    nobody = result(np.zeros(SIZE), (), soft=False)
    assert not finish(nobody).label_map.labels.any()
