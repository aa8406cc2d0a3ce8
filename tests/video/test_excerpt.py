"""The part of a clip that is wanted: its frames with their own numbers, names and times, of every kind of input."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import encode_clip, numbered_picture, read_number
from fakes import Collector, ColourSegmenter, ListSource, RedTracker, square_clip, square_mask
from PIL import Image
from segmentations import streams, write_all

from vos.errors import VosError
from vos.io.colour_space import ColourSpace
from vos.io.frames import FrameSource, open_frames
from vos.io.readers.decoder import VideoDecoder
from vos.io.writers import MatteWriter, OverlayWriter
from vos.video.excerpt import Moment, excerpt
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference
from vos.video.resume import ResumeState


@pytest.fixture(params=["clip.mp4", "clip.ts", "folder", "list"])
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FrameSource]:
    """Forty frames, ten a second (a folder's twenty-four); each shows its number, read by :func:`read_number`."""
    pictures = [numbered_picture(index, 48, 64) for index in range(40)]
    path = tmp_path / request.param
    if request.param == "list":
        yield ListSource(pictures)
        return
    if request.param == "folder":
        path.mkdir()
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(path / f"{index:05d}.png")
    else:  # the clock of an MPEG transport stream does not begin at 0
        encode_clip(path, pictures, time_base=Fraction(1, 90_000), options={"g": "8", "bf": "2"})
    with open_frames(str(path)) as source:
        yield source


@pytest.mark.parametrize(
    ("start", "end", "every", "numbers"),
    [
        (5, 9, 1, [5, 6, 7, 8]),
        ("30", None, 4, [30, 34, 38]),
        (None, "6", 2, [0, 2, 4]),
        (7, 8, 5, [7]),
        (35, 99, 3, [35, 38]),
    ],
)
def test_frames_keep_their_numbers_names_and_times(
    clip: FrameSource, start: Moment | str | None, end: Moment | str | None, every: int, numbers: list[int]
) -> None:
    whole = list(clip)
    part = excerpt(clip, start, end, every)
    frames = list(part)
    assert [read_number(frame.rgb) for frame in frames] == numbers
    assert [(f.index, f.name, f.time) for f in frames] == [(n, whole[n].name, whole[n].time) for n in numbers]
    assert (part.count, part.first) == (len(numbers), numbers[0])
    assert part.fps == pytest.approx(clip.fps / every)
    assert [part.position(n) for n in numbers] == list(range(len(numbers)))
    assert [f.index for f in part.frames(1)] == numbers[1:]
    assert [f.index for f in part.frames(0, 2)] == numbers[:2]
    assert [f.index for f in part.reversed_frames(len(numbers) - 1)] == numbers[::-1]
    assert part.ends_early == (end is not None and int(end) < 40)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [("00:01.2", "00:01.5", 1.2, 1.5), (0.85, "0:0:1.30", 0.85, 1.3), ("00:00", "0:01", 0, 1), (1.201, 99.0, 1.201, 9)],
)
def test_times_count_from_the_first_frame_and_the_end_is_left_out(
    clip: FrameSource, start: Moment | str, end: Moment | str, first: float, last: float
) -> None:
    begin = next(iter(clip)).time
    wanted = [f.index for f in clip if first - 1e-4 <= f.time - begin < last - 1e-4]
    assert [f.index for f in excerpt(clip, start, end)] == wanted


def test_a_file_is_not_decoded_up_to_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [numbered_picture(index, 48, 64) for index in range(200)]
    path = encode_clip(tmp_path / "long.mp4", pictures, options={"g": "10"})
    decode, decoded = VideoDecoder.decode, []

    def counted(self: VideoDecoder) -> Iterator[object]:
        for frame in decode(self):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(VideoDecoder, "decode", counted)
    with open_frames(str(path)) as source:
        part = excerpt(source, "00:17", "00:17.5")
        decoded.clear()
        assert [f.index for f in part] == [170, 171, 172, 173, 174]
        assert len(decoded) < 30


def test_all_of_a_clip_is_the_clip_itself() -> None:
    clip = ListSource(square_clip(5))
    assert excerpt(clip) is clip
    assert excerpt(clip, 0, None, 1) is clip
    assert excerpt(clip, "00:00") is clip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "12.5"}, "start=12.5 is no frame and no time; write a frame number such as 300, or a time such as"),
        ({"end": "1:75"}, "end=1:75 is no frame"),
        ({"start": -3}, "start=-3 is no frame"),
        ({"start": "-3"}, "start=-3 is no frame"),
        ({"start": float("nan")}, "start=nan is no frame"),
        ({"start": [1]}, r"start=\[1\] is no frame"),
        ({"start": np.int64(20)}, r"start=20 is beyond the end of list, which has 20 frames"),
        ({"start": 20}, r"start=20 is beyond the end of list, which has 20 frames \(0.80 seconds\)"),
        ({"start": "00:01"}, "start=00:01 is beyond the end"),
        ({"start": 5, "end": 5}, "no frame between start=5 and end=5, which is left out itself"),
        ({"start": "00:00.5", "end": 3}, "no frame between start=00:00.5 and end=3"),
        ({"end": 0}, "no frame between start=0 and end=0"),
        ({"every": 0}, "every=0 takes no frame"),
    ],
)
def test_ranges_without_frames_are_one_line(options: dict[str, Moment | str], message: str) -> None:
    with pytest.raises(VosError, match=message) as caught:
        excerpt(ListSource(square_clip(20)), **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_live_input_may_end_but_not_begin_later() -> None:
    live = ListSource(square_clip(9), is_live=True)
    with pytest.raises(VosError, match="start=2 needs a file or a folder; list is live"):
        excerpt(live, 2)
    assert [f.index for f in excerpt(live, 0, 5, 2)] == [0, 2, 4]
    assert [f.index for f in excerpt(live, end=np.int64(2))] == [0, 1], "a frame, not seconds"  # type: ignore[arg-type]
    assert [f.index for f in excerpt(live, end="00:00.1")] == [0, 1, 2]


@pytest.mark.parametrize("index", [3, 6, 12, 20])
def test_a_reference_outside_of_the_range_is_one_line(index: int) -> None:
    part = excerpt(ListSource(square_clip(30)), 5, 20, 2)
    with pytest.raises(VosError, match=rf"frame {index} is not among the frames 5 to 19 in steps of 2 of list; choose"):
        follow_part(part, [index])


def follow_part(part: FrameSource, at: list[int], resume: ResumeState | None = None) -> Collector:
    """Follows the square through a part of its clip."""
    collector = Collector()
    pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), [collector])
    segment_video(part, [Reference(index, square_mask(index)) for index in at], pipeline, resume)
    return collector


@pytest.mark.parametrize("at", [[5], [9], [9, 15]])
def test_an_excerpt_is_followed_as_its_frames_alone_would_be(at: list[int], tmp_path: Path) -> None:
    images = square_clip(30)
    part = excerpt(ListSource(images), 5, 20, 2)
    with ResumeState(tmp_path / "resume") as resume:
        collector = follow_part(part, at, resume)
    numbers = [result.frame.index for result in collector.results]
    assert numbers == list(range(5, 20, 2))
    alone = Collector()
    references = [Reference((index - 5) // 2, square_mask(index)) for index in at]
    segment_video(ListSource(images[5:20:2]), references, VideoPipeline(ColourSegmenter(), RedTracker(), [alone]))
    assert [d[1:] for d in collector.digest()] == [d[1:] for d in alone.digest()]
    with ResumeState(tmp_path / "resume") as resume:  # all of it is there: nothing is tracked, all is written
        assert follow_part(part, at, resume).digest() == collector.digest()


def test_overlay_and_matte_lie_on_the_clips_own_time_line_with_its_sound(tmp_path: Path) -> None:
    pictures = [numbered_picture(index, 48, 64) for index in range(40)]
    path = encode_clip(tmp_path / "tone.mp4", pictures, audio_seconds=4.0)
    with open_frames(str(path)) as clip:
        part = excerpt(clip, "00:01.5", "00:02.5", 2)
        times = [frame.time for frame in part]
        write_all(OverlayWriter(tmp_path / "o.mp4", part), part)
        write_all(MatteWriter(tmp_path / "m.webm", part), part)
    for name in ("o.mp4", "m.webm"):
        with open_frames(str(tmp_path / name)) as result:
            assert np.allclose([frame.time for frame in result], times, atol=0.001)
            assert result.fps == pytest.approx(5, rel=0.01)
    with av.open(str(tmp_path / "o.mp4")) as container:
        packets = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    assert packets[0] == pytest.approx(1.5, abs=0.13)
    assert packets[-1] == pytest.approx(2.5, abs=0.13)
    assert streams(tmp_path / "o.mp4")["video"][1] == pytest.approx(1.0, abs=0.05)


def test_what_the_clip_is_goes_with_its_part() -> None:
    clip = ListSource(square_clip(20))
    clip.sample_aspect, clip.notes, clip.colour_space = Fraction(4, 3), ("turned",), ColourSpace(9, 14, 9)
    part = excerpt(clip, 3, every=2)
    names = ("path", "size", "time_base", "sample_aspect", "is_live", "notes", "colour_space", "hdr")
    assert all(getattr(part, name) == getattr(clip, name) for name in names)
    clip.damage = dataclasses.replace(clip.damage, missing=2)
    list(part)
    assert part.damage.missing == 2
