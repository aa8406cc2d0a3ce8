"""Resumable downloads that appear under their final name only when complete and verified; one process at a time."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from vos.progress import Progress

try:
    import fcntl
except ImportError:  # Windows: two processes are not kept apart there
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_LARGE = 64 * _CHUNK  # bytes from which on reading a file takes long enough for a bar
_TIMEOUT = 30  # seconds without a byte
_ATTEMPTS = 4
_PATIENCE = 30  # seconds over which the speed is measured ...
_SLOWEST = 1024  # ... and bytes a second, below which nobody would wait for the end


class DownloadError(Exception):
    """A download that did not happen; the text says why, in a few words."""


def sha256_of(path: Path, progress: bool = False) -> str:
    """Computes the SHA-256 of a file, as hex digits; with a progress bar for large ones."""
    digest, size = hashlib.sha256(), path.stat().st_size
    shown = Progress(f"verifying {path.name}", size, "B", is_kept=False) if progress and size >= _LARGE else None
    with shown or nullcontext(), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if shown is not None:
                shown.update(len(chunk))
    return digest.hexdigest()


def download(
    url: str, target: Path, size: int, sha256: str | None, pause: Callable[[float], None] = time.sleep
) -> None:
    """Downloads ``url``, an http(s) address, as :func:`fetch_file` does."""
    fetch_file(target, size, sha256, lambda partial, size: _fetch(url, partial, size), pause)


def fetch_file(
    target: Path,
    size: int,
    sha256: str | None,
    fetch: Callable[[Path, int], bool],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Fetches a file by way of ``<target>.partial``, which a later call continues.

    Args:
        target: final name; it exists only when the whole file has arrived and its hash is right.
        size: expected bytes.
        sha256: expected hash; None = nobody knows it.
        fetch: appends to a partial file what it lacks of a size; returns False where that broke off.
        pause: waits between attempts, in seconds.

    Raises:
        DownloadError: no connection, an HTTP error, a wrong hash (the partial file is then removed), a full disk.
    """
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _sole_writer(partial):
            if target.exists():  # another process has fetched it meanwhile
                return
            for attempt in range(_ATTEMPTS):
                if attempt:
                    pause(2.0**attempt)
                if fetch(partial, size):
                    break
            else:
                raise DownloadError(f"the connection broke {_ATTEMPTS} times; run again to continue")
            if sha256 is not None and (actual := sha256_of(partial, progress=True)) != sha256:
                partial.unlink()
                raise DownloadError(f"what came has SHA-256 {actual}")
            partial.replace(target)
    except OSError as error:  # the network's errors are DownloadErrors by now: this is the disk
        raise DownloadError(f"cannot write {partial}: {error.strerror or error}") from error


@contextmanager
def _sole_writer(partial: Path) -> Iterator[None]:
    """Waits until no other process writes ``partial``, and keeps it; an empty one does not stay."""
    while True:
        file = partial.open("ab")
        if fcntl is None:
            break
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("waiting for another process that downloads %s", partial.name.removesuffix(".partial"))
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            break
        with suppress(FileNotFoundError):
            if os.path.samestat(partial.stat(), os.fstat(file.fileno())):
                break
        file.close()  # it has got its final name, or was removed
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                if not partial.stat().st_size:
                    partial.unlink()


def _fetch(url: str, partial: Path, size: int) -> bool:
    """Appends what is missing to ``partial``; returns False if the connection broke before the end."""
    have = partial.stat().st_size if partial.exists() else 0
    if have > size:
        have = 0
    if have == size:
        return True
    request = urllib.request.Request(url, headers={"User-Agent": "vos"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            if have and not _continues(response, have):
                have = 0  # the server ignores Range and sends the whole file again
            _check_length(response, have, size)
            return _copy(response, partial, have, size)
    except (http.client.HTTPException, ConnectionError, TimeoutError):
        return False
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.write_bytes(b"")  # the server's file is shorter: what has come so far is of another one
            return False
        raise DownloadError(f"HTTP {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(f"no connection ({error.reason})") from error


def _check_length(response: http.client.HTTPResponse, have: int, size: int) -> None:
    """Refuses a response that does not end where the file does."""
    length = response.headers.get("Content-Length", str(size - have)).strip()
    if not (length.isdecimal() and len(length) < 20):
        raise DownloadError(f"the server's Content-Length is no number of bytes ({length[:20]})")
    if have + int(length) != size:
        raise DownloadError(f"the server offers {have + int(length)} bytes instead of {size}")


def _continues(response: http.client.HTTPResponse, have: int) -> bool:
    """Whether the response holds the bytes from ``have`` on."""
    return response.status == 206 and (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _copy(response: http.client.HTTPResponse, partial: Path, have: int, size: int) -> bool:
    """Streams the response into ``partial`` at offset ``have``; returns False if it ended early.

    Raises:
        DownloadError: next to nothing comes.
    """
    since, come = time.monotonic(), 0
    bar = Progress(partial.name.removesuffix(".partial"), size, "B", have)
    with bar, partial.open("ab" if have else "wb") as file:
        while have < size:
            try:
                chunk = response.read1(min(_CHUNK, size - have))
            except (http.client.HTTPException, TimeoutError, ConnectionError):
                return False
            if not chunk:
                return False
            file.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
            come += len(chunk)
            if (waited := time.monotonic() - since) >= _PATIENCE:
                if come < _SLOWEST * waited:
                    raise DownloadError(f"only {come / waited:.0f} bytes a second arrive; run again to continue")
                since, come = time.monotonic(), 0
    return True
