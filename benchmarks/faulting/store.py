"""A store of files that refuses, stalls, forgets or fills up; its addresses begin with faulty://."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

WAYS = ("well", "refuses", "refuses once", "stalls", "forgets", "full", "breaks off")


class FaultyStore(LocalFileSystem):  # type: ignore[misc]
    """Keeps its files in a folder of this machine. Children of a fork have what was set before.

    Attributes:
        root: of its files.
        way: of failing, one of WAYS.
        at: how many questions it answers before that.
    """

    protocol = "faulty"
    cachable = False
    root, way, at = "", "well", 0
    asked = 0

    def __init__(self, **options: Any) -> None:
        super().__init__(auto_mkdir=True)

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        path = str(path).removeprefix("faulty://")
        return path.rstrip("/") if path.startswith(cls.root) else f"{cls.root}/{path.strip('/')}"

    def _answer(self, path: str) -> None:
        FaultyStore.asked += 1
        late = FaultyStore.asked - self.at
        if self.way == "well" or late <= 0 or (self.way == "refuses once" and late > 1):
            return
        if self.way == "stalls":
            time.sleep(600)
        if self.way == "forgets":
            raise FileNotFoundError(errno.ENOENT, "no such bucket", path)
        if self.way == "full":
            raise OSError(errno.ENOSPC, "the quota of the bucket is used up")
        if self.way == "breaks off":
            raise ConnectionResetError("connection reset by peer")
        raise PermissionError("access denied")

    def info(self, path: str, **options: Any) -> Any:
        """See the base class."""
        self._answer(path)
        return super().info(path, **options)

    def find(self, path: str, **options: Any) -> Any:
        """See the base class."""
        self._answer(path)
        return super().find(path, **options)

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """See the base class."""
        self._answer(path)
        return super().open(path, mode, **options)

    def put_file(self, lpath: str, rpath: str, callback: Any = None, **options: Any) -> None:
        """See the base class; a file appears whole, as in stores of objects."""
        self._answer(rpath)
        target = Path(self._strip_protocol(rpath))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(lpath).read_bytes())


def begin(root: Path, way: str, at: int) -> None:
    """Sets what the store does from now on, in this process and in its later children."""
    fsspec.register_implementation("faulty", FaultyStore, clobber=True)
    FaultyStore.root, FaultyStore.way, FaultyStore.at, FaultyStore.asked = str(root), way, at, 0
