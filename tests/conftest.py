"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test material outside the repository; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    root = Path(os.environ.get("VOS_SHARED", default))
    if not (root / "data").is_dir():
        pytest.skip(f"test material not found at {root}; set VOS_SHARED to its folder")
    return root
