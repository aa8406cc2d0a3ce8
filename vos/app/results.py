"""Results for the user: what was shown beside what was found, and all of it as one file."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

from vos.errors import VosError
from vos.session.folder import DRAWN, PROMPTS


def copy_prompts(session: Path, target: Path) -> None:
    """Copies ``prompts.json`` and the masks that it names, for ``python -m vos.run prompts=``.

    Args:
        session: its folder.
        target: the folder of results.

    Raises:
        VosError: there is a file of that name, which is something else.
    """
    check_is_ours(target / PROMPTS)
    target.mkdir(parents=True, exist_ok=True)
    for path in (session / PROMPTS, *sorted((session / DRAWN).glob("*.png"))):
        copy = target / path.relative_to(session)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)


def check_is_ours(path: Path) -> None:
    """Raises a VosError where there is something else than a file of prompts, or a link."""
    if not os.path.lexists(path):
        return
    try:
        is_ours = not path.is_symlink() and "frames" in json.loads(path.read_bytes())
    except (OSError, ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise VosError(f"{path} is something else and is not replaced; choose another folder")


def zipped(folder: Path, path: Path) -> Path:
    """Packs a folder into a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:  # pictures and videos are compressed already
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                file.write(each, each.relative_to(folder))
    return path
