"""Safetensors files of our own, which say what they hold in one JSON entry: concepts and saved trackers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from vos.errors import VosError
from vos.io.atomic import atomic_path


@dataclass(frozen=True)
class TensorFile:
    """A kind of file.

    Attributes:
        key: the metadata entry that holds everything but tensors. One entry: of several, safetensors writes now this
            one first, now that one.
        kind: what such a file is called.
    """

    key: str
    kind: str

    def is_at(self, path: Path) -> bool:
        """Tells whether a file is of this kind, of whatever version."""
        if not path.is_file():  # a device may be read without end
            return False
        try:
            with safe_open(path, framework="pt") as file:
                return self.key in (file.metadata() or {})
        except Exception:  # an odd file can make its reader raise anything
            return False

    def keep_strangers(self, path: Path) -> None:
        """Makes sure that writing to ``path`` replaces nothing but a file of this kind.

        Raises:
            VosError: there is another kind of file, or a link.
        """
        if os.path.lexists(path) and (path.is_symlink() or not self.is_at(path)):
            raise VosError(f"{path} would be replaced, and is no {self.kind}; move it away, or give another name")

    def write(self, path: Path, text: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Writes a file, its JSON as ``text``; it appears under its name only when it is complete.

        Raises:
            VosError: the place cannot be written, or holds something else.
        """
        self.keep_strangers(path)
        with atomic_path(path) as temporary:
            temporary.write_bytes(save(dict(tensors), metadata={self.key: text}))

    def read(self, path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Reads JSON and tensors; an odd file can make it raise anything."""
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[self.key])
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
