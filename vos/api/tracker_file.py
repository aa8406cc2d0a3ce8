"""A tracker between two frames, as a file: safetensors with its state, and as metadata what it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from vos.errors import VosError
from vos.io.tensor_file import TensorFile

TRACKER = TensorFile("vos.tracker", "saved tracker")
FORMAT = 1
KEYS = {"model", "options", "objects", "size", "index", "names", "taken"}


class TrackerFile(NamedTuple):
    """What a file holds: what the tracker belongs to, and its state."""

    about: dict[str, Any]
    state: Mapping[str, torch.Tensor]


def write_tracker(path: str | Path, file: TrackerFile) -> None:
    """Writes a tracker; the file appears under its name only when it is complete.

    Raises:
        VosError: the place cannot be written, or holds something that is no tracker.
    """
    try:
        text = json.dumps({"format": FORMAT, **file.about})
    except TypeError as error:
        raise VosError(f"options of this tracker cannot be saved ({error}); give numbers and text") from error
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in file.state.items()}
    TRACKER.write(Path(path).expanduser(), text, tensors)


def read_tracker(path: str | Path) -> TrackerFile:
    """Reads a tracker.

    Raises:
        VosError: missing, damaged, no tracker, or of a later version.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise VosError(f"{path} is missing; vos.Tracker.save writes it")
    try:
        about, state = TRACKER.read(path)
        if about.pop("format") != FORMAT or set(about) != KEYS:
            raise ValueError
        return TrackerFile(about, state)
    except Exception as error:  # an odd file can make any of its readers raise anything
        raise VosError(f"{path} is no saved tracker of this version, or damaged") from error
