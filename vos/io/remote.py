"""Inputs that lie elsewhere: copied to this disk once, into a folder that is kept within bounds.

``VOS_CACHE`` names the folder, ``VOS_CACHE_GB`` says how much it may hold.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vos.download import DownloadError, download, fetch_file
from vos.errors import VosError
from vos.io.stores import Stored, is_stored
from vos.progress import Progress

try:
    import fcntl
except ImportError:  # Windows: a copy may go while another process reads it, which then fails in one line
    fcntl = None  # type: ignore[assignment]

CACHE_GB = 20.0  # all copies together
TIMEOUT = 10.0  # seconds that a web server may take to say what it has
PLAYLISTS = (".m3u8", ".m3u", ".mpd", ".sdp")  # lists of what a stream consists of: no file of pictures

_copies: dict[str, Path] = {}  # the latest of each address in this process


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere.

    Attributes:
        url: its address.
        size: in bytes.
        version: says that it is still the same.
    """

    url: str
    size: int
    version: str

    @property
    def copy(self) -> Path:
        """Where its copy lies, or will lie; another version elsewhere."""
        key = hashlib.sha256(f"{self.url} {self.size} {self.version}".encode()).hexdigest()[:24]
        return cache_folder() / key / file_name(self.url)


def is_web(name: str) -> bool:
    """Tells whether a name is the address of something on a web server."""
    return re.match(r"https?://", name, re.IGNORECASE) is not None


def is_remote(name: str) -> bool:
    """Tells whether a name is an address in a store or on a web server, from which a file can be copied."""
    return is_web(name) or is_stored(name)


def file_name(url: str) -> str:
    """Names the file of an address."""
    path = urllib.parse.urlsplit(url).path if is_web(url) else url.partition("://")[2]
    return re.sub(r"[^\w.()+ -]+", "-", urllib.parse.unquote(path.rstrip("/").rpartition("/")[2])) or "file"


def cache_folder() -> Path:
    """Finds the folder of the copies."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("VOS_CACHE") or f"{home}/vos").expanduser().absolute()


def cache_limit() -> int:
    """Says how many bytes all copies together may have.

    Raises:
        VosError: ``VOS_CACHE_GB`` is no number.
    """
    text = os.environ.get("VOS_CACHE_GB") or str(CACHE_GB)
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise VosError(f"VOS_CACHE_GB={text} is no number of gigabytes; the default is {CACHE_GB:.0f}") from None


def look_up(url: str) -> RemoteFile | None:
    """Asks what there is at an address; None = a web server has no file there that can be read again and again.

    Raises:
        VosError: a store has no such file, refuses or does not answer.
    """
    return _look_up_web(url) if is_web(url) else RemoteFile(url, *Stored.at(url).about())


def local_copy(url: str) -> Path:
    """Copies a small file to this disk, unless that was done before.

    Raises:
        VosError: there is none, or it cannot be copied.
    """
    if (path := latest_copy(url)) is not None and path.exists():
        return path
    if (found := look_up(url)) is None:
        raise VosError(f"{url} is no file with a length that its server sends in parts; download it first")
    with copied(found) as path:
        return path


def latest_copy(url: str) -> Path | None:
    """Finds the copy of an address that this process has used last."""
    return _copies.get(url)


@contextmanager
def copied(file: RemoteFile) -> Iterator[Path]:
    """Copies a file to this disk, unless that was done before; inside it stays there.

    Raises:
        VosError: it is larger than what the folder may hold, or does not come.
    """
    limit, path = cache_limit(), file.copy
    if file.size > limit:
        raise VosError(
            f"{file.url} has {file.size / 1e9:.1f} GB, but copies may take {limit / 1e9:.1f}; set VOS_CACHE_GB higher"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _in_use(path.parent):
            if not path.exists():
                _make_room(file.size, limit)
                _fetch(file, path)
                stamp = int(hashlib.sha256(file.version.encode()).hexdigest()[:12], 16)  # the same on every machine
                os.utime(path, ns=(stamp, stamp))
            os.utime(path.parent)  # used now
            _copies[file.url] = path
            yield path
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(str(cache_folder())):
            raise
        raise VosError(f"cannot write {path} ({error.strerror}); name another folder for copies: VOS_CACHE=") from error


def _look_up_web(url: str) -> RemoteFile | None:
    if urllib.parse.urlsplit(url).path.lower().endswith(PLAYLISTS):
        return None
    request = urllib.request.Request(url, headers={"User-Agent": "vos", "Range": "bytes=0-0"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            head = response.headers
            total = (head.get("Content-Range") or "").rpartition("/")[2]
            if response.status != 206:
                total = head.get("Content-Length", "") if head.get("Accept-Ranges") == "bytes" else ""
            if re.search("mpegurl|dash", head.get("Content-Type", "")) or not re.fullmatch(r"\d{1,18}", total):
                return None
            if int(total) > cache_limit():
                return None
            return RemoteFile(url, int(total), head.get("ETag") or head.get("Last-Modified") or uuid.uuid4().hex)
    except (OSError, ValueError, http.client.HTTPException):  # FFmpeg will say what is wrong
        return None


def _fetch(file: RemoteFile, path: Path) -> None:
    try:
        if is_web(file.url):
            download(file.url, path, file.size, None)
            return
        stored = Stored.at(file.url)

        def fetch(partial: Path, size: int) -> bool:
            have = partial.stat().st_size
            with Progress(path.name, size, "B", have) as bar:
                stored.copy(partial, bar.update)
            come = partial.stat().st_size
            if come > size:
                partial.unlink()
                raise VosError(f"{file.url} grows while it is read; wait until it is complete")
            return come == size

        fetch_file(path, file.size, None, fetch)
    except DownloadError as error:
        raise VosError(f"{file.url} cannot be copied: {error}") from error


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Keeps other processes from removing a copy."""
    with (folder / ".in-use").open("a") as file:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _make_room(size: int, limit: int) -> None:
    """Removes the copies that have not been used for the longest time, until there is room for another."""
    folders = [path for path in cache_folder().iterdir() if re.fullmatch("[0-9a-f]{24}", path.name)]
    used = {folder: sum(file.stat().st_size for file in folder.glob("*")) for folder in folders}
    total = sum(used.values())
    for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime):
        if total + size <= limit:
            return
        if used[folder] and _is_idle(folder):
            shutil.rmtree(folder, ignore_errors=True)
            total -= used[folder]


def _is_idle(folder: Path) -> bool:
    if fcntl is None:
        return True
    try:
        with (folder / ".in-use").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
