"""Memory of long videos and of many runs: what is measured is what is said."""

from __future__ import annotations

import sys
from pathlib import Path

import memory
import pytest
import repeats
from fakes import ColourSegmenter

import vos.api.options


@pytest.fixture(autouse=True)
def small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vos.api.options, "load_model", lambda *_: ColourSegmenter())


@pytest.mark.parametrize("through", ["iterator", "generator"])
def test_the_square_is_followed_through_python(
    through: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.mp4"
    memory.make_clip(clip, 5)
    monkeypatch.setattr(sys, "argv", ["-c", str(clip), str(clip.with_suffix(".png")), through, "model.input_size=128"])
    exec(memory.THROUGH_PYTHON, {})
    assert capsys.readouterr().out == "5 frames with the object\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory from /proc")
def test_many_runs_end_with_what_they_have_grown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["repeats.py", "--runs", "3", "--frames", "4"])
    assert repeats.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:33] for line in lines[:3]] == [f"run   {n}: 4 frames with the object"[:33] for n in (1, 2, 3)]
    kept: list[bytes] = []
    monkeypatch.setattr(repeats, "resident", lambda: kept.append(b"") or 100.0 * 1.2 ** len(kept))
    assert repeats.main() == 1
