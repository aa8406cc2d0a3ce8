"""The calibration from end to end, on sequences of a moving square."""

from __future__ import annotations

import json
from pathlib import Path

import frames_to_check
import pytest
from calibrating import judge
from calibrating.judge import COLUMNS, judge_sequence, read_judged
from fakes import ColourSegmenter
from square_davis import write_davis

from vos.evaluation.davis import read_dataset
from vos.report.signs import NAMES
from vos.tracking.config import TrackerConfig


def test_a_sequence_is_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sequence,) = read_dataset(write_davis(tmp_path / "DAVIS", frames=6), 2016, "dev")
    kept = judge_sequence(sequence, ColourSegmenter, TrackerConfig(), tmp_path / "kept" / "bear.csv")
    monkeypatch.setattr(judge, "track_sequence", None)
    assert judge_sequence(sequence, ColourSegmenter, TrackerConfig(), kept) == kept
    found = read_judged(kept, "davis16")
    assert kept.read_text().splitlines()[0].split(",") == list(COLUMNS)
    assert found.frames.tolist() == [1, 2, 3, 4, 5], "the first one is given"
    assert found.signs.shape == (5, len(NAMES))
    assert found.iou.min() > 0.6


def test_it_fits_measures_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_davis(tmp_path / "data/davis16", ("bear", "goat"), frames=8)
    rendered = write_davis(tmp_path / "set", ("small-0",), frames=8, year=2017)
    (rendered / "ImageSets/2017/dev.txt").rename(rendered / "ImageSets/2017/occlusion.txt")
    monkeypatch.setattr(frames_to_check, "load_model", lambda *_: ColourSegmenter())
    words = [str(tmp_path / "data"), "--set", str(rendered), "--keep", str(tmp_path / "keep")]
    for name in ("one.json", "two.json"):
        assert frames_to_check.main([*words, "--out", str(tmp_path / name)]) == 0
    told = json.loads((tmp_path / "one.json").read_text())
    assert (tmp_path / "two.json").read_text() == (tmp_path / "one.json").read_text()
    assert told["model"] == {"name": "colour", "sha256": "0" * 64}
    assert tuple(told["signs"]) == NAMES
    assert told["signs"]["lost"]["weight"] >= 0.3 > told["signs"]["tiny"]["weight"] > 0
    rows = {row["set"]: row for row in told["leave one sequence out"]}
    assert {name: (row["sequences"], row["frames"]) for name, row in rows.items()} == {
        "davis16": (2, 14),
        "occlusion": (1, 7),
        "all": (3, 21),
    }
