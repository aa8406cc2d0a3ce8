"""``vos.Session``: a clip opened once; objects are shown in any frame, followed, corrected, and written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from vos.api.options import configured, given_options
from vos.api.result import Result
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.clip import Clip
from vos.io.frames import Conversion, full_name, open_frames
from vos.sam.segmenter import Segmenter
from vos.session.clip import SessionClip
from vos.session.editor import Editor
from vos.session.edits import History
from vos.session.encodings import EncodingCache
from vos.session.engine import SessionEngine
from vos.session.folder import SavedSession, SessionFolder, read_session
from vos.session.results import FoundResults
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
            session.prompt(30, rex.id, points=[[400, 220], [90, 60]], labels=[1, 0])     # a correction
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
        with ExitStack() as stack:
            source = stack.enter_context(open_frames(video, config.reader, Conversion(config.hdr, config.deinterlace)))
            digest = Clip.of(source).digest
            if saved is not None and saved.digest != digest:
                raise VosError(f"{self.folder} is a session of {saved.video}; choose another folder for {video}")
            clip = SessionClip(excerpt(source, start, end, every))
            place = SessionFolder(self.folder, self.video)
            stack.callback(place.close)
            saved = SavedSession(self.video, digest, told, History() if saved is None else saved.history)
            place.tidy(saved.history)
            place.save(saved)
            cache = EncodingCache(place.place("encodings"), round(cache_gb * GIGABYTE))
            super().__init__(clip, place, saved, SessionEngine(config, model, clip, self.folder, cache))
            self._found = FoundResults(place.place("results.db"), source.size)
            stack.callback(self._found.close)
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

    @property
    def size(self) -> SizeHW:
        """(H, W) of the frames in pixels."""
        return self._clip.source.size

    @property
    def fps(self) -> float:
        """Average frames per second."""
        return self._clip.source.fps

    @property
    def frames(self) -> range:
        """The numbers of the frames, as the clip counts."""
        return self._clip.numbers

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return len(self._clip.numbers)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Presentation times of the frames in seconds, float64 (T,)."""
        return self._clip.times

    def frame(self, i: int) -> npt.NDArray[np.uint8]:
        """Returns the picture of a frame, uint8 (H, W, 3) RGB.

        Raises:
            VosError: there is no such frame.
        """
        return self._clip.frame(i).rgb

    def prepare(self, i: int) -> None:
        """Encodes a frame, so that a click in it is answered at once.

        Raises:
            VosError: there is no such frame.
        """
        with self._lock:
            self._engine.prepare(i, self._edits)

    def result(self, i: int) -> Result | None:
        """Returns what was last found in a frame; None where nothing was yet.

        Raises:
            VosError: there is no such frame.
        """
        position, edits = self._clip.position(i), self._edits
        if position not in self._found.frames:
            return None
        quality = self._engine.config.matte.quality
        segmented = self._found.get(position, self._clip.frame(i), edits.followed, edits.names, quality)
        return None if segmented is None else Result(segmented)

    def close(self) -> None:
        """Closes the folder; everything is saved."""
        with self._lock:
            self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = f"{len(self.objects)} objects, shown in {len(self.prompted)} frames"
        return f"Session({str(self.folder)!r}: {self.frame_count} frames of {self.video}; {shown})"
