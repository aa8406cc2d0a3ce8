"""The tracker: the only sequential part of the line. One frame in, every object's low-res logits out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.structures import Frame, ImageEmbedding, LabelMap, TrackedFrame


class Tracker(ABC):
    """Follows a set of objects through a stream of frames.

    The set of object ids is fixed by :meth:`start` and changes by :meth:`follow` alone: an object that is not (yet, or
    any longer) in the picture is absent, and keeps its id and its place in every N-sized array.
    """

    object_ids: tuple[int, ...]

    @abstractmethod
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        """Forgets everything and begins at a frame whose mask the user gives.

        Args:
            embedding: of the reference frame.
            reference: its mask. ``object_ids`` names every object that will ever be followed; one without pixels
                here is absent until :meth:`add_reference` shows it.
            frame: the reference frame itself.

        Returns:
            The reference mask as a tracked frame (``given`` is set, so that it is written unchanged).
        """

    def start_from_concepts(self, embedding: ImageEmbedding, concepts: Sequence[Concept], frame: Frame) -> TrackedFrame:
        """Forgets everything and begins at a frame in which nobody has shown the objects: they are searched for.

        Args:
            embedding: of the frame.
            concepts: what to look for, in the order of the ids 1, 2, ...
            frame: the frame itself.

        Raises:
            VosError: this tracker cannot, or a concept belongs to another model.
        """
        raise VosError("concept= needs a tracker that searches by appearance; use tracker=persam")

    @abstractmethod
    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        """Finds the objects in the next frame."""

    @abstractmethod
    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        """Takes the place of :meth:`step` at a further frame for which the user gives a mask.

        Objects with pixels in ``reference`` are taken from it and anchored anew (they may appear here for the first
        time); the others are tracked as usual, on the pixels that the mask leaves free.

        Raises:
            ValueError: ``reference.object_ids`` differ from those of :meth:`start`.
        """

    def follow(self, object_ids: tuple[int, ...]) -> None:
        """Changes which objects are followed from the next frame on.

        Args:
            object_ids: ascending. A new one is absent until :meth:`add_reference` or :meth:`add_concept` shows it; one
                that is left out is forgotten.

        Raises:
            VosError: this tracker follows the same objects from start to end.
        """
        raise VosError("this tracker follows the same objects from start to end; use tracker=persam to change them")

    def add_concept(self, object_id: int, concept: Concept, embedding: ImageEmbedding) -> None:
        """Shows an object that is followed, but not known yet, by a concept; it is searched from the next frame on.

        Args:
            object_id: one of ``object_ids``.
            concept: how it looks.
            embedding: of any frame.

        Raises:
            VosError: as :meth:`start_from_concepts`.
        """
        raise VosError("a concept needs a tracker that searches by appearance; use tracker=persam")

    def unseen(self) -> tuple[int, ...]:
        """Lists the objects that concepts or earlier scenes have shown, and that have not been seen in this scene."""
        return ()

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Returns everything that the next step depends on, as named CPU tensors (fit for a safetensors file)."""

    @abstractmethod
    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continues from :meth:`state`; the following steps give the same bits as without the interruption."""
