"""Boxes, clicks and prompts as users give them in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.prompts.clicks import Names, make_prompt, read_clicks
from vos.io.prompts.file import SUFFIX, GivenPrompts, read_objects, read_prompt_file, read_prompts
from vos.structures import ObjectPrompt

KINDS = "a mask (file or array of ids), a box [x, y, width, height], clicks [[x, y], ...], prompts, or a vos.Concept"
HERE = "the reference"  # what prompts are called that stand in no file


def whole_prompts(given: object, size: SizeHW) -> GivenPrompts | None:
    """Reads prompts that name their frames themselves, a file or its content; None where this is something else.

    Args:
        given: what the user gives.
        size: (H, W) of the frames.

    Raises:
        VosError: they cannot be read, or do not fit the frames.
    """
    if is_prompt_file(given):
        return read_prompt_file(as_path(given), size)
    if isinstance(given, Mapping) and "frames" in given:
        return read_prompts(plain(given), size, HERE, Path())
    return None


def prompts_of_frame(given: object, size: SizeHW) -> tuple[ObjectPrompt, ...]:
    """Reads what shows the objects of one frame: prompts, clicks on object 1, or a box around it.

    Args:
        given: what the user gives.
        size: (H, W) of the frame.

    Raises:
        VosError: it is something else, or does not fit the frame.
    """
    if (prompts := whole_prompts(given, size)) is not None:
        if len(prompts.frames) > 1:
            raise VosError(f"{as_path(given) if is_prompt_file(given) else HERE} shows several frames; give one here")
        return next(iter(prompts.frames.values()))
    if objects := as_objects(given):
        return read_objects(plain(objects), size, HERE, Path()).frames[0]
    return (_object_1(given, size),)


def is_prompt_file(given: object) -> bool:
    """Tells whether this is the path of a file of prompts."""
    return isinstance(given, (str, Path)) and as_path(given).suffix.lower() == SUFFIX


def is_prompts(given: object) -> bool:
    """Tells whether these are prompts or a part of them, rather than references by frame number."""
    return isinstance(given, Mapping) and bool(given) and all(isinstance(key, str) for key in given)


def as_objects(given: object) -> Sequence[object]:
    """Lists objects as in a file of prompts; empty where this is something else."""
    if is_prompts(given):
        return [given]
    return given if isinstance(given, Sequence) and given and all(map(is_prompts, given)) else []


def as_path(given: object) -> Path:
    """Returns a path without ``~``."""
    return Path(str(given)).expanduser()


def plain(value: object) -> Any:
    """Returns prompts as a file has them: arrays as lists, paths as text."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (np.ndarray, np.generic, torch.Tensor)):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _object_1(given: object, size: SizeHW) -> ObjectPrompt:
    """Makes object 1 from a box or clicks."""
    clicked: object = given
    if isinstance(given, Sequence) and given and all(np.ndim(one) == 1 and len(one) in (2, 3) for one in given):
        clicked = [[*one, 1][:3] for one in given]  # some say where they are
    try:
        numbers = np.asarray(clicked, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    names = Names()
    if numbers.shape == (4,):
        return make_prompt([], numbers.tolist(), size, names)
    clicks = numbers[None] if numbers.shape in ((2,), (3,)) else numbers
    if clicks.ndim != 2 or clicks.shape[1] not in (2, 3) or len(clicks) == 0:
        kind = f"an array {given.shape}" if isinstance(given, np.ndarray) else " ".join(repr(given).split())[:60]
        raise VosError(f"{kind} is no reference; give {KINDS}")
    return make_prompt(read_clicks(clicks.tolist(), size, names), None, size, names)
