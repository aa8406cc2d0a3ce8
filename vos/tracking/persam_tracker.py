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
from vos.persam.overlap import others_of, resolve_overlap
from vos.persam.refine import refine
from vos.persam.target import observed_targets
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
from vos.tracking.change import ChangeDetector
from vos.tracking.choice import choose
from vos.tracking.memory import branch
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.sight import Sight
from vos.tracking.track import Track
from vos.tracking.tracker import Tracker
from vos.tracking.window import Window, crop, window_around


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
        self.reads_maps = reads_maps = config.guidance and "maps" in model.guidance_fields
        self.points = config.points if config.points is not None else (0 if reads_maps else 1)
        self.box_prompt = config.motion.previous_box if config.motion.previous_box is not None else not reads_maps
        self.refine_steps = config.refine_steps if config.refine_steps is not None else (0 if reads_maps else 2)
        self.object_ids: tuple[int, ...] = ()
        self.tracks: list[Track] = []
        self.detector = ChangeDetector(config.motion.flow, config.presence.cuts)

    @torch.no_grad()
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self.object_ids = reference.object_ids
        self.tracks = [Track(self.config) for _ in self.object_ids]
        self.detector = ChangeDetector(self.config.motion.flow, self.config.presence.cuts)
        self.detector.observe(frame.rgb)
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
        self.detector = ChangeDetector(self.config.motion.flow, self.config.presence.cuts)
        for track, concept in zip(self.tracks, concepts):
            track.learn(concept, self.model.device)
            if self.finetune is not None and concept.weights is not None:
                track.weights = concept.weights.to(self.model.device)
        return self.step(embedding, frame)

    @torch.no_grad()
    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        self._notice_change(embedding, frame)
        found = self._follow(embedding, [k for k, track in enumerate(self.tracks) if track.known])
        return self._report(embedding.geometry, found)

    @torch.no_grad()
    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        if reference.object_ids != self.object_ids:
            raise ValueError(f"the reference has ids {reference.object_ids}, the tracker follows {self.object_ids}")
        self._notice_change(embedding, frame)
        shown = set(np.unique(reference.labels).tolist())
        others = [k for k, track in enumerate(self.tracks) if track.known and self.object_ids[k] not in shown]
        taken = embedding.geometry.mask_to_low_res(torch.from_numpy(reference.labels > 0)[None])[0] > 0.5
        found = self._follow(embedding, others, taken)
        self._anchor(embedding, reference)
        return self._report(embedding.geometry, found, given=reference)

    def _notice_change(self, embedding: ImageEmbedding, frame: Frame) -> None:
        """Makes every object's expectation fit for this frame: what is remembered of the one before moves along."""
        change = self.detector.observe(frame.rgb)
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
        sights = self._look(embedding, numbers)
        logits = torch.stack([sight.logits for sight in sights])
        if taken is not None:
            logits = logits.masked_fill(taken.to(logits.device), ABSENT_LOGIT)
        logits = torch.stack(
            [self._within_reach(track, mask, embedding.geometry) for track, mask in zip(tracks, logits)]
        )
        presence = [
            track.judge(embedding.geometry, mask, sight.predicted_iou, sight.similarity)
            for track, mask, sight in zip(tracks, logits, sights)
        ]
        absent = torch.tensor([p is Presence.ABSENT for p in presence], device=logits.device)
        logits = logits.masked_fill(absent[:, None, None], ABSENT_LOGIT)
        resolved = resolve_overlap(logits)
        kept = [
            (track, sight)
            for track, mask, sight, judged in zip(tracks, resolved, sights, presence)
            if track.follow(embedding, mask, sight, judged)
        ]
        self._remember(embedding, kept)
        return {k: (mask, sight.predicted_iou) for k, mask, sight in zip(numbers, logits, sights)}

    def _remember(self, embedding: ImageEmbedding, kept: Sequence[tuple[Track, Sight]]) -> None:
        masks = [track.logits.sigmoid() for track, _ in kept if track.logits is not None]
        if masks:
            for (track, sight), target in zip(kept, observed_targets(embedding, torch.stack(masks))):
                track.memory.admit(target, sight.contested)

    def _look(self, embedding: ImageEmbedding, numbers: Sequence[int]) -> list[Sight]:
        """Where the objects ``numbers`` seem to be: those in sight in their windows, the others in the whole frame."""
        expected = [None if self.tracks[k].lost else self.tracks[k].expected for k in numbers]
        others = others_of(expected) if self.config.others else {}
        windows = [self._window(self.tracks[k], embedding.geometry) for k in numbers]
        sights: dict[int, Sight] = {}
        for row, (k, window) in enumerate(zip(numbers, windows)):
            if window is not None:
                part = crop(embedding, window)
                rows, columns = window.slices(embedding.geometry.grid_stride // embedding.geometry.logit_stride)
                near = {0: others[row][rows, columns]} if row in others else {}
                (sight,) = self._look_at(part, [k], near, window)
                sights[k] = sight.pasted(window, embedding.geometry)
        rest = [(row, k) for row, k in enumerate(numbers) if k not in sights]
        if rest:
            far = {new: others[row] for new, (row, _) in enumerate(rest) if row in others}
            chosen = [k for _, k in rest]
            sights |= dict(zip(chosen, self._look_at(embedding, chosen, far)))
        return [sights[k] for k in numbers]

    def _window(self, track: Track, geometry: Geometry) -> Window | None:
        """The window of an object in sight, where the decoder can look at one."""
        motion = self.config.motion
        usable = motion.window and motion.reach and not (self.points or self.box_prompt or self.config.negatives)
        box = track.motion.predict(motion.reach) if usable and self.reads_maps and not track.lost else None
        return None if box is None or track.weights is not None else window_around(box, geometry)

    def _look_at(
        self,
        embedding: ImageEmbedding,
        numbers: Sequence[int],
        others: Mapping[int, torch.Tensor],
        window: Window | None = None,
    ) -> list[Sight]:
        """Compares and decodes objects in a frame, or one object in its window."""
        prior = self._locate(embedding, numbers)
        prompts = self._prompts(embedding.geometry, numbers, prior, others, window)
        answer, contested = self._decode(embedding, numbers, prior, prompts)
        maps = prior.guidance.maps
        return [
            Sight(
                logits=answer.logits[row, 0].float(),
                predicted_iou=min(max(float(answer.predicted_iou[row, 0]), 0.0), 1.0),
                similarity=prior.similarity[row],
                maps=None if maps is None else maps[row],
                contested=contested[row],
            )
            for row in range(len(numbers))
        ]

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
        return locate(embedding, [self.tracks[k].memory.target() for k in numbers], fields)

    def _decode(
        self, embedding: ImageEmbedding, numbers: Sequence[int], prior: LocationPrior, prompts: Sequence[Prompt]
    ) -> tuple[MaskCandidates, list[bool]]:
        """One batch per call for all objects: the guided call, then the cascade; and who has a look-alike near."""
        guidance = prior.guidance if self.config.guidance else None
        weights = [w for k in numbers if (w := self.tracks[k].weights) is not None]  # all of them, or none
        choice, contested = self.config.choice, [False] * len(numbers)
        first = self.model.decode(embedding, prompts, guidance, multimask=bool(weights) or choice.enabled)
        if weights:
            fused = fuse(first.logits, torch.stack(weights).to(first.logits))
            first = MaskCandidates(fused[:, None], first.predicted_iou.amax(dim=1, keepdim=True))
        elif choice.enabled:
            first, contested = choose(first, [prompt.mask_logits for prompt in prompts], choice)
        return refine(self.model, embedding, prompts, first.best(), self.refine_steps), contested

    def _prompts(
        self,
        geometry: Geometry,
        numbers: Sequence[int],
        prior: LocationPrior,
        others: Mapping[int, torch.Tensor],
        window: Window | None,
    ) -> list[Prompt]:
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
            if not track.lost and motion.previous_mask:
                mask = track.expected
            if mask is not None and window is not None:
                rows, columns = window.slices(geometry.grid_stride // geometry.logit_stride)
                mask = mask[rows, columns]
            if box is not None:
                box = np.clip(box, 0, np.array([width, height, width, height], dtype=np.float32))
                box = box if bool((box[2:] > box[:2]).all()) else None  # expected outside of the picture
            prompts.append(
                Prompt(
                    points=np.concatenate([points[row], *negative]),
                    labels=np.array([1] * len(points[row]) + [0] * len(negative), dtype=np.int64),
                    box=box if self.box_prompt else None,
                    mask_logits=mask,
                    others_logits=others.get(row),
                )
            )
        return prompts

    def state(self) -> dict[str, torch.Tensor]:
        tensors = {"object_ids": torch.tensor(self.object_ids, dtype=torch.int64)}
        for k, track in enumerate(self.tracks):
            tensors |= {f"track{k}.{name}": value for name, value in track.state().items()}
        return tensors | {f"change.{name}": value for name, value in self.detector.state().items()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self.object_ids = tuple(state["object_ids"].tolist())
        self.tracks = [Track(self.config) for _ in self.object_ids]
        for k, track in enumerate(self.tracks):
            track.restore(branch(state, f"track{k}"), self.model.device)
        self.detector.restore(branch(state, "change"))
