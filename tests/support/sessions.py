"""What tests do with a session on the clip of the red square."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from fakes import SIZE

import vos


def on_square(index: int) -> list[list[int]]:
    """A click on the square."""
    return [[12 + index, 20]]


def corner() -> npt.NDArray[np.bool_]:
    """A mask of another thing, in the lower right corner."""
    mask = np.zeros(SIZE, np.bool_)
    mask[70:90, 100:120] = True
    return mask


def tracked(session: vos.Session, **span: object) -> list[int]:
    """Tracks; returns the numbers of the frames that the tracker saw, in order."""
    frames, done = [], 0
    for progress in session.track(**span):  # type: ignore[arg-type]
        frames += [progress.frame] * (progress.done > done)
        done = progress.done
    return frames


def current(session: vos.Session) -> set[int]:
    """The numbers of the frames whose result holds."""
    return {i for i in session.frames if session.is_current(i)}
