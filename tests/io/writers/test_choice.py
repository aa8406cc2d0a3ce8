"""Names of outputs, their files and their writers."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from fakes import ListSource, square_clip, square_mask

import vos.io.forms.found
from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.config import FinishConfig, OutputConfig
from vos.io.writers.choice import OUTPUTS, make_writers, output_paths
from vos.structures import Frame, Presence, SegmentedFrame


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


@pytest.mark.parametrize("config", [OutputConfig(), OutputConfig(finish=FinishConfig(grow=1))])
def test_the_masks_of_a_frame_are_encoded_once_for_all_forms(
    config: OutputConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, calls = vos.io.forms.found.encode_masks, []
    monkeypatch.setattr(vos.io.forms.found, "encode_masks", lambda masks: calls.append(1) or encode(masks))
    images = square_clip(3)
    source = ListSource(images)
    paths = output_paths(["coco", "ytvis", "yolo", "mots", "mot", "csv", "cvat", "cvat_images"], tmp_path, config)
    writers = make_writers(paths, source, Clip.of(source), config)
    for index, image in enumerate(images):
        frame = Frame(index, f"{index:05d}", index / 25, image)
        segmented = SegmentedFrame(frame, square_mask(index), np.ones(1, np.float32), (Presence.PRESENT,))
        for writer in writers:
            writer.write(segmented)
    assert len(calls) == len(images)
