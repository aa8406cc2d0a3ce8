"""PerSeg's measures, against figures that the published scripts gave for the same masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import perseg_masks
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vos.errors import VosError
from vos.evaluation.perseg import boundary_band, overall, read_mask, read_perseg, score_results

# Personalize-SAM's eval_miou.py (a7e8724) printed with ten digits, and boundary-iou-api's band (dilation_ratio 0.02)
# with the same sums over an object's photos.
OFFICIAL = {
    "bird": (0.520295202952, 0.107780157031, 0.605366726297),
    "can": (0.801452784504, 0.313186813187, 0.894111291194),
    "hat": (0.705285476299, 0.144111413866, 0.831013561742),
}
OFFICIAL_MEAN_IOU, OFFICIAL_MEAN_ACCURACY = 0.675677821251, 0.776830526411


@pytest.fixture
def perseg(tmp_path: Path) -> tuple[Path, Path]:
    return perseg_masks.write(tmp_path)


def test_equals_the_published_scorer(perseg: tuple[Path, Path]) -> None:
    scores = score_results(read_perseg(perseg[0]), perseg[1])
    assert [score.name for score in scores] == list(OFFICIAL)
    for score in scores:
        figures = (score.iou, score.boundary_iou, score.accuracy)
        assert figures == pytest.approx(OFFICIAL[score.name], abs=1e-9)
    iou, boundary, accuracy = overall(scores)
    assert (iou, accuracy) == pytest.approx((OFFICIAL_MEAN_IOU, OFFICIAL_MEAN_ACCURACY), abs=1e-9)
    assert boundary == pytest.approx(np.mean([row[1] for row in OFFICIAL.values()]), abs=1e-9)
    assert scores[0].photo_iou["02"] == 0
    assert scores[1].photo_iou["03"] == 1


def test_reference_does_not_count_and_needs_no_result(perseg: tuple[Path, Path]) -> None:
    data, results = perseg
    before = score_results(read_perseg(data), results)
    for path in results.glob("*/00.png"):
        path.unlink()
    assert score_results(read_perseg(data), results) == before
    assert all("00" not in score.photo_iou for score in before)


def test_missing_result_is_an_error_not_a_shift(perseg: tuple[Path, Path]) -> None:
    data, results = perseg
    (results / "can" / "02.png").unlink()
    with pytest.raises(VosError, match=r"photo 02 of object can is missing .* \(1 of 3 photos"):
        score_results(read_perseg(data), results)
    shutil.rmtree(results / "can")
    with pytest.raises(VosError, match="3 of 3"):
        score_results(read_perseg(data), results)
    with pytest.raises(VosError, match="results folder"):
        score_results(read_perseg(data), results / "nowhere")


def test_other_size_and_damage_are_named(perseg: tuple[Path, Path]) -> None:
    data, results = perseg
    Image.new("L", (10, 20)).save(results / "hat" / "01.png")
    with pytest.raises(VosError, match=r"hat/01.png is 10x20, its annotation is 77x121"):
        score_results(read_perseg(data), results)
    (results / "hat" / "01.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(VosError, match=r"01.png cannot be read"):
        score_results(read_perseg(data), results)


def test_layout_problems_are_named(perseg: tuple[Path, Path], tmp_path: Path) -> None:
    data, _ = perseg
    assert [item.name for item in read_perseg(data, ["hat"])] == ["hat"]
    with pytest.raises(VosError, match=r"no object dog.*bird, can, hat"):
        read_perseg(data, ["dog"])
    with pytest.raises(VosError, match="Annotations does not exist"):
        read_perseg(tmp_path / "nowhere")
    (data / "Images/can/01.jpg").unlink()
    with pytest.raises(VosError, match=r"Images/can/01.jpg is missing"):
        read_perseg(data)
    (data / "Annotations/bird/00.png").unlink()
    with pytest.raises(VosError, match=r"object bird needs 00.png"):
        read_perseg(data, ["bird"])


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGB", "RGBA"])
def test_masks_of_every_mode_read_alike(mode: str, tmp_path: Path) -> None:
    mask = perseg_masks.blob((40, 50), 7).astype(bool)
    image = Image.fromarray(mask.astype(np.uint8) * (1 if mode in "PL" else 255))
    if mode == "P":
        image.putpalette([0, 0, 0, 128, 0, 0])
    image = image if mode in "PL" else image.convert(mode)
    image.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)


@given(st.integers(5, 60), st.integers(5, 60), st.integers(0, 2**32 - 1))
def test_band_is_what_is_near_the_background(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.9
    steps = max(1, round(0.02 * float(np.hypot(height, width))))
    padded = np.pad(mask, steps)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * steps + 1, 2 * steps + 1))
    np.testing.assert_array_equal(boundary_band(mask), mask & ~windows.all(axis=(2, 3)))


def test_on_the_real_data_a_perfect_result_scores_one(shared: Path) -> None:
    root = shared / "perseg_mini"
    objects = read_perseg(root)
    assert [item.scored for item in objects] == [("01", "02")] * 3
    assert overall(score_results(objects, root / "Annotations")) == (1, 1, 1)
