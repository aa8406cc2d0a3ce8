"""The default tracker: PerSAM's guidance, a gated memory, a temporal location prior, and a notion of absence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from typing_extensions import override

from vos.adaptation.adapt import adapt
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.geometry import Geometry
from vos.persam.location_prior import peak_points
from vos.persam.persam_f import FinetuneConfig, reference_weights
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, TrackedFrame
from vos.tracking.config import TrackerConfig
from vos.tracking.decode import Decoding, decode_objects
from vos.tracking.memory import branch
from vos.tracking.observation import ABSENT_LOGIT, Observation, without_overlap
from vos.tracking.redetect import classify, redetect
from vos.tracking.scene_cut import SceneCuts
from vos.tracking.track import Track, remember
from vos.tracking.tracker import Tracker


class PersamTracker(Tracker):
    """Follows all objects of a video; :meth:`step` is the way of a frame.

    Attributes:
        tracks: one per object id, in their order; unknown until a reference shows the object.
        model: as adapted to the references.
        decoding: how objects are asked for.
    """

    def __init__(self, config: TrackerConfig, model: Segmenter) -> None:
        self.config = config
        self.unadapted = model
        self.finetune = FinetuneConfig.parse(config.finetune)
        self._decode_with(model)
        self._begin(())

    def _begin(self, object_ids: tuple[int, ...]) -> None:
        self.object_ids = object_ids
        self.tracks = [Track(self.config) for _ in object_ids]
        self.scene_cuts = SceneCuts(self.config.presence.scene_cuts)

    def _decode_with(self, model: Segmenter) -> None:
        self.model, self.decoding = model, Decoding.of(self.config, model)

    @override
    @torch.no_grad()
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self._begin(reference.object_ids)
        self._decode_with(self.unadapted)
        return self.step(embedding, frame, given=reference)

    @override
    @torch.no_grad()
    def start_from_concepts(self, embedding: ImageEmbedding, concepts: Sequence[Concept], frame: Frame) -> TrackedFrame:
        concepts = [self._fitted(concept, embedding) for concept in concepts]
        self._begin(tuple(range(1, len(concepts) + 1)))
        self._decode_with(self.unadapted)
        for object_id, concept in zip(self.object_ids, concepts):
            self.add_concept(object_id, concept, embedding)
        return self.step(embedding, frame)

    @override
    @torch.no_grad()
    def step(self, embedding: ImageEmbedding, frame: Frame, given: LabelMap | None = None) -> TrackedFrame:
        geometry, presence = embedding.geometry, self.config.presence
        # What the user shows in this frame needs no search, and leaves its place to nobody else
        numbers = self._known_besides(given)
        tracks, forbidden = [self.tracks[k] for k in numbers], _low_res_cells(given, embedding)
        # Scene cut: forget where everything was
        cut = self.scene_cuts.is_cut(embedding.features)
        # Predict: mask, box, gate and target of every track
        predictions = [track.predict(geometry, cut) for track in tracks]
        # Locate and decode: objects in sight in windows, lost ones in the whole frame
        observations = decode_objects(self.decoding, embedding, predictions)
        # Present, uncertain or absent; who was missed is searched everywhere at once
        observations = classify(observations, predictions, presence, forbidden)
        observations = redetect(self.decoding, embedding, predictions, observations, presence, forbidden)
        observations = [track.without_strangers(o, p) for track, o, p in zip(tracks, observations, predictions)]
        # Update: masks without overlap, motion, then the memory of those that ask for it
        pairs = zip(tracks, without_overlap(observations))
        remember(embedding, [track for track, observation in pairs if track.update(embedding, observation)])
        # Given masks are references from here on
        if given is not None:
            self._add_references(embedding, frame, given)
        return self._report(geometry, dict(zip(numbers, observations)), given)

    @override
    def follow(self, object_ids: tuple[int, ...]) -> None:
        tracks = dict(zip(self.object_ids, self.tracks))
        self.object_ids = object_ids
        self.tracks = [tracks.get(object_id) or Track(self.config) for object_id in object_ids]

    @override
    def add_concept(self, object_id: int, concept: Concept, embedding: ImageEmbedding) -> None:
        concept = self._fitted(concept, embedding)
        track = self.tracks[self.object_ids.index(object_id)]
        track.add_concept(concept, self.model.device)
        if self.finetune is not None and concept.weights is not None:
            track.mask_weights = concept.weights.to(self.model.device)

    def _fitted(self, concept: Concept, embedding: ImageEmbedding) -> Concept:
        """The concept for this model, checked."""
        concept = concept.fitted(self.unadapted)
        concept.check_features(embedding)
        if self.finetune is not None and concept.weights is None:
            raise VosError(f"the concept {concept.name} has no tuned mask weights; make it with finetune=true")
        return concept

    @override
    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        if reference.object_ids != self.object_ids:
            raise ValueError(f"the reference has ids {reference.object_ids}, the tracker follows {self.object_ids}")
        return self.step(embedding, frame, given=reference)

    def _known_besides(self, given: LabelMap | None) -> list[int]:
        """The numbers of the objects that can be searched and that ``given`` does not show."""
        shown = set() if given is None else set(np.unique(given.labels).tolist())
        return [k for k, track in enumerate(self.tracks) if track.known and self.object_ids[k] not in shown]

    def _add_references(self, embedding: ImageEmbedding, frame: Frame, given: LabelMap) -> None:
        """Shows the user's masks to the tracks, adapts the decoder to them, and tunes PerSAM-F's weights."""
        masks = torch.from_numpy(given.masks())
        shown = [k for k, mask in enumerate(masks) if bool(mask.any())]
        for k in shown:
            self.tracks[k].add_reference(embedding, masks[k])
        if not shown:
            return
        self._decode_with(adapt(self.model, frame, given, self.config.adapt))
        if self.finetune is None:
            return
        prior = self.decoding.locate(embedding, [self.tracks[k].memory.target() for k in shown])
        points = peak_points(prior.similarity, embedding.geometry, max(self.decoding.points, 1))
        prompts = [Prompt(own, np.ones(len(own), dtype=np.int64)) for own in points]
        guidance = prior.guidance if self.decoding.guided else None
        tuned = reference_weights(self.model, embedding, prompts, masks[shown], self.finetune, guidance)
        for k, weights in zip(shown, tuned):
            self.tracks[k].mask_weights = weights

    def _report(
        self, geometry: Geometry, observations: Mapping[int, Observation], given: LabelMap | None
    ) -> TrackedFrame:
        """Gathers the result of a frame: ``observations`` by the number of their object, and what the user gave."""
        logits = torch.full((len(self.tracks), *geometry.logit_size), ABSENT_LOGIT)
        predicted_iou, rejected_iou = torch.zeros(len(self.tracks)), torch.zeros(len(self.tracks))
        for k, track in enumerate(self.tracks):
            observed = observations.get(k)
            if track.logits is not None:
                mask, quality = (track.logits, 1.0) if observed is None else (observed.logits, observed.predicted_iou)
                logits[k], predicted_iou[k] = mask.cpu(), quality
            elif observed is not None:
                rejected_iou[k] = observed.predicted_iou
        presence = tuple(track.presence for track in self.tracks)
        return TrackedFrame(logits, predicted_iou, presence, given, rejected_iou)

    @override
    def unseen(self) -> tuple[int, ...]:
        return tuple(i for i, track in zip(self.object_ids, self.tracks) if track.known and track.in_new_scene)

    @override
    def state(self) -> dict[str, torch.Tensor]:
        tensors = {"object_ids": torch.tensor(self.object_ids, dtype=torch.int64)}
        for k, track in enumerate(self.tracks):
            tensors |= {f"track{k}.{name}": value for name, value in track.state().items()}
        tensors |= {f"model.{name}": value for name, value in self.model.adaptation().items()}
        return tensors | {f"scene_cuts.{name}": value for name, value in self.scene_cuts.state().items()}

    @override
    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._begin(tuple(state["object_ids"].tolist()))
        for k, track in enumerate(self.tracks):
            track.restore(branch(state, f"track{k}"), self.model.device)
        self.scene_cuts.restore(branch(state, "scene_cuts"), self.model.device)
        adaptation = branch(state, "model")
        self._decode_with(self.unadapted.with_adaptation(adaptation) if adaptation else self.unadapted)


def _low_res_cells(given: LabelMap | None, embedding: ImageEmbedding) -> torch.Tensor | None:
    """The low-res cells, bool (h4, w4), that a given mask covers for the most part."""
    if given is None:
        return None
    covered = embedding.geometry.mask_to_low_res(torch.from_numpy(given.labels > 0)[None])[0] > 0.5
    return covered.to(embedding.features.device)
