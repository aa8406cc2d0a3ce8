"""The default tracker: PerSAM's guidance, a gated memory, a temporal prior, and a notion of absence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from vos.adaptation.adapt import adapt
from vos.errors import VosError
from vos.persam.concept import Concept
from vos.persam.finetune import reference_weights
from vos.persam.location_prior import peak_points
from vos.persam.overlap import resolve_overlap, same_place
from vos.persam.target import observed_targets
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, Geometry, ImageEmbedding, LabelMap, Presence, Prompt, TrackedFrame
from vos.tracker_config import FinetuneConfig, TrackerConfig
from vos.tracking.change import ChangeDetector
from vos.tracking.gaze import Gaze
from vos.tracking.memory import branch
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.sight import Sight
from vos.tracking.track import Track
from vos.tracking.tracker import Tracker


class PersamTracker(Tracker):
    """Follows all objects of a video.

    Per frame: what changed, where each object seems to be (:class:`vos.tracking.gaze.Gaze`: similarity to its views,
    a guided decoder call - with the previous mask for the objects in sight, by appearance alone for the lost ones),
    presence, and the update of memory and motion.
    """

    def __init__(self, config: TrackerConfig, model: Segmenter) -> None:
        self.config = config
        self.unadapted = model
        self.finetune = FinetuneConfig.parse(config.finetune)
        self._look_with(model)
        self.object_ids: tuple[int, ...] = ()
        self.tracks: list[Track] = []
        self.detector = ChangeDetector(config.motion.flow, config.presence.cuts)

    def _look_with(self, model: Segmenter) -> None:
        self.model, self.gaze = model, Gaze(self.config, model)

    @torch.no_grad()
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self.object_ids = reference.object_ids
        self.tracks = [Track(self.config) for _ in self.object_ids]
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
        self.object_ids = tuple(range(1, len(concepts) + 1))
        self.tracks = [Track(self.config) for _ in self.object_ids]
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
        for track in self.tracks:
            track.turn()

    @torch.no_grad()
    def revisit(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        found = self._follow_others(embedding, reference, frame)
        for track, mask in zip(self.tracks, torch.from_numpy(reference.masks())):
            if bool(mask.any()):
                track.place(embedding, mask)
        return self._report(embedding.geometry, found, given=reference)

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
        for track in self.tracks:
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
        sights, presence = self._find(embedding, frame, tracks, taken)
        missed = [row for row, track in enumerate(tracks) if presence[row] is Presence.ABSENT and not track.lost]
        if missed and self.config.motion.second_chance:
            # Not where it should be: perhaps it is somewhere else already.
            for row in missed:
                tracks[row].let_go()
            found = [sight.logits for sight, judged in zip(sights, presence) if judged is not Presence.ABSENT]
            occupied = torch.stack(found).amax(dim=0) if found else None
            again = self._find(embedding, frame, [tracks[row] for row in missed], taken, occupied)
            for row, sight, judged in zip(missed, *again):
                sights[row], presence[row] = sight, judged
        logits = torch.stack([sight.logits for sight in sights])
        resolved = resolve_overlap(logits)
        kept = [
            (track, sight)
            for track, mask, sight, judged in zip(tracks, resolved, sights, presence)
            if track.follow(embedding, mask, sight, judged)
        ]
        self._remember(embedding, kept)
        return {k: (sight.logits, sight.predicted_iou) for k, sight in zip(numbers, sights)}

    def _find(
        self,
        embedding: ImageEmbedding,
        frame: Frame,
        tracks: Sequence[Track],
        taken: torch.Tensor | None,
        occupied: torch.Tensor | None = None,
    ) -> tuple[list[Sight], list[Presence]]:
        """Looks for objects and judges what is seen; what is judged absent is wiped out."""
        sights, presence = [], []
        for track, sight in zip(tracks, self.gaze.look(embedding, frame.rgb, tracks, occupied)):
            logits = sight.logits if taken is None else sight.logits.masked_fill(taken, ABSENT_LOGIT)
            logits = self._within_reach(track, logits, embedding.geometry)
            judged = track.judge(embedding.geometry, logits, sight.predicted_iou, sight.similarity)
            if judged is Presence.ABSENT:
                logits = torch.full_like(logits, ABSENT_LOGIT)
            sights.append(replace(sight, logits=logits))
            presence.append(judged)
        self._settle_claims(tracks, sights, presence)
        return sights, presence

    def _settle_claims(self, tracks: Sequence[Track], sights: list[Sight], presence: list[Presence]) -> None:
        """A lost object does not come back where another one is; of several lost ones the surest takes the place."""
        order = sorted(range(len(tracks)), key=lambda row: (tracks[row].lost, -sights[row].predicted_iou))
        owned: list[torch.Tensor] = []
        for row in order:
            mask = sights[row].logits > 0
            if tracks[row].lost and presence[row] is not Presence.ABSENT and same_place(mask, owned):
                sights[row] = replace(sights[row], logits=torch.full_like(sights[row].logits, ABSENT_LOGIT))
                presence[row] = Presence.ABSENT
            elif presence[row] is not Presence.ABSENT:
                owned.append(mask)

    def _remember(self, embedding: ImageEmbedding, kept: Sequence[tuple[Track, Sight]]) -> None:
        masks = [track.logits.sigmoid() for track, _ in kept if track.logits is not None]
        if masks:
            for (track, sight), target in zip(kept, observed_targets(embedding, torch.stack(masks))):
                track.memory.admit(target, sight.contested)
                if self.config.second_pass.enabled:
                    track.highlights.note(target, sight.predicted_iou)

    def _within_reach(self, track: Track, logits: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """Cuts off look-alikes that are too far away from where an object in sight must be."""
        box = None if track.lost or not self.config.motion.reach else track.motion.predict(self.config.motion.reach)
        if box is None:
            return logits
        x0, y0, x1, y1 = np.rint(geometry.boxes_to_input(box) / geometry.logit_stride).astype(int).clip(0).tolist()
        cut = torch.full_like(logits, ABSENT_LOGIT)
        cut[y0 : y1 + 1, x0 : x1 + 1] = logits[y0 : y1 + 1, x0 : x1 + 1]
        return cut

    def state(self) -> dict[str, torch.Tensor]:
        tensors = {"object_ids": torch.tensor(self.object_ids, dtype=torch.int64)}
        for k, track in enumerate(self.tracks):
            tensors |= {f"track{k}.{name}": value for name, value in track.state().items()}
        tensors |= {f"model.{name}": value for name, value in self.model.adaptation().items()}
        return tensors | {f"change.{name}": value for name, value in self.detector.state().items()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self.object_ids = tuple(state["object_ids"].tolist())
        self.tracks = [Track(self.config) for _ in self.object_ids]
        for k, track in enumerate(self.tracks):
            track.restore(branch(state, f"track{k}"), self.model.device)
        self.detector.restore(branch(state, "change"), self.model.device)
        adaptation = branch(state, "model")
        self._look_with(self.unadapted.with_adaptation(adaptation) if adaptation else self.unadapted)
