"""Errors of soft masks are those of their definitions; the table is written."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import mattes
import numpy as np
import pytest
from matting.candidates import candidates
from matting.scores import connectivity_error, flicker_error, gradient_error, haze, score_clip
from PIL import Image


def square(value: float = 1.0) -> np.ndarray:
    alpha = np.zeros((60, 80), np.float32)
    alpha[20:40, 20:50] = value
    return alpha


def test_a_perfect_matte_has_no_error() -> None:
    soft = cv2.GaussianBlur(square(), (0, 0), 2)
    scores = score_clip([soft, soft], [soft, soft]).named()
    assert scores["haze"] < 0.1
    assert all(value == 0 for name, value in scores.items() if name != "haze")


def test_sums_and_means_of_differences() -> None:
    scores = score_clip([square()] * 2, [square(0.5)] * 2)
    assert scores.sad == pytest.approx(0.3)  # 600 pixels, a half each, in thousands
    assert scores.mse == pytest.approx(600 * 0.25 / 4800 * 1e3)
    assert scores.dtssd == 0


def test_flicker_is_the_error_of_the_change() -> None:
    steady, moved = [square(), square()], [square(), square(0.0)]
    assert flicker_error(steady, steady) == 0
    assert flicker_error(moved, moved) == 0
    assert flicker_error(steady, moved) == pytest.approx(np.sqrt(600 / 4800))


def test_gradients_of_a_step_are_those_of_a_gaussian() -> None:
    step = np.zeros((40, 40), np.float32)
    step[:, 20:] = 1
    assert gradient_error(step, step) == 0
    assert gradient_error(step, np.zeros_like(step)) == pytest.approx(gradient_error(step, np.ones_like(step)))
    assert gradient_error(step, cv2.GaussianBlur(step, (0, 0), 4)) > 1


def test_a_part_that_hangs_together_with_nothing_counts() -> None:
    truth, matte = square(), square()
    matte[5:8, 60:70] = 1
    assert connectivity_error(truth, matte) == pytest.approx(30)
    near = square()
    near[17:20, 20:30] = 1
    assert connectivity_error(truth, near) == pytest.approx(30)


def test_haze_is_what_lies_farther_than_ten_pixels() -> None:
    matte = square()
    matte[30, 55] = 0.5  # six pixels away
    assert haze(square() > 0, matte, 600) == 0
    matte[30, 70] = 0.6
    assert haze(square() > 0, matte, 600) == pytest.approx(0.001)


def test_every_candidate_gives_shares_of_the_same_size() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for name, candidate in candidates().items():
        alpha = candidate(square().astype(np.uint8), rgb)
        assert alpha.shape == (60, 80), name
        assert 0 <= alpha.min() <= alpha.max() <= 1, name


def test_a_set_is_scored_and_rows_replace_those_of_before(tmp_path: Path) -> None:
    root, kept = tmp_path / "tiny", tmp_path / "kept"
    for folder in ("JPEGImages/480p/sharp-0", "Alpha/sharp-0", "ImageSets/2017"):
        (root / folder).mkdir(parents=True)
    (root / "ImageSets/2017/mattes.txt").write_text("sharp-0\n")
    for frame in range(2):
        picture = np.repeat((square() * 255).astype(np.uint8)[..., None], 3, 2)
        Image.fromarray(picture).save(root / f"JPEGImages/480p/sharp-0/{frame:05d}.png")
        Image.fromarray((square() * 65535).astype(np.uint16)).save(root / f"Alpha/sharp-0/{frame:05d}.png")
    kept.mkdir()
    np.savez_compressed(kept / "tiny-sharp-0-exact.npz", labels=np.stack([square().astype(np.uint8)] * 2))
    rows = list(mattes.rendered(root, ["exact"], kept, 2))
    assert [row["candidate"] for row in rows] == list(candidates())
    assert rows[0]["sad"] == "0.000"
    table = tmp_path / "mattes.csv"
    mattes.write([{**rows[0], "sad": "9.000"}, rows[1]], table)
    mattes.write(rows, table)
    with table.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["candidate"] for row in found] == list(candidates())
    assert found[0]["sad"] == "0.000"
