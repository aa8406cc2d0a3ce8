"""The source's sound beside the pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from segmentations import streams, write_all

from vos.io.frames import open_frames
from vos.io.writers import MatteWriter, OverlayWriter, audio


def hertz(path: Path) -> float:
    """The loudest frequency in the first half of a file's sound."""
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        pieces = [f.to_ndarray().astype(np.float64) for f in container.decode(audio=0)]
    wave = np.concatenate([p.mean(axis=0) for p in pieces])
    half = wave[: len(wave) // 2] - wave.mean()
    return float(np.abs(np.fft.rfft(half)).argmax() / len(half) * rate)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("audio_codec", "name"), [("aac", "a.mp4"), ("pcm_s16le", "a.mov"), ("libopus", "a.mkv")])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_overlay_keeps_the_sound(audio_codec: str, name: str, suffix: str, make_clip: Any, tmp_path: Path) -> None:
    clip = make_clip(name, count=20, audio_seconds=2.0, audio_codec=audio_codec)
    with open_frames(str(clip)) as source:
        write_all(OverlayWriter(tmp_path / f"o{suffix}", source), source)
    codec, seconds = streams(tmp_path / f"o{suffix}")["audio"]
    assert seconds == pytest.approx(2.0, abs=0.06)
    if audio_codec == "aac":
        assert codec == "aac"
        with av.open(str(clip)) as a, av.open(str(tmp_path / f"o{suffix}")) as b:  # copied, not re-encoded
            assert [bytes(p) for p in a.demux(audio=0)] == [bytes(p) for p in b.demux(audio=0)]
    assert hertz(tmp_path / f"o{suffix}") == pytest.approx(440, abs=5)


@pytest.mark.parametrize(("audio_codec", "name"), [("aac", "a.mp4"), ("libopus", "a.mkv"), ("flac", "a.mkv")])
@pytest.mark.parametrize(("suffix", "kept", "other"), [(".mov", "aac", "pcm_s16le"), (".webm", "opus", "opus")])
def test_mattes_have_the_sound_too(
    audio_codec: str, name: str, suffix: str, kept: str, other: str, make_clip: Any, tmp_path: Path
) -> None:
    with open_frames(str(make_clip(name, count=20, audio_seconds=2.0, audio_codec=audio_codec))) as source:
        write_all(MatteWriter(tmp_path / f"m{suffix}", source), source)
    found, seconds = streams(tmp_path / f"m{suffix}")["audio"]
    assert found.removeprefix("lib") == (kept if kept in audio_codec else other)
    if suffix == ".mov":
        assert seconds == pytest.approx(2.0, abs=0.06)
    assert hertz(tmp_path / f"m{suffix}") == pytest.approx(440, abs=5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adts.ts", {"audio_codec": "aac", "time_base": Fraction(1, 90_000)}),  # its packets have another form
        ("wma.wmv", {"audio_codec": "wmav2", "codec": "wmv2"}),  # these three do not name their channels
        ("u8.avi", {"audio_codec": "pcm_u8", "time_base": Fraction(1, 10)}),
        ("adpcm.avi", {"audio_codec": "adpcm_ms", "time_base": Fraction(1, 10)}),
    ],
)
def test_sound_that_cannot_be_copied_as_it_is(
    name: str, options: dict[str, Any], make_clip: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip(name, count=20, audio_seconds=2.0, **options)
    with open_frames(str(clip)) as source:
        write_all(OverlayWriter(tmp_path / "o.mp4", source), source)
    with open_frames(str(tmp_path / "o.mp4")) as result:
        assert len(list(result)) == 20
    codec, seconds = streams(tmp_path / "o.mp4")["audio"]
    assert codec == "aac"
    assert seconds == pytest.approx(2.0, abs=0.15)
    assert hertz(tmp_path / "o.mp4") == pytest.approx(440, abs=5)
    assert not caplog.records


@pytest.mark.parametrize("when", ["before the first picture", "in the middle"])
def test_sound_that_fails_costs_the_sound_alone(
    when: str, make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = audio.copied

    def broken(stream: Any, output: Any) -> audio.Packets:
        for count, item in enumerate(whole(stream, output)):
            if count == audio.TRIAL + 3:
                raise av.error.InvalidDataError(1, "broken")
            yield item

    monkeypatch.setattr(audio, "copied", broken)
    if when.startswith("before"):
        monkeypatch.setattr(audio, "is_possible", lambda *about: False)
    with open_frames(str(make_clip("a.mp4", audio_seconds=2.0))) as source:
        write_all(OverlayWriter(tmp_path / "o.mp4", source), source)
    with open_frames(str(tmp_path / "o.mp4")) as result:
        assert len(list(result)) == 20
    assert ("audio" in streams(tmp_path / "o.mp4")) == (when == "in the middle")
    assert ["the sound of" in r.getMessage() for r in caplog.records] == [True]


def test_overlay_of_a_part_has_the_sound_of_that_part(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=40, audio_seconds=4.0))) as source:
        write_all(OverlayWriter(tmp_path / "o.mp4", source), source, 10, 20)
    with av.open(str(tmp_path / "o.mp4")) as container:
        sound = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    with open_frames(str(tmp_path / "o.mp4")) as result:
        pictures = [f.time for f in result]
    assert pictures == pytest.approx([1 + i / 10 for i in range(10)], abs=1e-3)
    assert 0.85 < sound[0] < 1.05
    assert 1.9 < sound[-1] < 2.1
