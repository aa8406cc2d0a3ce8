"""Finding tracked objects in one frame: what is seen, within reach, of whom, and whether it is there at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from vos.geometry import Geometry
from vos.persam.overlap import same_place
from vos.structures import Frame, ImageEmbedding, Presence
from vos.tracking.config import TrackerConfig
from vos.tracking.decode import Gaze
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.observation import Sight
from vos.tracking.track import Track


class Finder:
    """Looks for objects and judges what is seen.

    Args:
        config: of the tracker.
        gaze: looks.
    """

    def __init__(self, config: TrackerConfig, gaze: Gaze) -> None:
        self.config, self.gaze = config, gaze

    def pursue(
        self,
        embedding: ImageEmbedding,
        frame: Frame,
        tracks: Sequence[Track],
        taken: torch.Tensor | None = None,
        occupied: torch.Tensor | None = None,
    ) -> tuple[list[Sight], list[Presence]]:
        """Like :meth:`find`; but tracks that are not where they should be are let go and looked for everywhere."""
        sights, presence = self.find(embedding, frame, tracks, taken, occupied)
        missed = [row for row, track in enumerate(tracks) if presence[row] is Presence.ABSENT and not track.lost]
        if missed and self.config.motion.second_chance:
            # Not where it should be: perhaps it is somewhere else already.
            for row in missed:
                tracks[row].let_go()
            found = [sight.logits for sight, judged in zip(sights, presence) if judged is not Presence.ABSENT]
            found += [] if occupied is None else [occupied]
            full = torch.stack(found).amax(dim=0) if found else None
            again = self.find(embedding, frame, [tracks[row] for row in missed], taken, full)
            for row, sight, judged in zip(missed, *again):
                sights[row], presence[row] = sight, judged
        return sights, presence

    def find(
        self,
        embedding: ImageEmbedding,
        frame: Frame,
        tracks: Sequence[Track],
        taken: torch.Tensor | None,
        occupied: torch.Tensor | None = None,
    ) -> tuple[list[Sight], list[Presence]]:
        """What is seen of N objects, and their presence; what is judged absent is wiped out. Changes no track.

        Args:
            embedding: of the frame.
            frame: itself.
            tracks: of the objects.
            taken: bool (h2, w2), low-res cells that cannot be theirs.
            occupied: float (h2, w2), logits of further objects that have been found in this frame already.
        """
        seen = [
            self.judged(embedding.geometry, track, sight, taken)
            for track, sight in zip(tracks, self.gaze.look(embedding, frame.rgb, tracks, occupied))
        ]
        sights, presence = [sight for sight, _ in seen], [judged for _, judged in seen]
        self._settle_claims(tracks, sights, presence)
        return sights, presence

    def judged(
        self, geometry: Geometry, track: Track, sight: Sight, taken: torch.Tensor | None = None
    ) -> tuple[Sight, Presence]:
        """One look, cut to what can be the object; and whether that is it."""
        logits = sight.logits if taken is None else sight.logits.masked_fill(taken, ABSENT_LOGIT)
        sight = replace(sight, logits=self._within_reach(track, logits, geometry))
        judged = track.judge(geometry, sight)
        if judged is Presence.ABSENT:
            sight = replace(sight, logits=torch.full_like(logits, ABSENT_LOGIT))
        return sight, judged

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

    def _within_reach(self, track: Track, logits: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """Cuts off look-alikes that are too far away from where an object in sight must be."""
        box = track.reach(geometry)
        if box is None:
            return logits
        x0, y0, x1, y1 = np.rint(geometry.boxes_to_input(box) / geometry.logit_stride).astype(int).clip(0).tolist()
        cut = torch.full_like(logits, ABSENT_LOGIT)
        cut[y0 : y1 + 1, x0 : x1 + 1] = logits[y0 : y1 + 1, x0 : x1 + 1]
        return cut
