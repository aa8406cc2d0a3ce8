"""The default tracker: PerSAM's guidance, a gated memory, a temporal prior, and a notion of absence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from vos.adaptation.adapt import adapt
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.geometry import Geometry
from vos.persam.location_prior import peak_points
from vos.persam.overlap import resolve_overlap
from vos.persam.persam_f import FinetuneConfig, reference_weights
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, TrackedFrame
from vos.tracking.config import TrackerConfig
from vos.tracking.decode import Gaze
from vos.tracking.memory import branch
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.pathways import Pathways, SharedFrame
from vos.tracking.redetect import Finder
from vos.tracking.scene_cut import ChangeDetector
from vos.tracking.track import Track, remember
from vos.tracking.tracker import Tracker


class PersamTracker(Tracker):
    """Follows all objects of a video.

    Per frame: what changed, where each object seems to be (:class:`vos.tracking.decode.Gaze`: similarity to its views,
    a guided decoder call - with the previous mask for the objects in sight, by appearance alone for the lost ones),
    presence, and the update of memory and motion.
    """

    def __init__(self, config: TrackerConfig, model: Segmenter) -> None:
        self.config = config
        self.unadapted = model
        self.finetune = FinetuneConfig.parse(config.finetune)
        self._look_with(model)
        self._watch(())
        self.detector = ChangeDetector(config.motion.flow, config.presence.cuts)

    def _watch(self, object_ids: tuple[int, ...]) -> None:
        self.object_ids = object_ids
        self.tracks = [Track(self.config) for _ in object_ids]
        self.pathways = Pathways(self.config, len(object_ids)) if self.config.hypotheses.count > 1 else None

    def _look_with(self, model: Segmenter) -> None:
        self.model, self.gaze = model, Gaze(self.config, model)
        self.finder = Finder(self.config, self.gaze)

    @torch.no_grad()
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self._watch(reference.object_ids)
        self.detector = ChangeDetector(self.config.motion.flow, self.config.presence.cuts)
        self.detector.observe(frame.rgb, embedding.features)
        self._look_with(self.unadapted)
        self._anchor(embedding, frame, reference)
        return self._report(embedding.geometry, {}, given=reference)

    @torch.no_grad()
    def start_from_concepts(self, embedding: ImageEmbedding, concepts: Sequence[Concept], frame: Frame) -> TrackedFrame:
        for concept in concepts:
            concept.check_model(self.model)
            if self.finetune is not None and concept.weights is None:
                raise VosError(f"the concept {concept.name} has no tuned mask weights; make it with finetune=true")
        self._watch(tuple(range(1, len(concepts) + 1)))
        self.detector = ChangeDetector(self.config.motion.flow, self.config.presence.cuts)
        self._look_with(self.unadapted)
        for track, concept in zip(self.tracks, concepts):
            track.learn(concept, self.model.device)
            if self.finetune is not None and concept.weights is not None:
                track.weights = concept.weights.to(self.model.device)
        return self.step(embedding, frame)

    @torch.no_grad()
    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        self._notice_change(embedding, frame)
        found = self._follow(embedding, frame, [k for k, track in enumerate(self.tracks) if track.known])
        return self._report(embedding.geometry, found)

    @torch.no_grad()
    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        if reference.object_ids != self.object_ids:
            raise ValueError(f"the reference has ids {reference.object_ids}, the tracker follows {self.object_ids}")
        found = self._follow_others(embedding, reference, frame)
        self._anchor(embedding, frame, reference)
        return self._report(embedding.geometry, found, given=reference)

    def turn(self) -> None:
        for k, track in enumerate(self.tracks):
            track.turn()
            self._settle(k)

    @torch.no_grad()
    def revisit(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        found = self._follow_others(embedding, reference, frame)
        for k, mask in enumerate(torch.from_numpy(reference.masks())):
            if bool(mask.any()):
                self.tracks[k].place(embedding, mask)
                self._settle(k)
        return self._report(embedding.geometry, found, given=reference)

    def _settle(self, number: int) -> None:
        """Where an object is known for sure, no other history of it has to be followed."""
        if self.pathways is not None:
            self.pathways.forget(number)

    def _follow_others(
        self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame
    ) -> dict[int, tuple[torch.Tensor, float]]:
        """Finds the objects that ``reference`` does not show, where it leaves room."""
        self._notice_change(embedding, frame)
        shown = set(np.unique(reference.labels).tolist())
        others = [k for k, track in enumerate(self.tracks) if track.known and self.object_ids[k] not in shown]
        taken = embedding.geometry.mask_to_low_res(torch.from_numpy(reference.labels > 0)[None])[0] > 0.5
        return self._follow(embedding, frame, others, taken.to(self.model.device))

    def _notice_change(self, embedding: ImageEmbedding, frame: Frame) -> None:
        """Makes every object's expectation fit for this frame: what is remembered of the one before moves along."""
        change = self.detector.observe(frame.rgb, embedding.features)
        for track in [*self.tracks, *(self.pathways.tracks if self.pathways is not None else [])]:
            track.expect(embedding.geometry, change)

    def _report(
        self, geometry: Geometry, found: Mapping[int, tuple[torch.Tensor, float]], given: LabelMap | None = None
    ) -> TrackedFrame:
        """The result of a frame: ``found`` maps the numbers of decoded objects to logits and predicted IoU."""
        logits = torch.full((len(self.tracks), *geometry.logit_size), ABSENT_LOGIT)
        predicted_iou = torch.zeros(len(self.tracks))
        for k, track in enumerate(self.tracks):
            if track.logits is not None:
                # Objects of this frame's reference were not decoded: they are what the user says.
                mask, quality = found.get(k, (track.logits, 1.0))
                logits[k], predicted_iou[k] = mask.cpu(), quality
        return TrackedFrame(logits, predicted_iou, tuple(track.presence for track in self.tracks), given)

    def _anchor(self, embedding: ImageEmbedding, frame: Frame, reference: LabelMap) -> None:
        """Shows the user's masks to the tracks, and lets the decoder practise on them."""
        shown = []
        for k, mask in enumerate(torch.from_numpy(reference.masks())):
            if bool(mask.any()):
                self.tracks[k].anchor(embedding, mask)
                self._settle(k)
                shown.append(k)
        if shown:
            self._look_with(adapt(self.model, frame, reference, self.config.adapt))
        if self.finetune is None or not shown:
            return
        prior = self.gaze.locate(embedding, [self.tracks[k] for k in shown])
        points = peak_points(prior.similarity, embedding.geometry, max(self.gaze.points, 1))
        prompts = [Prompt(own, np.ones(len(own), dtype=np.int64)) for own in points]
        masks = torch.from_numpy(reference.masks()[shown])
        guidance = prior.guidance if self.config.guidance else None
        tuned = reference_weights(self.model, embedding, prompts, masks, self.finetune, guidance)
        for k, weights in zip(shown, tuned):
            self.tracks[k].weights = weights

    def _follow(
        self, embedding: ImageEmbedding, frame: Frame, numbers: Sequence[int], taken: torch.Tensor | None = None
    ) -> dict[int, tuple[torch.Tensor, float]]:
        """Finds the objects ``numbers`` in a frame, outside of the low-res cells (h4, w4) that are ``taken``."""
        if not numbers:
            return {}
        tracks = [self.tracks[k] for k in numbers]
        before = [track.branched() for track in tracks] if self.pathways is not None else []
        sights, presence = self.finder.pursue(embedding, frame, tracks, taken)
        logits = torch.stack([sight.logits for sight in sights])
        resolved = resolve_overlap(logits)
        kept = [
            (track, sight)
            for track, mask, sight, judged in zip(tracks, resolved, sights, presence)
            if track.follow(embedding, mask, sight, judged)
        ]
        remember(embedding, kept)
        for row, k in enumerate(numbers if self.pathways is not None else ()):
            assert self.pathways is not None
            others = [sight.logits for number, sight in enumerate(sights) if number != row and (sight.logits > 0).any()]
            shared = SharedFrame(embedding, frame, taken, others)
            best = self.pathways.weigh(k, shared, self.finder, before[row], tracks[row], sights[row], presence[row])
            self.tracks[k], sights[row] = best.track, best.sight
        return {k: (sight.logits, sight.predicted_iou) for k, sight in zip(numbers, sights)}

    def state(self) -> dict[str, torch.Tensor]:
        tensors = {"object_ids": torch.tensor(self.object_ids, dtype=torch.int64)}
        for k, track in enumerate(self.tracks):
            tensors |= {f"track{k}.{name}": value for name, value in track.state().items()}
        if self.pathways is not None:
            tensors |= {f"pathways.{name}": value for name, value in self.pathways.state().items()}
        tensors |= {f"model.{name}": value for name, value in self.model.adaptation().items()}
        return tensors | {f"change.{name}": value for name, value in self.detector.state().items()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._watch(tuple(state["object_ids"].tolist()))
        for k, track in enumerate(self.tracks):
            track.restore(branch(state, f"track{k}"), self.model.device)
        if self.pathways is not None:
            self.pathways.restore(branch(state, "pathways"), self.model.device)
        self.detector.restore(branch(state, "change"), self.model.device)
        adaptation = branch(state, "model")
        self._look_with(self.unadapted.with_adaptation(adaptation) if adaptation else self.unadapted)
