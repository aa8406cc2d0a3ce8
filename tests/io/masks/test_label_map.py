"""Label maps survive the disk exactly, in DAVIS' colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos.errors import VosError
from vos.geometry import mask_box
from vos.io.masks.label_map import read_label_map, write_label_map
from vos.io.masks.reference import read_reference
from vos.structures import LabelMap


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 254)))
def test_label_maps_survive_the_disk_exactly(labels: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    ids = tuple(int(i) for i in np.unique(labels) if i)
    write_label_map(tmp_path / "m.png", LabelMap(labels, ids))
    back = read_label_map(tmp_path / "m.png")
    assert np.array_equal(back.labels, labels)
    assert back.object_ids == ids
    if ids:
        assert np.array_equal(read_reference(tmp_path / "m.png").labels, labels)


def test_written_label_map_is_a_palette_png_in_davis_colours(tmp_path: Path) -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[2:4, 2:4], labels[4:, 5:] = 1, 3
    write_label_map(tmp_path / "m.png", LabelMap(labels, (1, 2, 3)))
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
        assert image.convert("RGB").getpixel((2, 2)) == (128, 0, 0)


def test_the_same_labels_give_the_same_bytes_and_runs_take_little_room(tmp_path: Path) -> None:
    labels = np.zeros((480, 854), np.uint8)
    labels[100:300, 200:500] = np.arange(300) // 30 + 1
    for name in ("a.png", "b.png"):
        write_label_map(tmp_path / name, LabelMap(labels, tuple(range(1, 11))))
    written = (tmp_path / "a.png").read_bytes()
    assert written == (tmp_path / "b.png").read_bytes()
    assert len(written) < 6000


def test_pictures_and_damaged_files_are_one_line(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "rgb.png")
    with pytest.raises(VosError, match="mode RGB"):
        read_label_map(tmp_path / "rgb.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    with pytest.raises(VosError, match=r"cut\.png is damaged"):
        read_label_map(tmp_path / "cut.png")


@given(mask=arrays(np.bool_, st.tuples(st.integers(1, 15), st.integers(1, 15))))
def test_box_is_tight(mask: npt.NDArray[np.bool_]) -> None:
    box = mask_box(mask)
    if not mask.any():
        assert box is None
        return
    assert box is not None
    assert box.dtype == np.float32
    x0, y0, x1, y1 = box.astype(int)
    inside = np.zeros_like(mask)
    inside[y0 : y1 + 1, x0 : x1 + 1] = True
    assert not (mask & ~inside).any()
    assert mask[y0].any()
    assert mask[y1].any()
    assert mask[:, x0].any()
    assert mask[:, x1].any()
