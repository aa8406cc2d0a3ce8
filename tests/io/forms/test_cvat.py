"""CVAT's XML: for videos by CVAT's own rule of masks in tracks, for images by datumaro."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from vos.io.forms.cvat import row_runs

from .conftest import COUNT, NAMES, SIZE, Form


def mask_of(element: ElementTree.Element) -> npt.NDArray[np.bool_]:
    """Decodes an element: runs, the first of background, row by row in a box."""
    counts = [int(count) for count in element.attrib["rle"].split(",")]
    left, top, width, height = (int(element.attrib[key]) for key in ("left", "top", "width", "height"))
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, left : left + width] = values.reshape(height, width)
    return mask


def imported(path: Path) -> dict[tuple[int, int], npt.NDArray[np.bool_]]:
    """What CVAT takes from a file: of each track of masks the first shape, as a shape of its frame; by frame and id."""
    found = {}
    for track in ElementTree.parse(path).getroot().iter("track"):
        shapes = [shape for shape in track if shape.attrib["keyframe"] == "1"]
        assert all(shape.tag == "mask" for shape in shapes)
        (attribute,) = shapes[0].iter("attribute")
        assert attribute.attrib["name"] == "object_id"
        assert track.attrib["group_id"] == attribute.text
        assert track.attrib["label"] == NAMES[int(attribute.text or "")]
        assert shapes[0].attrib["outside"] == "0"
        frame = int(shapes[0].attrib["frame"])
        rest = [(int(shape.attrib["frame"]), shape.attrib["outside"]) for shape in shapes[1:]]
        assert rest == ([(frame + 1, "1")] if frame + 1 < COUNT else [])  # what is after the last frame CVAT refuses
        found[frame, int(attribute.text or "")] = mask_of(shapes[0])
    return found


def test_cvat_takes_every_mask_of_a_video(written: Callable[..., Form]) -> None:
    form = written("cvat")
    found = imported(form.path)
    expected = {(t, i): mask for i in NAMES for t, mask in enumerate(form.masks(i)) if mask.any()}
    assert found.keys() == expected.keys()
    for key, mask in expected.items():
        np.testing.assert_array_equal(found[key], mask)
    root = ElementTree.parse(form.path).getroot()
    assert [label.findtext("name") for label in root.iter("label")] == list(NAMES.values())
    assert root.findtext("meta/task/size") == str(COUNT)
    assert len({track.attrib["id"] for track in root.iter("track")}) == len(expected)


def test_images_hold_every_mask(written: Callable[..., Form]) -> None:
    form = written("cvat_images")
    images = list(ElementTree.parse(form.path).getroot().iter("image"))
    assert [image.attrib["name"] for image in images] == [f"{t:05d}.jpg" for t in range(COUNT)]
    for t, image in enumerate(images):
        found = {int(element.attrib["group_id"]): mask_of(element) for element in image}
        assert list(found) == [i for i in NAMES if form.masks(i)[t].any()]
        for i, mask in found.items():
            np.testing.assert_array_equal(mask, form.masks(i)[t])


def test_datumaro_reads_the_images(written: Callable[..., Form]) -> None:
    reason = "datumaro reads CVAT for images; its versions of OpenCV and Pillow are older than ours"
    cvat = pytest.importorskip("datumaro.plugins.data_formats.cvat.base", reason=reason)
    form = written("cvat_images")
    (form.path.parent / "images").mkdir()
    for frame in form.frames:
        Image.fromarray(frame.rgb).save(form.path.parent / "images" / f"{frame.name}.jpg")
    items = list(cvat.CvatBase(str(form.path)))
    assert len(items) == COUNT
    for item in items:
        t = int(item.id)
        seen = [i for i in NAMES if form.masks(i)[t].any()]
        assert [one.attributes["object_id"] for one in item.annotations] == list(map(str, seen))
        assert [one.group for one in item.annotations] == seen
        for one, i in zip(item.annotations, seen):
            np.testing.assert_array_equal(one.image, form.masks(i)[t])


@pytest.mark.parametrize(
    ("rows", "runs"),
    [([[0, 1], [1, 0]], [1, 2, 1]), ([[1, 1]], [0, 2]), ([[1, 0, 1]], [0, 1, 1, 1]), ([[0, 0, 1]], [2, 1])],
)
def test_runs_go_along_rows_and_begin_with_background(rows: list[list[int]], runs: list[int]) -> None:
    assert row_runs(np.array(rows, bool)) == runs
