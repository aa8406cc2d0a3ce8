"""``vos.Tracker``: the caller has the frames and gives one after the other."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path

import torch

from vos.api.options import chosen_model, configured, given_options
from vos.api.reference import GivenReference
from vos.api.result import Result
from vos.api.shown import Given, Shown, count_objects, show
from vos.api.tracker_file import TrackerFile, read_tracker, write_tracker
from vos.errors import VosError
from vos.io.readers.arrays import as_picture
from vos.io.readers.folder import FOLDER_FPS
from vos.progress import NOWHERE, shown_on
from vos.sam.segmenter import Segmenter
from vos.structures import (
    Frame,
    ImageEmbedding,
    LabelMap,
    ObjectPrompt,
    SegmentedFrame,
    TrackedFrame,
    default_name,
)
from vos.tracking.merge import merge
from vos.tracking.registry import make_tracker
from vos.tracking.tracker import Tracker as FrameTracker
from vos.video.build import load_prompt_model
from vos.video.config import VideoConfig
from vos.video.first_masks import ShownFrame, answer
from vos.video.names import checked_name, checked_names, concept_names

LOG = logging.getLogger("vos")


class Tracker:
    """Follows objects through frames that come one by one.

        tracker = vos.Tracker("mask.png")
        for rgb in camera:
            result = tracker.step(rgb)

    What is given when it is made belongs to the first frame stepped. Objects are added, corrected and removed at any
    time. One thread at a time may use it.

    Args:
        reference: as in :func:`vos.track`, for one frame; None = it comes with a frame, or by :meth:`add`.
        model: as in :func:`vos.track`.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, float32 or bfloat16.
        names: of objects, by id.
        options: as in :func:`vos.track`.

    Attributes:
        index: number of the next frame, from 0.
        names: of the objects that have one, by id.

    Raises:
        VosError: an input or option is missing or wrong.
    """

    def __init__(
        self,
        reference: GivenReference | None = None,
        *,
        model: str | Segmenter = "nano",
        device: str = "auto",
        precision: str = "auto",
        names: Mapping[int, str] | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._options: dict[str, object] = {"precision": precision, **given_options(model, options)}
        self._config = configured(VideoConfig(), {"device": device, **self._options})
        self._model = chosen_model(model, self._config)
        self._tracker: FrameTracker | None = None  # from the first frame on: its model depends on how many objects
        self._objects, self._size = 0, (0, 0)  # for which the model was chosen, and of the first frame
        self._given: list[Given] = [] if reference is None else [Given(reference)]
        self._taken: set[int] = set()  # every id that was ever used
        self.index, self.names = 0, checked_names(names)

    @property
    def ids(self) -> tuple[int, ...]:
        """Returns the ids of the objects that are followed, ascending; of those to come with the next frame, none."""
        return () if self._tracker is None else self._tracker.object_ids

    def step(
        self,
        frame: object,
        reference: GivenReference | None = None,
        *,
        time: float | None = None,
    ) -> Result:
        """Finds the objects in the next frame. After an error, what was given for it is forgotten.

        Args:
            frame: uint8 (H, W, 3) RGB, from NumPy, torch or decord; or a pair of it and a reference.
            reference: what the caller knows of this frame; ids that are new are objects added, others are corrected.
            time: in seconds; None = by the number of the frame, 24 a second.

        Raises:
            VosError: the frame has another size than the first, there is nothing to follow, or the reference is wrong.
        """
        if isinstance(frame, tuple) and len(frame) == 2:
            frame, reference = frame
        rgb = as_picture(frame, self.index)
        if self.index and rgb.shape[:2] != self._size:
            raise VosError(
                f"frame {self.index} is {rgb.shape[0]}x{rgb.shape[1]}, but the first one is {self._size[0]}x"
                f"{self._size[1]} (height x width); make another Tracker for it"
            )
        given = [*self._given, *([] if reference is None else [Given(reference)])]
        if self._tracker is None and not given:
            raise VosError(
                "there is nothing to follow; give Tracker() a mask, box, clicks or concept, or step(rgb, mask)"
            )
        if time is not None and not (isinstance(time, Real) and math.isfinite(time)):
            raise VosError(f"time={time} is no time; give seconds")
        seconds = self.index / FOLDER_FPS if time is None else float(time)
        picture, ids = Frame(self.index, f"{self.index:05d}", seconds, rgb), self.ids
        try:
            result = self._find(picture, given)
        except VosError:  # what cannot be followed now would stop every later frame, too
            if self._tracker is not None and self.ids != ids:
                self._tracker.follow(ids)
            self._forget(self._given)
            raise
        self._size, self._given = (rgb.shape[0], rgb.shape[1]), []
        self.index += 1
        return Result(result)

    def add(self, reference: GivenReference, *, name: str | None = None) -> int:
        """Adds an object, which the reference shows in the next frame stepped; returns its id.

        Args:
            reference: all of a mask is the one object.
            name: what it is called.

        Raises:
            VosError: the first frame is still to come with objects of its own, or another object has this name.
        """
        object_id = max([*self._taken, *self.ids, *(given.object_id or 0 for given in self._given)], default=0) + 1
        if any(given.object_id is None for given in self._given):
            raise VosError("the first frame decides which ids are free; step it before adding objects")
        if object_id > 255:
            raise VosError("there were 255 objects; make another Tracker")
        if name is not None:
            name = checked_name(name)
            others = [i for i in (*self.ids, *self.names) if self.names.get(i, default_name(i)) == name]
            if others:
                raise VosError(f"object {others[0]} is called {name} already; names must differ")
            self.names[object_id] = name
        self._given.append(Given(reference, object_id))
        return object_id

    def correct(self, object_id: int, reference: GivenReference) -> None:
        """Corrects an object: the reference shows where it is in the next frame stepped.

        Raises:
            VosError: nobody follows this object.
        """
        self._known(object_id)
        self._given.append(Given(reference, object_id))

    def remove(self, object_id: int) -> None:
        """Follows an object no longer; its id is not used again.

        Raises:
            VosError: nobody follows this object.
        """
        self._known(object_id)
        if self._tracker is not None and object_id in self.ids:
            self._tracker.follow(tuple(i for i in self.ids if i != object_id))
        self._forget([given for given in self._given if given.object_id == object_id])
        self.names.pop(object_id, None)

    def save(self, path: str | Path) -> None:
        """Writes everything that the next frames depend on; :meth:`load` goes on from there with the same masks.

        Raises:
            VosError: no frame was stepped yet, objects wait for the next one, or the place cannot be written.
        """
        if self._tracker is None or self._given:
            raise VosError("a tracker is saved between two frames: first step one, with all that was added")
        model = self._model.for_objects(self._objects)
        about = {
            "model": {"name": model.name, "sha256": model.checkpoint_sha256},
            "options": self._options,
            "objects": self._objects,
            "size": list(self._size),
            "index": self.index,
            "names": {str(i): name for i, name in self.names.items()},
            "taken": sorted(self._taken),
        }
        write_tracker(path, TrackerFile(about, self._tracker.state()))

    @classmethod
    def load(cls, path: str | Path, *, model: str | Segmenter | None = None, device: str = "auto") -> Tracker:
        """Reads what :meth:`save` has written.

        Args:
            path: the file.
            model: the model itself, where the tracker was made with one rather than with a name.
            device: where to go on.

        Raises:
            VosError: missing, damaged, or of another model.
        """
        about, state = read_tracker(path)
        options: dict[str, object] = about["options"]
        name = str(options.pop("model.name", about["model"]["name"]))
        tracker = cls(model=name if model is None else model, device=device, options=options)
        suited = tracker._model.for_objects(int(about["objects"]))
        if (suited.name, suited.checkpoint_sha256) != (about["model"]["name"], about["model"]["sha256"]):
            raise VosError(f"{path} was saved with other weights of model={about['model']['name']}; use these")
        tracker._tracker = make_tracker(tracker._config.tracker, suited)
        tracker._tracker.restore(state)
        tracker._objects, tracker._size = int(about["objects"]), (int(about["size"][0]), int(about["size"][1]))
        tracker.index, tracker._taken = int(about["index"]), set(about["taken"])
        tracker.names = {int(i): str(called) for i, called in about["names"].items()}
        return tracker

    def _known(self, object_id: int) -> None:
        if object_id not in self.ids and object_id not in (given.object_id for given in self._given):
            raise VosError(
                f"there is no object {object_id}; followed are {', '.join(map(str, self.ids)) or 'none yet'}"
            )

    def _forget(self, given: Sequence[Given]) -> None:
        """Drops references for the next frame, with the names of objects that were to come by them."""
        for object_id in {one.object_id for one in given if one.object_id is not None} - {*self.ids}:
            self.names.pop(object_id, None)
        self._given = [one for one in self._given if one not in given]

    def _find(self, frame: Frame, given: Sequence[Given]) -> SegmentedFrame:
        read = [one.read(frame) for one in given]
        if self._tracker is None:  # the model suits the number of objects in the first frame
            self._objects = count_objects(reference for reference, _ in read)
        model = self._model.for_objects(self._objects)
        embedding = model.encode([frame.rgb])[0]

        def answered(prompts: Sequence[ObjectPrompt]) -> ShownFrame:
            prompter = load_prompt_model(self._config, self._objects, model)
            own = embedding if prompter is model else prompter.encode([frame.rgb])[0]
            found = answer(prompts, frame, own, prompter)
            for line in found.doubts():
                LOG.warning("%s", line)
            return found

        with shown_on(NOWHERE):
            tracked = self._track(frame, embedding, show(read, frame.size, {*self._taken, *self.ids}, answered), model)
        edges, quality = self._config.tracker.outlines, self._config.matte.quality
        result = merge(tracked, embedding.geometry, frame, self.ids, edges=edges, quality=quality)
        return replace(result, names=dict(self.names))

    def _track(self, frame: Frame, embedding: ImageEmbedding, shown: Shown, model: Segmenter) -> TrackedFrame:
        """Tracks one frame with what is shown in it."""
        ids, mask = tuple(sorted({*self.ids, *shown.ids})), shown.mask({*self.ids, *shown.ids})
        tracker, is_first = self._tracker, self._tracker is None
        if tracker is None:
            tracker = make_tracker(self._config.tracker, model)
        if is_first and mask is None:
            tracked = tracker.start_from_concepts(embedding, list(shown.concepts.values()), frame)
        else:
            if is_first and mask is not None:
                tracked = tracker.start(embedding, mask, frame)
            elif ids != tracker.object_ids:
                tracker.follow(ids)
            for object_id, concept in shown.concepts.items():
                tracker.add_concept(object_id, concept, embedding)
            if not is_first:
                tracked = _next(tracker, embedding, frame, mask)
        self.names = {**concept_names(shown.concepts, self.names.values()), **shown.names, **self.names}
        self._tracker, self._taken = tracker, self._taken | set(ids)
        return shown.with_quality(tracked, ids)


def _next(tracker: FrameTracker, embedding: ImageEmbedding, frame: Frame, given: LabelMap | None) -> TrackedFrame:
    if not tracker.object_ids:
        return TrackedFrame(torch.zeros(0, *embedding.geometry.logit_size), torch.zeros(0), ())
    return tracker.step(embedding, frame) if given is None else tracker.add_reference(embedding, given, frame)
