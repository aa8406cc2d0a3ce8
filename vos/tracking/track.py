"""One object on its way through the frames: what is known of it, what that predicts, how a frame changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from vos.concept.concept import Concept
from vos.geometry import Geometry
from vos.persam.cascade import low_res_box
from vos.persam.similarity import SimilarityScale, similarity
from vos.persam.target_feature import observed_targets
from vos.structures import PRESENCES, ImageEmbedding, Presence
from vos.tracking.config import TrackerConfig
from vos.tracking.memory import Memory, branch
from vos.tracking.motion import Motion, shift_logits
from vos.tracking.observation import ABSENT_LOGIT, Observation
from vos.tracking.pieces import Pieces
from vos.tracking.prediction import Prediction

GIVEN_LOGIT = 10.0  # logits that stand for a mask the user gave: sure, yet within what decoders put out


class Track:
    """The state of one object. Before its first reference it is absent and cannot be searched (``known`` is False).

    Attributes:
        memory: what it looks like.
        motion: where it should be.
        pieces: how large it has been.
        presence: in the latest frame.
        in_new_scene: it has not been seen since the latest cut, or is known from photos alone.
        similarity_scale: of its references.
        reference_area: original pixels.
        logits: float (h4, w4), its low-res logits in the latest frame, free of other objects; None where it was absent.
        mask_weights: float (3,) of PerSAM-F, or None.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.memory = Memory(config.memory)
        self.motion = Motion(config.motion)
        self.pieces = Pieces()
        self.presence = Presence.ABSENT
        self.in_new_scene = False
        self.similarity_scale = SimilarityScale(1.0, 0.0)
        self.reference_area = 0.0
        self.logits: torch.Tensor | None = None
        self.mask_weights: torch.Tensor | None = None

    @property
    def known(self) -> bool:
        """A reference has been given."""
        return bool(self.memory.references)

    @property
    def lost(self) -> bool:
        """There is no temporal prior: the whole frame has to be searched by appearance."""
        return self.presence is Presence.ABSENT or self.motion.box is None

    def add_reference(self, embedding: ImageEmbedding, mask: torch.Tensor) -> None:
        """Takes the user's mask of this frame as a reference, and the object to be where it shows it.

        Args:
            embedding: of the frame.
            mask: bool (H, W) in original pixels, not empty.
        """
        features = embedding.features
        fine = embedding.geometry.mask_to_low_res(mask[None])[0].to(features)
        coverage = embedding.geometry.mask_to_grid(mask[None])[0].to(features)
        (target,) = observed_targets(embedding, fine[None])
        self.reference_area = float(mask.sum())
        self.memory.add_reference(target, self.reference_area)
        self.similarity_scale = SimilarityScale.of_reference(similarity(features, [target])[0], coverage)
        self._set_mask(fine, embedding.geometry)

    def add_concept(self, concept: Concept, device: torch.device) -> None:
        """Takes a concept's photos as references: how the object looks, not where it is."""
        targets = [view.target().to(device) for view in concept.views]
        for target in targets:
            self.memory.add_reference(target, None)
        self.reference_area = min(view.area for view in concept.views)
        self.in_new_scene = True
        self.similarity_scale = SimilarityScale.mean(
            [
                SimilarityScale.of_reference(similarity(view.features, [view.target()])[0], view.coverage)
                for view in concept.views
            ]
        )

    def _set_mask(self, coverage: torch.Tensor, geometry: Geometry) -> None:
        """Puts the object where a mask, as coverage (h4, w4) of the low-res cells, shows it."""
        # A tiny object covers no cell fully; relative to its best-covered cell it still has a mask and a box.
        self.logits = GIVEN_LOGIT * (2 * coverage / coverage.amax().clamp(min=1e-6) - 1)
        self.presence, self.in_new_scene = Presence.PRESENT, False
        box = low_res_box(self.logits, geometry)
        assert box is not None  # the best-covered cell is above 0
        self.motion.forget()
        self.motion.update(box, sure=True)
        self.pieces.forget()

    def mark_lost(self) -> None:
        """Forgets where the object was, so that it is searched for everywhere."""
        self.presence, self.logits = Presence.ABSENT, None
        self.motion.forget()
        self.pieces.forget()

    def predict(self, geometry: Geometry, cut: bool) -> Prediction:
        """Predicts mask, box and gate in the next frame; after a scene cut, no more than what the object looks like."""
        if cut:
            self.mark_lost()
            self.in_new_scene = True
        mask_logits = None
        if self.logits is not None and not self.lost and tuple(self.logits.shape) == geometry.logit_size:
            mask_logits = shift_logits(self.logits, self.motion.velocity, geometry)
        return Prediction(
            target=self.memory.target(),
            similarity_scale=self.similarity_scale,
            reference_area=self.reference_area,
            mask_weights=self.mask_weights,
            in_new_scene=self.in_new_scene,
            mask_logits=mask_logits,
            box=None if self.lost else self.motion.predict(self.config.motion.box_margin),
            gate=None if self.lost else self.motion.gate(max(geometry.original_size)),
            lost=self.lost,
        )

    def without_strangers(self, observation: Observation, prediction: Prediction) -> Observation:
        """Takes the pieces out of a mask that are not the object, as their sizes tell."""
        if observation.presence is Presence.ABSENT:
            return observation
        logits, before = observation.logits.float().cpu().numpy(), prediction.mask_logits
        expected = None if before is None else (before > 0).cpu().numpy().view(np.uint8)
        strangers = self.pieces.strangers((logits > 0).view(np.uint8), logits, expected)
        if strangers is None:
            return observation
        cut = torch.from_numpy(strangers).to(observation.logits.device)
        return replace(observation, logits=observation.logits.masked_fill(cut, ABSENT_LOGIT))

    def update(self, embedding: ImageEmbedding, observation: Observation) -> bool:
        """Updates the track with this frame's observation; returns True if the view should enter the memory.

        Args:
            embedding: of the frame.
            observation: of the object, classified and free of overlap with other objects.
        """
        if observation.redetected:
            self.mark_lost()
        if observation.presence is not Presence.ABSENT and self.config.memory.background_filter:
            observation = self._without_background(embedding, observation)
        box = None if observation.presence is Presence.ABSENT else observation.box
        if box is None:  # absent, or nothing left of it under the other objects
            self.mark_lost()
            return self.memory.update(0.0, 0.0, Presence.ABSENT)
        self.presence, self.logits, self.in_new_scene = observation.presence, observation.logits, False
        self.motion.update(box, sure=observation.presence is Presence.PRESENT)
        if observation.presence is Presence.PRESENT:
            self.pieces.note(int((observation.logits > 0).sum()))
        return self.memory.update(observation.area, observation.predicted_iou, observation.presence)

    def _without_background(self, embedding: ImageEmbedding, observation: Observation) -> Observation:
        """Takes cells that look like known background out of what is remembered, not out of the result."""
        geometry, coverage = observation.geometry, observation.coverage
        maps = None if observation.maps is None else observation.in_window(observation.maps)
        own = self.memory.background_filter(observation.in_window(embedding.features), coverage, maps)
        doubtful = (coverage > 0) & ~own
        if not doubtful.any():
            return observation
        stride = geometry.logits_per_cell
        fine = doubtful.repeat_interleave(stride, dim=0).repeat_interleave(stride, dim=1)
        kept = observation.logits.clone()
        part = observation.in_window(kept)
        part.copy_(torch.where(fine, part.clamp(max=-1), part))
        return replace(observation, logits=kept)

    def state(self) -> dict[str, torch.Tensor]:
        """Returns everything that later frames depend on as named CPU tensors; see :meth:`restore`."""
        scale = self.similarity_scale
        presence, new = PRESENCES.index(self.presence), float(self.in_new_scene)
        numbers = [presence, scale.inside, scale.outside, self.reference_area, new]
        tensors = {"numbers": torch.tensor(numbers, dtype=torch.float64)}
        for name in ("logits", "mask_weights"):
            if getattr(self, name) is not None:
                tensors[name] = getattr(self, name).cpu().clone()
        tensors["pieces"] = torch.tensor([self.pieces.alone, *self.pieces.areas], dtype=torch.int64)
        tensors |= {f"memory.{name}": value for name, value in self.memory.state().items()}
        return tensors | {f"motion.{name}": value for name, value in self.motion.state().items()}

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        presence, inside, outside, self.reference_area, new = state["numbers"].tolist()
        self.presence, self.in_new_scene = PRESENCES[int(presence)], bool(new)
        self.similarity_scale = SimilarityScale(inside, outside)
        self.logits = state["logits"].to(device) if "logits" in state else None
        self.mask_weights = state["mask_weights"].to(device) if "mask_weights" in state else None
        self.pieces.alone, *self.pieces.areas = state["pieces"].tolist()
        self.memory.restore(branch(state, "memory"), device)
        self.motion.restore(branch(state, "motion"))


def remember(embedding: ImageEmbedding, tracks: Sequence[Track]) -> None:
    """Adds the views of this frame to the memories of the tracks that asked for it (:meth:`Track.update`)."""
    masks = [track.logits.sigmoid() for track in tracks if track.logits is not None]
    if masks:
        for track, target in zip(tracks, observed_targets(embedding, torch.stack(masks))):
            track.memory.admit(target)
