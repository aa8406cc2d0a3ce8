"""What the page asks for, and what it gets: one small handler for each request, the work on other threads."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from vos.app.desk import Desk, TakenError
from vos.app.edits import EDITS
from vos.app.folder import Folder
from vos.app.guard import OWN
from vos.app.jobs import said
from vos.app.uploads import Uploads, check_is_video
from vos.app.views import packed_alpha, packed_labels, picture
from vos.app.work import Work
from vos.errors import VosError
from vos.io.config import OutputConfig
from vos.io.writers.choice import OUTPUTS
from vos.option_names import near_matches, options

T = TypeVar("T")
STATIC = Path(__file__).parent / "static"
MOST_BYTES = 1 << 20  # of a request that is no upload
PACKED = {"content-encoding": "gzip"}


@dataclass(frozen=True)
class Page:
    """The page's server side.

    Attributes:
        desk: the clips that are open.
        folder: what the page may open, and write into.
        uploads: takes files from the browser.
        begin: the clip that a tab without one opens, relative to the folder; None = none.
    """

    desk: Desk
    folder: Folder
    uploads: Uploads
    begin: str | None = None

    def app(self) -> Starlette:
        """Makes the application."""
        own = "/api/clips/{id}"
        routes = [
            Route("/api/hello", self.hello),
            Route("/api/files", self.files),
            Route("/api/open", self.open, methods=["POST"]),
            Route("/api/upload", self.upload, methods=["POST"]),
            Route("/api/attach/{id}", self.attach, methods=["POST"]),
            Route("/api/leave/{id}", self.leave, methods=["POST"]),
            Route("/api/close/{id}", self.close, methods=["POST"]),
            Route(f"{own}/frame/{{frame:int}}", self.frame),
            Route(f"{own}/labels/{{frame:int}}", self.labels),
            Route(f"{own}/alpha/{{frame:int}}", self.alpha),
            Route(f"{own}/state", self.state),
            Route(f"{own}/prepare", self.prepare, methods=["POST"]),
            Route(f"{own}/track", self.track, methods=["POST"]),
            Route(f"{own}/cancel", self.cancel, methods=["POST"]),
            Route(f"{own}/export", self.export, methods=["POST"]),
            Route(f"{own}/exported", self.exported),
            Route(f"{own}/results.zip", self.results),
            *(Route(f"{own}/{what}", self.edit, methods=["POST"]) for what in EDITS),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ]
        return Starlette(routes=routes, exception_handlers={Exception: _failed, VosError: _failed, OSError: _failed})

    async def hello(self, request: Request) -> Response:
        """Says what there is to begin with."""
        names = [*OUTPUTS, "prompts"]
        return JSONResponse({"begin": self.begin, "root": str(self.folder.root), "outputs": names})

    async def files(self, request: Request) -> Response:
        """Lists a folder."""
        name = request.query_params.get("folder", "")
        entries = await run_in_threadpool(self.folder.entries, name)
        return JSONResponse({"root": self.folder.root.name, "entries": entries})

    async def open(self, request: Request) -> Response:
        """Opens a clip of the folder."""
        name = str((await _body(request)).get("path", ""))
        path = self.folder.place(name)
        if path.is_file() and name != self.begin:
            check_is_video(path)
        return _opened(await run_in_threadpool(self.desk.open, path, _tab(request)))

    async def upload(self, request: Request) -> Response:
        """Takes a file and opens it."""
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else None
        path = await self.uploads.take(request.query_params.get("name", ""), size, request.stream())
        return _opened(await run_in_threadpool(self.desk.open, path, _tab(request), path.parent))

    async def attach(self, request: Request) -> Response:
        """Shows a clip that is open, in a tab that was reloaded or takes it over."""
        take = bool((await _body(request)).get("take"))
        return _opened(self.desk.attach(request.path_params["id"], _tab(request), take))

    async def leave(self, request: Request) -> Response:
        """Notes that a tab is closed or reloaded."""
        self.desk.leave(request.path_params["id"], _tab(request))
        return JSONResponse({})

    async def close(self, request: Request) -> Response:
        """Closes a clip."""
        await run_in_threadpool(self.desk.close, self._work(request))
        return JSONResponse({})

    async def frame(self, request: Request) -> Response:
        """Gives the picture of a frame."""
        work, frame = self._work(request), request.path_params["frame"]
        return Response(await run_in_threadpool(picture, work.session, frame), media_type="image/jpeg")

    async def labels(self, request: Request) -> Response:
        """Gives the object of every pixel of a frame."""
        return await self._packed(request, packed_labels)

    async def alpha(self, request: Request) -> Response:
        """Gives the soft mask of a frame."""
        return await self._packed(request, packed_alpha)

    async def _packed(self, request: Request, make: Callable[[Any, int], bytes]) -> Response:
        content = await run_in_threadpool(make, self._work(request).session, request.path_params["frame"])
        return Response(content, media_type="application/octet-stream", headers=PACKED)

    async def state(self, request: Request) -> Response:
        """Says what is known now, and how far long work is."""
        return JSONResponse(await run_in_threadpool(self._work(request).state, False))

    async def edit(self, request: Request) -> Response:
        """Does one of :data:`vos.app.edits.EDITS`."""
        work, what = self._work(request), request.url.path.rpartition("/")[2]
        return JSONResponse(await run_in_threadpool(work.edit, what, await _body(request)))

    async def prepare(self, request: Request) -> Response:
        """Encodes a frame, so that a click in it is answered at once."""
        work, frame = self._work(request), _number(await _body(request), "frame")
        await run_in_threadpool(work.session.prepare, frame)
        return JSONResponse({})

    async def track(self, request: Request) -> Response:
        """Begins to track."""
        work, body = self._work(request), await _body(request)
        await run_in_threadpool(work.track, *_span(body), str(body.get("direction", "both")))
        return JSONResponse(await run_in_threadpool(work.state, False))

    async def cancel(self, request: Request) -> Response:
        """Stops tracking."""
        work = self._work(request)
        await run_in_threadpool(work.cancel)
        return JSONResponse(await run_in_threadpool(work.state))

    async def export(self, request: Request) -> Response:
        """Begins to write results."""
        work, body = self._work(request), await _body(request)
        into = None if body.get("folder") is None else self._target(str(body["folder"]))
        names = [str(name) for name in body.get("output", [])]
        given = self._options(str(body.get("options", "")))
        await run_in_threadpool(work.export, names, given, into, *_span(body))
        return JSONResponse(work.state(with_rows=False))

    async def exported(self, request: Request) -> Response:
        """Says where results were written."""
        path = self._work(request).exported
        return JSONResponse({"exported": None if path is None else str(path)})

    async def results(self, request: Request) -> Response:
        """Hands out results as a file; the browser asks for it by itself, without the name of the tab."""
        work = self.desk.find(request.path_params["id"])
        if work.exported is None or work.exported.suffix != ".zip":
            raise VosError("there are no results to download; export them first")
        return FileResponse(work.exported, media_type="application/zip", filename=f"{Path(work.name).stem}.zip")

    def _work(self, request: Request) -> Work:
        return self.desk.work(request.path_params["id"], _tab(request))

    def _target(self, name: str) -> Path:
        path = self.folder.place(name)
        if path == self.folder.root:
            raise VosError("choose a folder of its own for the results, such as outputs/clip")
        return path

    def _options(self, words: str) -> dict[str, object]:
        """Reads options as they stand on the command line; one that names a file names it in the folder."""
        try:
            pairs = [word.partition("=") for word in shlex.split(words)]
        except ValueError as error:
            raise VosError(f"the options are not understood ({error})") from error
        known, given = dict(options(OutputConfig)), dict[str, object]()
        for name, equals, value in pairs:
            if not equals or name not in known:
                hint = near_matches(name, known) or "docs/options.md lists those of outputs"
                raise VosError(f"there is no option {name}; {hint}")
            given[name] = _value(value)
        if isinstance(ground := given.get("background"), str) and (path := self.folder.root / ground).exists():
            given["background"] = str(self.folder.place(ground)) if path != self.folder.root else ground
        elif isinstance(ground, str) and ("/" in ground or "\\" in ground or ":" in ground):
            raise VosError(f"background={ground}: there is no such file in {self.folder.root}")
        return given


def _value(word: str) -> object:
    try:
        return json.loads(word)
    except ValueError:
        return word


def _tab(request: Request) -> str:
    return str(request.headers.get(OWN, ""))


def _opened(work: Work) -> Response:
    return JSONResponse({**work.state(), "clip": work.clip()})


async def _body(request: Request) -> Mapping[str, Any]:
    """Reads the JSON of a request.

    Raises:
        VosError: it is too large, or is none.
    """
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            raise VosError("this is more than the page ever sends at once; reload the page")
    try:
        body = json.loads(parts or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise VosError("this is no request of the page; reload it")
    return body


def _span(body: Mapping[str, Any]) -> tuple[int, int]:
    return _number(body, "start"), _number(body, "end")


def _number(body: Mapping[str, Any], name: str) -> int:
    if type(number := body.get(name)) is not int:
        raise VosError(f"{name}={number} is no number of a frame; reload the page")
    return number


async def _failed(request: Request, error: Exception) -> Response:
    code = 409 if isinstance(error, TakenError) else 400 if isinstance(error, VosError) else 500
    return JSONResponse({"error": said(error)}, code)
