"""What a container promises, compared with what came: the one place that says whether a video is complete.

A container promises by an index (MP4), by a number of frames (AVI, MXF, APNG), by a duration (Matroska, FLV, Windows
Media) or by an end mark (GIF). A transport stream promises whole packets, other streams and live recordings nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from vos.io.readers.base import Damage
from vos.io.readers.decoder import AV_ERRORS, VideoDecoder, local
from vos.io.readers.structure import apng_frames, asf_seconds, is_chain_broken

TS_PACKETS = (188, 192, 204)  # bytes, with the stamps of cameras and the checks of broadcasts
ALMOST = 0.75  # of a frame's duration: times are rounded
GAP = 1.5  # frame durations between two frames; variable frame rates have gaps, too, so they prove nothing

Times = npt.NDArray[np.float64]  # seconds, ascending


def damage_of(decoder: VideoDecoder, path: str | None) -> Damage:
    """Counts what is damaged and missing, once a decoder has read all packets.

    Args:
        decoder: what it has read decides.
        path: the file, None for a stream.
    """
    lost = _undecoded(decoder)
    missing = max(missing_frames(decoder, path), int(decoder.breaks_off or _ends_within_a_packet(decoder, path)))
    return Damage(max(decoder.damaged, decoder.corrupt_packets, lost), missing)


def missing_frames(decoder: VideoDecoder, path: str | None) -> int:
    """Counts the frames that the container promised and did not deliver, decodable or not."""
    promised = _promised_count(decoder, path)
    if promised is not None:
        return max(0, promised - (decoder.last_dts + 1 if decoder.times_by_order else decoder.packets))
    unit, name = float(decoder.stream.time_base), decoder.container.format.name
    times: Times = np.unique(np.frombuffer(decoder.packet_pts, dtype=np.int64)).astype(np.float64) * unit
    if not len(times):
        return 0
    end, lost = _promised_seconds(decoder, path), 0
    if end is not None:
        late = (end - max(decoder.end * unit, times[-1] + 1 / decoder.rate)) * decoder.rate
        lost = max(1, round(late)) if late > ALMOST else 0
    gaps = _gaps(times, decoder.rate)
    if path is not None and (lost or gaps or name == "gif") and is_chain_broken(path, name):
        return max(1, gaps + lost)
    is_cut = end is not None and lost and not (path and _is_filled_by_others(path, end - ALMOST / decoder.rate))
    return lost if is_cut else 0


def _ends_within_a_packet(decoder: VideoDecoder, path: str | None) -> bool:
    """Tells whether an MPEG transport stream, which may be cut between any two packets, is cut within one."""
    if path is None or decoder.container.format.name != "mpegts":
        return False
    return all(Path(path).stat().st_size % size for size in TS_PACKETS)


def _promised_count(decoder: VideoDecoder, path: str | None) -> int | None:
    """How many packets the container says that there are; None where it does not say."""
    stream: Any = decoder.stream
    name = decoder.container.format.name
    if "mov" in name:
        return len(getattr(stream, "index_entries", ()))
    if name == "avi":  # counts all chunks, as its times do, also the empty ones that repeat a picture
        return int(stream.frames)
    if name == "mxf":
        return round(float((stream.duration or 0) * stream.time_base) * decoder.rate)
    return apng_frames(path) if name == "apng" and path is not None else None


def _promised_seconds(decoder: VideoDecoder, path: str | None) -> float | None:
    """When the video ends by what its container says, seconds; None where it does not say."""
    container, name = decoder.container, decoder.container.format.name
    if name == "asf" and path is not None:
        return asf_seconds(path)
    if name not in ("matroska,webm", "flv"):
        return None
    tag = str(decoder.stream.metadata.get("DURATION", ""))  # of this stream alone
    try:
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None if container.duration is None else float(container.duration) / 1e6


def _is_filled_by_others(path: str, promised: float) -> bool:
    """Tells whether another stream, such as sound, lasts as long as the container says."""
    try:
        with av.open(local(path)) as container:
            return any(
                float((packet.pts + (packet.duration or 0)) * packet.time_base) >= promised
                for packet in container.demux()
                if packet.pts is not None and packet.time_base is not None
            )
    except AV_ERRORS:
        return False


def _gaps(times: Times, rate: float) -> int:
    """How many frames would fit into the gaps between the times, and before the first one."""
    usual = 1 / rate
    steps = np.diff(times, prepend=min(times[0], 0.0) - usual)
    if len(steps) > 1:
        usual = min(usual, float(np.median(steps[1:])))
    return int((steps[steps > GAP * usual] / usual - 1).round().sum())


def _undecoded(decoder: VideoDecoder) -> int:
    """Counts the packets that gave no frame although their time had come."""
    name = decoder.container.format.name
    if name in ("mxf", "apng", "gif"):
        return max(0, decoder.packets - decoder.frames)
    if not any(kind in name for kind in ("mov", "matroska", "flv", "asf")) or len(decoder.frame_pts) < decoder.frames:
        return 0  # parsed from a stream of bytes, or without times
    came: Any = np.unique(np.frombuffer(decoder.frame_pts, dtype=np.int64))
    sent: Any = np.unique(np.frombuffer(decoder.packet_pts, dtype=np.int64))
    # Before the first key frame there may be some that nothing can decode (an open group of pictures).
    sent = sent[sent >= (decoder.first_key or 0)]
    lost = len(np.setdiff1d(sent, came, assume_unique=True))
    # Of two packets with a field each, one gives the frame.
    is_fields = decoder.interlaced and 2 * lost <= len(sent) + 1
    return 0 if is_fields else lost
