"""Animations and cut-outs, read by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from vos.io.clip import Clip
from vos.io.forms.pictures import MOST, SIDE, AnimationWriter
from vos.io.frames import open_frames
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


def test_a_clip_is_told_by_its_content(make_clip: Any, tmp_path: Path) -> None:
    path = make_clip("a.mp4", count=3)
    with open_frames(str(path)) as source:
        clip = Clip.of(source)
    (tmp_path / "b").mkdir()
    moved = path.rename(tmp_path / "b" / "c.mp4")
    with open_frames(str(moved)) as source:
        assert Clip.of(source).digest == clip.digest
        assert Clip.of(source).name == "c"
    moved.write_bytes(moved.read_bytes() + b"\0")
    with open_frames(str(moved)) as source:
        assert Clip.of(source).digest != clip.digest
    for name in ("0.png", "1.png"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / "b" / name)
    for given in (str(tmp_path / "b"), str(tmp_path / "b/*.png")):
        with open_frames(given) as source:
            folder = Clip.of(source)
        assert (folder.name, folder.suffix) == ("b", ".png")
