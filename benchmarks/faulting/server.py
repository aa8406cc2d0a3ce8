"""A server of HTTP on this machine that cuts, lies, crawls and forgets, in a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

WAYS = (
    "whole", "no ranges", "no length", "cut", "cut once", "reset", "crawl", "silent", "404", "500", "loop",
    "too long", "too short", "absurd length", "negative length", "HTML",
)  # fmt: skip
WHOLE = ("whole", "no ranges", "no length")  # these deliver everything


@contextmanager
def serving(data: bytes, way: str, position: float, name: str) -> Iterator[str]:
    """Serves ``data`` under a URL that ends with ``name``; ``position``, 0..1, says where it cuts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.setpgid(0, 0)
            try:
                _serve(listener, data, way, max(1, int(position * len(data))))
            finally:
                os._exit(0)
        with contextlib.suppress(OSError):
            os.setpgid(child, child)  # whoever comes first
        port = listener.getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/{name}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # with those who still answer
        os.waitpid(child, 0)


def _serve(listener: socket.socket, data: bytes, way: str, cut: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    for count in itertools.count():
        connection, _ = listener.accept()
        if os.fork() == 0:
            with contextlib.suppress(OSError):  # the other side has gone
                _answer(connection, data, "whole" if way == "cut once" and count else way, cut)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket, data: bytes, way: str, cut: int) -> None:
    """Answers one request."""
    start = 0 if way in ("no ranges", "HTML") else _asked_for(connection)
    if way == "silent":
        time.sleep(600)
    if way == "HTML":
        data = b"<!doctype html><title>Log in</title>" * 50
    connection.sendall(_head(len(data), start, way, cut).encode())
    if way in ("404", "500", "loop"):
        return
    body = data[start : cut if way in ("cut", "cut once", "reset", "too short") else None]
    if way == "crawl":
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(1.0)
    connection.sendall(body)
    if way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _asked_for(connection: socket.socket) -> int:
    """Reads a request; returns where its range begins."""
    request = b""
    while b"\r\n\r\n" not in request and (part := connection.recv(4096)):
        request += part
    found = re.search(rb"(?i)\r\nrange: bytes=(\d+)", request)
    return int(found[1]) if found else 0


def _head(size: int, start: int, way: str, cut: int) -> str:
    if way in ("404", "500"):
        return f"HTTP/1.1 {way} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    if way == "loop":
        return "HTTP/1.1 302 Found\r\nLocation: /again.mp4\r\nContent-Length: 0\r\n\r\n"
    lengths = {
        "too long": size - start + 5000,
        "too short": max(1, cut - start),
        "absurd length": "many",
        "negative length": -5,
    }
    parts = ["HTTP/1.1 206 Partial Content" if start else "HTTP/1.1 200 OK", "Connection: close"]
    parts += [f"Content-Range: bytes {start}-{size - 1}/{size}"] if start else []
    parts += [] if way in ("no ranges", "no length") else ["Accept-Ranges: bytes"]
    parts += [] if way == "no length" else [f"Content-Length: {lengths.get(way, size - start)}"]
    return "\r\n".join([*parts, "", ""])
