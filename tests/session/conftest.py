"""A session on the clip of a red square, beside ``python -m vos.run`` with the same small model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import ColourSegmenter, Program

import vos


@pytest.fixture
def here(program: Program) -> Program:
    """``python -m vos.run`` in the folder of a clip."""
    Path("clip.mp4").symlink_to("my clip (1).mp4")
    return program


@pytest.fixture
def model() -> ColourSegmenter:
    """The model of the session, which counts what it encodes."""
    return ColourSegmenter()


@pytest.fixture
def session(here: Program, model: ColourSegmenter) -> Iterator[vos.Session]:
    """A session with one object, "rex", that is not shown yet."""
    with vos.Session("clip.mp4", "work", model=model) as opened:
        opened.add_object("rex")
        yield opened
