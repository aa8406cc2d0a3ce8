"""What the objects of a video are called, by the user or by the concepts that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.structures import default_name
from vos.video.reference import Reference, object_ids

LONGEST = 64  # characters
AWKWARD = '/\\:*?"<>|'  # in names of files, which exports may make of them


def object_names(
    references: Sequence[Reference],
    given: Mapping[int, str] | None = None,
    original_ids: Mapping[int, int] | None = None,
) -> dict[int, str]:
    """Names the objects that have a name: the user's, else their prompt's or concept's; others are "object_1" etc.

    Args:
        references: what is to be followed.
        given: the user's names by object id, as the masks have it.
        original_ids: of ids that were renumbered, the masks' own ones.

    Returns:
        Names by object id, all different.

    Raises:
        VosError: a name for an id that is none, a name that two objects would have, or an awkward one.
    """
    given = checked_names(given)
    ids, renumbered = object_ids(references), {old: new for new, old in (original_ids or {}).items()}
    names: dict[int, str] = {}
    for reference in references:
        names |= concept_names(dict(enumerate(reference.concepts, start=1)), names.values())
        names |= {each.object_id: checked_name(each.name) for each in reference.prompts if each.name}
    wanted = {renumbered.get(key, -1 if renumbered else key): name for key, name in given.items()}
    if unknown := [key for key in given if renumbered.get(key, -1 if renumbered else key) not in ids]:
        there = ", ".join(map(str, renumbered or ids))
        raise VosError(f"object_names= names {unknown[0]}, but the ids of the objects are {there}")
    names |= wanted
    called = [(names.get(i, default_name(i)), i) for i in ids]
    for name, object_id in called:
        others = [i for other, i in called if other == name and i != object_id]
        if others:
            raise VosError(f"the objects {object_id} and {others[0]} are called {name}; names must differ")
    return names


def concept_names(concepts: Mapping[int, Concept], taken: Iterable[str]) -> dict[int, str]:
    """Names objects after their concepts, by object id; where the name is taken, with the id behind it."""
    names: dict[int, str] = {}
    for object_id, concept in concepts.items():
        is_taken = concept.name in {*taken, *names.values()}
        names[object_id] = f"{concept.name}_{object_id}" if is_taken else concept.name
    return names


def checked_names(given: Mapping[int, str] | None) -> dict[int, str]:
    """Returns a user's names by object id, without blanks around them.

    Raises:
        VosError: they are no names by id, or awkward ones.
    """
    if not isinstance(given or {}, Mapping) or not all(
        isinstance(key, (int, np.integer)) and not isinstance(name, (list, dict)) for key, name in (given or {}).items()
    ):
        raise VosError(f"object_names={given} is not understood; write ids and names, such as {{1: rex, 2: ball}}")
    return {int(key): checked_name(name) for key, name in (given or {}).items()}


def checked_name(name: object) -> str:
    """Returns a user's name without blanks around it.

    Raises:
        VosError: it is empty, too long, or holds characters that cannot be seen or stand in names of files.
    """
    text = "" if name is None else str(name).strip()
    if not text or len(text) > LONGEST or not text.isprintable() or set(text) & set(AWKWARD) or text[0] == ".":
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:LONGEST])
        raise VosError(
            f"no object can be called '{shown}'; give 1 to {LONGEST} visible characters without {' '.join(AWKWARD)}"
        )
    return text
