"""The key frames of video files alone, which decode without the frames between them: a look through many videos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vos.io.readers.decoder import AV_ERRORS, VideoDecoder, local
from vos.io.readers.picture import UprightRgb
from vos.structures import Frame

SOON = 0.5  # seconds within which a further key frame shows nothing new


def key_frames(path: Path, first: float | None = None) -> Iterator[Frame]:
    """Yields key frames, at least ``SOON`` apart; ``Frame.index`` counts them, ``Frame.time`` is in seconds.

    Args:
        path: of the video.
        first: seconds from which on they are read; what comes earlier is not decoded.

    Raises:
        VosError: not readable, no video, or a frame that cannot be converted.
    """
    with VideoDecoder(local(path), str(path)) as decoder:
        decoder.codec.skip_frame = "NONKEY"
        base = decoder.stream.time_base
        if first is not None and base is not None:
            with suppress(*AV_ERRORS):  # what cannot be sought is read from the start
                decoder.container.seek(max(0, round(first / base)), stream=decoder.stream)
        upright, count, latest = UprightRgb(str(path)), 0, float("-inf")
        for decoded in decoder.decode():
            time = count / decoder.rate if decoded.pts is None or base is None else float(decoded.pts * base)
            if time < latest + SOON or (first is not None and time < first - 1e-6):
                continue
            yield Frame(count, f"{count:05d}", time, upright(decoded)[0])
            count, latest = count + 1, time
