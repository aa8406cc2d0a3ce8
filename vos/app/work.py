"""A clip that is open on the page: its session, what goes on with it, and what the page is told of it."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vos.app.edits import EDITS, hex_of
from vos.app.jobs import Job
from vos.app.results import copy_prompts, zipped
from vos.app.views import shown_size
from vos.errors import VosError
from vos.report.checks import Check
from vos.report.moments import APART
from vos.report.reasons import NOTHING
from vos.session.session import Session
from vos.structures import Presence

SIGNS = {Presence.PRESENT: "p", Presence.UNCERTAIN: "u", Presence.ABSENT: "a", None: "-"}
MOST_CHECKS = 40  # frames that need a look, in the list
ROWS_AGAIN = 1.0  # seconds until the page is told all scores again while work goes on


class Work:
    """An open clip.

    Args:
        session: of the clip, in ``folder / "session"``.
        name: of the clip, for people.
        folder: of its own, which goes when it is closed.

    Attributes:
        id: a word that nobody can guess.
        tab: that has it open now; "" = none.
        used: when it was last asked for, as :func:`time.monotonic` tells.
        job: long work that goes on, or that failed.
        exported: what was written last.
    """

    def __init__(self, session: Session, name: str, folder: Path) -> None:
        self.session, self.name, self.folder = session, name, folder
        self.id, self.tab, self.used = secrets.token_urlsafe(12), "", time.monotonic()
        self.job: Job | None = None
        self.exported: Path | None = None
        self._version, self._told = 0, 0.0
        self._checks: list[dict[str, Any]] = []

    def clip(self) -> dict[str, Any]:
        """Describes the clip, which stays as it is."""
        session = self.session
        height, width = session.size
        shown_height, shown_width = shown_size(session.size)
        return {
            "name": self.name,
            "count": session.frame_count,
            "width": width,
            "height": height,
            "shown": [shown_width, shown_height],
            "fps": session.fps,
            "times": np.round(session.times, 3).tolist(),
        }

    def state(self, with_rows: bool = True) -> dict[str, Any]:
        """Describes what is known now.

        Args:
            with_rows: also tell the scores of all frames; else they are told now and then.
        """
        session, job = self.session, self.job
        if job is not None and not job.is_running and not job.error:
            job, self.job, with_rows = None, None, True
        told = {
            "id": self.id,
            "objects": [{"id": one.id, "name": one.name, "colour": hex_of(one.colour)} for one in session.objects],
            "prompts": {str(frame): self._shown(frame) for frame in session.prompted},
            "canUndo": session.can_undo,
            "canRedo": session.can_redo,
            "job": None if job is None else job.described(),
            "version": self._version,
        }
        if job is not None and job.error:
            self.job = None  # it is said once
        if with_rows or time.monotonic() > self._told + ROWS_AGAIN:
            told |= {"rows": {str(one.id): self._row(one.id) for one in session.objects}, "checks": self._checks}
            self._told = time.monotonic()
        return told

    def _shown(self, frame: int) -> dict[str, Any]:
        known = ("points", "box")
        entries = self.session.prompts_in(frame).items()
        return {str(i): {k: v for k, v in entry.items() if k in known} for i, entry in entries}

    def _row(self, object_id: int) -> dict[str, Any]:
        line = self.session.timeline(object_id)
        scores = np.rint(100 * np.nan_to_num(line.score)).astype(int)
        signs, current = (SIGNS[one] for one in line.presence), ("1" if one else "0" for one in line.is_current)
        return {"score": scores.tolist(), "presence": "".join(signs), "current": "".join(current)}

    def edit(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Does what the user has shown, named or taken back; tracking that goes on is stopped, what it found stays.

        Args:
            what: one of :data:`vos.app.edits.EDITS`.
            body: what the page says of it.

        Returns:
            The state, and what is doubtful about a mask.

        Raises:
            VosError: it cannot be done.
        """
        if self.job is not None and self.job.is_running:
            self.job.end()
        doubts = EDITS[what](self.session, body)
        self._version += 1
        known = {one.id for one in self.session.objects}
        shown = {(frame, i) for frame in self.session.prompted for i in self.session.prompts_in(frame)}
        self._checks = [
            one for one in self._checks if one["object"] in known and (one["frame"], one["object"]) not in shown
        ]
        return {**self.state(), "doubts": doubts if isinstance(doubts, tuple) else ()}

    def track(self, start: int, end: int, direction: str) -> None:
        """Begins to track.

        Args:
            start: first frame.
            end: the frame after the last one.
            direction: both, forward or backward.

        Raises:
            VosError: there is nothing to track, or other work goes on.
        """
        self._check_idle()
        tracking = self.session.track(start, end, direction)

        def work(job: Job) -> None:
            for progress in tracking:
                job.done, job.total, job.left = progress.done, progress.total, progress.seconds_left
                job.frame, job.text = progress.frame, "Tracking ..."
                self._version += 1
            job.text = "Looking for frames that need a look ..."
            self._checks = [
                {"frame": c.index, "object": c.object_id, "name": c.object_name, "reason": c.reason}
                for c in worth_a_look(self.session.frames_to_check(), self.session.frame_count)
            ]

        self.job = Job("track", "Learning what the object looks like ...", stop=tracking.close)
        self.job.begin(work)

    def export(
        self, output: Sequence[str], options: Mapping[str, object], into: Path | None, start: int, end: int
    ) -> None:
        """Begins to write results.

        Args:
            output: names of outputs, and "prompts" for what was shown.
            options: by dotted name, as of :func:`vos.write`.
            into: the folder; None = a zip file, to be fetched.
            start: first frame.
            end: the frame after the last one.

        Raises:
            VosError: other work goes on.
        """
        self._check_idle()
        self.exported = None
        place = self.folder / "export"
        shutil.rmtree(place, ignore_errors=True)

        def work(job: Job) -> None:
            target = into or place / "results"
            names = [name for name in output if name != "prompts"]
            if names or "prompts" not in output:
                self.session.export(target, names, start=start, end=end, options=options)
            if "prompts" in output:
                copy_prompts(self.session.folder, target)
            self.exported = into or zipped(target, place / "results.zip")

        self.job = Job("export", "Writing ...")
        self.job.begin(work)

    def _check_idle(self) -> None:
        if self.job is not None and self.job.is_running:
            raise VosError("other work goes on; wait for its end, or cancel it")

    def cancel(self) -> None:
        """Stops tracking; what was found stays. An export is waited for."""
        if self.job is not None:
            self.job.end()
            self._version += 1

    def close(self) -> None:
        """Ends all work, and deletes everything that was kept for it."""
        if self.job is not None:
            self.job.end()
        self.session.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def worth_a_look(checks: Sequence[Check], count: int) -> list[Check]:
    """Chooses of the worst frames those of which something can be said, and no two that lie close together.

    Args:
        checks: worst first.
        count: of the clip's frames.
    """
    apart, chosen = max(1, min(APART, count // APART)), list[Check]()
    for check in checks:
        if check.reason != NOTHING and all(abs(check.index - other.index) >= apart for other in chosen):
            chosen.append(check)
    return chosen[:MOST_CHECKS]
