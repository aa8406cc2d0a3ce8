"""A page that is served: the real server on a free port, with a small model."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from fakes import ColourSegmenter

import vos
from vos.app.desk import Desk
from vos.app.folder import Folder
from vos.app.serve import server_of
from vos.app.server import Page
from vos.app.uploads import Uploads
from vos.sam.segmenter import Segmenter

LIMIT = 200_000  # bytes of an upload


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    port: int
    desk: Desk

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(
        self, method: str, path: str, body: object = None, tab: str = "tab", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Asks as a browser does; bytes are sent as they are, other bodies as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        own = {"x-vos-tab": tab} if tab else {}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, content, {**own, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}

    def json(self, method: str, path: str, body: object = None, tab: str = "tab") -> dict[str, Any]:
        """Asks for JSON, and expects to get it."""
        status, content, _ = self.ask(method, path, body, tab)
        assert status == 200, content
        found: dict[str, Any] = json.loads(content)
        return found

    def refusal(self, method: str, path: str, body: object = None, tab: str = "tab") -> str:
        """Asks for what is refused in a line."""
        status, content, _ = self.ask(method, path, body, tab)
        assert status in (400, 409), (status, content)
        return str(json.loads(content)["error"])


@contextmanager
def serving(clip: Path, token: str = "", model: str | Segmenter | None = None) -> Iterator[Served]:
    """Serves the page, with the folder of a clip.

    Args:
        clip: that it begins with.
        token: see :class:`vos.app.guard.Guard`.
        model: None = a small one.
    """

    def make(path: Path, folder: Path) -> vos.Session:
        return vos.Session(path, folder, model=model or ColourSegmenter())

    with socket.create_server(("127.0.0.1", 0)) as listening, Desk(make) as desk:
        port = listening.getsockname()[1]
        page = Page(desk, Folder(clip.parent.resolve()), Uploads(desk.folder, LIMIT), clip.name)
        server = server_of(page, port, token)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield Served(port, desk)
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
    assert not desk.folder.exists()
