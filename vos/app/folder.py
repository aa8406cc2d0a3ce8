"""The folder whose files the page may open, and into which it may write: nothing that it names lies outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vos.errors import VosError
from vos.io.images import IMAGE_SUFFIXES

VIDEOS = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts"),
    *(".mts", ".m2ts", ".mxf", ".gif", ".wmv", ".flv", ".ogv", ".3gp"),
)
MOST_LISTED = 500


@dataclass(frozen=True)
class Folder:
    """A folder and all that lies in it.

    Attributes:
        root: the folder, in full and without links.
    """

    root: Path

    def place(self, name: str) -> Path:
        """Finds what the page names.

        Args:
            name: relative to the folder, with slashes; "" = the folder itself.

        Raises:
            VosError: it lies outside, by its name or by way of a link.
        """
        path = PurePosixPath(name)
        if "\0" in name or "\\" in name or path.is_absolute() or ".." in path.parts or ":" in name:
            raise VosError(f"{name!r} lies outside of the folder {self.root}; choose a file in it")
        found = self.root.joinpath(*path.parts)
        try:
            is_inside = found.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):  # links that lead in a circle
            is_inside = False
        if not is_inside:
            raise VosError(f"{name!r} leads out of the folder {self.root}; choose a file in it")
        return found

    def entries(self, name: str) -> list[dict[str, object]]:
        """Lists the folders and videos in a folder, by name; hidden ones, and what leads outside, are left out.

        Args:
            name: as of :meth:`place`.

        Raises:
            VosError: it is no folder, or lies outside.
        """
        place, found = self.place(name), list[dict[str, object]]()
        try:
            inside = sorted(place.iterdir(), key=lambda path: path.name.lower())
        except OSError as error:
            raise VosError(f"{name!r} cannot be listed ({error.strerror}); choose another folder") from error
        for path in inside:
            if path.name.startswith(".") or not path.resolve().is_relative_to(self.root):
                continue
            if path.is_dir():
                found.append({"name": path.name, "kind": "pictures" if _has_pictures(path) else "folder"})
            elif path.suffix.lower() in VIDEOS:
                found.append({"name": path.name, "kind": "video"})
        return found[:MOST_LISTED]


def _has_pictures(folder: Path) -> bool:
    try:
        return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())
    except OSError:  # nobody may look into it
        return False
