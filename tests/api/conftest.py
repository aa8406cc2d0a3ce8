"""Python in the folder of a clip, with a small model."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ColourSegmenter, Program

import vos.api.options


@pytest.fixture
def here(program: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """``python -m vos.run`` and ``import vos`` in the folder of a clip, both with the same small model."""
    monkeypatch.setattr(vos.api.options, "load_model", lambda *_: ColourSegmenter())
    Path("clip.mp4").symlink_to("my clip (1).mp4")
    Path("mask.png").symlink_to("mask 0.png")
    return program
