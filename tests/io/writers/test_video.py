"""Overlay and matte: the source's pictures, colours and times."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from segmentations import segmented, streams, write_all

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.colour_space import HDR, ColourSpace
from vos.io.config import MatteConfig, OutputConfig
from vos.io.frames import open_frames
from vos.io.hdr import from_sdr
from vos.io.render import union_alpha
from vos.io.writers import CompositeWriter, MatteWriter, OverlayWriter
from vos.io.writers.choice import make_writers, output_paths
from vos.matting.foreground import decontaminated
from vos.structures import Frame, SegmentedFrame


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_overlay_keeps_variable_times(suffix: str, make_clip: Any, tmp_path: Path) -> None:
    times = [Fraction(n, 600) for n in (0, 20, 41, 61, 200, 201, 380, 400)]
    with open_frames(str(make_clip("vfr.mp4", count=8, times=times))) as source:
        write_all(OverlayWriter(tmp_path / f"o{suffix}", source), source)
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
        write_all(OverlayWriter(tmp_path / "o.mp4", source), source)
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
        write_all(OverlayWriter(tmp_path / "o.mp4", source), source)
    with open_frames(str(tmp_path / "o.mp4")) as result:
        assert [f.time for f in result] == pytest.approx([0, 1 / 24, 2 / 24], abs=1e-4)


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
        write_all(MatteWriter(tmp_path / f"m{suffix}", source, decontaminate=False), source)
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


def test_soft_edges_have_the_objects_colours_by_default(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mkv", count=2, codec="ffv1"))) as source:
        write_all(MatteWriter(tmp_path / "m.mov", source), source)
        expected = [segmented(f) for f in source]
    for rgba, frame in zip(decode_matte(tmp_path / "m.mov"), expected):
        assert frame.alpha is not None
        union = frame.alpha.sum(axis=0, dtype=int).clip(0, 255).astype(np.uint8)
        colours = decontaminated(frame.frame.rgb, union)
        assert (colours != frame.frame.rgb).any()
        assert np.abs(rgba[..., :3].astype(int) - colours).mean() < 5


def test_matte_from_hard_masks(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=3))) as source, MatteWriter(tmp_path / "m.mov", source) as writer:
        for frame in source:
            full = segmented(frame)
            writer.write(SegmentedFrame(frame, full.label_map, full.predicted_iou, full.presence))
    for rgba, frame in zip(decode_matte(tmp_path / "m.mov"), source):
        assert ((rgba[..., 3] > 127) == (segmented(frame).label_map.labels > 0)).mean() > 0.995


@pytest.mark.parametrize(("transfer", "number"), [("pq", 16), ("hlg", 18)])
def test_hdr_is_kept_with_its_tags(transfer: str, number: int, make_clip: Any, tmp_path: Path) -> None:
    def hdr(frame: Frame) -> SegmentedFrame:
        codes = from_sdr(frame.rgb, transfer) // 2 + 12_345
        return dataclasses.replace(segmented(frame), frame=dataclasses.replace(frame, hdr=codes))

    with open_frames(str(make_clip("a.mp4", count=3))) as source:
        source.hdr, source.colour_space = transfer, HDR[transfer]
        with OverlayWriter(tmp_path / "o.mp4", source) as o, MatteWriter(tmp_path / "m.mov", source, False) as m:
            for frame in source:
                o.write(hdr(frame))
                m.write(hdr(frame))
        expected = [hdr(frame) for frame in source]
        with pytest.raises(VosError, match=r"m\.webm holds no HDR; .* matte\.format=mov"):
            MatteWriter(tmp_path / "m.webm", source)
    for name in ("o.mp4", "m.mov"):
        with av.open(str(tmp_path / name)) as container:
            packet = next(container.demux(video=0))
            coder = container.streams.video[0].codec_context
            assert (coder.color_primaries, coder.color_trc, coder.colorspace, coder.color_range) == (9, number, 9, 1)
            assert coder.pix_fmt in ("yuv420p10le", "yuva444p10le", "yuva444p12le")
            if name == "m.mov":  # the header of each ProRes frame
                assert tuple(bytes(packet)[22:25]) == (9, number, 9)
            for frame, whole in zip(container.decode(video=0), expected):
                codes = frame.reformat(format="rgb48le", src_colorspace=9, dst_color_range=2).to_ndarray().astype(int)
                assert whole.frame.hdr is not None
                outside = cv2.erode((whole.label_map.labels == 0).astype(np.uint8), np.ones((9, 9))) > 0
                if outside.any():
                    assert np.abs(codes - whole.frame.hdr)[outside].mean() < 65536 * 0.015


SPACES = {  # name -> colour space, and what the header of a ProRes frame calls it
    "HD": (ColourSpace(1, 1, 1), (1, 1, 1)),
    "PAL": (ColourSpace(5, 6, 5), (5, 1, 6)),
    "BT.2020": (ColourSpace(9, 14, 9), (9, 1, 9)),
    "a matrix alone": (ColourSpace(2, 2, 6), (2, 2, 6)),
    "unspecified": (ColourSpace(2, 2, 2), (2, 2, 2)),
}


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("output", ["m.mov", "m.webm", "o.mp4"])
def test_colours_and_their_names_are_the_sources(name: str, output: str, make_clip: Any, tmp_path: Path) -> None:
    space, header = SPACES[name]
    with open_frames(str(make_clip("a.mp4", count=2, options={"crf": "5"}))) as source:
        source.colour_space = space
        kind = OverlayWriter if output.startswith("o") else MatteWriter
        write_all(kind(tmp_path / output, source), source)
        originals = list(source)
    with av.open(str(tmp_path / output)) as container:
        coder = container.streams.video[0].codec_context
        told = (coder.color_primaries, coder.color_trc, coder.colorspace)
        if output != "m.webm":  # VP9 itself names a matrix only, and not by its number
            assert told == (space.primaries, space.transfer, space.matrix)
        assert coder.color_range == 1 or told == (2, 2, 2)  # x264 then leaves out all of it
        for packet in container.demux(video=0):
            assert output != "m.mov" or not packet.size or tuple(bytes(packet)[22:25]) == header
    with open_frames(str(tmp_path / output)) as result:
        assert result.colour_space.matrix in (space.matrix, *header)
        frames = list(decode_matte(tmp_path / output)) if output == "m.webm" else [f.rgb for f in result]
    if output == "o.mp4":
        away = cv2.erode((segmented(originals[0]).label_map.labels == 0).astype(np.uint8), np.ones((9, 9))) > 0
        assert np.abs(frames[0].astype(int) - originals[0].rgb)[away].mean() < 3


def test_every_object_has_a_matte_of_its_own(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=4, audio_seconds=0.4))) as source:
        clip, config = Clip.of(source, {3: 2003}), OutputConfig(matte=MatteConfig(per_object=True))
        paths = output_paths(["matte"], tmp_path, config)
        assert paths == {"matte": tmp_path / "matte"}
        write_all(make_writers(paths, source, clip, config)[0], source)
        originals = [segmented(frame) for frame in source]
    assert sorted(path.name for path in (tmp_path / "matte").iterdir()) == ["1.mov", "2003.mov"]
    for k, name in enumerate(("1.mov", "2003.mov")):
        assert set(streams(tmp_path / "matte" / name)) == {"video", "audio"}
        for rgba, whole in zip(decode_matte(tmp_path / "matte" / name), originals, strict=True):
            assert whole.alpha is not None
            assert np.abs(rgba[..., 3].astype(int) - whole.alpha[k]).max() <= 1


def test_what_is_opaque_stays_so(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=1))) as source, MatteWriter(tmp_path / "m.mov", source) as writer:
        full = segmented(next(iter(source)))
        writer.write(dataclasses.replace(full, alpha=np.where(full.alpha == 0, 0, 255).astype(np.uint8)))
    with av.open(str(tmp_path / "m.mov")) as container:
        plane: Any = next(container.decode(video=0)).planes[3]
    alpha = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width]
    assert set(np.unique(alpha)) == {0, 4095}


BACKGROUNDS = {"white": (255, 255, 255), "#00b140": (0, 177, 64), "green.png": (10, 200, 30)}


@pytest.mark.parametrize("background", [*BACKGROUNDS, "blur"])
def test_composites_blend_with_the_background(
    background: str, make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (90, 40), BACKGROUNDS["green.png"]).save("green.png")
    with open_frames(str(make_clip("a.mp4", count=3, size=(96, 128), audio_seconds=0.3))) as source:
        write_all(CompositeWriter(tmp_path / "c.mp4", source, background), source)
        originals = [segmented(frame) for frame in source]
    assert set(streams(tmp_path / "c.mp4")) == {"video", "audio"}
    with open_frames("c.mp4") as result:
        for frame, whole in zip(result, originals, strict=True):
            share = union_alpha(whole)[..., None] / 255
            if background == "blur":
                kept = cv2.erode((share[..., 0] == 1).astype(np.uint8), np.ones((7, 7))) > 0
                assert np.abs(frame.rgb.astype(int) - whole.frame.rgb)[kept].mean() < 4
                continue
            expected = whole.frame.rgb * share + np.array(BACKGROUNDS[background]) * (1 - share)
            assert np.abs(frame.rgb - expected).mean() < 4
            assert np.abs(frame.rgb[:8, -8:].astype(int) - BACKGROUNDS[background]).max() < 4


def test_composites_in_hdr(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=1))) as source:
        source.hdr, source.colour_space = "pq", HDR["pq"]
        with CompositeWriter(tmp_path / "c.mp4", source, "#808080") as writer:
            whole = segmented(next(iter(source)))
            codes = np.full((*whole.frame.size, 3), 50_000, np.uint16)
            writer.write(dataclasses.replace(whole, frame=dataclasses.replace(whole.frame, hdr=codes)))
    with av.open(str(tmp_path / "c.mp4")) as container:
        frame = next(container.decode(video=0))
        shown = frame.reformat(format="rgb48le", src_colorspace=9, dst_color_range=2).to_ndarray().astype(int)
    alpha, gray = union_alpha(whole), from_sdr(np.full((1, 1, 3), 128, np.uint8), "pq").astype(int)
    for inside, value in ((alpha == 255, 50_000), (alpha == 0, gray[0, 0])):
        assert np.abs(shown - value)[cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0].mean() < 65536 * 0.01
