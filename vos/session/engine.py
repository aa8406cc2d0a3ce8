"""The models of a session, and what they make of what is shown: masks at once, and a pipeline to follow them with."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vos import __version__
from vos.api.options import chosen_model
from vos.api.track import threads_of
from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.prompts.clicks import Click
from vos.persam.corrected_mask import corrected_mask
from vos.progress import NOWHERE, Display, shown_on
from vos.sam.nano.network import click_weights_sha256
from vos.sam.segmenter import Segmenter, model_record
from vos.session.clip import SessionClip
from vos.session.edits import Edits
from vos.session.encodings import EncodingCache
from vos.session.prompting import read_entries
from vos.session.validity import Dependencies
from vos.structures import ObjectPrompt
from vos.video.build import build_pipeline, describe, load_prompt_model
from vos.video.config import VideoConfig
from vos.video.first_masks import ShownFrame, answer, with_masks
from vos.video.join import backward_passes
from vos.video.pipeline import VideoPipeline
from vos.video.reference import Reference, in_order
from vos.video.saved import LAYOUT

RECENT = 4  # frames whose candidates are kept, too


class SessionEngine:
    """Answers and follows with the models that the options name, which are loaded when they are first needed.

    Args:
        config: all options.
        model: name or model, as the user gave it.
        clip: the frames.
        folder: of the session, from which masks are found.
        encodings: of frames.
    """

    def __init__(
        self, config: VideoConfig, model: str | Segmenter, clip: SessionClip, folder: Path, encodings: EncodingCache
    ) -> None:
        self.config, self.clip, self.folder, self.encodings = config, clip, folder, encodings
        self._given, self._digest = model, Clip.of(clip.source).digest
        self._models: dict[bool, Segmenter] = {}  # by whether there is one object
        self._prompt_models: dict[bool, Segmenter] = {}
        self._shown: OrderedDict[str, ShownFrame] = OrderedDict()
        self._answered: dict[str, Reference] = {}
        self._dependencies: tuple[Edits, Dependencies] | None = None

    def model(self, edits: Edits) -> Segmenter:
        """Returns the model that follows, as it suits the number of objects."""
        is_one = len(edits.followed) <= 1
        if is_one not in self._models:
            loaded = next(iter(self._models.values()), None) or chosen_model(self._given, self.config)
            self._models = {one: loaded.for_objects(1 if one else 2) for one in (True, False)}
        return self._models[is_one]

    def prompt_model(self, edits: Edits) -> Segmenter:
        """Returns the model that answers, likewise."""
        is_one = len(edits.followed) <= 1
        if is_one not in self._prompt_models:
            self._prompt_models[is_one] = load_prompt_model(self.config, 1 if is_one else 2, self.model(edits))
        return self._prompt_models[is_one]

    def prepare(self, number: int, edits: Edits) -> None:
        """Encodes a frame, so that what is shown in it is answered at once."""
        with self.at_work():
            self.encodings.encode(self.prompt_model(edits), [self.clip.frame(number).rgb])

    def answer(self, number: int, edits: Edits) -> ShownFrame:
        """Makes the masks of what is shown in a frame.

        Raises:
            VosError: what is shown does not fit the frame, or nothing is found there.
        """
        key = self._key(number, edits)
        if key not in self._shown:
            frame, prompts = self.clip.frame(number), self._prompts(number, edits)
            with self.at_work():
                model = self.prompt_model(edits)
                self._shown[key] = answer(prompts, frame, self.encodings.encode(model, [frame.rgb])[0], model)
        self._shown.move_to_end(key)
        while len(self._shown) > RECENT:
            self._shown.popitem(last=False)
        return self._shown[key]

    def correct(
        self, number: int, edits: Edits, mask: npt.NDArray[np.bool_], clicks: Sequence[Click]
    ) -> npt.NDArray[np.bool_]:
        """Corrects a mask, bool (H, W), by clicks.

        Raises:
            VosError: nothing is left of it.
        """
        frame, places = self.clip.frame(number), np.array(clicks, np.float32)
        with self.at_work():
            model = self.prompt_model(edits)
            embedding = self.encodings.encode(model, [frame.rgb])[0]
            found = corrected_mask(model, frame.rgb, embedding, mask, places[:, :2], places[:, 2].astype(np.int64))
        if not found.any():
            raise VosError(f"nothing is left of the object in frame {number}; leave out a click, or show it anew")
        return found

    def references(self, edits: Edits) -> list[Reference]:
        """Makes the masks of all frames in which objects are shown, in their order.

        Raises:
            VosError: as :meth:`answer`.
        """
        answered = {}
        for number in edits.shown:
            key = self._key(number, edits)
            if key not in self._answered:
                shown = self.answer(number, edits)
                prompts = tuple(each.prompt for each in shown.objects)
                self._answered[key] = with_masks(Reference(number, prompts=prompts), shown)
            answered[key] = self._answered[key]
        self._answered = answered  # others are forgotten
        return in_order(list(answered.values()))

    def dependencies(self, edits: Edits) -> Dependencies:
        """Tells what the results of each frame depend on."""
        if self._dependencies is None or self._dependencies[0] is not edits:
            clip, frames = self.clip, list(edits.shown)
            positions = [clip.position(number) for number in frames]
            # Which objects are shown counts here, and not how.
            shown = [tuple(ObjectPrompt(i, box=np.zeros(4, np.float32)) for i in edits.shown[n]) for n in frames]
            references = [Reference(number, prompts=prompts) for number, prompts in zip(frames, shown)]
            passes = backward_passes(references, positions, self.config.both_sides, self.config.add_backward)
            given = [(position, self._key(number, edits)) for number, position in zip(frames, positions)]
            self._dependencies = edits, Dependencies(self.mark(edits), given, passes, len(clip.numbers))
        return self._dependencies[1]

    def mark(self, edits: Edits) -> str:
        """Hashes all that results depend on, what is shown apart."""
        model = self.model(edits)
        parts = {
            "version": [__version__, LAYOUT],
            "options": {name: value for name, value in asdict(self.config).items() if name != "matte"},
            "model": [model_record(model), str(model.device), str(model.geometry(self.clip.source.size))],
            "clicks": click_weights_sha256(),
            "clip": self._digest,
            "object_ids": edits.followed if self.config.tracker.name == "published" else (),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def pipeline(self, edits: Edits) -> VideoPipeline:
        """Builds what follows the objects, for one use."""
        model = self.model(edits)
        pipeline = build_pipeline(self.config, self.clip.source, model, edits.names)
        return replace(pipeline, encode=partial(self.encodings.encode, model))

    def about(self, edits: Edits) -> dict[str, Any]:
        """Says what is tracked with what, as ``summary.json`` has it."""
        return describe(self.config, self.clip.source, self.model(edits))

    @contextmanager
    def at_work(self, display: Display = NOWHERE) -> Iterator[None]:
        """Computes with the threads that the command line has, which decides the last bits; tells ``display``."""
        with threads_of(self.config), shown_on(display):
            yield

    def _prompts(self, number: int, edits: Edits) -> tuple[ObjectPrompt, ...]:
        return read_entries(edits.entries(number), self.clip.source.size, self.folder)

    def _key(self, number: int, edits: Edits) -> str:
        """Names all that the masks of a frame depend on."""
        shown = [{k: v for k, v in entry.items() if k != "name"} for entry in edits.entries(number)]
        return json.dumps([number, len(edits.followed) <= 1, shown])
