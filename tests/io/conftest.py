"""Fixtures that encode clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import Rgb, encode_clip, numbered_picture, read_number

MakeClip = Callable[..., Path]


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """``make_clip("a.mp4", count=20, size=(48, 64), **options of encode_clip)`` writes numbered frames."""

    def make(name: str, count: int = 20, size: tuple[int, int] = (48, 64), **options: Any) -> Path:
        return encode_clip(tmp_path / name, [numbered_picture(i, *size) for i in range(count)], **options)

    return make


@pytest.fixture
def number_of() -> Callable[[Rgb], int]:
    """Reads the number drawn into a frame of :func:`make_clip`."""
    return read_number


@pytest.fixture
def encode(tmp_path: Path) -> Callable[..., Path]:
    """``encode("a.mp4", pictures, **options of encode_clip)``."""
    return lambda name, pictures, **options: encode_clip(tmp_path / name, pictures, **options)
