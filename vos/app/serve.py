"""From the options of ``python -m vos.app`` to a server that listens, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from functools import partial, reduce
from pathlib import Path

import uvicorn

from vos.app.desk import Desk
from vos.app.folder import Folder
from vos.app.guard import Guard
from vos.app.server import Page
from vos.app.uploads import GIGABYTE, Uploads
from vos.cli.compose import Run
from vos.cli.config import AppConfig
from vos.cli.outcome import Outcome
from vos.cli.program import ended_as_by_ctrl_c
from vos.errors import VosError
from vos.option_names import options
from vos.session.session import Session

OWN = ("video", "folder", "port", "host", "open", "upload_limit", "log_file", "model.name", "device", "precision")
HERE = "127.0.0.1"
CACHE = 2.0  # gigabytes of encodings of a clip, in the folder for temporary files


def serve(runs: Sequence[Run[AppConfig]]) -> Outcome:
    """Serves the page until Ctrl-C.

    Raises:
        VosError: an option is wrong, or the port is taken.
    """
    if len(runs) > 1:
        raise VosError("vos.app does no sweep with -m; leave it out")
    config = runs[0].config
    folder, begin = _places(config)
    with _socket(config) as listening, Desk(partial(_session, config)) as desk:
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(16) if config.host is not None else ""
        page = Page(desk, folder, Uploads(desk.folder, round(config.upload_limit * GIGABYTE)), begin)
        url = f"http://{_name(config.host)}:{port}/" + (f"?token={token}" if token else "")
        print(f"{url}\nfiles of {folder.root}; Ctrl-C ends it", flush=True)
        if config.open and _has_browser():
            threading.Timer(0.5, webbrowser.open, (url,)).start()
        with suppress(KeyboardInterrupt), ended_as_by_ctrl_c():
            server_of(page, port, token).run(sockets=[listening])
    return Outcome()


def server_of(page: Page, port: int, token: str) -> uvicorn.Server:
    """Makes the server of a page.

    Args:
        page: what it serves.
        port: that it is going to listen at.
        token: without which it answers nobody; "" = it listens to this computer alone.
    """
    config = uvicorn.Config(
        Guard(page.app(), port, token),
        log_level="warning",
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http="h11",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def _places(config: AppConfig) -> tuple[Folder, str | None]:
    """Finds the folder that the page may use, and the clip in it to begin with."""
    names = config.video or []
    if len(names) > 1:
        raise VosError(f"video={','.join(names)}: the page begins with one clip; name one")
    clip = Path(names[0]).resolve() if names else None
    if clip is not None and not clip.exists():
        raise VosError(f"video {names[0]}: there is no such file; name a video or a folder of pictures")
    root = Path(config.folder).resolve() if config.folder else clip.parent if clip else Path.cwd().resolve()
    if not root.is_dir():
        raise VosError(f"folder={config.folder} is no folder; name the one whose files the page may open")
    if clip is not None and not clip.is_relative_to(root):
        raise VosError(f"video {names[0]} does not lie in folder={config.folder}; name a folder around it")
    return Folder(root), None if clip is None else clip.relative_to(root).as_posix()


def _session(config: AppConfig, clip: Path, folder: Path) -> Session:
    """Opens a clip with the options of models and trackers, whatever the page's own are."""
    given: dict[str, object] = {}
    for name, _ in options(AppConfig):
        value = reduce(getattr, name.split("."), config)
        if name not in OWN and not is_dataclass(value):
            given[name] = value
    return Session(
        str(clip),
        folder,
        model=config.model.name,
        device=config.device,
        precision=config.precision,
        options=given,
        cache_gb=CACHE,
    )


def _socket(config: AppConfig) -> socket.socket:
    """Takes the address."""
    host = config.host or HERE
    try:
        family = socket.getaddrinfo(host, config.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, config.port))
        listening.listen()  # whoever reads the address may ask at once
    except OSError as error:
        why = error.strerror or error
        raise VosError(f"cannot listen at host={host} port={config.port} ({why}); port=0 takes a free one") from error
    return listening


def _name(host: str | None) -> str:
    if host is None:
        return HERE
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"[{name}]" if ":" in name else name


def _has_browser() -> bool:
    """Tells whether there is a screen; elsewhere a browser in the terminal would open, over our own words."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
