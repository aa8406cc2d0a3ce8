"""One object on its way through the frames: what is known of it, and how a frame changes that."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.geometry import Geometry
from vos.persam.cascade import low_res_box
from vos.persam.similarity import similarity
from vos.persam.similarity_scale import Appearance
from vos.persam.target_feature import observed_targets
from vos.structures import PRESENCES, ImageEmbedding, Presence
from vos.tracking.config import TrackerConfig
from vos.tracking.highlights import Highlights
from vos.tracking.memory import Memory, branch
from vos.tracking.motion import Box, Motion, shift_logits
from vos.tracking.observation import Sight
from vos.tracking.presence import judge
from vos.tracking.scene_cut import Change, warp_logits

GIVEN_LOGIT = 10.0  # logits that stand for a mask the user gave: sure, yet within what decoders put out


class Track:
    """The state of one object. Before its first reference it is absent and cannot be searched (``known`` is False).

    Attributes:
        memory: what it looks like.
        motion: where it should be.
        highlights: the surest views so far, for a second pass.
        presence: in the latest frame.
        logits: float (h4, w4), its low-res logits in the latest frame, None where it was absent.
        expected: float (h2, w2), the same moved to where it should be in the next frame.
        weights: float (3,) of PerSAM-F, or None.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.memory = Memory(config.memory)
        self.motion = Motion(config.motion)
        self.highlights = Highlights(max(2, 2 * config.second_pass.views))
        self.presence = Presence.ABSENT
        self.unseen = False  # in this scene: after a cut, or when it is known from photos alone
        self.appearance = Appearance(1.0, 0.0)
        self.reference_area = 0.0  # original pixels
        self.logits: torch.Tensor | None = None
        self.expected: torch.Tensor | None = None
        self.weights: torch.Tensor | None = None

    @property
    def known(self) -> bool:
        """A reference has been given."""
        return bool(self.memory.anchors)

    @property
    def lost(self) -> bool:
        """There is no temporal prior: the whole frame has to be searched by appearance."""
        return self.presence is Presence.ABSENT or self.motion.box is None

    def anchor(self, embedding: ImageEmbedding, mask: torch.Tensor) -> None:
        """Takes the user's mask of this frame as a reference.

        Args:
            embedding: of the frame.
            mask: bool (H, W) in original pixels, not empty.
        """
        features = embedding.features
        fine = embedding.geometry.mask_to_low_res(mask[None])[0].to(features)
        coverage = embedding.geometry.mask_to_grid(mask[None])[0].to(features)
        (target,) = observed_targets(embedding, fine[None])
        self.reference_area = float(mask.sum())
        self.memory.anchor(target, self.reference_area)
        self.appearance = Appearance.of_reference(similarity(features, [target])[0], coverage)
        self.place(embedding, mask)

    def place(self, embedding: ImageEmbedding, mask: torch.Tensor) -> None:
        """Puts the object where the user's mask shows it, bool (H, W) in original pixels, not empty."""
        fine = embedding.geometry.mask_to_low_res(mask[None])[0].to(embedding.features)
        # A tiny object covers no cell fully; relative to its best-covered cell it still has a mask and a box.
        self.logits = GIVEN_LOGIT * (2 * fine / fine.amax().clamp(min=1e-6) - 1)
        self.presence, self.unseen = Presence.PRESENT, False
        box = low_res_box(self.logits, embedding.geometry)
        assert box is not None  # the best-covered cell is above 0
        self.motion.forget()
        self.motion.update(box, sure=True)

    def learn(self, concept: Concept, device: torch.device) -> None:
        """Takes a concept's photos as references: how the object looks, not where it is."""
        targets = [view.target().to(device) for view in concept.views]
        for target in targets:
            self.memory.anchor(target, None)
        self.reference_area = min(view.area for view in concept.views)
        self.unseen = True
        self.appearance = Appearance.mean(
            [
                Appearance.of_reference(similarity(view.features, [view.target()])[0], view.coverage)
                for view in concept.views
            ]
        )

    def branched(self) -> Track:
        """A copy that goes its own way; what they share is never changed in place."""
        other = copy.copy(self)
        other.memory, other.motion = copy.copy(self.memory), copy.copy(self.motion)
        other.highlights = self.highlights.branched()
        other.memory.anchors = list(self.memory.anchors)
        return other

    def let_go(self) -> None:
        """Forgets where the object was, so that it is looked for everywhere."""
        self.presence, self.logits, self.expected = Presence.ABSENT, None, None
        self.motion.forget()

    def expect(self, geometry: Geometry, change: Change) -> None:
        """Gets ready for the next frame: moves the mask along, or forgets where it was after a cut."""
        if change.cut:
            self.let_go()
            self.unseen = True
        if self.logits is None or tuple(self.logits.shape) != geometry.logit_size:
            self.expected = None
        elif change.flow is not None:
            self.expected = warp_logits(self.logits, change.flow, geometry)
        else:
            self.expected = shift_logits(self.logits, self.motion.shift, geometry)

    def reach(self, geometry: Geometry) -> Box | None:
        """The box outside of which it cannot be in the next frame, original pixels; None where it can be anywhere."""
        if self.lost or not self.config.motion.reach:
            return None
        return self.motion.reach(max(geometry.original_size))

    def turn(self) -> None:
        """Gets ready to go back, with views from all over the first pass, not just from its end."""
        self.motion.turn()
        self.memory.settle(self.highlights.best(self.config.second_pass.views))

    def similarity(self, geometry: Geometry, sight: Sight) -> float:
        """Of the mask that is seen to the object, on its own scale."""
        near, mask = sight.part(sight.similarity, geometry), sight.part(sight.logits, geometry) > 0
        return self.appearance.score(near, _to_grid(mask.to(near), geometry))

    def judge(self, geometry: Geometry, sight: Sight) -> Presence:
        """Decides whether what is seen is this object."""
        return judge(
            self.config.presence,
            predicted_iou=sight.predicted_iou,
            similarity=self.similarity(geometry, sight),
            area=_area(sight.part(sight.logits, geometry), geometry),
            reference_area=self.reference_area,
            lost=self.lost,
            unseen=self.unseen,
        )

    def follow(self, embedding: ImageEmbedding, logits: torch.Tensor, sight: Sight, presence: Presence) -> bool:
        """Moves on to a frame in which the object has been found, or not.

        Args:
            embedding: of the frame.
            logits: float (h4, w4), free of overlap with other objects.
            sight: what the mask was taken from.
            presence: as judged.

        Returns:
            Whether what ``self.logits`` shows shall be remembered (:meth:`Memory.admit`).
        """
        geometry = embedding.geometry
        if presence is not Presence.ABSENT and self.config.memory.guard:
            logits = self._guarded(embedding, logits, sight)
        box = None if presence is Presence.ABSENT else low_res_box(logits, geometry)
        if box is None:  # absent, or nothing left of it under the other objects
            self.presence, self.logits = Presence.ABSENT, None
            self.memory.observe(0.0, 0.0, Presence.ABSENT)
            self.motion.forget()
            return False
        self.presence, self.logits, self.unseen = presence, logits, False
        self.motion.update(box, sure=presence is Presence.PRESENT)
        return self.memory.observe(_area(sight.part(logits, geometry), geometry), sight.predicted_iou, presence)

    def _guarded(self, embedding: ImageEmbedding, logits: torch.Tensor, sight: Sight) -> torch.Tensor:
        """Takes cells that look like known background out of what is remembered, not out of the result."""
        geometry = embedding.geometry
        features = sight.part(embedding.features, geometry)
        maps = None if sight.maps is None else sight.part(sight.maps, geometry)
        coverage = _to_grid((sight.part(logits, geometry) > 0).to(features), geometry)
        doubtful = (coverage > 0) & ~self.memory.agreement(features, coverage, maps)
        if not doubtful.any():
            return logits
        stride = geometry.grid_stride // geometry.logit_stride
        fine = doubtful.repeat_interleave(stride, dim=0).repeat_interleave(stride, dim=1)
        kept = logits.clone()
        part = sight.part(kept, geometry)
        part.copy_(torch.where(fine, part.clamp(max=-1), part))
        return kept

    def state(self) -> dict[str, torch.Tensor]:
        """As named CPU tensors; see :meth:`restore`."""
        scale = self.appearance
        numbers = [PRESENCES.index(self.presence), scale.inside, scale.outside, self.reference_area, float(self.unseen)]
        tensors = {"numbers": torch.tensor(numbers, dtype=torch.float64)}
        for name in ("logits", "weights"):
            if getattr(self, name) is not None:
                tensors[name] = getattr(self, name).cpu().clone()
        tensors |= {f"memory.{name}": value for name, value in self.memory.state().items()}
        tensors |= {f"highlights.{name}": value for name, value in self.highlights.state().items()}
        return tensors | {f"motion.{name}": value for name, value in self.motion.state().items()}

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        presence, inside, outside, self.reference_area, unseen = state["numbers"].tolist()
        self.presence, self.appearance, self.unseen = (
            PRESENCES[int(presence)],
            Appearance(inside, outside),
            bool(unseen),
        )
        self.logits = state["logits"].to(device) if "logits" in state else None
        self.weights = state["weights"].to(device) if "weights" in state else None
        self.memory.restore(branch(state, "memory"), device)
        self.motion.restore(branch(state, "motion"))
        self.highlights.restore(branch(state, "highlights"), device)


def remember(embedding: ImageEmbedding, kept: Sequence[tuple[Track, Sight]]) -> None:
    """Adds the views of this frame to the memories of the tracks that asked for it (:meth:`Track.follow`)."""
    masks = [track.logits.sigmoid() for track, _ in kept if track.logits is not None]
    if masks:
        for (track, sight), target in zip(kept, observed_targets(embedding, torch.stack(masks))):
            track.memory.admit(target, sight.contested)
            if track.config.second_pass.enabled:
                track.highlights.note(target, sight.predicted_iou)


def _to_grid(values: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    return F.avg_pool2d(values[None], geometry.grid_stride // geometry.logit_stride)[0]


def _area(logits: torch.Tensor, geometry: Geometry) -> float:
    """Area of a low-res mask in original pixels."""
    scale_x, scale_y = geometry.scale_xy
    return float((logits > 0).sum()) * geometry.logit_stride**2 / (scale_x * scale_y)
