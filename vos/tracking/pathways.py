"""The histories of all objects that are followed beside those that count (see :mod:`vos.tracking.hypotheses`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from vos.persam.overlap import resolve_overlap
from vos.structures import Frame, ImageEmbedding, Presence
from vos.tracking.config import TrackerConfig
from vos.tracking.hypotheses import Hypothesis, differing, evidence, gathered, leader, merged
from vos.tracking.memory import branch
from vos.tracking.observation import Sight
from vos.tracking.redetect import Finder
from vos.tracking.track import Track, remember


@dataclass
class Fan:
    """What is kept of one object from frame to frame.

    Attributes:
        score: of the history that is the answer.
        usual: mean predicted IoU of the answer lately; 0 = there is none yet.
        rest: the other histories with their scores, best first.
    """

    score: float = 0.0
    usual: float = 0.0
    rest: list[tuple[Track, float]] = field(default_factory=list)


@dataclass(frozen=True)
class SharedFrame:
    """One frame, as one object shares it with the others.

    Attributes:
        embedding: of the frame.
        frame: itself.
        taken: bool (h2, w2), low-res cells that cannot be the object's, or None.
        others: float (h2, w2) each, logits of the other objects in sight.
    """

    embedding: ImageEmbedding
    frame: Frame
    taken: torch.Tensor | None
    others: Sequence[torch.Tensor]

    @property
    def occupied(self) -> torch.Tensor | None:
        """The others as one."""
        return torch.stack(list(self.others)).amax(dim=0) if self.others else None


class Pathways:
    """Follows the other histories of N objects and lets the better one be the answer.

    Histories of one object are judged against the answers of the others, so that no two objects come to one place.

    Args:
        config: of the tracker.
        count: N.
    """

    def __init__(self, config: TrackerConfig, count: int) -> None:
        self.config, self.options = config, config.hypotheses
        self.fans = [Fan() for _ in range(count)]

    @property
    def tracks(self) -> list[Track]:
        """Of all other histories."""
        return [track for fan in self.fans for track, _ in fan.rest]

    def forget(self, number: int) -> None:
        """Drops what there is beside a reference of an object."""
        self.fans[number] = Fan()

    def weigh(
        self,
        number: int,
        shared: SharedFrame,
        finder: Finder,
        before: Track,
        track: Track,
        sight: Sight,
        presence: Presence,
    ) -> Hypothesis:
        """The best history of an object in a frame.

        Args:
            number: of the object.
            shared: the frame.
            finder: looks for it.
            before: its track before this frame, ready for it.
            track: the same after it.
            sight: what has been found.
            presence: as judged.
        """
        fan, options = self.fans[number], self.options
        current = self._scored(shared, track, sight, presence, fan.score)
        rest = [self._continued(shared, finder, *each) for each in fan.rest]
        if presence is not Presence.ABSENT and sight.predicted_iou < options.unsure * fan.usual:
            rest += self._forks(shared, finder, before, current, fan.score)
        kept = merged([current, *(each for each in rest if each is not None)], options.same)
        best = leader(current, kept, options)
        others = [each for each in kept if each is not best][: options.count - 1]
        usual = fan.usual or best.sight.predicted_iou
        if best.track.presence is not Presence.ABSENT:
            usual = gathered(usual, best.sight.predicted_iou, options)
        self.fans[number] = Fan(best.score, usual, [(each.track, each.score) for each in others])
        return best

    def _continued(self, shared: SharedFrame, finder: Finder, track: Track, score: float) -> Hypothesis | None:
        (sight,), (presence,) = finder.pursue(shared.embedding, shared.frame, [track], shared.taken, shared.occupied)
        return self._followed(shared, track, sight, presence, score)

    def _forks(
        self, shared: SharedFrame, finder: Finder, before: Track, current: Hypothesis, score: float
    ) -> list[Hypothesis | None]:
        """The decoder's candidates that differ markedly from its single mask."""
        seen = [
            finder.judged(shared.embedding.geometry, before, sight, shared.taken)
            for sight in finder.gaze.candidates(shared.embedding, before, shared.occupied)
        ]
        masks = torch.stack([sight.logits > 0 for sight, _ in seen])
        chosen = differing(masks, [current.mask], self.options.differing)
        return [self._followed(shared, before.branched(), *seen[index], score) for index in chosen]

    def _followed(
        self, shared: SharedFrame, track: Track, sight: Sight, presence: Presence, score: float
    ) -> Hypothesis | None:
        """A history that takes ``sight`` for the object; None where that is another object."""
        mask, occupied = sight.logits > 0, shared.occupied
        if occupied is not None and 2 * int((mask & (occupied > 0)).sum()) > int(mask.sum()):
            return None
        scored = self._scored(shared, track, sight, presence, score)
        own = resolve_overlap(torch.stack([sight.logits, *shared.others]))[0]
        if track.follow(shared.embedding, own, sight, presence):
            remember(shared.embedding, [(track, sight)])
        return scored

    def _scored(self, shared: SharedFrame, track: Track, sight: Sight, presence: Presence, score: float) -> Hypothesis:
        similarity = track.similarity(shared.embedding.geometry, sight)
        new = evidence(presence, sight.predicted_iou, similarity, self.options)
        return Hypothesis(track, sight, gathered(score, new, self.options))

    def state(self) -> dict[str, torch.Tensor]:
        """As named tensors; see :meth:`restore`."""
        tensors = {}
        for k, fan in enumerate(self.fans):
            scores = [fan.score, fan.usual, *(score for _, score in fan.rest)]
            tensors[f"{k}.scores"] = torch.tensor(scores, dtype=torch.float64)
            for number, (track, _) in enumerate(fan.rest):
                tensors |= {f"{k}.{number}.{name}": value for name, value in track.state().items()}
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        for k, fan in enumerate(self.fans):
            own = branch(state, str(k))
            fan.score, fan.usual, *scores = own["scores"].tolist()
            fan.rest = [(Track(self.config), score) for score in scores]
            for number, (track, _) in enumerate(fan.rest):
                track.restore(branch(own, str(number)), device)
