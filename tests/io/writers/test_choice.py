"""Names of outputs, their files and their writers."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from fakes import ListSource, square_clip

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.writers.choice import OUTPUTS, make_writers, output_paths


def test_every_output_has_a_writer_of_its_own(tmp_path: Path) -> None:
    names = [name for name in OUTPUTS if name != "exr" or find_spec("OpenEXR")]
    paths = output_paths(names, tmp_path)
    assert [path.name for path in paths.values()][:5] == [
        "masks",
        "overlay.mp4",
        "matte.mov",
        "composite.mp4",
        "rle.json",
    ]
    source = ListSource(square_clip(1))
    kinds = [type(writer).__name__ for writer in make_writers(paths, source, Clip.of(source))]
    assert kinds[:5] == ["MaskWriter", "OverlayWriter", "MatteWriter", "CompositeWriter", "RleWriter"]
    assert len(set(kinds)) == len(names) - 1  # gif and webp have one
    assert len({path.name for path in paths.values()}) == len(names)


@pytest.mark.parametrize("names", [[], ["mask"], ["masks", "alpha"]])
def test_another_name_is_refused(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(VosError, match="choose from masks, overlay, matte, composite, rle"):
        output_paths(names, tmp_path)
