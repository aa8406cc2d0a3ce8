"""Fixtures of the page's tests; without the extra vos[app] there is nothing to test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from served_page import Served


@pytest.fixture
def served(clip: Path) -> Iterator[Served]:
    """The page, with the folder of the fixture ``clip``."""
    from served_page import serving

    with serving(clip) as page:
        yield page


@pytest.fixture
def guarded(clip: Path) -> Iterator[Served]:
    """The same for other computers: with the token "secret"."""
    from served_page import serving

    with serving(clip, "secret") as page:
        yield page
