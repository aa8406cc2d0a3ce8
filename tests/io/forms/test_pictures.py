"""Animations and cut-outs, read by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from vos.io.config import OutputConfig, SequenceConfig
from vos.io.forms.pictures import MOST, SIDE, AnimationWriter
from vos.io.render import overlay
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

from .conftest import COUNT, SIZE, Form, labels_of


@pytest.mark.parametrize("name", ["gif", "webp"])
def test_pillow_plays_the_overlay(name: str, written: Callable[..., Form]) -> None:
    form = written(name)
    with Image.open(form.path) as image:
        assert (image.format, image.n_frames, image.info["loop"]) == (name.upper(), COUNT, 0)
        assert image.size == SIZE[::-1]
        for t, picture in enumerate(ImageSequence.Iterator(image)):
            shown = np.asarray(picture.convert("RGB")).astype(int)
            expected = overlay(form.frames[t].rgb, LabelMap(labels_of(t), (1, 4)))
            assert np.abs(shown - expected).mean() < 12
            assert picture.info["duration"] == 100


def test_a_long_clip_is_short_and_small(tmp_path: Path) -> None:
    rgb = np.zeros((400, 800, 3), np.uint8)
    with AnimationWriter(tmp_path / "a.gif") as writer:
        for index in range(5 * MOST):
            rgb[:, :] = index % 256  # otherwise equal pictures become one
            frame = Frame(index, f"{index:05d}", float(Fraction(index, 30)), rgb.copy())
            labels = LabelMap(np.zeros((400, 800), np.uint8), (1,))
            writer.write(SegmentedFrame(frame, labels, np.ones(1, np.float32), (Presence.PRESENT,)))
    with Image.open(tmp_path / "a.gif") as image:
        assert MOST / 2 < image.n_frames <= MOST
        assert image.size == (SIDE, SIDE // 2)
        assert image.info["duration"] == 100


def test_cut_outs_have_colours_and_alpha(written: Callable[..., Form]) -> None:
    form = written("png_rgba")
    for frame in form.frames:
        with Image.open(form.path / f"{frame.name}.png") as image:
            assert image.mode == "RGBA"
            rgba = np.asarray(image)
        np.testing.assert_array_equal(rgba[..., :3], frame.rgb)
        np.testing.assert_array_equal(rgba[..., 3] > 0, labels_of(frame.index) > 0)


@pytest.mark.parametrize(
    ("name", "bits", "mode"), [("png_alpha", 8, "L"), ("png_alpha", 16, "I;16"), ("png_rgba", 8, "RGBA")]
)
def test_numbered_pictures_of_each_object(name: str, bits: int, mode: str, written: Callable[..., Form]) -> None:
    sequence = SequenceConfig(998, 3, "{clip}_{object}.{frame}", bits)
    form = written(name, config=OutputConfig(sequence=sequence))
    numbers = [998, 999, *range(1000, 998 + COUNT)]
    assert {path.name for path in form.path.iterdir()} == {f"clip_{i}.{n}.png" for i in (1, 2003) for n in numbers}
    for object_id in (1, 2003):
        for number, mask in zip(numbers, form.masks(object_id), strict=True):
            with Image.open(form.path / f"clip_{object_id}.{number}.png") as image:
                assert image.mode == mode
                shown = np.asarray(image)
            np.testing.assert_array_equal(shown[..., 3] if mode == "RGBA" else shown, mask * (2**bits - 1))


def test_pictures_in_folders_with_the_frames_own_names(written: Callable[..., Form]) -> None:
    form = written("png_alpha", config=OutputConfig(sequence=SequenceConfig(pattern="{object}/{frame}")))
    assert [path.name for path in sorted(form.path.iterdir())] == ["1", "2003"]
    assert sorted(path.name for path in (form.path / "1").iterdir()) == [f"{n:05d}.png" for n in range(COUNT)]
    form = written("png_alpha", config=OutputConfig(sequence=SequenceConfig(first_number=7)))
    assert sorted(path.name for path in form.path.iterdir()) == [f"{n:04d}.png" for n in range(7, 7 + COUNT)]
    with Image.open(form.path / "0007.png") as image:
        np.testing.assert_array_equal(np.asarray(image) > 0, labels_of(0) > 0)
