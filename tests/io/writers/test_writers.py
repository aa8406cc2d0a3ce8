"""Outputs: complete, readable by others, at the source's own times, and never half-written."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.masks.label_map import read_label_map
from vos.io.readers.base import FrameSource
from vos.io.writers import MaskWriter, MatteWriter, OverlayWriter, RleWriter, Writer
from vos.io.writers import masks as mask_writer
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

IDS = (1, 3)


def segmented(frame: Frame) -> SegmentedFrame:
    """A disk that moves (object 1) and a resting one (object 3) that is gone in every third frame; soft alpha."""
    height, width = frame.size
    y, x = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.uint8)
    gone = frame.index % 3 == 2
    if not gone:
        labels[(y - height * 0.7) ** 2 + (x - width * 0.7) ** 2 < (height / 5) ** 2] = 3
    labels[(y - height * 0.4) ** 2 + (x - (5 + 3 * frame.index) % width) ** 2 < (height / 4) ** 2] = 1
    alpha = np.stack([cv2.GaussianBlur((labels == i).astype(np.uint8) * 255, (0, 0), 1.5) for i in IDS])
    presence = (Presence.PRESENT, Presence.ABSENT if gone else Presence.UNCERTAIN)
    return SegmentedFrame(
        frame, LabelMap(labels, IDS), np.array([0.9, 0.0 if gone else 0.5], np.float32), presence, alpha
    )


def run(writer: Writer, source: FrameSource, start: int = 0, stop: int | None = None) -> None:
    with writer:
        for frame in source.frames(start, stop):
            writer.write(segmented(frame))


def streams(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        return {s.type: (s.codec_context.name, float((s.duration or 0) * s.time_base)) for s in container.streams}


def test_masks_are_label_maps_named_after_frames(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=4))) as source:
        run(MaskWriter(tmp_path / "masks"), source)
        for frame in source:
            assert np.array_equal(
                read_label_map(tmp_path / "masks" / f"{frame.name}.png").labels, segmented(frame).label_map.labels
            )
        run(MaskWriter(tmp_path / "masks"), source, 0, 2)  # a shorter second run leaves nothing of the first
    assert sorted(p.name for p in (tmp_path / "masks").iterdir()) == ["00000.png", "00001.png"]


def test_masks_do_not_replace_a_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(VosError, match=r"notes\.txt"):
        MaskWriter(tmp_path)
    with pytest.raises(VosError, match="is a file"):
        MaskWriter(tmp_path / "notes.txt")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_overlay_keeps_variable_times(suffix: str, make_clip: Any, tmp_path: Path) -> None:
    times = [Fraction(n, 600) for n in (0, 20, 41, 61, 200, 201, 380, 400)]
    with open_frames(str(make_clip("vfr.mp4", count=8, times=times))) as source:
        run(OverlayWriter(tmp_path / f"o{suffix}", source), source)
    with open_frames(str(tmp_path / f"o{suffix}")) as result:
        assert np.allclose([f.time for f in result], [float(t) for t in times], atol=0.0006 if suffix == ".mkv" else 0)
        assert result.size == (48, 64)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("odd.mkv", {"codec": "ffv1", "size": (47, 65)}),
        ("small.gif", {"codec": "gif", "pixel_format": "rgb8", "size": (31, 45)}),
        ("one.mp4", {"count": 1}),
        ("deep.mkv", {"codec": "ffv1", "pixel_format": "yuv420p10le"}),
    ],
)
def test_overlay_of_odd_clips(name: str, options: dict[str, Any], make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip(name, **{"count": 6, **options}))) as source:
        run(OverlayWriter(tmp_path / "o.mp4", source), source)
        originals = list(source)
    assert streams(tmp_path / "o.mp4")["video"][0] == "h264"
    with open_frames(str(tmp_path / "o.mp4")) as result:
        assert result.size == tuple(n + n % 2 for n in source.size)
        frames = list(result)
        assert len(frames) == len(originals)
        outside = segmented(originals[0]).label_map.labels == 0
        outside = cv2.erode(outside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        difference = frames[0].rgb[: source.size[0], : source.size[1]].astype(int) - originals[0].rgb
        if outside.any():
            # The colours are the source's; single pixels of a dithered GIF do not survive 4:2:0.
            assert np.abs(difference[outside].mean(axis=0)).max() < 2.5
            assert np.abs(difference[outside]).mean() < (16 if name.endswith(".gif") else 5)


def test_overlay_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        Image.new("RGB", (64, 48), (40 * i, 90, 20)).save(tmp_path / "in" / f"{i}.png")
    with open_frames(str(tmp_path / "in")) as source:
        run(OverlayWriter(tmp_path / "o.mp4", source), source)
    with open_frames(str(tmp_path / "o.mp4")) as result:
        assert [f.time for f in result] == pytest.approx([0, 1 / 24, 2 / 24], abs=1e-4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("audio_codec", "name"), [("aac", "a.mp4"), ("pcm_s16le", "a.mov"), ("libopus", "a.mkv")])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_overlay_keeps_the_sound(audio_codec: str, name: str, suffix: str, make_clip: Any, tmp_path: Path) -> None:
    clip = make_clip(name, count=20, audio_seconds=2.0, audio_codec=audio_codec)
    with open_frames(str(clip)) as source:
        run(OverlayWriter(tmp_path / f"o{suffix}", source), source)
    codec, seconds = streams(tmp_path / f"o{suffix}")["audio"]
    assert seconds == pytest.approx(2.0, abs=0.06)
    if audio_codec == "aac":
        assert codec == "aac"
        with av.open(str(clip)) as a, av.open(str(tmp_path / f"o{suffix}")) as b:  # copied, not re-encoded
            assert [bytes(p) for p in a.demux(audio=0)] == [bytes(p) for p in b.demux(audio=0)]
    with av.open(str(tmp_path / f"o{suffix}")) as container:
        wave = np.concatenate([f.to_ndarray().ravel().astype(np.float64) for f in container.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(wave[: len(wave) // 2]))
    assert spectrum.argmax() / (len(wave) // 2) * 48_000 == pytest.approx(440, abs=5)


def test_overlay_of_a_part_has_the_sound_of_that_part(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=40, audio_seconds=4.0))) as source:
        run(OverlayWriter(tmp_path / "o.mp4", source), source, 10, 20)
    with av.open(str(tmp_path / "o.mp4")) as container:
        sound = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    with open_frames(str(tmp_path / "o.mp4")) as result:
        pictures = [f.time for f in result]
    assert pictures == pytest.approx([1 + i / 10 for i in range(10)], abs=1e-3)
    assert 0.85 < sound[0] < 1.05
    assert 1.9 < sound[-1] < 2.1


def decode_matte(path: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """RGBA frames; VP9's alpha lies in a side block that only libvpx reads."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder: Any = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        for packet in container.demux(stream):
            for frame in decoder.decode(packet if packet.size else None):
                yield frame.to_ndarray(format="rgba")


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
@pytest.mark.parametrize("size", [(96, 128), (75, 101)])
def test_matte_round_trip(suffix: str, size: tuple[int, int], make_clip: Any, tmp_path: Path) -> None:
    times = [Fraction(n, 600) for n in (0, 60, 90, 240, 300)]
    with open_frames(str(make_clip("a.mkv", count=5, size=size, codec="ffv1", times=times))) as source:
        run(MatteWriter(tmp_path / f"m{suffix}", source), source)
        expected = [segmented(f) for f in source]
    result = list(decode_matte(tmp_path / f"m{suffix}"))
    assert len(result) == 5
    for rgba, frame in zip(result, expected):
        assert rgba.shape[:2] == size
        assert frame.alpha is not None
        union = frame.alpha.astype(int).sum(axis=0).clip(0, 255)
        difference = np.abs(rgba[..., 3] - union)
        assert difference.mean() < 1
        assert difference.max() < 30
        # Straight: the frame's colours everywhere, under alpha 0 too.
        assert np.abs(rgba[..., :3].astype(int) - frame.frame.rgb).mean() < 5
    with av.open(str(tmp_path / f"m{suffix}")) as container:
        read = [f.time for f in container.decode(video=0)]
    assert np.allclose(read, [float(t) for t in times], atol=0.0011)


def test_matte_per_object_and_from_hard_masks(make_clip: Any, tmp_path: Path) -> None:
    with (
        open_frames(str(make_clip("a.mp4", count=3))) as source,
        MatteWriter(tmp_path / "m.mov", source, per_object=True) as writer,
    ):
        for frame in source:
            full = segmented(frame)
            writer.write(SegmentedFrame(frame, full.label_map, full.predicted_iou, full.presence))
    assert sorted(p.name for p in tmp_path.glob("m*")) == ["m_1.mov", "m_3.mov"]
    for object_id in IDS:
        for rgba, frame in zip(decode_matte(tmp_path / f"m_{object_id}.mov"), source):
            truth = segmented(frame).label_map.labels == object_id
            assert ((rgba[..., 3] > 127) == truth).mean() > 0.995


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with numpy 2
def test_rle_is_what_coco_tools_read(make_clip: Any, tmp_path: Path) -> None:
    from pycocotools import mask as coco_mask

    with open_frames(str(make_clip("a.mp4", count=4))) as source:
        run(RleWriter(tmp_path / "r.json"), source)
        entries = json.loads((tmp_path / "r.json").read_text())
        assert [(e["image_id"], e["category_id"]) for e in entries] == [(f, o) for f in range(4) for o in IDS]
        for entry in entries:
            frame = segmented(source.frame(entry["image_id"]))
            truth = frame.label_map.labels == entry["category_id"]
            assert np.array_equal(coco_mask.decode(entry["segmentation"]) > 0, truth)
            assert entry["area"] == truth.sum()
            k = IDS.index(entry["category_id"])
            assert entry["score"] == pytest.approx(frame.predicted_iou[k])
            assert entry["presence"] == frame.presence[k]
            if truth.any():
                ys, xs = np.nonzero(truth)
                width, height = xs.max() - xs.min() + 1, ys.max() - ys.min() + 1
                assert entry["bbox"] == [xs.min(), ys.min(), width, height]


MAKERS: dict[str, Callable[[Path, FrameSource], Writer]] = {
    "masks": lambda folder, source: MaskWriter(folder / "masks"),
    "overlay": lambda folder, source: OverlayWriter(folder / "o.mp4", source),
    "webm": lambda folder, source: MatteWriter(folder / "m.webm", source),
    "mov": lambda folder, source: MatteWriter(folder / "m.mov", source, per_object=True),
    "rle": lambda folder, source: RleWriter(folder / "r.json"),
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
        assert list(out.iterdir()) == []
        run(MAKERS[kind](out, source), source)
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
            run(MAKERS[kind](tmp_path / folder, source), source)
            files = sorted(p for p in (tmp_path / folder).rglob("*") if p.is_file())
            contents.append([(p.name, p.read_bytes()) for p in files])
    assert contents[0] == contents[1]


def test_no_frames_and_unknown_suffix_are_one_line(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=1))) as source:
        with pytest.raises(VosError, match="no frames"):
            run(RleWriter(tmp_path / "r.json"), source, 5)
        for bad in (lambda: OverlayWriter(tmp_path / "o.avi", source), lambda: MatteWriter(tmp_path / "m.mp4", source)):
            with pytest.raises(VosError, match="must end in"):
                bad()
    assert not (tmp_path / "r.json").exists()


def test_full_disk_is_one_line(make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mask_writer, "write_label_map", full)
    with open_frames(str(make_clip("a.mp4", count=2))) as source, pytest.raises(VosError, match="disk is full"):
        run(MaskWriter(tmp_path / "masks"), source)
    assert not (tmp_path / "masks").exists()
