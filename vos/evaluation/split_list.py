"""Which sequences a split has, and which files a folder shows: whatever editors and systems have added to them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from pathlib import Path

from vos.errors import VosError


def read_split(root: Path, year: int, split: str) -> list[str]:
    """Reads the names of a split's sequences, in their order: ``ImageSets/<year>/<split>.txt``, a whole line each.

    Raises:
        VosError: there is no such list, it is no text, or names none.
    """
    folder = root / "ImageSets" / str(year)
    listed = folder / f"{split}.txt"
    # The first release of DAVIS 2016 lists pairs of files instead of sequences.
    pairs = root / "ImageSets" / "480p" / f"{split}.txt"
    if year == 2016 and not listed.is_file() and pairs.is_file():
        listed = pairs
    if not listed.is_file():
        found = ", ".join(path.stem for path in visible(folder.glob("*.txt"))) or "none"
        raise VosError(f"split {split} has no list file {listed}; splits in {folder}: {found}")
    lines = [line.strip() for line in _read_list(listed).splitlines() if line.strip()]
    names = list(dict.fromkeys(Path(line.split(" /")[0]).parent.name if "/" in line else line for line in lines))
    return _checked(names, listed)


def all_sequences(root: Path, resolution: str | None) -> list[str]:
    """Lists the sequences of a data set without lists: those of YouTube-VOS' meta.json, else all annotated ones.

    Raises:
        VosError: meta.json is not as YouTube-VOS has it, or there is no sequence.
    """
    meta, folder = root / "meta.json", root / "Annotations" / (resolution or "")
    if not meta.is_file():
        return _checked([path.name for path in visible(folder.glob("*")) if path.is_dir()], folder)
    try:
        videos = json.loads(meta.read_text(encoding="utf-8"))["videos"]
        return _checked(sorted(map(str, videos.keys())), meta)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise VosError(f'{meta} has no {{"videos": {{...}}}} as YouTube-VOS; restore it, or move it away') from error


def _checked(names: list[str], source: Path) -> list[str]:
    """Makes sure that there are names, and that each is one of a folder."""
    odd = [name for name in names if name in ("", ".", "..") or "/" in name or "\\" in name]
    if odd or not names:
        raise VosError(f"{source} names {f'{odd[0]!r}, which is ' if odd else ''}no sequence")
    return names


def _read_list(path: Path) -> str:
    """Reads a list as editors save it: UTF-8, or UTF-16 where its first bytes (a byte order mark) say so."""
    content = path.read_bytes()
    try:
        return content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise VosError(f"list file {path} is no text in UTF-8 ({error.reason}); save it again as UTF-8") from error


def visible(paths: Iterable[Path]) -> list[Path]:
    """Sorts files by name, without the hidden ones that systems leave beside them ("._00000.png" of macOS)."""
    return sorted(path for path in paths if not path.name.startswith("."))
