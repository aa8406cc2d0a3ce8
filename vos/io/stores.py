"""Files in stores elsewhere, by fsspec: asked with patience, and whatever goes wrong is one line."""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vos.errors import VosError

STALL = 60.0  # seconds without a byte or an answer
CHUNK = 1 << 22  # bytes that are read at once
UPLOADS = 8  # files that are written at the same time
NO_STORES = frozenset({"http", "https", "file", "local", "data"})  # that fsspec knows and is not asked for
DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}  # package of vos[remote] by scheme

T = TypeVar("T")


def is_stored(name: str) -> bool:
    """Tells whether a name is the address of something in a store, such as s3://bucket/clip.mp4."""
    found = re.match(r"([a-z][a-z0-9+.-]+)://", name, re.IGNORECASE)
    if found is None or found[1].lower() in NO_STORES:
        return False
    from fsspec.registry import available_protocols, registry

    return found[1].lower() in (*available_protocols(), *registry)


@dataclass(frozen=True)
class Stored:
    """Something in a store: a file, or a folder.

    Attributes:
        url: its address as the user knows it.
        path: its name in the store.
        files: the store, a file system of fsspec.
    """

    url: str
    path: str
    files: Any

    @classmethod
    def at(cls, url: str) -> Stored:
        """Finds the store of an address.

        Raises:
            VosError: its package is missing, or it cannot be opened.
        """
        from fsspec.core import url_to_fs

        try:
            files, path = url_to_fs(url)
        except ImportError as error:
            package = DRIVERS.get(url.partition(":")[0].lower(), "")
            advice = f"run: pip install {package}" if package else " ".join(str(error).split())
            raise VosError(f"{url} needs one more package; {advice}") from error
        except Exception as error:
            raise _told(url, error) from error
        return cls(url, str(path), files)

    def ask(self, work: Callable[[], T]) -> T:
        """Does something with the store, in a thread of its own that is left alone if it never ends.

        Raises:
            VosError: it does not answer, refuses, or has no such file.
        """
        done: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

        def answer() -> None:
            try:
                done.put((True, work()))
            except BaseException as error:
                done.put((False, error))

        threading.Thread(target=answer, daemon=True).start()
        try:
            is_well, value = done.get(timeout=STALL)
        except queue.Empty:
            raise _stalled(self.url) from None
        if not is_well:
            raise _told(self.url, value) from value
        result: T = value
        return result

    def about(self) -> tuple[int, str]:
        """Asks for the size in bytes, and for what another version of the file would have otherwise.

        Raises:
            VosError: there is no such file, or no answer.
        """
        self.ask(self.files.invalidate_cache)
        about = self.ask(lambda: self.files.info(self.path))
        if about.get("type") == "directory" or about.get("size") is None:
            raise VosError(f"{self.url} is no file; give the address of one")
        return int(about["size"]), str(self.ask(lambda: self.files.ukey(self.path)))

    def copy(self, partial: Path, on_bytes: Callable[[int], None]) -> None:
        """Appends what is missing to a copy on this disk.

        Raises:
            VosError: the store does not go on, or the file is gone.
        """
        have = partial.stat().st_size if partial.exists() else 0
        with partial.open("ab") as out:
            file = self.ask(lambda: self.files.open(self.path, "rb"))
            self.ask(lambda: file.seek(have))
            while part := self.ask(lambda: file.read(CHUNK)):
                out.write(part)
                on_bytes(len(part))
            self.ask(file.close)

    def matching(self) -> list[str]:
        """Lists the addresses of the files of a pattern.

        Raises:
            VosError: no answer.
        """
        self.ask(self.files.invalidate_cache)
        found = self.ask(lambda: self.files.glob(self.path, detail=True))
        root = re.split(r"[*?[]", self.url)[0].rpartition("/")[0]
        path = str(self.files._strip_protocol(root)).rstrip("/")
        return [f"{root}{str(name).removeprefix(path)}" for name, each in found.items() if each.get("type") == "file"]

    def sizes(self) -> dict[str, int]:
        """Lists the files below a folder by their names in it, with their bytes.

        Raises:
            VosError: no answer.
        """
        self.ask(self.files.invalidate_cache)
        root = self.path.rstrip("/") + "/"
        found = self.ask(lambda: self.files.find(self.path, detail=True))
        return {str(name).removeprefix(root): int(each["size"]) for name, each in found.items()}

    def read(self, name: str) -> bytes:
        """Reads a small file of a folder.

        Raises:
            VosError: there is none, or no answer.
        """
        return bytes(self.ask(lambda: self.files.cat_file(f"{self.path.rstrip('/')}/{name}")))

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file of a folder.

        Raises:
            VosError: the store refuses, or gives no answer.
        """
        self.ask(lambda: self.files.pipe_file(f"{self.path.rstrip('/')}/{name}", data))

    def remove(self, names: Sequence[str]) -> None:
        """Removes files of a folder, as far as they are there.

        Raises:
            VosError: the store refuses, or gives no answer.
        """

        def remove() -> None:
            for name in names:
                with suppress(FileNotFoundError):
                    self.files.rm_file(f"{self.path.rstrip('/')}/{name}")

        self.ask(remove)

    def put(self, folder: Path, names: Sequence[str], on_file: Callable[[str], None]) -> None:
        """Copies files of a folder of this disk, several at the same time.

        Args:
            folder: on this disk.
            names: of files in it, and of those in the store.
            on_file: is told the name of each file that is about to be written.

        Raises:
            VosError: the store refuses, or does not go on.
        """
        waiting, done = queue.SimpleQueue[str](), queue.SimpleQueue[BaseException | None]()
        moved, is_over = [time.monotonic()], threading.Event()

        def work() -> None:
            while not is_over.is_set():
                try:
                    name = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    on_file(name)
                    self._put(folder / name, name, moved)
                    done.put(None)
                except BaseException as error:
                    done.put(error)

        for name in names:
            waiting.put(name)
        for _ in range(min(UPLOADS, len(names))):
            threading.Thread(target=work, daemon=True).start()
        try:
            for _ in names:
                self._wait(done, moved)
        finally:
            is_over.set()

    def _put(self, file: Path, name: str, moved: list[float]) -> None:
        from fsspec.callbacks import Callback

        class Moved(Callback):  # type: ignore[misc]
            def call(self, *args: object, **kwargs: object) -> None:
                moved[0] = time.monotonic()

        self.files.put_file(os.fspath(file), f"{self.path.rstrip('/')}/{name}", callback=Moved())
        moved[0] = time.monotonic()

    def _wait(self, done: queue.SimpleQueue[BaseException | None], moved: Sequence[float]) -> None:
        while True:
            try:
                error = done.get(timeout=min(1.0, STALL))
            except queue.Empty:
                if time.monotonic() - moved[0] > STALL:
                    raise _stalled(self.url) from None
                continue
            if error is not None:
                raise _told(self.url, error) from error
            return


def _stalled(url: str) -> VosError:
    return VosError(f"{url}: the store has not answered for {STALL:.0f} seconds; try again later")


def _told(url: str, error: BaseException) -> VosError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return VosError(f"{url} does not exist ({reason})")
    if isinstance(error, PermissionError) or "redential" in type(error).__name__ + reason:
        return VosError(
            f"{url}: the store refuses access ({reason}); set its credentials as its own programs want them"
        )
    return VosError(f"{url}: the store fails ({reason}); try again later")
