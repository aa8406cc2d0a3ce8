"""The source's sound, carried over to a video that is being written."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import av

from vos.io.readers.decoder import AV_ERRORS, reason

if TYPE_CHECKING:
    from typing_extensions import Self

SLACK = 0.1  # seconds of sound kept before the first picture: packets are not cut

log = logging.getLogger(__name__)


class AudioCopy:
    """Copies the best audio stream of a file, packet by packet; transcodes to AAC where the container needs it.

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
        self._pending: tuple[float, Any] | None = None
        self._packets: Iterator[tuple[float, Any]] = iter(())
        try:
            self._input = av.open(path)
            stream: Any = self._input.streams.best("audio")
            if stream is not None:
                self._packets = self._copied(stream) if self._can_copy(stream) else self._transcoded(stream)
        except AV_ERRORS as error:
            self._give_up(error)

    def _can_copy(self, stream: Any) -> bool:
        """Adds the output's audio track: the source's own where the container takes it, else AAC."""
        if _takes(self._output.format.name, stream):
            self._track = self._output.add_stream_from_template(stream)
            return True
        self._track = self._output.add_stream("aac", rate=stream.codec_context.sample_rate)
        self._track.codec_context.layout = stream.codec_context.layout
        return False

    def feed(self, until: float) -> None:
        """Muxes the sound up to ``until`` seconds."""
        try:
            while True:
                if self._pending is None:
                    self._pending = next(self._packets, None)
                if self._pending is None or self._pending[0] > until:
                    return
                self._output.mux(self._pending[1])
                self._pending = None
        except OSError:  # the disk: told by the caller
            raise
        except AV_ERRORS as error:
            self._give_up(error)

    def _copied(self, stream: Any) -> Iterator[tuple[float, Any]]:
        for packet in self._input.demux(stream):
            if packet.dts is None:
                continue
            time = float(packet.dts * stream.time_base)
            if time >= self._start - SLACK:
                packet.stream = self._track
                yield time, packet

    def _transcoded(self, stream: Any) -> Iterator[tuple[float, Any]]:
        context = self._track.codec_context
        resampler = av.AudioResampler(format="fltp", layout=context.layout, rate=context.sample_rate)
        time = 0.0
        for frame in self._input.decode(stream):
            time = time if frame.time is None else frame.time
            if time < self._start - SLACK:
                continue
            for piece in resampler.resample(frame):
                yield from ((time, packet) for packet in self._track.encode(piece))
        for rest in [*resampler.resample(None), None]:
            yield from ((time, packet) for packet in self._track.encode(rest))

    def _give_up(self, error: BaseException) -> None:
        log.warning("the sound of %s is incomplete (%s)", self.path, reason(error))
        self._packets = iter(())
        self._pending = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._input is not None:
            self._input.close()


def _takes(format: str, stream: Any) -> bool:
    """Whether a container takes a stream as it is, by trial: the muxers' lists of codecs promise too much."""
    try:
        with av.open(io.BytesIO(), "w", format=format) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except AV_ERRORS:
        return False
    return True
