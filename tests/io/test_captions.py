"""Names written into overlays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ImageFont

import vos.io.captions
from vos.io.captions import draw_captions
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame


def drawn(names: dict[int, str], top: int = 40, size: tuple[int, int] = (90, 160)) -> npt.NDArray[np.bool_]:
    """Where something is written on a gray picture with a square, object 2, that begins in the row ``top``."""
    gray = np.full((*size, 3), 128, np.uint8)
    labels = np.zeros(size, np.uint8)
    labels[top : top + 30, 60:90] = 2
    picture = gray.copy()
    frame = Frame(0, "00000", 0.0, gray)
    result = SegmentedFrame(
        frame, LabelMap(labels, (1, 2)), np.ones(2, np.float32), (Presence.PRESENT,) * 2, names=names
    )
    draw_captions(picture, result)
    return np.asarray((picture != gray).any(axis=2))


def test_a_name_stands_above_the_middle_of_its_object() -> None:
    rows, columns = drawn({2: "rex"}).nonzero()
    assert rows.max() < 40
    assert rows.min() > 20
    assert (columns.min() + columns.max()) / 2 == pytest.approx(75, abs=3)


def test_at_the_rim_it_stays_inside_the_picture() -> None:
    assert drawn({2: "rex"}, top=0)[:20].any()
    assert drawn({2: "a name far too long for this small picture"})[:, [0, -1]].any()
    assert drawn({2: "rex"}, top=0, size=(6, 90)).any()


def test_nothing_is_written_without_a_name_or_an_object() -> None:
    assert not drawn({}).any()
    assert not drawn({1: "gone"}).any()


def test_characters_that_the_font_lacks_are_not_drawn_as_boxes() -> None:
    assert np.array_equal(drawn({2: "犬"}), drawn({2: "object_2"}))


def test_names_in_other_letters_are_written_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = drawn({2: "object_2"}), drawn({2: "Gross"})
    for name in ("Groß", "Пёс", "Λαμπρός"):
        assert not any(np.array_equal(drawn({2: name}), each) for each in plain)
    assert not np.array_equal(drawn({2: "Пёс"}), drawn({2: "Кот"}))
    monkeypatch.setattr("vos.io.captions.wide_font", ImageFont.load_default)  # as without matplotlib
    vos.io.captions._caption.cache_clear()
    assert np.array_equal(drawn({2: "Пёс"}), plain[0])
    assert np.array_equal(drawn({2: "Zoé"}), drawn({2: "Zoe"}))
    vos.io.captions._caption.cache_clear()
