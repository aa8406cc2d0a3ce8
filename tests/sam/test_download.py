"""Downloads against a server on this machine that cuts, lies and forgets like real ones."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vos.sam.download import DownloadError, download

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves BODY; knobs say how badly."""

    body = BODY
    ranges = True
    cuts: list[int]  # per request: stop after that many bytes
    seen: list[str | None]  # the Range header of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.pth"


class Handler(BaseHTTPRequestHandler):
    """Answers GET with or without Range."""

    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.seen.append(asked)
        if self.path != "/weights.pth":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        rest = self.server.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.server.body) - 1}/{len(self.server.body)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.cuts.pop(0)] if self.server.cuts else rest)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server on the loopback interface."""
    with Server(("127.0.0.1", 0), Handler) as running:
        running.cuts, running.seen = [], []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def fetch(server: Server, target: Path, sha256: str = SHA256) -> None:
    """Downloads without waiting between attempts."""
    download(server.url, target, len(BODY), sha256, pause=lambda _: None)


def test_complete_file_appears_under_its_name(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "weights.pth"
    fetch(server, target)
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]


def test_cut_connection_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000]
    fetch(server, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_bytes() == BODY
    assert server.seen == [None, "bytes=300000-"]


def test_later_run_continues_an_earlier_one(server: Server, tmp_path: Path) -> None:
    server.cuts = [200_000, 100_000, 0, 0]
    with pytest.raises(DownloadError, match="run again to continue"):
        fetch(server, tmp_path / "weights.pth")
    assert not (tmp_path / "weights.pth").exists()
    assert (tmp_path / "weights.pth.partial").read_bytes() == BODY[:300_000]
    server.seen.clear()
    fetch(server, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_bytes() == BODY
    assert server.seen == ["bytes=300000-"]


def test_server_that_ignores_range_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [300_000]
    fetch(server, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_bytes() == BODY


def test_wrong_bytes_are_rejected_and_removed(server: Server, tmp_path: Path) -> None:
    server.body = BODY[:-1] + b"!"
    with pytest.raises(DownloadError, match=hashlib.sha256(server.body).hexdigest()):
        fetch(server, tmp_path / "weights.pth")
    assert list(tmp_path.iterdir()) == []


def test_bad_partial_file_does_not_pass(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pth.partial").write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch(server, tmp_path / "weights.pth")
    fetch(server, tmp_path / "weights.pth")  # the next run starts afresh
    assert (tmp_path / "weights.pth").read_bytes() == BODY


def test_partial_file_longer_than_the_whole_is_started_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pth.partial").write_bytes(BODY + b"more")
    fetch(server, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_bytes() == BODY


def test_file_of_another_size_is_not_fetched(server: Server, tmp_path: Path) -> None:
    server.body = b"<html>moved</html>"
    with pytest.raises(DownloadError, match="18 bytes instead of 1048576"):
        fetch(server, tmp_path / "weights.pth")


def test_not_found(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="HTTP 404"):
        download(server.url + "x", tmp_path / "weights.pth", len(BODY), SHA256)
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens(server: Server, tmp_path: Path) -> None:
    server.server_close()
    server.shutdown()
    with pytest.raises(DownloadError, match="no connection"):
        fetch(server, tmp_path / "weights.pth")


def test_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadError, match="cannot write"):
        fetch(server, tmp_path / "file" / "weights.pth")
