"""Names of outputs, their files and their writers."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ListSource, square_clip

from vos.errors import VosError
from vos.io.writers.choice import OUTPUTS, make_writer, output_paths


def test_every_output_has_a_writer_of_its_own(tmp_path: Path) -> None:
    paths = output_paths(list(OUTPUTS), tmp_path, "mov")
    assert [path.name for path in paths.values()] == ["masks", "overlay.mp4", "matte.mov", "rle.json"]
    source = ListSource(square_clip(1))
    kinds = [type(make_writer(name, path, source)).__name__ for name, path in paths.items()]
    assert kinds == ["MaskWriter", "OverlayWriter", "MatteWriter", "RleWriter"]


@pytest.mark.parametrize("names", [[], ["mask"], ["masks", "alpha"]])
def test_another_name_is_refused(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(VosError, match="choose from masks, overlay, matte, rle"):
        output_paths(names, tmp_path)
