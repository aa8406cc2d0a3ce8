"""What stands behind a cut-out, at which time and in which size."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vos.errors import VosError
from vos.io.background import Background, background_file, covering, parse_colour


@pytest.mark.parametrize(
    ("value", "colour"),
    [
        ("white", (255, 255, 255)),
        (" Black", (0, 0, 0)),
        ("#00b140", (0, 177, 64)),
        ("00B140", (0, 177, 64)),
        ("#00b14", None),
        ("beach.jpg", None),
        ("#00b14g", None),
    ],
)
def test_colours(value: str, colour: tuple[int, int, int] | None) -> None:
    assert parse_colour(value) == colour
    assert background_file(value) == (None if colour else Path(value))
    if colour:
        with Background(value) as background:
            assert background.at(3.0, (4, 4)) == colour


def test_a_clip_runs_by_its_own_times_and_begins_anew(make_clip: Any, number_of: Callable[[Any], int]) -> None:
    times = [Fraction(n, 600) for n in (30, 90, 120, 300)]  # shown for 0.1, 0.05, 0.3 and, by the mean rate, 0.11 s
    path = make_clip("b.mp4", count=4, times=times)
    with Background(str(path)) as background:
        assert background.is_clip
        shown = [number_of(background.at(5 + t, (48, 64))) for t in (0, 0.09, 0.1, 0.14, 0.15, 0.44, 0.45)]
        assert shown == [0, 0, 1, 1, 2, 2, 3]
        later = [number_of(background.at(5 + 0.45 + k / 100, (48, 64))) for k in range(60)]
        first = later.index(0)
        assert set(later[:first]) == {3}
        assert 5 <= first <= 20
        assert later[first + 10 : first + 15] == [1] * 5


def test_a_long_jump_passes_over_whole_rounds(make_clip: Any, number_of: Callable[[Any], int]) -> None:
    with Background(str(make_clip("b.mp4", count=4))) as background:  # 10 a second
        assert [number_of(background.at(t, (48, 64))) for t in (2.0, 2.35, 2.4, 4.1, 9.9)] == [0, 3, 0, 1, 3]


def test_pictures_stand_still_and_cover_the_frame(tmp_path: Path) -> None:
    picture = np.zeros((40, 100, 3), np.uint8)
    picture[:, 25:75] = (0, 0, 250)
    picture[:, :10] = picture[:, -10:] = (250, 0, 0)
    Image.fromarray(picture).save(tmp_path / "p.png")
    with Background(str(tmp_path / "p.png")) as background:
        assert not background.is_clip
        shown = background.at(0.0, (80, 80))
        assert isinstance(shown, np.ndarray)
        assert shown.shape == (80, 80, 3)
        assert (shown == (0, 0, 250)).all()  # twice as large, cut off on both sides
        assert background.at(7.0, (80, 80)) is shown
        assert np.asarray(background.at(8.0, (20, 50))).shape == (20, 50, 3)


@pytest.mark.parametrize("size", [(1, 1), (37, 53), (90, 20), (20, 90), (60, 80)])
@pytest.mark.parametrize("aspect", [1.0, 4 / 3, 0.6])
def test_any_frame_is_covered(size: tuple[int, int], aspect: float) -> None:
    assert covering(np.zeros((60, 80, 3), np.uint8), size, aspect).shape == (*size, 3)


def test_pixels_that_are_no_squares(tmp_path: Path) -> None:
    round_one = np.zeros((100, 100, 3), np.uint8)
    y, x = np.mgrid[:100, :100]
    round_one[(y - 49.5) ** 2 + (x - 49.5) ** 2 < 900] = 255
    Image.fromarray(round_one).save(tmp_path / "p.png")
    with Background(str(tmp_path / "p.png")) as background:
        shown = np.asarray(background.at(0.0, (100, 50), Fraction(2)))[..., 0] > 127
    assert shown.any(axis=1).sum() == pytest.approx(60, abs=2)
    assert shown.any(axis=0).sum() == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("none.jpg", "is not there; give blur, a colour"),
        ("rtsp://a/b", "is not there"),
        ("", "background= is empty; give blur"),
        ("#12", "background=#12 is no colour; give blur"),
        ("notes.txt", "background=notes.txt: "),
    ],
)
def test_what_is_no_background(given: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("beach")
    with pytest.raises(VosError, match=why) as caught:
        Background(given)
    assert "\n" not in str(caught.value)
