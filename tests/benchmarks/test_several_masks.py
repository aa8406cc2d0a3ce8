"""The bench gives three masks, scores the other frames, and tracks from both sides where it says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import several_masks as bench
from fakes import ColourSegmenter
from square_davis import write_davis


def test_both_ways_are_scored_in_the_frames_that_are_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models: list[ColourSegmenter] = []
    monkeypatch.setattr(bench, "load_model", lambda *_: models.append(ColourSegmenter()) or models[0])  # type: ignore[func-returns-value]
    monkeypatch.setattr(sys, "argv", ["several_masks", str(write_davis(tmp_path, ("bear", "dog"), frames=9))])
    scored: list[int] = []
    write = bench.Scores.write
    monkeypatch.setattr(bench.Scores, "write", lambda self, r: (scored.append(len(self.measured)), write(self, r)))
    assert bench.main() == 0
    assert models[0].encoded == 2 * (9 + 9 + 6), "the frames between the masks of 0, 4 and 8 once more"
    assert len(scored) == 2 * 2 * 9
    assert max(scored) == 6, "of nine frames three are given"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["sequence", "bear", "dog", "mean of 2"]
    means = [[float(value) for value in line.split(":")[1].split()] for line in lines[1:]]
    assert means[2] == pytest.approx([(a + b) / 2 for a, b in zip(*means[:2])], abs=1e-4)
    assert min(means[2]) > 0.8
