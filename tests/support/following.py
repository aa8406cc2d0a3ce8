"""A red square followed through a clip from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count as count_from

import numpy as np
import numpy.typing as npt
import pytest
from fakes import Collector, ColourSegmenter, ListSource, RedTracker, square_clip, square_mask

import vos.video.pipeline
from vos.structures import ImageEmbedding
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference
from vos.video.resume import ResumeState


class BatchSegmenter(ColourSegmenter):
    """A model whose embeddings depend on what is encoded together, as the last bits of a real one's do."""

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        """Encodes; an image is a little lighter by its place in the batch and the length of the batch."""
        return [
            replace(
                embedding, levels=tuple(level * (1 + 0.01 * place + 0.003 * len(images)) for level in embedding.levels)
            )
            for place, embedding in enumerate(super().encode(images))
        ]


@contextmanager
def ctrl_c_at(call: int) -> Iterator[None]:
    """Ctrl-C comes instead of the ``call``-th frame that is tracked in here, counted from 1."""
    track, calls = vos.video.pipeline.track, count_from(1)

    def interrupted(*arguments: object) -> object:
        if next(calls) == call:
            raise KeyboardInterrupt
        return track(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vos.video.pipeline, "track", interrupted)
        yield


def follow(
    count: int = 12,
    at: tuple[int, ...] = (0,),
    resume: ResumeState | None = None,
    batch_size: int = 1,
    source: ListSource | None = None,
    tracker: RedTracker | None = None,
    collector: Collector | None = None,
    with_alpha: bool = False,
    on_frame: Callable[[int], None] = lambda index: None,
) -> tuple[Collector, RedTracker]:
    """Follows the square through ``count`` frames from its masks in the frames ``at``."""
    collector, tracker = collector or Collector(), tracker or RedTracker()
    pipeline = VideoPipeline(
        BatchSegmenter(), tracker, [collector], batch_size, with_alpha=with_alpha, on_frame=on_frame
    )
    references = [Reference(i, square_mask(i)) for i in at]
    segment_video(source or ListSource(square_clip(count)), references, pipeline, resume)
    return collector, tracker
