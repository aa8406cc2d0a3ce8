"""The options of how results are written are checked before anything is done."""

from __future__ import annotations

import pytest

from vos.errors import VosError
from vos.io.config import FinishConfig, MatteConfig, SequenceConfig


@pytest.mark.parametrize(
    "pattern",
    [
        "{frame}",
        "{clip}_{object}.{frame}",
        "{object}/{frame}",
        "{frame}-{object}",
        "{object}{clip}_{frame}",
        "a.{frame}.b",
        "{clip}/{clip}_v002.{frame}",
        "{{{frame}}}",
    ],
)
def test_patterns(pattern: str) -> None:
    assert SequenceConfig(pattern=pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{clip}_{name}.{frame}", "holds another place than {clip}, {object}, {frame}"),
        ("{frame:06d}", "sequence.padding sets the digits"),
        ("{frame!r}", "cannot be chosen"),
        ("{}", "holds another place"),
        ("{frame.real}", "holds another place"),
        ("{frame", "is not understood"),
        ("frame}", "is not understood"),
        ("{clip}_{object}", "would give all pictures of an object one name: put {frame} into it"),
        ("", "put {frame} into it"),
        ("../{frame}", "is no name of a file"),
        ("/tmp/{frame}", "is no name of a file"),
        ("a//{frame}", "is no name of a file"),
        (".{frame}", "is no name of a file"),
        ("{frame}/", "is no name of a file"),
        ("C:{frame}", "is no name of a file"),
        ("a\n{frame}", "is no name of a file"),
        ("{frame}.png", "ends in a suffix"),
        ("{object}{frame}", "lets two pictures have one name"),
        ("{frame}{object}", "lets two pictures have one name"),
        ("{object}0{frame}", "lets two pictures have one name"),
        ("{object}{clip}{frame}", "lets two pictures have one name"),
    ],
)
def test_patterns_that_would_go_wrong(pattern: str, said: str) -> None:
    with pytest.raises(VosError) as caught:
        SequenceConfig(pattern=pattern)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"sequence.pattern={pattern} ")


def test_other_values_that_are_refused() -> None:
    for wrong, said in (
        (lambda: SequenceConfig(alpha_bits=10), "sequence.alpha_bits=10; choose 8 or 16"),
        (lambda: SequenceConfig(first_number=-1), "sequence.first_number=-1 is outside of 0..1000000000"),
        (lambda: MatteConfig(format="avi"), "matte.format=avi is not understood; choose mov or webm"),
        (lambda: FinishConfig(min_piece=2), "finish.min_piece=2 is outside of 0..1"),
    ):
        with pytest.raises(VosError, match=said):
            wrong()


def test_a_last_touch_is_one_that_changes_something() -> None:
    assert not FinishConfig().is_active
    assert not FinishConfig(masks=True).is_active
    assert FinishConfig(smooth=0.1).is_active
