"""The folder of a session: its own file, the file of prompts, the masks that were drawn, and what can be made again.

session.json    the clip, its options, objects and steps
prompts.json    what shows the objects, as ``python -m vos.run prompts=`` reads it
drawn/          masks that prompts.json names; each is named by its content, and never changed
.vos/           encodings, tracker states, results: all of it can be made again
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vos.api.prompts import plain
from vos.errors import VosError
from vos.io.atomic import atomic_path, remove
from vos.io.masks.label_map import write_label_map
from vos.io.sole_writer import sole_writer
from vos.io.written import NOTES
from vos.session.edits import History
from vos.structures import LabelMap

SESSION, PROMPTS, DRAWN = "session.json", "prompts.json", "drawn"
FORMAT = 1


class SavedSession(NamedTuple):
    """What a session's file holds: which clip, how it is read and tracked, and what was said."""

    video: str
    digest: str
    options: dict[str, Any]
    history: History


def read_session(folder: Path) -> SavedSession | None:
    """Reads a session's file; None where there is nothing yet.

    Raises:
        VosError: there is something else, or it is damaged.
    """
    path = folder / SESSION
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(one.name != NOTES for one in folder.iterdir())):
            raise VosError(f"{folder} is no session, but holds something else; choose another folder")
        return None
    try:
        told = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise ValueError
        return SavedSession(str(told["video"]), str(told["clip"]), dict(told["options"]), History.read(told))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, VosError) as error:
        raise VosError(f"{path} is no session of this version, or damaged; move the folder away") from error


class SessionFolder:
    """An open folder; nobody else can open it meanwhile.

    Args:
        path: where it is; made where it is missing.
        video: path of the clip.

    Raises:
        VosError: another process has it open, it cannot be written, or its files were changed by somebody else.
    """

    def __init__(self, path: Path, video: str) -> None:
        self.path = path
        self._stack = ExitStack()
        self._stack.enter_context(sole_writer(path, (SESSION, PROMPTS, DRAWN), source=video))

    def place(self, name: str) -> Path:
        """Names a file or folder for what can be made again."""
        return self.path / NOTES / name

    def save(self, saved: SavedSession) -> None:
        """Writes the session's file and the file of prompts.

        The one is the truth, the other follows from it: :meth:`save` on opening mends what a crash left between them.
        """
        about = {"format": FORMAT, "video": saved.video, "clip": saved.digest, "options": saved.options}
        _write(self.path / SESSION, {**about, **saved.history.described()})
        if saved.history.now.shown:
            _write(self.path / PROMPTS, saved.history.now.prompts())
        else:
            (self.path / PROMPTS).unlink(missing_ok=True)

    def draw(self, mask: npt.NDArray[np.bool_]) -> str:
        """Keeps a mask, bool (H, W); returns its path as the file of prompts has it."""
        name = f"{DRAWN}/{hashlib.blake2b(np.packbits(mask).tobytes(), digest_size=8).hexdigest()}.png"
        if not (self.path / name).is_file():
            write_label_map(self.path / name, LabelMap(mask.astype(np.uint8), (1,)))
        return name

    def tidy(self, history: History) -> None:
        """Removes the masks that no step names any more."""
        entries = [e for step in history.steps for by_id in step.shown.values() for e in by_id.values()]
        named = {entry.get("mask") for entry in entries}
        for path in (self.path / DRAWN).glob("*.png"):
            if f"{DRAWN}/{path.name}" not in named:
                remove(path)

    def close(self) -> None:
        """Lets others open it."""
        self._stack.close()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a file so that not even a power failure leaves less than the one before, or this one."""
    text = json.dumps(content, indent=1, ensure_ascii=False, default=plain)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
