"""The source's sound, carried over to a video that is being written. An extra: it never costs the pictures."""

from __future__ import annotations

import errno
import io
import logging
import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import av

from vos.io.readers.decoder import AV_ERRORS, local, reason

if TYPE_CHECKING:
    from typing_extensions import Self

SLACK = 0.1  # seconds of sound kept before the first picture: packets are not cut
TRIAL = 50  # packets that are tried before the first picture is written
# "+": besides the default flags, one of which lets the muxer put ADTS packets (of MPEG-TS) into its own form.
MUXER = {"fflags": "+bitexact"}  # no random ids, so that the same input gives the same bytes
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
DEFAULT_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}  # by channels

CODECS = {"mov": "pcm_s16le", "webm": "libopus"}  # by container, where sound cannot be copied; AAC in others

Packets = Iterator[tuple[float, Any]]  # (seconds, av.Packet of the output's track)

log = logging.getLogger(__name__)


class AudioCopy:
    """Copies the best audio stream of a file, packet by packet; transcodes where the container does not take it.

    What cannot be carried over is told in a warning.

    Args:
        path: the source; one without sound is fine.
        output: PyAV output container, before its first packet.
        start: time in seconds before which sound is left out.
    """

    def __init__(self, path: str, output: Any, start: float = -math.inf) -> None:
        self.path = path
        self._output = output
        self._start = start
        self._input: Any = None
        self._packets: Packets = iter(())
        self._pending: tuple[float, Any] | None = None
        try:
            self._input = av.open(local(path))
            if (stream := self._input.streams.best("audio")) is not None:
                container = output.format.name
                anew = partial(transcoded, codec=CODECS.get(container, "aac"))
                ways = (copied, anew, partial(anew, layout="stereo"))
                way = next((way for way in ways if is_possible(way, path, container)), None)
                if way is None:
                    log.warning("the sound of %s (%s) cannot be carried over: silent", path, stream.codec_context.name)
                    return
                self._packets = way(stream, output)
                self._pending = next(self._packets, None)  # adds the track before the output's header is written
        except AV_ERRORS as error:
            self._give_up(error)

    def feed(self, until: float) -> None:
        """Muxes the sound up to ``until`` seconds.

        Raises:
            OSError: the disk is full or broken.
        """
        while self._pending is not None and self._pending[0] <= until:
            time, packet = self._pending
            try:
                if time >= self._start - SLACK:
                    self._output.mux(packet)
                self._pending = next(self._packets, None)
            except AV_ERRORS as error:
                if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                    raise
                self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        log.warning("the sound of %s is incomplete (%s)", self.path, reason(error))
        self._pending = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._input is not None:
            self._input.close()


def is_possible(way: Callable[[Any, Any], Packets], path: str, format: str) -> bool:
    """Tries the first packets in memory: the muxers' lists of codecs promise too much."""
    try:
        with av.open(local(path)) as source, av.open(io.BytesIO(), "w", format=format, options=MUXER) as trial:
            for _, packet in islice(way(source.streams.best("audio"), trial), TRIAL):
                trial.mux(packet)
    except Exception:  # whatever it is, it must not cost the pictures
        return False
    return True


def copied(stream: Any, output: Any) -> Packets:
    """Gives the packets of a stream as they are."""
    track = output.add_stream_from_template(stream)
    for packet in stream.container.demux(stream):
        if packet.dts is not None:
            packet.stream = track
            yield float(packet.dts * stream.time_base), packet


def transcoded(stream: Any, output: Any, codec: str, layout: str | None = None) -> Packets:
    """Gives a stream's sound in another codec, in its own channel layout unless another is given."""
    source = stream.codec_context
    own = source.layout.name
    if own.endswith("channels"):  # old formats count their channels and do not name them
        own = DEFAULT_LAYOUTS.get(source.channels, "stereo")
    track = output.add_stream(codec, rate=rate_for(codec, source.sample_rate))
    encoder = track.codec_context
    encoder.layout = layout or own
    resampler = av.AudioResampler(format=encoder.format, layout=encoder.layout, rate=encoder.sample_rate)
    time = 0.0
    for packet in stream.container.demux(stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:  # a damaged packet: silence
            continue
        for frame in frames:
            time = time if frame.time is None else frame.time
            for piece in resampler.resample(frame):
                yield from ((time, coded) for coded in track.encode(piece))
    for rest in [*resampler.resample(None), None]:
        yield from ((time, coded) for coded in track.encode(rest))


def rate_for(codec: str, rate: int) -> int:
    """Chooses a rate that an encoder has: the given one, or 48 kHz."""
    rates = av.codec.Codec(codec, "w").audio_rates
    return rate if rates is None or rate in rates else 48_000
