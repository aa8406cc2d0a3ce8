"""What holds for every test of the video pipeline: with few cores and with many, and no thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, params=[False, True], ids=["two-cores", "many-cores"])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading shares the encoder's thread, or has one of its own."""
    monkeypatch.setattr("vos.video.pipeline.MANY_CORES", request.param)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fails if a thread outlives the test."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
