"""One clip of many, and first of all the options of all of them: what the processes of ``python -m vos.batch`` do."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from vos.batch.results import BUSY, DONE, FAILED, FINISHED_BEFORE, INTERRUPTED, ClipResult, figures_of
from vos.cli.compose import compose
from vos.cli.config import RunConfig
from vos.cli.console import Console
from vos.cli.manifest import ManifestClip
from vos.cli.options import paths
from vos.errors import VosError, users_error
from vos.io.sole_writer import BusyError
from vos.progress import Display, shown_on

MOST_WARNINGS = 10  # of a clip, in its result


@dataclass(frozen=True)
class ClipTask:
    """A clip with all words of its command line, as it is sent to a process.

    Attributes:
        clip: None = look whether the words make sense, whatever the clip.
        words: of the command line.
    """

    clip: ManifestClip | None
    words: tuple[str, ...]


def segment_clip(task: ClipTask, tell: Callable[[int], None]) -> ClipResult:
    """Segments one clip as ``python -m vos.run`` does; in a process of its own, which keeps the model.

    Args:
        task: the clip.
        tell: is told how many frames are done, now and then.
    """
    said, begin, clip = io.StringIO(), time.monotonic(), task.clip
    state, known = DONE, dict[str, object]()

    def count(done: int, unit: str) -> None:
        if unit == "frame":
            tell(done)

    try:
        with redirect_stderr(said), Console(is_quiet=True).speaking(), shown_on(Display(False, None, count)):
            state, known = _check(task.words) if clip is None else _segment(clip, task.words)
    except KeyboardInterrupt as error:
        state, known = INTERRUPTED, {"error": str(error) or "interrupted"}
    except BusyError as error:
        state, known = BUSY, {"error": str(error)}
    except Exception as error:
        text = users_error(error)
        state = FAILED
        known = {"error": " ".join((f"{type(error).__name__}: {error}" if text is None else text).split())}
    warnings = tuple(line for line in said.getvalue().splitlines() if line)[:MOST_WARNINGS]
    seconds = None if state == FINISHED_BEFORE else round(time.monotonic() - begin, 2)
    about = ("", "", "") if clip is None else (clip.place, clip.video, str(clip.folder))
    return ClipResult(*about, state, seconds=seconds, warnings=warnings, **known)  # type: ignore[arg-type]


def _segment(clip: ManifestClip, words: Iterable[str]) -> tuple[str, dict[str, object]]:
    from vos.cli.video import run_into  # with PyTorch, which the parent has no use for

    (only,) = compose([*words, f"output_dir={clip.folder.path}"], "run", RunConfig)
    outcome = run_into(only.config, clip.folder)
    summary = json.loads(clip.folder.read("summary.json"))
    return FINISHED_BEFORE if outcome.was_there else DONE, {"frames": outcome.frames, **figures_of(summary)}


def _check(words: Iterable[str]) -> tuple[str, dict[str, object]]:
    """Raises a VosError where no clip could be segmented with these options; loads the model, which stays."""
    from vos.cli.run_folder import RunFolder
    from vos.io.frames import Conversion, check_reader
    from vos.sam.registry import load_model
    from vos.video.excerpt import read_moment
    from vos.video.names import checked_names

    (only,) = compose([*words], "run", RunConfig)
    config = only.config
    _ = RunFolder(config, Path()).made
    check_reader(config.reader)
    Conversion(config.hdr, config.deinterlace)
    checked_names(config.object_names)
    for name in ("start", "end"):
        read_moment(name, getattr(config, name) or 0)
    given = {"prompts": [config.prompts or ""], "ref_mask": config.ref_mask, "concept": config.concept}
    for name, path in ((name, path) for name, values in given.items() for path in paths(values)):
        if path.name and not path.is_file():
            raise VosError(f"{name}={path} does not exist; it is given for all clips")
    load_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    return DONE, {}
