"""An earlier run counts for what it has left whole, where its results are the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from vos.io.config import FinishConfig, MatteConfig, OutputConfig
from vos.io.earlier import BEGINNING, Earlier, describe_outputs, read_head


def summary(folder: Path, about: object) -> None:
    text = json.dumps(about, indent=2)
    (folder / "summary.json").write_text(text.removesuffix("\n}") + f",\n{BEGINNING}\n    {{}}\n  ]\n}}\n")


PLAIN = OutputConfig()


def earlier(
    folder: Path, wanted: Sequence[str] = (), config: OutputConfig = PLAIN, fingerprint: str | None = "ab"
) -> Earlier:
    return Earlier.of(folder, fingerprint, config, wanted)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "yolo/images/train").mkdir(parents=True)
    (tmp_path / "masks").mkdir()
    for name in ("masks/0.png", "masks/1.png", "coco.json", "yolo/images/train/0.jpg", "yolo/data.yaml", "matte.mov"):
        (tmp_path / name).write_text("something")
    (tmp_path / "yolo/empty.txt").touch()
    paths = {name: tmp_path / name for name in ("masks", "yolo")}
    paths |= {"coco": tmp_path / "coco.json", "matte": tmp_path / "matte.mov"}
    outputs = describe_outputs(paths, PLAIN)
    matte = {"files": 1, "matte": asdict(MatteConfig())}
    assert outputs == {"masks": {"files": 2}, "yolo": {"files": 2}, "coco": {"files": 1}, "matte": matte}
    summary(tmp_path, {"fingerprint": "ab", "outputs": {**outputs, "of a later version": 1}})
    return tmp_path


def test_outputs_whose_files_are_all_there_are_whole(folder: Path) -> None:
    found = earlier(folder)
    assert (found.stale, found.lacking) == ((), {})
    assert {name: each["files"] for name, each in found.whole.items()} == {"masks": 2, "yolo": 2, "coco": 1, "matte": 1}
    assert found.has({"masks": folder / "masks", "matte": folder / "matte.mov"})
    assert not found.has({"rle": folder / "masks"})
    assert not found.has({"masks": folder / "masks", "rle": folder / "rle.json"})
    assert not found.has({"masks": folder / "elsewhere"})


@pytest.mark.parametrize("is_emptied", [True, False])
def test_a_file_that_is_missing_or_empty_is_a_gap(folder: Path, is_emptied: bool) -> None:
    for name in ("masks/1.png", "coco.json", "yolo/images/train/0.jpg", "yolo/empty.txt"):
        (folder / name).write_text("") if is_emptied else (folder / name).unlink()
    found = earlier(folder)
    assert list(found.whole) == ["matte"]
    assert found.lacking == {"masks": 1, "coco": 1, "yolo": 1}
    assert not found.has({"masks": folder / "masks"})


def test_an_output_that_is_wanted_in_another_way_is_stale(folder: Path) -> None:
    other = OutputConfig(matte=MatteConfig(format="webm"))
    assert earlier(folder, ["coco"], other).stale == (), "nobody asks for a matte"
    found = earlier(folder, ["matte"], other)
    assert found.stale == ("matte", "matte.*")
    assert "matte" not in found.whole


def test_what_shows_masks_with_another_last_touch_is_stale(folder: Path) -> None:
    found = earlier(folder, ["mot"], OutputConfig(finish=FinishConfig(grow=2)))
    assert sorted(found.stale) == ["coco.json", "matte", "matte.*", "yolo"]
    assert list(found.whole) == ["masks"]
    found = earlier(folder, ["mot"], OutputConfig(finish=FinishConfig(grow=2, masks=True)))
    assert "masks" in found.stale


def test_other_results_and_no_results_make_all_stale_but_the_summary(folder: Path) -> None:
    nothing = Earlier(folder)
    assert {"masks", "coco.json", "matte.*", "reference.png"} < set(nothing.stale)
    assert "summary.json" not in nothing.stale
    assert earlier(folder, fingerprint="cd") == earlier(folder, fingerprint=None) == nothing
    for outputs in ({"masks": "all"}, {"masks": 2}, {"masks": {}}, 2, None):
        summary(folder, {"fingerprint": "ab", "outputs": outputs})
        assert earlier(folder) == nothing
    for text in ("", "cut off", "[]", json.dumps({"fingerprint": "ab", "outputs": {}})):
        (folder / "summary.json").write_text(text)
        assert earlier(folder) == nothing
        with pytest.raises(ValueError):  # noqa: PT011 - no message, callers say more
            read_head(folder / "summary.json")
    (folder / "summary.json").unlink()
    assert earlier(folder) == nothing
