"""What is told about a whole album: tables, contact sheets, and the metadata of the training pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vos.album.dreambooth import write_metadata
from vos.album.listing import AlbumPhoto
from vos.album.outputs import THUMBNAILS, concept_folder
from vos.album.records import PhotoRecord
from vos.errors import readable
from vos.io.atomic import atomic_path
from vos.io.contact_sheet import Tile, write_contact_sheet
from vos.io.spreadsheet import csv_text
from vos.structures import Presence

COLUMNS = ("photo", "concept", "id", "presence", "score", "x", "y", "width", "height", "area", "instances", "mask")

Done = Sequence[tuple[AlbumPhoto, PhotoRecord]]


def write_report(
    folder: Path, done: Done, broken: Mapping[str, str], concepts: Sequence[str], header: Mapping[str, Any]
) -> list[Path]:
    """Writes ``album.csv``, ``album.json``, the contact sheets and the training pictures' metadata.

    Args:
        folder: of the album's results.
        done: the photos that were searched, in the album's order.
        broken: photo -> why it could not be searched.
        concepts: names of what was looked for.
        header: what the JSON file says about the run.

    Returns:
        The files for people to open, contact sheets first.

    Raises:
        VosError: a file cannot be written.
    """
    paths = []
    for name in concepts:
        stem = "contact_sheet" if len(concepts) == 1 else f"contact_sheet_{concept_folder(name, len(concepts))}"
        paths += write_contact_sheet(folder / f"{stem}.png", tiles(folder, done, name), heading(done, name))
    _write(folder / "album.csv", table(done))
    rows = [_photo_row(record) for _, record in done]
    errors = [{"photo": photo, "error": error} for photo, error in broken.items()]
    _write(
        folder / "album.json", json.dumps({**header, "photos": rows, "broken": errors}, indent=1, ensure_ascii=False)
    )
    for name in concepts:
        crops = [row["metadata"] for _, record in done for row in record.crops if row["concept"] == name]
        target = folder / "dreambooth" / concept_folder(name, len(concepts))
        if crops or (target / "train").is_dir():
            paths.append(write_metadata(target, crops))
    return [*paths, folder / "album.csv", folder / "album.json"]


def table(done: Done) -> str:
    """Formats one line per photo and concept, as CSV."""
    rows: list[Sequence[object]] = [COLUMNS]
    for _, record in done:
        mask = next(iter(record.outputs.get("masks", ("", []))[1]), "")
        for found in record.objects:
            box = found["box"] or [""] * 4
            values = (found["concept"], found["id"], found["presence"], f"{found['score']:.4f}", *box, found["area"])
            rows.append((record.photo, *values, len(found["instances"]), mask))
    return csv_text(rows)


def tiles(folder: Path, done: Done, concept: str) -> list[Tile]:
    """Sorts the photos for a contact sheet: those that show the concept by score, then, dimmed, the others by score."""
    found = [(next(o for o in record.objects if o["concept"] == concept), photo) for photo, record in done]
    found.sort(key=lambda one: (one[0]["presence"] == Presence.ABSENT, -one[0]["score"]))
    rows = []
    for rank, (one, photo) in enumerate(found, start=1):
        absent = one["presence"] == Presence.ABSENT
        several = f" · {len(one['instances'])} instances" if len(one["instances"]) > 1 else ""
        title = f"absent · {one['score']:.2f}" if absent else f"{rank} · {one['score']:.2f}{several}"
        picture = folder / THUMBNAILS / f"{photo.name}.jpg"
        rows.append(Tile(picture if picture.is_file() else None, title, readable(photo.key), dimmed=absent))
    return rows


def heading(done: Done, concept: str) -> str:
    """Counts the photos that show the concept."""
    objects = [one for _, record in done for one in record.objects if one["concept"] == concept]
    present = sum(one["presence"] != Presence.ABSENT for one in objects)
    return f"{concept}: in {present} of {len(objects)} photos"


def _photo_row(record: PhotoRecord) -> dict[str, Any]:
    files = {output: written[1] for output, written in record.outputs.items() if output != "thumbnails"}
    return {"photo": record.photo, "size": list(record.size), "objects": record.objects, "files": files}


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        # Names may hold bytes that are no UTF-8; in JSON, backslashreplace is the escape that reads back as them.
        temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8", errors="backslashreplace", newline="\n")


def unique_names(names: Iterable[str]) -> list[str]:
    """Tells names of concepts apart by a number where their folders would be the same."""
    result: list[str] = []
    taken: set[str] = set()
    for name in names:
        number, candidate = 1, name
        while (folder := concept_folder(candidate, 2).casefold()) in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(folder)
        result.append(candidate)
    return result
