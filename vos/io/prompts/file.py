"""``prompts=first.json``: any number of objects in any number of frames, shown by clicks, boxes, scribbles or masks.

    {"frames": [{"frame": 0, "objects": [
        {"id": 1, "name": "rex", "box": [x, y, width, height], "points": [[x, y, 1], [x, y, 0]]},
        {"id": 2, "mask": "ball.png"}]}]}

Pixels of the upright frame, frames from 0. A label of 1, or none, is on the object, 0 is not. ``scribble`` and
``negative_scribble`` are lines [[x, y], ...]; ``candidate`` chooses one of the three masks that ``preview=true`` shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.masks.reference import read_reference
from vos.io.prompts.clicks import Names, make_prompt, read_clicks, read_scribble
from vos.io.prompts.values import is_list, is_whole, shown
from vos.option_names import near_matches
from vos.structures import ObjectPrompt

SUFFIX = ".json"
MOST_BYTES = 16 << 20
MOST_OBJECTS = 255
MAX_TOLD = 12  # objects of a frame, and frames, that are named in a line
SHOWING = ("points", "box", "scribble", "negative_scribble", "mask")
KEYS = ("id", "name", "candidate", *SHOWING)


@dataclass(frozen=True)
class GivenPrompts:
    """What was shown.

    Attributes:
        frames: by frame number, ascending: its objects, at least one, with different ids.
        files: the mask files among it.
    """

    frames: Mapping[int, tuple[ObjectPrompt, ...]]
    files: tuple[Path, ...] = ()

    def describe(self) -> str:
        """Says it in a line: which objects are shown in which frames, and how."""
        told = []
        for index, objects in self.frames.items():
            shown = [f"{each.object_id}{f' = {each.name}' * bool(each.name)} ({_how(each)})" for each in objects]
            rest = [f"{len(shown) - MAX_TOLD} more"] * (len(shown) > MAX_TOLD)
            told.append(f"frame {index}: {', '.join([*shown[:MAX_TOLD], *rest])}")
        rest = [f"{len(told) - MAX_TOLD} more frames"] * (len(told) > MAX_TOLD)
        return "; ".join([*told[:MAX_TOLD], *rest])


def read_prompt_file(path: Path, size: SizeHW) -> GivenPrompts:
    """Reads a file of prompts; mask files are found from its folder.

    Args:
        path: of the JSON file.
        size: (H, W) of the frames.

    Raises:
        VosError: missing, no JSON, or something in it that is not understood or does not fit the frames.
    """
    if not path.is_file():
        wrong = " is no file, but a folder; give a JSON file" if path.exists() else ": there is no such file"
        raise VosError(f"prompts={path}{wrong}")
    if path.stat().st_size > MOST_BYTES:
        raise VosError(f"prompts={path} has more than {MOST_BYTES >> 20} MB; that is no file of prompts")
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_without_twins, parse_constant=_no_number)
    except RecursionError as error:
        raise VosError(f"prompts={path} is nested too deeply; write it as in docs/prompts.md") from error
    except UnicodeDecodeError as error:
        raise VosError(f"prompts={path} is no text, and so no JSON; write it as in docs/prompts.md") from error
    except ValueError as error:
        raise VosError(f"prompts={path} is no JSON: {' '.join(str(error).split())}") from error
    return read_prompts(content, size, str(path), path.parent)


def read_prompts(content: object, size: SizeHW, called: str, folder: Path) -> GivenPrompts:
    """Reads the content of such a file.

    Args:
        content: of lists and dictionaries.
        size: (H, W) of the frames.
        called: how messages name it.
        folder: from where mask files are found.

    Raises:
        VosError: something in it is not understood or does not fit the frames.
    """
    listed = _list(_fields(content, called, ("frames",), ("frames",))["frames"], f"{called}: frames")
    frames: dict[int, tuple[ObjectPrompt, ...]] = {}
    files: list[Path] = []
    for k, entry in enumerate(listed):
        where = f"{called}: frames[{k}]"
        known = _fields(entry, where, ("frame", "objects"), ("frame", "objects"))
        index = known["frame"]
        if not is_whole(index):
            raise VosError(f"{where}.frame={shown(index)} is no frame number; they count from 0")
        if index in frames:
            raise VosError(f"{where}.frame={index} is there twice; put all objects of a frame into one entry")
        objects = read_objects(known["objects"], size, f"{where}.objects", folder)
        frames[int(index)], files = objects.frames[0], [*files, *objects.files]
    _check_names(frames, called)
    return GivenPrompts(dict(sorted(frames.items())), tuple(files))


def read_objects(content: object, size: SizeHW, called: str, folder: Path) -> GivenPrompts:
    """Reads the objects of one frame, which the result calls frame 0; otherwise as :func:`read_prompts`."""
    objects: dict[int, ObjectPrompt] = {}
    files: list[Path] = []
    for k, entry in enumerate(_list(content, called)):
        where = f"{called}[{k}]"
        known = _fields(entry, where, KEYS, ("id",))
        object_id = known["id"]
        if not is_whole(object_id) or not 1 <= object_id <= MOST_OBJECTS:
            raise VosError(f"{where}.id={shown(object_id)} is no id; ids are whole numbers from 1 to {MOST_OBJECTS}")
        if object_id in objects:
            raise VosError(f"{where}.id={object_id} is there twice in one frame; give each object one entry")
        if "mask" in known:
            files.append(_mask_file(known, where, folder))
        objects[int(object_id)] = _object(known, size, where, files)
    return GivenPrompts({0: tuple(objects.values())}, tuple(files))


def _how(one: ObjectPrompt) -> str:
    if one.mask is not None:
        return f"mask, {int(one.mask.sum()):,} px"
    count = len(one.points)
    return " and ".join(["box"] * (one.box is not None) + [f"{count} click{'s' * (count > 1)}"] * bool(count))


def _object(known: Mapping[str, object], size: SizeHW, where: str, files: Sequence[Path]) -> ObjectPrompt:
    """Reads one object; its mask, if it has one, is the last of ``files``."""
    object_id, name = int(str(known["id"])), known.get("name", "")
    if not isinstance(name, str) or ("name" in known and not name.strip()):
        raise VosError(f"{where}.name={shown(name)} is no name; give some letters, or leave it out")
    if "mask" in known:
        return ObjectPrompt(object_id, mask=_mask(files[-1], object_id, size, where), name=name)
    if not any(part in known for part in SHOWING):
        raise VosError(f"{where} shows nothing; give it one of {', '.join(SHOWING)}")
    names = Names(f"{where}.points", f"{where}.box", candidate=f"{where}.candidate", whole=where)
    clicks = read_clicks(known["points"], size, names) if "points" in known else []
    for part, label in (("scribble", 1), ("negative_scribble", 0)):
        if part in known:
            clicks += read_scribble(known[part], f"{where}.{part}", size, label)
    candidate, box = known.get("candidate"), known.get("box")
    if "box" in known and box is None:
        raise VosError(f"{where}.box=null is no box; leave it out, or give [x, y, width, height]")
    return make_prompt(clicks, box, size, names, object_id=object_id, name=name, candidate=candidate)


def _mask_file(known: Mapping[str, object], where: str, folder: Path) -> Path:
    others = [part for part in (*SHOWING, "candidate") if part in known and part != "mask"]
    if others:
        raise VosError(f"{where} has a mask and {others[0]}; a mask says all, leave out one of them")
    name = known["mask"]
    if not isinstance(name, str) or not os.path.isfile(folder / name):  # noqa: PTH113 - false for every odd name
        raise VosError(f"{where}.mask={shown(name)}: there is no such file in {folder}")
    return folder / name


def _mask(path: Path, object_id: int, size: SizeHW, where: str) -> npt.NDArray[np.bool_]:
    """Reads an object's mask: the only object of the file, or the one of several that has its id."""
    label_map = read_reference(path, size)
    ids = label_map.object_ids
    if len(ids) > 1 and object_id not in ids:
        raise VosError(f"{where}.mask={path.name} holds the ids {', '.join(map(str, ids))}, and not {object_id}")
    mask: npt.NDArray[np.bool_] = label_map.labels == (ids[0] if len(ids) == 1 else object_id)
    return mask


def _check_names(frames: Mapping[int, Sequence[ObjectPrompt]], called: str) -> None:
    """Refuses an object that is called one way here and another there."""
    names: dict[int, str] = {}
    for index, objects in frames.items():
        for one in objects:
            before = names.setdefault(one.object_id, one.name) or one.name
            names[one.object_id] = before
            if one.name not in ("", before):
                raise VosError(
                    f"{called}: object {one.object_id} is called {shown(before)}, in frame {index} {shown(one.name)}; "
                    "give it one name"
                )


def _fields(value: object, where: str, known: Sequence[str], needed: Sequence[str]) -> Mapping[str, object]:
    """Looks whether this is a JSON object with these keys."""
    if not isinstance(value, Mapping):
        raise VosError(f"{where}: {shown(value)} is not understood; write {{{', '.join(known)}}}")
    for key in value:
        if key not in known:
            near = near_matches(str(key), known) or f"known are {', '.join(known)}"
            raise VosError(f"{where} has {shown(key)}, which is not understood; {near}")
    for key in needed:
        if key not in value:
            raise VosError(f'{where} has no "{key}"')
    return value


def _list(value: object, where: str) -> Sequence[object]:
    if not is_list(value) or not value:
        raise VosError(f"{where}={shown(value)} is no list of at least one entry")
    return value


def _without_twins(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key in found if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"{shown(twice)} is there twice in one object")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
