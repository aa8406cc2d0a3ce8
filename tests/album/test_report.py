"""The report of an album."""

from __future__ import annotations

from vos.album.report import unique_names


def test_concepts_whose_folders_would_be_one_are_told_apart() -> None:
    assert unique_names(["rex", "a b", "a-b", "Rex", "rex"]) == ["rex", "a b", "a-b-2", "Rex-2", "rex-3"]
