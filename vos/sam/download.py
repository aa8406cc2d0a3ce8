"""Resumable downloads that appear under their final name only when complete and verified."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte
_ATTEMPTS = 4


class DownloadError(Exception):
    """A download that did not happen; the text says why, in a few words."""


def sha256_of(path: Path, progress: bool = False) -> str:
    """Computes the SHA-256 of a file, as hex digits; with a progress bar for large ones."""
    digest = hashlib.sha256()
    bar = tqdm(
        total=path.stat().st_size, unit="B", unit_scale=True, desc=f"verifying {path.name}", leave=False,
        disable=not progress or path.stat().st_size < 64 * _CHUNK,
    )  # fmt: skip
    with bar, path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()


def download(url: str, target: Path, size: int, sha256: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Downloads ``url`` to ``target`` by way of ``<target>.partial``, which a later call continues.

    Args:
        url: http(s) address.
        target: final name; it exists only when the whole file has arrived and its hash is right.
        size: expected bytes.
        sha256: expected hash.
        pause: waits between attempts, in seconds.

    Raises:
        DownloadError: no connection, an HTTP error, a wrong hash (the partial file is then removed), a full disk.
    """
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause(2.0**attempt)
            if _fetch(url, partial, size):
                break
        else:
            raise DownloadError(f"the connection broke {_ATTEMPTS} times; run again to continue")
        actual = sha256_of(partial, progress=True)
        if actual != sha256:
            partial.unlink()
            raise DownloadError(f"what came has SHA-256 {actual}")
        partial.replace(target)
    except OSError as error:  # the network's errors are DownloadErrors by now: this is the disk
        raise DownloadError(f"cannot write {partial}: {error.strerror or error}") from error


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
            length = response.headers.get("Content-Length")
            if length is not None and have + int(length) != size:
                raise DownloadError(f"the server offers {have + int(length)} bytes instead of {size}")
            return _copy(response, partial, have, size)
    except (http.client.HTTPException, ConnectionError, TimeoutError):
        return False
    except urllib.error.HTTPError as error:
        raise DownloadError(f"HTTP {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(f"no connection ({error.reason})") from error


def _continues(response: http.client.HTTPResponse, have: int) -> bool:
    """Whether the response holds the bytes from ``have`` on."""
    return response.status == 206 and (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _copy(response: http.client.HTTPResponse, partial: Path, have: int, size: int) -> bool:
    """Streams the response into ``partial`` at offset ``have``; returns False if it ended early."""
    bar = tqdm(total=size, initial=have, unit="B", unit_scale=True, desc=partial.name.removesuffix(".partial"))
    with bar, partial.open("ab" if have else "wb") as file:
        while have < size:
            try:
                chunk = response.read(min(_CHUNK, size - have))
            except (http.client.HTTPException, TimeoutError, ConnectionError):
                return False
            if not chunk:
                return False
            file.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
    return True
