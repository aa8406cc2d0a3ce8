"""Lists and folders as editors and systems leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos.errors import VosError
from vos.evaluation.davis import read_dataset
from vos.evaluation.split_list import visible


def listed(root: Path, content: bytes) -> list[str]:
    (root / "ImageSets/2017/val.txt").write_bytes(content)
    return [sequence.name for sequence in read_dataset(root, 2017, "val")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_lists_of_any_editor_are_read(davis: tuple[Path, Path], encoding: str) -> None:
    content = "shapes3\r\nshapes14\r\n".encode(encoding)
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    assert listed(davis[0], marks.get(encoding, b"") + content) == ["shapes3", "shapes14"]


def test_the_whole_line_is_the_name(davis: tuple[Path, Path]) -> None:
    for kind in ("Annotations", "JPEGImages"):
        (davis[0] / kind / "480p/shapes3").rename(davis[0] / kind / "480p/my shapes")
    assert listed(davis[0], b"my shapes \n\n") == ["my shapes"]


@pytest.mark.parametrize("content", [b"\xe9t\xe9\n", b"..\n", b"a/../b.jpg\n", b"a\\b\n"])
def test_what_names_no_sequence_is_one_line(davis: tuple[Path, Path], content: bytes) -> None:
    with pytest.raises(VosError, match=r"val\.txt") as caught:
        listed(davis[0], content)
    assert "\n" not in str(caught.value)


def test_hidden_files_are_no_annotations(davis: tuple[Path, Path]) -> None:
    for hidden in ("Annotations/480p/shapes3/._00000.png", "JPEGImages/480p/shapes3/._00000.jpg"):
        (davis[0] / hidden).touch()
    (sequence,) = read_dataset(davis[0], 2017, "val", only=["shapes3"])
    assert [path.name for path in sequence.annotations] == ["00000.png", "00001.png", "00002.png"]
    assert len(sequence.images()) == 3
    assert visible([Path("b"), Path(".c"), Path("a")]) == [Path("a"), Path("b")]
