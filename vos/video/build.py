"""From options to the parts of a run: the one place for the command line and Python, so that both give the same."""

from __future__ import annotations

from collections.abc import Mapping

from vos.io.frames import FrameSource
from vos.sam.segmenter import Segmenter
from vos.tracking.registry import make_tracker
from vos.video.config import VideoConfig
from vos.video.pipeline import VideoPipeline


def build_pipeline(
    config: VideoConfig, source: FrameSource, model: Segmenter, names: Mapping[int, str]
) -> VideoPipeline:
    """Builds the pipeline that options ask for; its writers and what looks on are up to the caller.

    Args:
        config: all options.
        source: the frames.
        model: as it suits the number of objects.
        names: of the objects that have one, by id.

    Raises:
        VosError: there is no tracker of that name.
    """
    return VideoPipeline(
        model,
        make_tracker(config.tracker, model),
        batch_size=1 if source.is_live else config.batch_size,
        edges=config.tracker.outlines,
        both_sides=config.both_sides,
        add_backward=config.add_backward,
        names=names,
    )
