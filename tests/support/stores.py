"""A store that fails when it is told to, and a web server that sends parts of files, or only whole ones."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class FaultyStore(MemoryFileSystem):
    """Is a store in memory that can refuse or stall. Its addresses begin with ``faulty://``."""

    protocol = "faulty"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False
    puts_left = 10**9  # files that it takes before it refuses
    stalls = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("faulty://", "memory://")))

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        """Takes a file, unless it has taken too many."""
        FaultyStore.puts_left -= 1
        if FaultyStore.puts_left < 0:
            raise OSError("no space in the bucket")
        super().put_file(lpath, rpath, **options)

    def info(self, path: str, **options: Any) -> Any:
        """Answers, or does not."""
        if FaultyStore.stalls:
            threading.Event().wait(30)
        return super().info(path, **options)


@contextmanager
def faulty_store() -> Iterator[FaultyStore]:
    """An empty store that does what it should, until it is told otherwise."""
    fsspec.register_implementation("faulty", FaultyStore, clobber=True)
    FaultyStore.store.clear()
    FaultyStore.pseudo_dirs[:] = [""]
    FaultyStore.puts_left, FaultyStore.stalls = 10**9, False
    yield FaultyStore()
    FaultyStore.puts_left, FaultyStore.stalls = 10**9, False


class _Handler(BaseHTTPRequestHandler):
    files: ClassVar[dict[str, bytes]] = {}
    way = "ranges"  # | whole | cut | silent
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        data = self.files.get(self.path)
        if self.way == "silent":
            threading.Event().wait(30)
        if data is None:
            self.send_error(404)
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        self.asked.append(self.headers.get("Range") or "all")
        start, stop = 0, len(data)
        if found and self.way != "whole":
            start, stop = int(found[1]), int(found[2]) + 1 if found[2] else len(data)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        else:
            self.send_response(200)
        if self.way != "whole":
            self.send_header("ETag", f'"{hash(data)}"')
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self.wfile.write(data[start : start + (stop - start) // 2] if self.way == "cut" else data[start:stop])

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@contextmanager
def web_server(files: dict[str, bytes], way: str = "ranges") -> Iterator[tuple[str, type[_Handler]]]:
    """Serves files by name; gives the address of the folder, and the server's class."""
    handler = type("Handler", (_Handler,), {"files": files, "way": way, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()
