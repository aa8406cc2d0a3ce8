"""What the page may change of a session, by the name of the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vos.app.showing import boxed, checked, clicked, otherwise, painted
from vos.errors import VosError
from vos.session.session import Session

# Of objects, one after the other: bright enough to be told apart on dark pictures and on light ones.
COLOURS = ((230, 50, 60), (40, 130, 240), (250, 190, 30), (60, 180, 90), (180, 80, 220), (250, 120, 30), (0, 190, 200))

Body = Mapping[str, Any]
"""What the page says of an edit; nothing in it is trusted."""


def show(session: Session, body: Body) -> tuple[str, ...]:
    """Shows an object in a frame, by what the pointer did, or by another of its masks; returns what is doubtful."""
    frame, object_id = _where(body)
    body = checked(body, session.size)
    if "point" in body:
        given = clicked(session, frame, object_id, body["point"])
    elif "box" in body:
        given = boxed(session, frame, object_id, body["box"])
    elif "other" in body:
        given = otherwise(session, frame, object_id)
    else:
        given = painted(session, frame, object_id, body["stroke"], body["radius"], bool(body["erase"]))
    return session.prompt(frame, object_id, **given).doubts


EDITS: dict[str, Callable[[Session, Body], object]] = {
    "show": show,
    "clear": lambda session, body: session.clear(*_where(body)),
    "objects": lambda session, body: session.add_object(colour=COLOURS[len(session.objects) % len(COLOURS)]),
    "rename": lambda session, body: session.rename(_object(body), str(body.get("name", ""))),
    "recolour": lambda session, body: session.recolour(_object(body), rgb_of(body.get("colour"))),
    "remove": lambda session, body: session.remove(_object(body)),
    "undo": lambda session, body: session.undo(),
    "redo": lambda session, body: session.redo(),
}


def _where(body: Body) -> tuple[int, int]:
    frame, object_id = body.get("frame"), body.get("object")
    if type(frame) is not int or type(object_id) is not int:
        raise VosError(f"frame={frame}, object={object_id}: these are no numbers; reload the page")
    return frame, object_id


def _object(body: Body) -> int:
    return _where({"frame": 0, **body})[1]


def hex_of(colour: Sequence[int]) -> str:
    """Writes a colour as #rrggbb."""
    return "#" + "".join(f"{value:02x}" for value in colour)


def rgb_of(word: object) -> tuple[int, int, int]:
    """Reads #rrggbb.

    Raises:
        VosError: it is something else.
    """
    try:
        red, green, blue = bytes.fromhex(str(word).removeprefix("#"))
    except ValueError as error:
        raise VosError(f"{word} is no colour; write it as #rrggbb") from error
    return red, green, blue
