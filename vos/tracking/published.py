"""The video method as published (PerSAM and PerSAM-F), defects that change results included.

The public code is github.com/ZrrSkywalker/Personalize-SAM, persam_video.py and persam_video_f.py. Defects that are
kept here are marked DEFECT; where that code would crash, CRASH says what happens instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from typing_extensions import override

from vos.geometry import Geometry, mask_box
from vos.persam.cascade import Box, refine
from vos.persam.persam_f import FinetuneConfig, fuse, reference_weights
from vos.persam.published import VIDEO_MASK_VALUE, full_size_box, published_coverage, top_points
from vos.persam.similarity import similarity
from vos.persam.suited import chosen, suited
from vos.persam.target_feature import target_feature
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, Presence, TargetFeature, TrackedFrame
from vos.tracking.config import TrackerConfig
from vos.tracking.memory import branch, restore_target, target_state
from vos.tracking.merge import merge
from vos.tracking.observation import ABSENT_LOGIT
from vos.tracking.tracker import Tracker

BOX_GROWTH = 10  # pixels on each side of the previous box


class PublishedTracker(Tracker):
    """Published video PerSAM: top-k points, the previous box and its centre, three decoder calls, argmax.

    No guidance, no memory, no negative points, no notion of absence. Objects are decoded one by one, as published:
    a batch differs in the last bits, and the wrapped areas (below) turn a bit into another mask.
    """

    def __init__(self, config: TrackerConfig, model: Segmenter) -> None:
        self.model = model
        self.finetune = FinetuneConfig.parse(config.finetune)
        choice = "tracker=published with finetune" if self.finetune else "tracker=published"
        self.points = chosen(config.points, suited(model, choice).points)
        self.object_ids: tuple[int, ...] = ()
        self.targets: dict[int, TargetFeature] = {}  # by object id, in the order of the ids
        self.weights: dict[int, torch.Tensor] = {}  # PerSAM-F, by object id
        self.boxes: list[Box] = []  # of the labels in the previous result, in their order: see _remember

    @override
    @torch.no_grad()
    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self.object_ids = reference.object_ids
        self.targets, self.weights, self.boxes = {}, {}, []
        nothing = torch.full((len(self.object_ids), *embedding.geometry.logit_size), ABSENT_LOGIT)
        tracked = TrackedFrame(nothing, torch.zeros(len(nothing)), (Presence.ABSENT,) * len(nothing))
        return self._take(embedding, reference, frame, tracked)

    @override
    @torch.no_grad()
    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        tracked = self._track(embedding)
        labels = merge(tracked, embedding.geometry, frame, self.object_ids).label_map.labels
        self._remember(labels)
        return self._with_presence(tracked, labels)

    @override
    @torch.no_grad()
    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        """Follows the frame, then the mask overrules the result; not part of the published method."""
        if reference.object_ids != self.object_ids:
            raise ValueError(f"the reference has ids {reference.object_ids}, the tracker follows {self.object_ids}")
        return self._take(embedding, reference, frame, self._track(embedding))

    def _take(
        self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame, tracked: TrackedFrame
    ) -> TrackedFrame:
        geometry = embedding.geometry
        logits, predicted_iou = tracked.logits.clone(), tracked.predicted_iou.clone()
        shown = []
        for k, (object_id, mask) in enumerate(zip(self.object_ids, reference.masks())):
            if not mask.any():
                continue
            shown.append(object_id)
            self.targets[object_id] = target_feature(
                embedding.features, published_coverage(mask, geometry, VIDEO_MASK_VALUE)
            )
            logits[k] = 20 * geometry.mask_to_low_res(torch.from_numpy(mask)[None])[0] - 10
            predicted_iou[k] = 1.0
        self.targets = dict(sorted(self.targets.items()))
        tracked = TrackedFrame(logits, predicted_iou, tracked.presence, given=reference)
        labels = merge(tracked, geometry, frame, self.object_ids).label_map.labels
        self._remember(labels)
        if self.finetune is not None:
            for object_id in shown:
                mask = torch.from_numpy(reference.labels == object_id)
                box = mask_box(mask.numpy())
                assert box is not None
                prompt = self._prompt(embedding, self.targets[object_id], box)
                self.weights[object_id] = reference_weights(self.model, embedding, [prompt], mask[None], self.finetune)[
                    0
                ]
        return self._with_presence(tracked, labels)

    def _track(self, embedding: ImageEmbedding) -> TrackedFrame:
        count = len(self.object_ids)
        logits = torch.full((count, *embedding.geometry.logit_size), ABSENT_LOGIT)
        predicted_iou = torch.zeros(count)
        # DEFECT: the n-th object goes with the n-th box that is left (see _remember), and takes the n-th id.
        for (object_id, target), box in zip(self.targets.items(), self.boxes):
            answer = self._decode(embedding, self._prompt(embedding, target, box), self.weights.get(object_id))
            row = self.object_ids.index(object_id)
            logits[row], predicted_iou[row] = answer.logits[0, 0].cpu(), answer.predicted_iou[0, 0].cpu()
        return TrackedFrame(logits, predicted_iou, (Presence.UNCERTAIN,) * count)

    def _remember(self, labels: npt.NDArray[np.uint8]) -> None:
        """Keeps the boxes for the next frame.

        DEFECT: they are numbered by the labels that survived. When an object vanishes, the later ones move up, take
        its target feature and its id, and the last ones are never looked for again.
        """
        survivors = [i for i in np.unique(labels).tolist() if i]
        self.boxes = [box for i in survivors if (box := mask_box(labels == i)) is not None]

    def _with_presence(self, tracked: TrackedFrame, labels: npt.NDArray[np.uint8]) -> TrackedFrame:
        painted = set(np.unique(labels).tolist())
        presence = tuple(Presence.PRESENT if i in painted else Presence.ABSENT for i in self.object_ids)
        gone = torch.tensor([p is Presence.ABSENT for p in presence])
        return TrackedFrame(tracked.logits, tracked.predicted_iou.masked_fill(gone, 0.0), presence, tracked.given)

    def _prompt(self, embedding: ImageEmbedding, target: TargetFeature, box: Box) -> Prompt:
        """Top-k points (neighbours: the k best pixels of a smooth map), the centre of the grown box, the box."""
        height, width = embedding.geometry.original_size
        grown = box + np.array([-BOX_GROWTH, -BOX_GROWTH, BOX_GROWTH, BOX_GROWTH], dtype=np.float32)
        grown = np.clip(grown, 0, np.array([width, height, width, height], dtype=np.float32))
        centre = (grown[:2] + grown[2:]) // 2  # DEFECT: may lie beside the object
        points = top_points(similarity(embedding.features, [target]), embedding.geometry, self.points)[0]
        points = np.concatenate([points, centre[None]])
        return Prompt(points, np.ones(len(points), dtype=np.int64), grown)

    def _decode(self, embedding: ImageEmbedding, prompt: Prompt, weights: torch.Tensor | None) -> MaskCandidates:
        """The three calls for one object."""
        first = self.model.decode(embedding, [prompt], multimask=True)
        if weights is None:
            chosen = _largest(first, embedding.geometry)
            start = MaskCandidates(first.logits[:, chosen : chosen + 1], first.predicted_iou[:, chosen : chosen + 1])
            return refine(self.model, embedding, [prompt], start, steps=2, box_of=full_size_box)
        fused = fuse(first.logits, weights[None].to(first.logits))[:, None]
        box = full_size_box(fused[0, 0], embedding.geometry)
        if box is None:  # The sign of the first weight may turn the order of the scores; published so.
            chosen = int((first.predicted_iou[0] * weights[0].to(first.predicted_iou)).argmax())
            box = full_size_box(first.logits[0, chosen], embedding.geometry)  # CRASH if empty: no box then
        start = MaskCandidates(fused, first.predicted_iou.amax(dim=1, keepdim=True))
        # CRASH: a mask that is empty after the second call has no box; it is then the answer.
        return refine(self.model, embedding, [prompt], start, steps=2, box_of=full_size_box, boxes=[box])

    @override
    def state(self) -> dict[str, torch.Tensor]:
        tensors = {
            "object_ids": torch.tensor(self.object_ids, dtype=torch.int64),
            "boxes": torch.from_numpy(np.array(self.boxes, dtype=np.float32).reshape(-1, 4)),
        }
        for object_id, target in self.targets.items():
            tensors |= target_state(target, f"target{object_id}.")
        return tensors | {f"weights{object_id}": w.cpu().clone() for object_id, w in self.weights.items()}

    @override
    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self.object_ids = tuple(state["object_ids"].tolist())
        self.boxes = list(state["boxes"].numpy().copy())
        self.targets = {
            i: restore_target(branch(state, f"target{i}"), self.model.device)
            for i in self.object_ids
            if f"target{i}.embedding" in state
        }
        self.weights = {i: state[f"weights{i}"].clone() for i in self.object_ids if f"weights{i}" in state}


def _largest(candidates: MaskCandidates, geometry: Geometry) -> int:
    """The candidate of "largest" area.

    DEFECT: the areas are stored as uint8, so they wrap at 256 and the choice is arbitrary.
    """
    masks = geometry.logits_to_original(candidates.logits)[0] > 0
    wrapped = masks.sum(dim=(1, 2)) % 256
    return int(np.argmax(wrapped.cpu().numpy()))
