"""One pass over an archive, and then a full search in the pictures that looked most like the concept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.find.index import EncodingIndex, packed
from vos.find.pictures import Source
from vos.find.ranking import Glance
from vos.photos.result import PhotoResult
from vos.photos.segmenter import PhotoSegmenter
from vos.sam.segmenter import Segmenter
from vos.structures import Presence

Broken = Callable[[Source, VosError], object]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A picture, and how likely it is at a glance that a concept is in it."""

    source: Source
    time: float | None
    rating: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that was searched fully, and what was found in it."""

    glimpse: Glimpse
    rgb: npt.NDArray[np.uint8] = field(repr=False)
    result: PhotoResult

    @property
    def is_found(self) -> bool:
        """The concept is in the picture."""
        return self.result.presence is not Presence.ABSENT


@dataclass
class Archive:
    """What is searched.

    Attributes:
        sources: its files.
        index: of their encodings, open.
        model: the encoder.
        on_broken: is told of each file that cannot be read.
        on_source: is called after each file of the pass.
    """

    sources: Sequence[Source]
    index: EncodingIndex
    model: Segmenter
    on_broken: Broken = lambda source, error: None
    on_source: Callable[[Source], object] = lambda source: None

    def glance(self, concepts: Sequence[Concept]) -> list[list[Glimpse]]:
        """Rates every picture for each concept; encodes only what the index lacks.

        Returns:
            For each concept all pictures, the most likely first.
        """
        glances = [Glance(concept) for concept in concepts]
        rated: list[list[Glimpse]] = [[] for _ in concepts]
        for source in self.sources:
            try:
                pictures = list(self._pictures(source))
            except VosError as error:
                self.on_broken(source, error)
                continue
            for time, features in pictures:
                for glance, own in zip(glances, rated):
                    own.append(Glimpse(source, time, glance.rate(features)))
            self.on_source(source)
        return [sorted(own, key=lambda one: -one.rating) for own in rated]

    def _pictures(self, source: Source) -> Iterator[tuple[float | None, npt.NDArray[np.int8]]]:
        entry = self.index.get(source)
        if entry is None:
            seen = [(time, packed(self.model.encode([rgb])[0])) for time, rgb in source.pictures()]
            if self.index.is_full:
                yield from seen
                return
            entry = self.index.add(source, [time for time, _ in seen], [features for _, features in seen])
        yield from zip(entry.times, self.index.features(entry))

    def search(
        self, concept: Concept, glimpses: Sequence[Glimpse], segmenter: PhotoSegmenter, patience: int
    ) -> Iterator[Hit]:
        """Searches pictures fully, the most likely first, until ``patience`` in a row do not show the concept."""
        missed = 0
        for glimpse in glimpses:
            if missed >= patience:
                return
            try:
                rgb = glimpse.source.picture(glimpse.time)
            except VosError as error:
                self.on_broken(glimpse.source, error)
                continue
            hit = Hit(glimpse, rgb, segmenter.segment(rgb, [concept])[0])
            missed = 0 if hit.is_found else missed + 1
            yield hit
