"""What the user has said so far: which objects there are, and what shows them in which frames; and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import Self

from vos.errors import VosError
from vos.io.masks.colours import davis_palette
from vos.io.prompts.file import MOST_OBJECTS
from vos.structures import default_name
from vos.video.names import checked_name

MOST_STEPS = 50  # that can be undone
Entry = Mapping[str, Any]
"""What shows an object in a frame, as a file of prompts has it, without its id and name."""
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SessionObject:
    """An object that is followed, or going to be.

    Attributes:
        id: 1 to 255, in masks and files.
        name: what it is called.
        colour: (red, green, blue), 0 to 255 each, to show it in; pictures that are exported have colours of their own.
    """

    id: int
    name: str
    colour: Colour

    @classmethod
    def of(cls, object_id: int, name: str | None, colour: object) -> Self:
        """Makes an object of what a user gives; None = its number's own name and colour.

        Raises:
            VosError: the name is awkward, or the colour is none.
        """
        own = checked_name(default_name(object_id) if name is None else name)
        return cls(object_id, own, checked_colour(davis_palette()[object_id].tolist() if colour is None else colour))


def checked_colour(value: object) -> Colour:
    """Reads a colour.

    Raises:
        VosError: it is not three numbers from 0 to 255.
    """
    try:
        red, green, blue = (int(part) for part in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        red = green = blue = -1
    if min(red, green, blue) < 0 or max(red, green, blue) > 255:
        raise VosError(f"colour={value} is no colour; give (red, green, blue), from 0 to 255 each")
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Edits:
    """What the user has said; never changed, only replaced.

    Attributes:
        objects: by id.
        shown: by frame number, what shows each object there, by id; no frame is without any.
    """

    objects: Mapping[int, SessionObject] = field(default_factory=dict)
    shown: Mapping[int, Mapping[int, Entry]] = field(default_factory=dict)

    def known(self, object_id: int) -> SessionObject:
        """Returns an object.

        Raises:
            VosError: there is none of this id.
        """
        if object_id not in self.objects:
            there = ", ".join(map(str, self.objects)) or "none yet"
            raise VosError(f"there is no object {object_id}; there are {there}: add_object() makes one")
        return self.objects[object_id]

    @property
    def followed(self) -> tuple[int, ...]:
        """Lists the ids of the objects that are shown somewhere."""
        return tuple(sorted({i for objects in self.shown.values() for i in objects}))

    def with_object(self, one: SessionObject) -> Edits:
        """Adds an object, or puts it in the place of the one with its id.

        Raises:
            VosError: another one has its name.
        """
        if others := [each.id for each in self.objects.values() if each.name == one.name and each.id != one.id]:
            raise VosError(f"object {others[0]} is called {one.name} already; names must differ")
        return replace(self, objects=dict(sorted({**self.objects, one.id: one}.items())))

    def without_object(self, object_id: int) -> Edits:
        """Removes an object, and what shows it."""
        objects = {i: one for i, one in self.objects.items() if i != self.known(object_id).id}
        shown = {frame: {i: e for i, e in by_id.items() if i != object_id} for frame, by_id in self.shown.items()}
        return Edits(objects, {frame: by_id for frame, by_id in shown.items() if by_id})

    def free_id(self) -> int:
        """Finds an id for the next object.

        Raises:
            VosError: all are taken.
        """
        free = max(self.objects, default=0) + 1
        if free > MOST_OBJECTS:
            raise VosError(f"there are {len(self.objects)} objects, with ids up to {MOST_OBJECTS}; remove one first")
        return free

    def with_shown(self, frame: int, object_id: int, entry: Entry | None) -> Edits:
        """Says what shows an object in a frame, instead of what did so before; None = nothing."""
        by_id = {i: each for i, each in self.shown.get(frame, {}).items() if i != object_id}
        if entry is not None:
            by_id[object_id] = entry
        shown = {**self.shown, frame: dict(sorted(by_id.items()))}
        return replace(self, shown={k: shown[k] for k in sorted(shown) if shown[k]})

    def entries(self, frame: int) -> list[dict[str, Any]]:
        """Lists the objects that are shown in a frame, as a file of prompts has them."""
        return [{"id": i, **self._named(i), **entry} for i, entry in self.shown.get(frame, {}).items()]

    def _named(self, object_id: int) -> dict[str, str]:
        name = self.objects[object_id].name
        return {} if name == default_name(object_id) else {"name": name}

    @property
    def names(self) -> dict[int, str]:
        """Gives the names of the objects that are followed and have one of their own, by id."""
        return {i: self.objects[i].name for i in self.followed if self._named(i)}

    def prompts(self) -> dict[str, Any]:
        """Gives the content of the file of prompts."""
        return {"frames": [{"frame": frame, "objects": self.entries(frame)} for frame in self.shown]}

    def described(self) -> dict[str, Any]:
        """Describes itself for the session's file."""
        objects = [{"id": one.id, "name": one.name, "colour": list(one.colour)} for one in self.objects.values()]
        shown = {str(frame): {str(i): dict(e) for i, e in by_id.items()} for frame, by_id in self.shown.items()}
        return {"objects": objects, "shown": shown}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Reads what :meth:`described` gave; any exception where it is something else."""
        objects = [SessionObject.of(int(one["id"]), one["name"], one["colour"]) for one in told["objects"]]
        shown = {int(k): {int(i): dict(e) for i, e in by_id.items()} for k, by_id in told["shown"].items()}
        edits = cls({one.id: one for one in objects}, shown)
        _ = [edits.known(i) for i in edits.followed]
        return edits


class History:
    """The steps so far, and those that were taken back.

    Args:
        steps: from the first on, at least one.
        at: which of them holds.
    """

    def __init__(self, steps: list[Edits] | None = None, at: int = 0) -> None:
        self.steps, self.at = steps or [Edits()], at

    @property
    def now(self) -> Edits:
        """What holds."""
        return self.steps[self.at]

    def after(self, edits: Edits) -> History:
        """Returns the history with one more step; what was taken back is forgotten."""
        steps = [*self.steps[: self.at + 1], edits][-MOST_STEPS - 1 :]
        return History(steps, len(steps) - 1)

    def moved(self, by: int) -> History | None:
        """Returns the history some steps later, or earlier; None where there is no such step."""
        at = self.at + by
        return History(self.steps, at) if 0 <= at < len(self.steps) else None

    def described(self) -> dict[str, Any]:
        """Describes itself for the session's file."""
        return {"step": self.at, "steps": [each.described() for each in self.steps]}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Reads what :meth:`described` gave; any exception where it is something else."""
        history = cls([Edits.read(each) for each in told["steps"]], int(told["step"]))
        _ = history.steps[history.at]
        return history
