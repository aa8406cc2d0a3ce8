"""Downloads against a server on this machine that cuts, lies and forgets like real ones."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vos import download as module
from vos.download import DownloadError, download

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves BODY; knobs say how badly."""

    body = BODY
    ranges = True
    cuts: list[int]  # per request: stop after that many bytes
    length: str | None = None  # what it says of the length instead of the truth
    crawl = False  # a byte every hundredth of a second
    errors: list[int]  # to answer with first
    gate: threading.Event | None = None  # answers when it is set
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
        if self.server.errors:
            self.send_error(self.server.errors.pop())
            return
        if self.path != "/weights.pth":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        rest = self.server.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.server.body) - 1}/{len(self.server.body)}")
        self.send_header("Content-Length", self.server.length or str(len(rest)))
        self.end_headers()
        if self.server.gate is not None:
            self.server.gate.wait(10)
        while self.server.crawl and rest:
            self.wfile.write(rest[:1])
            rest = rest[1:]
            time.sleep(0.01)
        self.wfile.write(rest[: self.server.cuts.pop(0)] if self.server.cuts else rest)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server on the loopback interface."""
    with Server(("127.0.0.1", 0), Handler) as running:
        running.cuts, running.seen, running.errors = [], [], []
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


@pytest.mark.parametrize("length", ["-5", "many", "9" * 30, "1" * 6000, "1e6", ""])
def test_a_length_that_is_none_is_told(server: Server, tmp_path: Path, length: str) -> None:
    server.length = length or " "
    with pytest.raises(DownloadError, match="Content-Length is no number"):
        fetch(server, tmp_path / "weights.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_crawl_is_given_up_and_continued_later(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    server.crawl = True
    begin = time.monotonic()
    with pytest.raises(DownloadError, match=r"only \d+ bytes a second arrive; run again to continue"):
        fetch(server, tmp_path / "weights.pth")
    assert time.monotonic() - begin < 5
    assert (tmp_path / "weights.pth.partial").stat().st_size > 0
    server.crawl = False
    fetch(server, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_bytes() == BODY
    assert server.seen[1] is not None


@pytest.mark.skipif(module.fcntl is None, reason="needs locks of files")
def test_two_at_once_fetch_it_once(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server.gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fetch, server, tmp_path / "weights.pth") for _ in range(2)]
        while "waiting for another process" not in caplog.text:
            time.sleep(0.01)
        server.gate.set()
        for one in both:
            one.result()
    assert (tmp_path / "weights.pth").read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [tmp_path / "weights.pth"]
    assert len(server.seen) == 1


def test_a_file_that_became_shorter_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "weights.pth.partial").write_bytes(b"x" * 2000)
    server.errors = [416]
    fetch(server, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_bytes() == BODY
    assert server.seen == ["bytes=2000-", None]


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
