"""The source's sound beside the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from segmentations import streams, write_all

from vos.io.frames import open_frames
from vos.io.writers import OverlayWriter


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
    with av.open(str(tmp_path / f"o{suffix}")) as container:
        wave = np.concatenate([f.to_ndarray().ravel().astype(np.float64) for f in container.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(wave[: len(wave) // 2]))
    assert spectrum.argmax() / (len(wave) // 2) * 48_000 == pytest.approx(440, abs=5)


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
