"""What an attempt has at hand: a folder of its own, material, the program, and the verdict on what it did."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from faulting import judge, scene
from faulting.fault import NO_FAULT, Fault, Outcome
from faulting.judge import Verdict
from faulting.material import Material
from faulting.sandbox import Program

FAST = ("model.input_size=128", "tracker.adapt.enabled=false")  # no learning, a small picture


class Bench:
    """One attempt at a time.

    Args:
        program: what is attacked.
        material: what is given to it.
        root: a folder for attempts.
        default_options: leave the options as users leave them; otherwise :data:`FAST`.
    """

    def __init__(self, program: Program, material: Material, root: Path, default_options: bool = False) -> None:
        self.program, self.material, self.place, self.default_options = program, material, root, default_options
        self.users: dict[str, str] = {}
        self.learned = False  # whether a run of this attempt practised on the reference
        self.begin(root)

    def begin(self, place: Path) -> None:
        """Makes an empty folder for the next attempt."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self.place, self.users, self.learned = place, {}, False

    def lay(self, name: str, target: str | None = None) -> Path:
        """Copies a piece of material into the attempt's folder; its times stay, for they are part of its identity."""
        source, path = self.material.get(name), self.place / (target or name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, path, dirs_exist_ok=True)
        else:
            shutil.copy2(source, path)
        return path

    def run(self, command: str, words: Sequence[str], fault: Fault = NO_FAULT, timeout: float | None = None) -> Outcome:
        """Runs a command; all files that were there before the first one are the user's."""
        if not self.users:
            self.users = judge.snapshot(self.place)
        patience = timeout or (120.0 if self.default_options else 30.0)
        outcome = self.program.run(command, [*words, *self.options(command, words)], self.place, fault, patience)
        self.learned = self.learned or outcome.learned
        return outcome

    def options(self, command: str, words: Sequence[str]) -> list[str]:
        """The options that make a run quick, as far as the command has them and the attempt has no others."""
        given = {word.partition("=")[0] for word in words}
        quick = {"run": FAST, "batch": FAST, "evaluate": FAST, "convert": ()}.get(command, FAST[:1])
        wanted = () if self.default_options else quick
        return [word for word in wanted if word.partition("=")[0] not in given]

    def losses(self) -> list[str]:
        """The user's files that are gone or changed."""
        return judge.lost(self.users, judge.snapshot(self.place))

    def judge(
        self,
        outcome: Outcome,
        problem: Callable[[], str | None] = lambda: None,
        may_refuse: bool = True,
        warning_excuses: bool = False,
        must_write: bool = True,
    ) -> Verdict:
        """:func:`faulting.judge.judge` with this attempt's files; a run that ends well has written something new."""
        before, after = self.users, judge.snapshot(self.place)
        idle = must_write and not after.keys() - before.keys()
        if idle and outcome.code == 0 and not judge.crash(outcome):
            return Verdict(judge.SILENT, "nothing was written")
        return judge.judge(outcome, judge.lost(before, after), problem, may_refuse, warning_excuses)

    def masks_problem(self, folder: str = "o/masks", frames: int = scene.FRAMES, least: float = 0.3) -> str | None:
        """What is wrong with the masks of the scene of one object: too few, too many, or not on it."""
        paths = sorted((self.place / folder).glob("*.png"))
        if len(paths) != frames:
            return f"{len(paths)} masks of {frames} frames"
        found = [scene.overlap(read_labels(path) > 0, scene.labels(1, k) > 0) for k, path in enumerate(paths)]
        return (
            None
            if not found or float(np.mean(found)) > least
            else f"masks miss the object, mean IoU {np.mean(found):.2f}"
        )


def read_labels(path: Path) -> npt.NDArray[np.uint8]:
    """The ids of a mask that vos wrote; of another size than the scene's: none."""
    with Image.open(path) as image:
        labels = np.asarray(image)
    return labels if labels.shape == (scene.HEIGHT, scene.WIDTH) else np.zeros((scene.HEIGHT, scene.WIDTH), np.uint8)
