"""Files that the browser sends: bounded, looked at before anything opens them, gone when the server ends."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from vos.app.folder import VIDEOS
from vos.errors import VosError

GIGABYTE = 10**9
SPARE = GIGABYTE // 2  # bytes of the disk that uploads leave free
HEAD = 512
# Beginnings of videos, by their offset. Lists that name other files (HLS, DASH, ffconcat, SDP) have none of these, and
# so cannot be smuggled in under the name of a video, to read from the disk or the network.
SIGNS = (
    *((4, sign) for sign in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"\x00\x00\x01\xba"),  # MPEG
    (0, b"\x00\x00\x01\xb3"),
    (0, b"GIF8"),
    (0, b"FLV"),
    (0, b"OggS"),
    (0, b"\x30\x26\xb2\x75"),  # WMV
    (0, b"\x06\x0e\x2b\x34"),  # MXF
)


@dataclass(frozen=True)
class Uploads:
    """Takes files of at most ``limit`` bytes into ``folder``, each into a folder of its own."""

    folder: Path
    limit: int

    async def take(self, name: str, length: int | None, parts: AsyncIterator[bytes]) -> Path:
        """Writes a file.

        Args:
            name: as the browser says it; of it only letters, digits and the like are kept.
            length: in bytes, as the browser says it.
            parts: of its content.

        Returns:
            The file.

        Raises:
            VosError: it is no video, or too large.
        """
        path = self.folder / secrets.token_hex(8) / clean(name)
        if path.suffix.lower() not in VIDEOS:
            raise VosError(f"{path.name} is no video by its name; choose one of {', '.join(VIDEOS)}")
        self._check(length or 0, length or 0, path.name)
        path.parent.mkdir()
        try:
            with path.open("xb") as file:
                async for part in parts:
                    self._check(file.tell() + len(part), len(part), path.name)
                    file.write(part)
            check_is_video(path)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        return path

    def _check(self, size: int, more: int, name: str) -> None:
        """Raises a VosError for a file of ``size`` bytes, of which ``more`` are not written yet, that is too large."""
        if size > self.limit:
            text = f"{name} is larger than {self.limit / GIGABYTE:g} GB; put it into the folder and open it there"
            raise VosError(f"{text}, or raise upload_limit=")
        if more + SPARE > shutil.disk_usage(self.folder).free:
            raise VosError(f"the disk is too full for {name}; make room there, or open the file from the folder")


def clean(name: str) -> str:
    """Makes a harmless name of one that the browser sends."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(sign if sign.isalnum() or sign in " ()-_." else "_" for sign in last).strip(" .")
    return (kept or "clip")[-100:]


def check_is_video(path: Path) -> None:
    """Raises a VosError for a file that does not begin as videos do."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    is_transport = any(head[at : at + 1] == b"G" == head[at + 188 : at + 189] for at in (0, 4))  # MPEG-TS, M2TS
    if not is_transport and not any(head.startswith(sign, at) for at, sign in SIGNS):
        raise VosError(f"{path.name} is no video: it begins as none does; choose another file")
