"""What became of each clip: one line of JSON, in a file that only grows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vos.io.atomic import writing_to

DONE, FINISHED_BEFORE, FAILED, INTERRUPTED = "done", "finished before", "failed", "interrupted"
BUSY = "busy"  # another run is at it

BEGINNING = '{"row": "'  # of every line
MOST_TO_CHECK = 10  # frames in a line; all of them are in the clip's own summary.json


@dataclass(frozen=True)
class ClipResult:
    """What became of one clip.

    Attributes:
        row: of the list, such as "clips.csv:3".
        video: file, folder or address.
        output_dir: folder of its results.
        state: done, finished before, failed or interrupted; busy is never the last word.
        frames: that have results.
        seconds: that it took; None of what was finished before.
        mean_predicted_iou: of the frames in which an object is not absent, 0..1; None where there is none.
        share_absent: of all frames and objects, 0..1.
        frames_to_check: numbers of the frames to look at first, worst first.
        error: why it failed, in one line.
        warnings: what was said about it.
    """

    row: str
    video: str
    output_dir: str
    state: str
    frames: int = 0
    seconds: float | None = None
    mean_predicted_iou: float | None = None
    share_absent: float | None = None
    frames_to_check: tuple[int, ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()

    def line(self) -> str:
        """Writes it as a JSON object; what is empty is left out."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in (None, "", ())})


def figures_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Sums up the frames of a finished run, as a :class:`ClipResult` has it."""
    objects = [each for frame in summary["frames"] for each in frame["objects"].values()]
    seen = [each["predicted_iou"] for each in objects if each["presence"] != "absent"]
    absent = len(objects) - len(seen)
    worst = dict.fromkeys(entry["index"] for entry in summary.get("frames_to_check", ()))
    return {
        "mean_predicted_iou": round(sum(seen) / len(seen), 4) if seen else None,
        "share_absent": round(absent / len(objects), 4) if objects else None,
        "frames_to_check": tuple(worst)[:MOST_TO_CHECK],
    }


def append_line(path: Path, line: str) -> None:
    """Adds a line to a file in one write, after ending the line that a killed process or a full disk has cut off.

    Raises:
        VosError: the file cannot be written.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else f"\n{line}"
            file.write(f"{line}\n".encode())
