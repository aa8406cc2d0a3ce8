"""What a user says in a session: objects, and what shows them in which frames. Each step is kept, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.io.prompts.clicks import Names, read_clicks
from vos.session.edits import Edits, Entry, History, SessionObject, checked_colour
from vos.session.prompting import Answer, answers_of, checked_mask, clicked, found
from vos.session.viewer import Viewer
from vos.video.names import checked_name


class Editor(Viewer):
    """The part of :class:`vos.Session` that changes what is shown."""

    @property
    def objects(self) -> tuple[SessionObject, ...]:
        """The objects, by id."""
        return tuple(self._edits.objects.values())

    def add_object(self, name: str | None = None, colour: Sequence[int] | None = None) -> SessionObject:
        """Adds an object.

        Args:
            name: what it is called; None = "object_1" and so on.
            colour: (red, green, blue), 0 to 255, to show it in; None = of the usual palette.

        Raises:
            VosError: another one has the name, or it is an awkward one.
        """
        with self._editing() as edits:
            one = SessionObject.of(edits.free_id(), name, colour)
            self._step(edits.with_object(one))
            return one

    def rename(self, object_id: int, name: str) -> None:
        """Calls an object something else.

        Raises:
            VosError: there is no such object, or as :meth:`add_object`.
        """
        with self._editing() as edits:
            one = edits.known(object_id)
            self._step(edits.with_object(SessionObject(one.id, checked_name(name), one.colour)))

    def recolour(self, object_id: int, colour: Sequence[int]) -> None:
        """Shows an object in another colour (red, green, blue).

        Raises:
            VosError: there is no such object, or it is no colour.
        """
        with self._editing() as edits:
            one = edits.known(object_id)
            self._step(edits.with_object(SessionObject(one.id, one.name, checked_colour(colour))))

    def remove(self, object_id: int) -> None:
        """Removes an object, and all that shows it.

        Raises:
            VosError: there is no such object.
        """
        with self._editing() as edits:
            self._step(edits.without_object(object_id))

    def prompt(
        self,
        i: int,
        object_id: int,
        *,
        points: object = None,
        labels: object = None,
        box: object = None,
        mask: object = None,
        concept: Concept | str | Path | None = None,
        candidate: int | None = None,
        refine: bool = False,
    ) -> Answer:
        """Shows an object in a frame, instead of what showed it there before, and says at once what is understood.

        Args:
            i: number of the frame.
            object_id: of the object.
            points: clicks [[x, y], ...], pixels.
            labels: of each, 1 = on the object, 0 = not on it; None = all are on it.
            box: [x, y, width, height] around it; may go with points.
            mask: bool (H, W), as it was drawn.
            concept: a concept or its file, that is searched in the frame; what is found is kept as a mask.
            candidate: 1 to 3, which of the model's candidates is meant; None = the best.
            refine: the points, which may all be beside the object, correct the mask that is there: what shows the
                object in the frame, else what was found there. What comes out is kept as a mask.

        Raises:
            VosError: it is not understood, or nothing is found; then nothing has changed.
        """
        kinds = {"mask": mask, "concept": concept, "points or a box": box if points is None else points}
        if len(given := [name for name, value in kinds.items() if value is not None]) != 1:
            raise VosError(f"give exactly one of {', '.join(kinds)} ({' and '.join(given) or 'none'} given)")
        with self._editing() as edits:
            _ = edits.known(object_id), self._clip.position(i)
            if refine:
                if points is None or box is not None:
                    raise VosError("refine=True takes points alone; give clicks on what is missing or too much")
                clicks = read_clicks(clicked(points, labels, None, None)["points"], self.size, Names("points"))
                drawn = self._engine.correct(i, edits, self._mask(i, object_id), clicks)
                entry: Entry = {"mask": self._folder.draw(drawn)}
            elif given == ["points or a box"]:
                entry = clicked(points, labels, box, candidate)
            else:
                drawn = checked_mask(mask, self.size) if concept is None else found(concept, self._clip.frame(i))
                entry = {"mask": self._folder.draw(drawn)}
            edits = edits.with_shown(i, object_id, entry)
            answer = answers_of(self._engine.answer(i, edits))[object_id]
            self._step(edits)
            return answer

    def _mask(self, i: int, object_id: int) -> npt.NDArray[np.bool_]:
        """Returns the mask of an object that is there to be corrected, bool (H, W)."""
        if object_id in self._edits.shown.get(i, {}):
            return self.answers(i)[object_id].mask
        result = self.result(i)
        if result is None or object_id not in result or not result[object_id].mask.any():
            raise VosError(f"nothing is known of object {object_id} in frame {i} that could be refined; show it anew")
        return result[object_id].mask

    def clear(self, i: int, object_id: int) -> None:
        """Takes back all that shows an object in a frame.

        Raises:
            VosError: nothing does.
        """
        with self._editing() as edits:
            if edits.known(object_id).id not in edits.shown.get(i, {}):
                raise VosError(f"object {object_id} is not shown in frame {i}; it is in {self._where(object_id)}")
            self._step(edits.with_shown(i, object_id, None))

    def _where(self, object_id: int) -> str:
        return ", ".join(str(i) for i, by_id in self._edits.shown.items() if object_id in by_id) or "none"

    @property
    def prompts(self) -> dict[str, Any]:
        """What is shown, as ``prompts.json`` has it."""
        return self._edits.prompts()

    @property
    def prompted(self) -> list[int]:
        """The numbers of the frames in which objects are shown."""
        return list(self._edits.shown)

    def prompts_in(self, i: int) -> dict[int, dict[str, Any]]:
        """Returns what shows each object in a frame, by id, as ``prompts.json`` has it."""
        return {object_id: dict(entry) for object_id, entry in self._edits.shown.get(i, {}).items()}

    def answers(self, i: int) -> dict[int, Answer]:
        """Returns what is understood of what is shown in a frame, by id; empty where nothing is.

        Raises:
            VosError: with the other objects that are there by now, nothing is found.
        """
        with self._lock:
            return answers_of(self._engine.answer(i, self._edits)) if i in self._edits.shown else {}

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._saved.history.moved(-1) is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is a step that was taken back."""
        return self._saved.history.moved(1) is not None

    def undo(self) -> bool:
        """Takes the latest step back; returns whether there was one."""
        return self._move(-1)

    def redo(self) -> bool:
        """Does again what was taken back; returns whether there was something."""
        return self._move(1)

    def _move(self, by: int) -> bool:
        with self._editing():
            moved = self._saved.history.moved(by)
            if moved is not None:
                self._keep(moved)
            return moved is not None

    @contextmanager
    def _editing(self) -> Iterator[Edits]:
        with self._lock:
            yield self._edits

    def _step(self, edits: Edits) -> None:
        self._keep(self._saved.history.after(edits))

    def _keep(self, history: History) -> None:
        saved = self._saved._replace(history=history)
        self._folder.save(saved)
        self._saved = saved

    def save(self) -> None:
        """Saves everything, as each step does by itself.

        Raises:
            VosError: the folder cannot be written.
        """
        with self._lock:
            self._folder.save(self._saved)
