"""The chains of elements that containers are made of, walked from header to header: is one of them broken?"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MASTERS = frozenset({0x18538067, 0x1F43B675})  # Matroska's Segment and Cluster, whose children are walked
CHILDREN = frozenset(
    {0x1A45DFA3, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF}
    | {0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xAF, 0x5854}  # in a cluster
)
FLV_TAGS = (8, 9, 18)  # sound, picture, script
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
ASF_WIDTHS = (0, 1, 2, 4)  # bytes of a field, by its two-bit code


def is_chain_broken(path: str, format: str) -> bool:
    """Tells whether a file of FFmpeg's input format ``format`` has lost bytes; False where that cannot be seen."""
    walk = WALKS.get(format)
    if walk is None:
        return False
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            return not walk(file, size)
        except (IndexError, struct.error):  # it ends within a header
            return True


def asf_seconds(path: str) -> float | None:
    """Reads how long a Windows Media file says that it is; None where it does not (live recordings)."""
    with Path(path).open("rb") as file:
        about = _asf_header(file)
    if about is None or about.is_live or not about.seconds > 0:
        return None
    return about.seconds


def apng_frames(path: str) -> int:
    """Reads how many frames an animated PNG says that it has; 0 where it does not."""
    with Path(path).open("rb") as file:
        head = file.read(1 << 16)
    at = head.find(b"acTL")
    return int.from_bytes(head[at + 4 : at + 8], "big") if at > 0 else 0


def _matroska(file: BinaryIO, size: int) -> bool:
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        id_bytes = 9 - head[0].bit_length()
        length_bytes = 9 - head[id_bytes].bit_length()
        if id_bytes > 4 or length_bytes > 8:
            return False
        identity = int.from_bytes(head[:id_bytes], "big")
        at += id_bytes + length_bytes
        limit = (1 << 7 * length_bytes) - 1
        length = int.from_bytes(head[id_bytes : id_bytes + length_bytes], "big") & limit
        if identity in MASTERS:
            if length != limit and at + length > size:  # all ones: not known, as in live recordings
                return False
        elif identity in CHILDREN:
            at += length
        else:
            return False
    return at == size


def _flv(file: BinaryIO, size: int) -> bool:
    at = int.from_bytes(file.read(9)[5:9], "big") + 4
    while at < size:
        file.seek(at)
        head = file.read(11)
        length = 11 + int.from_bytes(head[1:4], "big")
        file.seek(at + length)
        if head[0] & 0x1F not in FLV_TAGS or int.from_bytes(file.read(4), "big") != length:
            return False
        at += length + 4
    return at == size


def _gif(file: BinaryIO, size: int) -> bool:
    head = file.read(13)
    at = 13 + _colours(head[10])
    while True:
        file.seek(at)
        head = file.read(10)
        if head[0] == 0x3B:  # the trailer
            file.seek(at + 1)
            return not file.read().strip(b"\0")
        if head[0] == 0x2C:
            at += 11 + _colours(head[9])
        elif head[0] == 0x21:
            at += 2
        else:
            return False
        file.seek(at)
        while length := file.read(1)[0]:  # sub-blocks
            file.seek(length, 1)
        at = file.tell()


def _colours(flags: int) -> int:
    """Bytes of a GIF's colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


class _AsfHeader:
    """What the header of a Windows Media file says; ``packet`` is the size of its packets, ``data`` where they are."""

    def __init__(self, properties: bytes, data: int) -> None:
        self.data = data
        numbers: tuple[int, ...] = struct.unpack_from("<QQQQII", properties, 32)
        self.packets, play, _, preroll, flags, self.packet = numbers
        self.seconds = play / 1e7 - preroll / 1e3
        self.is_live = bool(flags & 1)


def _asf_header(file: BinaryIO) -> _AsfHeader | None:
    head = file.read(30)
    head += file.read(min(int.from_bytes(head[16:24], "little"), 1 << 20))
    properties, data = head.find(ASF_FILE_PROPERTIES), head.rfind(ASF_DATA)
    if properties < 0 or data < 0 or len(head) < properties + 104:
        return None
    return _AsfHeader(head[properties + 24 : properties + 104], data + 50)


def _asf(file: BinaryIO, size: int) -> bool:
    """The objects (frames) of each stream are numbered; a packet that is not one, or a number left out, is a loss."""
    about = _asf_header(file)
    if about is None or about.packet == 0:
        return False
    last: dict[int, int] = {}
    for number in range(about.packets):
        file.seek(about.data + number * about.packet)
        for stream, counted in _asf_payloads(file.read(about.packet)):
            if (counted - last.get(stream, counted)) % 256 > 1 or (stream not in last and counted > 1):
                return False
            last[stream] = counted
    return True


def _asf_payloads(packet: bytes) -> list[tuple[int, int]]:
    """(Stream, number of the object modulo 256) of each payload in a packet."""
    if packet[0] & 0x80:
        packet = packet[1 + (packet[0] & 0x0F) :]
    flags, fields = packet[0], packet[1]
    is_multiple, at = flags & 1, 2
    at += sum(ASF_WIDTHS[flags >> shift & 3] for shift in (5, 1))  # its own length, its sequence
    padding = ASF_WIDTHS[flags >> 3 & 3]
    end = len(packet) - int.from_bytes(packet[at : at + padding], "little")
    at += padding + 6  # time and duration
    count, length_width = 1, 0
    if is_multiple:
        count, length_width, at = packet[at] & 0x3F, ASF_WIDTHS[packet[at] >> 6], at + 1
    found = []
    for _ in range(count):
        stream, at = packet[at] & 0x7F, at + 1
        number, at = _field(packet, at, fields >> 4)
        _, at = _field(packet, at, fields >> 2)
        replicated, at = _field(packet, at, fields)
        at += replicated
        length = end - at
        if is_multiple:
            length = int.from_bytes(packet[at : at + length_width], "little")
        if not stream or length < 0 or at + length_width + length > len(packet):
            raise IndexError("a payload beyond its packet")
        at += length_width + length
        found.append((stream, number % 256))
    return found


def _field(packet: bytes, at: int, code: int) -> tuple[int, int]:
    """A number of as many bytes as its code says, and where the next one begins."""
    end = at + ASF_WIDTHS[code & 3]
    return int.from_bytes(packet[at:end], "little"), end


WALKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "matroska,webm": _matroska,
    "flv": _flv,
    "gif": _gif,
    "asf": _asf,
}
