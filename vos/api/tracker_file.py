"""A tracker between two frames, as a file: safetensors with its state, and as metadata what it belongs to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save

from vos.errors import VosError
from vos.io.atomic import atomic_path

KEY = "vos.tracker"  # the metadata entry that holds everything, as JSON
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
    path = Path(path).expanduser()
    if os.path.lexists(path) and (path.is_symlink() or not _is_tracker(path)):
        raise VosError(f"{path} would be replaced, and is no saved tracker; move it away, or give another name")
    try:
        text = json.dumps({"format": FORMAT, **file.about})
    except TypeError as error:
        raise VosError(f"options of this tracker cannot be saved ({error}); give numbers and text") from error
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in file.state.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={KEY: text}))


def read_tracker(path: str | Path) -> TrackerFile:
    """Reads a tracker.

    Raises:
        VosError: missing, damaged, no tracker, or of a later version.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise VosError(f"{path} is missing; vos.Tracker.save writes it")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[KEY])
            if about.pop("format") != FORMAT or set(about) != KEYS:
                raise ValueError
            return TrackerFile(about, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except Exception as error:  # an odd file can make any of its readers raise anything
        raise VosError(f"{path} is no saved tracker of this version, or damaged") from error


def _is_tracker(path: Path) -> bool:
    if not path.is_file():  # a device may be read without end
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return KEY in (file.metadata() or {})
    except Exception:  # as above
        return False
