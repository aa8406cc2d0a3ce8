"""``vos.Session``: a clip opened once; objects are shown in any frame, followed, corrected, and written."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from typing_extensions import Self

from vos.api.options import configured, given_options
from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.frames import Conversion, FrameSource, full_name, open_frames
from vos.sam.segmenter import Segmenter
from vos.session.clip import SessionClip
from vos.session.editor import Editor
from vos.session.edits import Edits, History
from vos.session.encodings import EncodingCache
from vos.session.engine import SessionEngine
from vos.session.folder import SavedSession, SessionFolder, read_session
from vos.session.results import FoundResults
from vos.session.tracking import DIRECTIONS, Tracking, track_frames
from vos.video.config import VideoConfig
from vos.video.excerpt import excerpt

GIGABYTE = 1 << 30


class Session(Editor):
    """Work on one clip that is kept in a folder.

        with vos.Session("clip.mp4", "rex.session") as session:
            rex = session.add_object("rex")
            answer = session.prompt(0, rex.id, points=[[412, 230]])     # its mask, at once
            for progress in session.track():
                print(progress.done, progress.total)
            session.prompt(30, rex.id, points=[[90, 60]], labels=[0], refine=True)     # a correction
            for progress in session.track():     # tracks again what that changes
                pass
            session.export("out", ["masks", "matte"])

    Everything is saved after each step. What is shown is kept as ``prompts.json``, and what is found are, byte for
    byte, the masks of ``python -m vos.run video=clip.mp4 prompts=rex.session/prompts.json``. Frames go by their numbers
    in the clip. Safe to use from several threads.

    Args:
        video: a video file, or a folder or pattern of images.
        folder: of the session; made where it is missing, gone on with where it is there.
        model: nano, vit_t, vit_b, vit_l, vit_h, or a name of :func:`vos.register_model`; or a model itself.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, float32 or bfloat16.
        start: first frame wanted, a number, seconds as a float, or a time such as "00:12.5".
        end: the frame after the last one wanted, likewise.
        every: 2 takes every second frame, and so on.
        options: others by their dotted names, as in docs/options.md.
        cache_gb: gigabytes of the disk that encodings of frames may take, so that corrections need not make them again.

    Raises:
        VosError: an input or option is missing or wrong, or the folder is another clip's, or in use.
    """

    def __init__(
        self,
        video: str | Path,
        folder: str | Path,
        *,
        model: str | Segmenter = "nano",
        device: str = "auto",
        precision: str = "auto",
        start: int | float | str | None = None,
        end: int | float | str | None = None,
        every: int = 1,
        options: Mapping[str, object] | None = None,
        cache_gb: float = 4.0,
    ) -> None:
        given: dict[str, object] = {"device": device, "precision": precision, "every": every}
        config = configured(VideoConfig(), {**given, **given_options(model, options)})
        if not 0 <= cache_gb < float("inf"):
            raise VosError(f"cache_gb={cache_gb} is no size; give gigabytes, 0 for no cache")
        self.folder, self.video = Path(folder).expanduser(), full_name(str(video))
        saved = read_session(self.folder)
        told = {**given, "start": start, "end": end, "options": dict(options or {}), "cache_gb": cache_gb}
        told["model"] = model if isinstance(model, str) else model.name
        again = partial(open_clip, video, config, start, end)
        with ExitStack() as stack:
            clip = SessionClip(stack.enter_context(again()))
            digest = Clip.of(clip.source).digest
            if saved is not None and saved.digest != digest:
                raise VosError(f"{self.folder} is a session of {saved.video}; choose another folder for {video}")
            place = SessionFolder(self.folder, self.video)
            stack.callback(place.close)
            saved = SavedSession(self.video, digest, told, History() if saved is None else saved.history)
            place.tidy(saved.history)
            place.save(saved)
            patience = 2 * len(clip.numbers)  # tracked twice without it
            cache = EncodingCache(place.place("encodings"), round(cache_gb * GIGABYTE), patience)
            found = FoundResults(place.place("results.db"), clip.source.size)
            stack.callback(found.close)
            engine = SessionEngine(config, model, clip, self.folder, cache)
            super().__init__(clip, again, place, saved, engine, found)
            self._tracking: Callable[[], Tracking | None] = lambda: None
            self._is_closed = False
            self._stack = stack.pop_all()

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Opens a session that is there, with its own clip and options.

        Raises:
            VosError: there is none, or as for a new one.
        """
        saved = read_session(Path(folder).expanduser())
        if saved is None:
            raise VosError(f"there is no session in {folder}; vos.Session(video, folder) makes one")
        return cls(saved.video, folder, **saved.options)

    def prepare(self, i: int) -> None:
        """Encodes a frame, so that a click in it is answered at once.

        Raises:
            VosError: there is no such frame.
        """
        with self._lock:
            if not self._is_tracking:
                self._engine.prepare(i, self._edits)

    def track(self, start: int | None = None, end: int | None = None, direction: str = "both") -> Tracking:
        """Follows what is shown through the frames whose results do not hold; begins at once, on a thread of its own.

        On the way others may be tracked, too: from the first frame in which objects are shown, or the latest state that
        was kept after it, and back from frames in which they are shown again.

        Args:
            start: number of the first frame that is wanted; None = the clip's.
            end: number of the frame after the last one; None = the clip's end.
            direction: "forward", from the first frame in which objects are shown on; "backward", before it; or "both".

        Returns:
            An iterator of :class:`vos.session.tracking.Progress`. While it is open nothing can be shown or taken back.

        Raises:
            VosError: nothing is shown yet, or there are no such frames.
        """
        if direction not in DIRECTIONS:
            raise VosError(f"direction={direction} is unknown; choose one of {', '.join(DIRECTIONS)}")
        with self._editing() as edits:
            if not edits.shown:
                raise VosError("there is nothing to follow yet; show an object: session.prompt(0, 1, points=[[x, y]])")
            needs, first = self._engine.dependencies(edits), self._clip.position(next(iter(edits.shown)))
            span = self._span(start, end)
            span = range(span.start if direction != "forward" else max(first, span.start), span.stop)
            span = range(span.start, span.stop if direction != "backward" else min(first, span.stop))
            wanted = {position for position in span if not self._holds(position, needs)}
            state = self._folder.place("resume")
            tracking = Tracking(partial(track_frames, self._engine, edits, self._found, state, wanted))
            self._tracking = weakref.ref(tracking)
            return tracking

    @property
    def _is_tracking(self) -> bool:
        tracking = self._tracking()
        return tracking is not None and not tracking.is_closed

    @contextmanager
    def _editing(self) -> Iterator[Edits]:
        with super()._editing() as edits:
            if self._is_closed:
                raise VosError(f"the session is closed; vos.Session.open({str(self.folder)!r}) opens it again")
            if self._is_tracking:
                raise VosError("frames are being tracked; close() what track() gave, or wait for its end")
            yield edits

    def close(self) -> None:
        """Closes the folder; everything is saved."""
        if (tracking := self._tracking()) is not None:
            tracking.close()
        with self._lock:
            self._is_closed = True
            self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = f"{len(self.objects)} objects, shown in {len(self.prompted)} frames"
        return f"Session({str(self.folder)!r}: {self.frame_count} frames of {self.video}; {shown})"


def open_clip(
    video: str | Path, config: VideoConfig, start: int | float | str | None, end: int | float | str | None
) -> FrameSource:
    """Opens the part of a clip that is wanted.

    Raises:
        VosError: it is missing or no video, or there are no such frames.
    """
    source = open_frames(video, config.reader, Conversion(config.hdr, config.deinterlace))
    try:
        start, end = (config.start if start is None else start), (config.end if end is None else end)
        return excerpt(source, start, end, config.every)
    except BaseException:
        source.close()
        raise
