"""The default tracker: PerSAM's guidance, a gated memory, a temporal prior, and a notion of absence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from vos.config import FinetuneConfig, TrackerConfig
from vos.errors import VosError
from vos.persam.concept import Concept
from vos.persam.finetune import fuse, reference_weights
from vos.persam.location_prior import LocationPrior, locate, peak_points
from vos.persam.overlap import resolve_overlap
from vos.persam.refine import refine
from vos.sam.segmenter import Segmenter
from vos.structures import (
    Frame,
    Geometry,
    ImageEmbedding,
    LabelMap,
    MaskCandidates,
    Presence,
    Prompt,
    TrackedFrame,
)
from vos.tracking.memory import branch
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.motion import shift_logits
from vos.tracking.track import Track
from vos.tracking.tracker import Tracker


class PersamTracker(Tracker):
    """Follows all objects in one decoder batch per call.

    Per frame: similarity to each object's views (references and memory), then a guided decoder call - with the
    previous mask and box for the objects in sight, by appearance alone for the lost ones -, cascade, presence, and
    the update of memory and motion.
    """

    def __init__(self, config: TrackerConfig, model: Segmenter) -> None:
        self.config, self.model = config, model
        self.finetune = FinetuneConfig.parse(config.finetune)
        # A decoder that reads the similarity maps themselves has no use for their peaks, and one call is enough; the
        # box of the frame before only holds back an object that grows (DAVIS-2016 development: J&F 0.695 with it,
        # 0.749 without).
        reads_maps = config.guidance and "maps" in model.guidance_fields
        self.points = config.points if config.points is not None else (0 if reads_maps else 1)
        self.box_prompt = config.motion.previous_box if config.motion.previous_box is not None else not reads_maps
        self.refine_steps = config.refine_steps if config.refine_steps is not None else (0 if reads_maps else 2)
        self.object_ids: tuple[int, ...] = ()
        self.tracks: list[Track] = []

    @torch.no_grad()
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self.object_ids = reference.object_ids
        self.tracks = [Track(self.config) for _ in self.object_ids]
        self._anchor(embedding, reference)
        return self._report(embedding.geometry, {}, given=reference)

    @torch.no_grad()
    def start_from_concepts(self, embedding: ImageEmbedding, concepts: Sequence[Concept], frame: Frame) -> TrackedFrame:
        for concept in concepts:
            concept.check_model(self.model)
            if self.finetune is not None and concept.weights is None:
                raise VosError(f"the concept {concept.name} has no tuned mask weights; make it with finetune=true")
        self.object_ids = tuple(range(1, len(concepts) + 1))
        self.tracks = [Track(self.config) for _ in self.object_ids]
        for track, concept in zip(self.tracks, concepts):
            track.learn(concept, self.model.device)
            if self.finetune is not None and concept.weights is not None:
                track.weights = concept.weights.to(self.model.device)
        return self.step(embedding, frame)

    @torch.no_grad()
    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        found = self._follow(embedding, [k for k, track in enumerate(self.tracks) if track.known])
        return self._report(embedding.geometry, found)

    @torch.no_grad()
    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        if reference.object_ids != self.object_ids:
            raise ValueError(f"the reference has ids {reference.object_ids}, the tracker follows {self.object_ids}")
        shown = set(np.unique(reference.labels).tolist())
        others = [k for k, track in enumerate(self.tracks) if track.known and self.object_ids[k] not in shown]
        taken = embedding.geometry.mask_to_low_res(torch.from_numpy(reference.labels > 0)[None])[0] > 0.5
        found = self._follow(embedding, others, taken)
        self._anchor(embedding, reference)
        return self._report(embedding.geometry, found, given=reference)

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

    def _anchor(self, embedding: ImageEmbedding, reference: LabelMap) -> None:
        """Shows the user's masks to the tracks."""
        shown = []
        for k, mask in enumerate(torch.from_numpy(reference.masks())):
            if bool(mask.any()):
                self.tracks[k].anchor(embedding, mask)
                shown.append(k)
        if self.finetune is None or not shown:
            return
        prior = self._locate(embedding, shown)
        points = peak_points(prior.similarity, embedding.geometry, max(self.points, 1))
        prompts = [Prompt(own, np.ones(len(own), dtype=np.int64)) for own in points]
        masks = torch.from_numpy(reference.masks()[shown])
        guidance = prior.guidance if self.config.guidance else None
        tuned = reference_weights(self.model, embedding, prompts, masks, self.finetune, guidance)
        for k, weights in zip(shown, tuned):
            self.tracks[k].weights = weights

    def _follow(
        self, embedding: ImageEmbedding, numbers: Sequence[int], taken: torch.Tensor | None = None
    ) -> dict[int, tuple[torch.Tensor, float]]:
        """Finds the objects ``numbers`` in a frame, outside of the low-res cells (h4, w4) that are ``taken``."""
        if not numbers:
            return {}
        tracks = [self.tracks[k] for k in numbers]
        prior = self._locate(embedding, numbers)
        answer = self._decode(embedding, numbers, prior)
        logits = answer.logits[:, 0].float()
        predicted_iou = answer.predicted_iou[:, 0].float().clamp(0, 1).tolist()
        if taken is not None:
            logits = logits.masked_fill(taken.to(logits.device), ABSENT_LOGIT)
        logits = torch.stack(
            [self._within_reach(track, mask, embedding.geometry) for track, mask in zip(tracks, logits)]
        )
        presence = [
            track.judge(embedding.geometry, mask, quality, similarity)
            for track, mask, quality, similarity in zip(tracks, logits, predicted_iou, prior.similarity)
        ]
        absent = torch.tensor([p is Presence.ABSENT for p in presence], device=logits.device)
        logits = logits.masked_fill(absent[:, None, None], ABSENT_LOGIT)
        resolved = resolve_overlap(logits)
        for track, mask, quality, judged in zip(tracks, resolved, predicted_iou, presence):
            track.follow(embedding, mask, quality, judged)
        return {k: (mask, quality) for k, mask, quality in zip(numbers, logits, predicted_iou)}

    def _within_reach(self, track: Track, logits: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """Cuts off look-alikes that are too far away from where an object in sight must be."""
        box = None if track.lost or not self.config.motion.reach else track.motion.predict(self.config.motion.reach)
        if box is None:
            return logits
        x0, y0, x1, y1 = np.rint(geometry.boxes_to_input(box) / geometry.logit_stride).astype(int).clip(0).tolist()
        cut = torch.full_like(logits, ABSENT_LOGIT)
        cut[y0 : y1 + 1, x0 : x1 + 1] = logits[y0 : y1 + 1, x0 : x1 + 1]
        return cut

    def _locate(self, embedding: ImageEmbedding, numbers: Sequence[int]) -> LocationPrior:
        fields = self.model.guidance_fields if self.config.guidance else frozenset[str]()
        return locate(embedding, [self.tracks[k].memory.views() for k in numbers], fields)

    def _decode(self, embedding: ImageEmbedding, numbers: Sequence[int], prior: LocationPrior) -> MaskCandidates:
        """One batch per call for all objects: the guided call, then the cascade."""
        prompts = self._prompts(embedding.geometry, numbers, prior)
        guidance = prior.guidance if self.config.guidance else None
        weights = [w for k in numbers if (w := self.tracks[k].weights) is not None]  # all of them, or none
        first = self.model.decode(embedding, prompts, guidance, multimask=bool(weights))
        if weights:
            fused = fuse(first.logits, torch.stack(weights).to(first.logits))
            first = MaskCandidates(fused[:, None], first.predicted_iou.amax(dim=1, keepdim=True))
        return refine(self.model, embedding, prompts, first.best(), self.refine_steps)

    def _prompts(self, geometry: Geometry, numbers: Sequence[int], prior: LocationPrior) -> list[Prompt]:
        """Points where the object looks most like itself; for an object in sight also its expected mask and box."""
        motion = self.config.motion
        tracks = [self.tracks[k] for k in numbers]
        boxes = [None if track.lost else track.motion.predict(motion.box_margin) for track in tracks]
        # A lost object has no mask to go on with: its strongest peak says where to look.
        counts = [max(self.points, 1) if track.lost else self.points for track in tracks]
        peaks = peak_points(prior.similarity, geometry, max(counts), boxes)
        points = [peak[:count] for peak, count in zip(peaks, counts)]
        best = [own[:1] for own in peak_points(prior.similarity, geometry, 1, boxes)] if self.config.negatives else []
        height, width = geometry.original_size
        prompts = []
        for row, (track, box) in enumerate(zip(tracks, boxes)):
            negative = [p for other, p in enumerate(best) if other != row and not tracks[other].lost]
            mask = None
            if not track.lost and motion.previous_mask and track.logits is not None:
                mask = shift_logits(track.logits, track.motion.shift, geometry)
            if box is not None:
                box = np.clip(box, 0, np.array([width, height, width, height], dtype=np.float32))
                box = box if bool((box[2:] > box[:2]).all()) else None  # expected outside of the picture
            prompts.append(
                Prompt(
                    points=np.concatenate([points[row], *negative]),
                    labels=np.array([1] * len(points[row]) + [0] * len(negative), dtype=np.int64),
                    box=box if self.box_prompt else None,
                    mask_logits=mask,
                )
            )
        return prompts

    def state(self) -> dict[str, torch.Tensor]:
        tensors = {"object_ids": torch.tensor(self.object_ids, dtype=torch.int64)}
        for k, track in enumerate(self.tracks):
            tensors |= {f"track{k}.{name}": value for name, value in track.state().items()}
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self.object_ids = tuple(state["object_ids"].tolist())
        self.tracks = [Track(self.config) for _ in self.object_ids]
        for k, track in enumerate(self.tracks):
            track.restore(branch(state, f"track{k}"), self.model.device)
