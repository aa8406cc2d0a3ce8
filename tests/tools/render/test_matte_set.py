"""The matte set: repeatable, its alpha exact, and every kind has the edge that its name says."""

from __future__ import annotations

from pathlib import Path

import cv2
import matte_set as tool
import numpy as np
import pytest
from matte_clips.kinds import FRAMES, KINDS
from PIL import Image

from vos.evaluation.davis import read_dataset

SIZE = 90, 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first clip of two kinds."""
    folder = tmp_path_factory.mktemp("set")
    for kind in ("hair", "sharp"):
        tool.write_clip(folder, kind, 0, SIZE, seed=0)
    return folder


def values(path: Path) -> np.ndarray:
    """A picture's values, 0..1."""
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return np.asarray(stored, float) / np.iinfo(stored.dtype).max


def test_a_frame_is_what_alpha_and_both_colours_make(folder: Path) -> None:
    for frame in (0, FRAMES - 1):
        file = f"hair-0/{frame:05d}.png"
        alpha = values(folder / "Alpha" / file)[..., None]
        front, back = values(folder / "Foreground" / file), values(folder / "Background" / file)
        picture = values(folder / "JPEGImages" / "480p" / file)
        assert 0.02 < alpha.mean() < 0.5
        assert np.abs(picture - alpha * front - (1 - alpha) * back).mean() < 0.01  # the grain


def test_masks_are_the_alpha_cut_at_a_half_and_first_masks_are_wrong_as_named(folder: Path) -> None:
    file = "hair-0/00000.png"
    mask = np.array(Image.open(folder / "Annotations" / "480p" / file)) > 0
    assert (mask == (values(folder / "Alpha" / file) >= 0.5)).all()
    first = {
        fault: np.array(Image.open(folder / "FirstMasks" / fault / "hair-0.png")) > 0
        for fault in ("exact", "eroded", "grown", "shifted")
    }
    assert (first["exact"] == mask).all()
    assert first["eroded"].sum() < mask.sum() < first["grown"].sum()
    assert (first["shifted"][1:, 1:] == mask[:-1, :-1]).all()


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    tool.write_clip(tmp_path, "hair", 0, SIZE, seed=0)
    for path in sorted(tmp_path.rglob("*.png")):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()


@pytest.mark.slow
def test_every_kind_but_the_sharp_one_is_soft(tmp_path: Path) -> None:
    tool.make_set(tmp_path, SIZE, clips=1, seed=3)
    names = [sequence.name for sequence in read_dataset(tmp_path, 2017, "mattes")]
    assert names == [f"{kind}-0" for kind in KINDS]
    soft = {}
    for name in names:
        alpha = values(tmp_path / "Alpha" / name / "00006.png")
        soft[name] = ((alpha > 0.1) & (alpha < 0.9)).sum() / (alpha > 0.9).sum()
    assert min(share for name, share in soft.items() if name != "sharp-0") > 1.1 * soft["sharp-0"]
