"""What every output promises: complete or not there, the same bytes for the same input."""

from __future__ import annotations

import errno
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from segmentations import segmented, write_all

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.config import FinishConfig, MatteConfig, OutputConfig
from vos.io.frames import open_frames
from vos.io.readers.base import FrameSource
from vos.io.writers import MaskWriter, MatteWriter, OverlayWriter, RleWriter, SummaryWriter, Writer
from vos.io.writers import masks as mask_writer
from vos.io.writers.choice import OUTPUTS, make_writers, output_paths

PER_OBJECT = OutputConfig(
    matte=MatteConfig(per_object=True), finish=FinishConfig(grow=2, smooth=0.1)
)  # a folder of videos
MAKERS: dict[str, Callable[[Path, FrameSource], Writer]] = {
    "masks": lambda folder, source: MaskWriter(folder / "masks"),
    "overlay": lambda folder, source: OverlayWriter(folder / "o.mp4", source),
    "webm": lambda folder, source: MatteWriter(folder / "m.webm", source),
    "mov": lambda folder, source: MatteWriter(folder / "m.mov", source),
    "rle": lambda folder, source: RleWriter(folder / "r.json"),
    **{
        name: lambda folder, source, name=name: make_writers(output_paths([name], folder), source, Clip.of(source))[0]  # type: ignore[misc]
        for name in OUTPUTS
        if name not in ("masks", "overlay", "matte", "rle") and (name != "exr" or find_spec("OpenEXR"))
    },
    "per_object": lambda folder, source: make_writers({"matte": folder / "m"}, source, Clip.of(source), PER_OBJECT)[0],
    "summary": lambda folder, source: SummaryWriter(folder / "s.json", {"video": source.path}, dict),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("error", [RuntimeError("elsewhere"), KeyboardInterrupt(), OSError("the reader's")])
def test_nothing_is_left_when_the_block_raises(kind: str, error: BaseException, make_clip: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with open_frames(str(make_clip("a.mp4", audio_seconds=2.0))) as source:
        with pytest.raises(type(error)) as caught, MAKERS[kind](out, source) as writer:
            for frame in source:
                writer.write(segmented(frame))
                if frame.index == 3:
                    raise error
        assert caught.value is error
        assert list(out.rglob("*")) == []
        write_all(MAKERS[kind](out, source), source)
        good = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
        with pytest.raises(type(error)), MAKERS[kind](out, source) as writer:
            writer.write(segmented(next(iter(source))))
            raise error
    assert good
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == good


@pytest.mark.parametrize("kind", MAKERS)
def test_same_input_same_bytes(kind: str, make_clip: Any, tmp_path: Path) -> None:
    contents = []
    with open_frames(str(make_clip("a.mp4", audio_seconds=2.0))) as source:
        for folder in ("first", "second"):
            write_all(MAKERS[kind](tmp_path / folder, source), source)
            files = sorted(p for p in (tmp_path / folder).rglob("*") if p.is_file())
            contents.append([(p.name, p.read_bytes()) for p in files])
    assert contents[0] == contents[1]


def test_no_frames_and_unknown_suffix_are_one_line(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=1))) as source:
        with pytest.raises(VosError, match="no frames"):
            write_all(RleWriter(tmp_path / "r.json"), source, 5)
        for bad in (lambda: OverlayWriter(tmp_path / "o.avi", source), lambda: MatteWriter(tmp_path / "m.mp4", source)):
            with pytest.raises(VosError, match="must end in"):
                bad()
    assert not (tmp_path / "r.json").exists()


def test_full_disk_is_one_line(make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mask_writer, "write_label_map", full)
    with open_frames(str(make_clip("a.mp4", count=2))) as source, pytest.raises(VosError, match="disk is full"):
        write_all(MaskWriter(tmp_path / "masks"), source)
    assert not (tmp_path / "masks").exists()
