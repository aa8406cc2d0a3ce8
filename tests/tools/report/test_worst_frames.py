"""The worst frames come first, and the sheet shows what is wrong in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes import square_mask
from PIL import Image
from square_davis import write_davis
from worst_frames import CAPTION, CELL_WIDTH, CONTOUR, FrameScore, draw_cell, main, worst_frames

from vos.io.masks.label_map import write_label_map
from vos.structures import LabelMap


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """An output folder: all masks right, but frame 5 empty and frame 9 half."""
    write_davis(tmp_path / "DAVIS", frames=12, year=2017)
    folder = tmp_path / "out" / "masks" / "bear"
    shutil.copytree(tmp_path / "DAVIS" / "Annotations" / "480p" / "bear", folder)
    write_label_map(folder / "00005.png", LabelMap(np.zeros((48, 64), np.uint8), (1,)))
    half = square_mask(9).labels.copy()
    half[24:] = 0
    write_label_map(folder / "00009.png", LabelMap(half, (1,)))
    return tmp_path / "out"


def test_neighbours_of_a_shown_frame_are_passed_over() -> None:
    values = {1: 0.9, 2: 0.5, 3: 0.1, 4: 0.0, 5: 0.2, 6: 0.3, 7: 0.4}
    frames = [FrameScore(number, value, value) for number, value in values.items()]
    assert [frame.number for frame in worst_frames(frames, 10)] == [4, 7, 1]
    assert [frame.number for frame in worst_frames(frames, 2)] == [4, 7]


def test_the_worst_frame_comes_first(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(results), "--root", str(results.parent / "DAVIS"), "--count", "2"]) == 0
    assert "worst frame 00005: J&F 0.000" in capsys.readouterr().out
    sheet = np.asarray(Image.open(results / "worst" / "bear.png"))
    assert sheet.shape[1] == 2 * CELL_WIDTH
    first, second = sheet[CAPTION:, :CELL_WIDTH], sheet[CAPTION:, CELL_WIDTH:]
    for number, picture in ((5, first), (9, second)):
        assert (picture == CONTOUR).all(axis=2).any(), "the truth is outlined in both"
        scale = CELL_WIDTH / 64
        x, y = int((8 + number + 8) * scale), int(20 * scale)  # inside the square's upper half
        tinted = picture[y, x, 0] > 230
        assert tinted == (number == 9), "frame 5 has no mask, frame 9 has its upper half"


def test_a_contour_lies_on_the_border_of_the_truth_alone() -> None:
    truth = np.zeros((50, CELL_WIDTH), np.uint8)
    truth[10:30, 20:60] = 1
    cell = draw_cell(np.full((50, CELL_WIDTH, 3), 90, np.uint8), truth, np.zeros_like(truth), "x")[CAPTION:]
    green = (cell == CONTOUR).all(axis=2)
    assert green[10, 40]
    assert green[20, 20]
    assert not green[20, 40]
    assert not green[5, 40]


def test_a_folder_of_masks_will_do(results: Path, tmp_path: Path) -> None:
    words = [str(results / "masks"), "--root", str(tmp_path / "DAVIS"), "--out", str(tmp_path / "sheets")]
    assert main(words) == 0
    assert [path.name for path in (tmp_path / "sheets").iterdir()] == ["bear.png"]


def test_mistakes_are_one_line(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tmp_path / "DAVIS")
    (results / "masks" / "bear" / "00004.png").unlink()
    assert main([str(results), "--root", root]) == 2
    assert main([str(tmp_path / "nowhere"), "--root", root]) == 2
    assert main([str(results), "--root", root, "--count", "0"]) == 2
    errors = [line for line in capsys.readouterr().err.split("\n") if line.startswith("error: ")]
    assert len(errors) == 3
    assert "00004" in errors[0]
