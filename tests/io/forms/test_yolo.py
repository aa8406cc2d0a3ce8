"""YOLO's data set, read by supervision; polygons drawn again."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from vos.io.forms.yolo import polygon

from .conftest import COUNT, NAMES, Form


def drawn(outline: npt.NDArray[np.int32], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    return np.asarray(cv2.fillPoly(np.zeros(shape, np.uint8), [outline], 1) > 0)


def test_supervision_reads_classes_and_masks(written: Callable[..., Form]) -> None:
    supervision = pytest.importorskip("supervision", reason="supervision reads YOLO: pip install 'vos[test-forms]'")
    form = written("yolo")
    folders = {"images_directory_path": f"{form.path}/images/train", "data_yaml_path": f"{form.path}/data.yaml"}
    data = supervision.DetectionDataset.from_yolo(
        annotations_directory_path=f"{form.path}/labels/train", force_masks=True, **folders
    )
    assert data.classes == list(NAMES.values())
    assert len(data) == COUNT
    for t, (path, image, found) in enumerate(sorted(data, key=lambda item: str(item[0]))):
        assert path.endswith(f"{t:05d}.jpg")
        assert np.abs(image[..., ::-1].astype(int) - form.frames[t].rgb).mean() < 3
        expected = {k: form.masks(i)[t] for k, i in enumerate(NAMES) if form.masks(i)[t].any()}
        assert found.class_id.tolist() == list(expected)
        for mask, truth in zip(found.mask, expected.values()):
            np.testing.assert_array_equal(mask, drawn(polygon(truth), truth.shape))

    assert "IoU of polygons and masks 0.99" in form.remark


def test_a_shape_without_holes_loses_nothing() -> None:
    y, x = np.mgrid[:80, :100]
    for mask in ((y - 40) ** 2 + (x - 50) ** 2 < 900, (x > 20) & (x < 23) & (y > 4), (x == 7) & (y == 9), x >= 0):
        np.testing.assert_array_equal(drawn(polygon(mask), mask.shape), mask)


def test_holes_stay_open_and_pieces_are_joined_by_lines() -> None:
    y, x = np.mgrid[:80, :100]
    distance = (y - 40) ** 2 + (x - 50) ** 2
    ring = (distance < 900) & (distance > 300)
    assert (drawn(polygon(ring), ring.shape) ^ ring).sum() == 0  # the cut lies in the ring
    pieces = (distance < 300) | ((x > 90) & (y > 70)) | ((x < 4) & (y < 4))
    more = drawn(polygon(pieces), pieces.shape) & ~pieces
    assert 0 < more.sum() < 100
    assert (drawn(polygon(pieces), pieces.shape) >= pieces).all()


@pytest.mark.parametrize("pixels", [[(3, 5)], [(3, 5), (3, 6)], [(3, 5), (9, 9)]])
def test_the_smallest_objects_are_still_polygons(pixels: list[tuple[int, int]]) -> None:
    mask = np.zeros((12, 12), bool)
    mask[tuple(zip(*pixels))] = True
    assert len(polygon(mask)) >= 3  # two points would be read as a box
    assert (drawn(polygon(mask), mask.shape) >= mask).all()
