"""The demo clip: repeatable, its masks exact, with the events that it promises."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from demo_clip import make_clip
from PIL import Image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_clip(folder, frames=7)  # the same path in fewer steps; the middle one is behind the tree
    return folder


def read(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    with av.open(str(folder / "clip.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    masks = [np.array(Image.open(path)) for path in sorted((folder / "masks").iterdir())]
    return frames, masks


def test_masks_are_palette_images_of_the_size_of_the_frames(folder: Path) -> None:
    frames, masks = read(folder)
    assert len(frames) == len(masks) == 7
    assert all(mask.shape == frame.shape[:2] for frame, mask in zip(frames, masks))
    assert set(np.unique(masks)) == {0, 1}
    with Image.open(folder / "masks" / "00000.png") as image:
        assert image.mode == "P"


def test_the_mask_covers_the_yellow_duck_and_nothing_blue(folder: Path) -> None:
    frames, masks = read(folder)
    for frame, mask in zip(frames, masks):
        red, green, blue = np.moveaxis(frame.astype(int), -1, 0)
        yellow = (red > blue + 70) & (red > green + 10) & (red > 150)
        bluish = blue > red + 40
        if mask.sum() > 1000:
            assert yellow[mask == 1].mean() > 0.5
        assert yellow[mask == 0].mean() < 0.002
        assert bluish[mask == 1].mean() < 0.02 if mask.any() else True


def test_the_duck_moves_and_hides(folder: Path) -> None:
    _, masks = read(folder)
    areas = [int(mask.sum()) for mask in masks]
    assert areas[0] > 5000
    assert areas[-1] > 3000
    assert min(areas[3:5]) < 0.1 * areas[0]
    assert masks[-1].nonzero()[1].mean() - masks[0].nonzero()[1].mean() > 250


def test_the_look_alike_is_in_sight(folder: Path) -> None:
    frames, _ = read(folder)
    blue = frames[0][100:190].astype(int)  # below the sky
    assert (blue[..., 2] > blue[..., 0] + 60).sum() > 2000


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_clip(tmp_path / name, frames=1)
    one, two = (
        {p.name: p.read_bytes() for p in sorted((tmp_path / name).rglob("*")) if p.is_file()} for name in ("one", "two")
    )
    assert one == two
