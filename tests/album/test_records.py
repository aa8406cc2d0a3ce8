"""The notes of what was done for each photo."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from vos.album.records import Records
from vos.errors import VosError


class Full(io.StringIO):
    """A file whose last words find no room."""

    def close(self) -> None:
        super().close()
        raise OSError(errno.EFBIG, "File too large")


def test_a_disk_that_fills_up_at_the_end_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="cannot write"), Records(tmp_path) as records:
        records._file = Full()  # type: ignore[assignment]


def test_what_is_said_first_is_not_hidden_by_closing(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="first"), Records(tmp_path) as records:
        records._file = Full()  # type: ignore[assignment]
        raise VosError("first")
