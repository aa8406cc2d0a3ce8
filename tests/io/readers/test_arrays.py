"""Pictures from memory as a source of frames."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fakes import square_clip

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.readers.arrays import ArraySource


def indices(source: ArraySource, *span: int) -> list[int]:
    return [frame.index for frame in source.frames(*span)]


def test_a_list_is_read_from_anywhere_any_number_of_times() -> None:
    pictures = square_clip(9)
    source = ArraySource(pictures, fps=50)
    assert (source.size, source.count, source.fps, source.time_base) == ((48, 64), 9, 50.0, Fraction(1, 50))
    assert not source.is_live
    for _ in range(2):
        assert indices(source) == list(range(9))
    assert indices(source, 7, 20) == [7, 8]
    assert [frame.index for frame in source.reversed_frames(4)] == [4, 3, 2, 1, 0]
    frame = source.frame(5)
    assert (frame.name, frame.time) == ("00005", 0.1)
    np.testing.assert_array_equal(frame.rgb, pictures[5])
    assert not np.shares_memory(frame.rgb, pictures[5])
    with pytest.raises(VosError, match="has no frame 9"):
        source.frame(9)


def test_what_is_iterable_without_numbers_is_read_again_from_its_start() -> None:
    class Recording:
        def __iter__(self) -> Any:
            yield from square_clip(5)

    source = open_frames(Recording())
    assert isinstance(source, ArraySource)
    assert (source.count, source.is_live) == (None, False)
    assert indices(source, 3) == [3, 4]
    assert indices(source, 1, 3) == [1, 2]


def test_an_iterator_is_live_and_gives_its_first_picture_too() -> None:
    source = ArraySource(iter(square_clip(4)))
    assert (source.is_live, source.count) == (True, None)
    assert indices(source, 0, 3) == [0, 1, 2]
    with pytest.raises(VosError, match="once, from the start"):
        source.frames().__next__()


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 1e9])
def test_a_rate_that_is_none(fps: float) -> None:
    with pytest.raises(VosError, match="is no rate"):
        ArraySource(square_clip(1), fps)
