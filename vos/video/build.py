"""From options to the parts of a run: the one place for the command line and Python, so that both give the same."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from vos import __version__
from vos.io.frames import FrameSource
from vos.sam.segmenter import Segmenter, model_record
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


def describe(config: VideoConfig, source: FrameSource, model: Segmenter) -> dict[str, Any]:
    """Says what is tracked with what, as ``summary.json`` has it."""
    return {
        "versions": {"vos": __version__, "python": platform.python_version(), "torch": torch.__version__},
        "model": {**model_record(model), "device": str(model.device)},
        "video": {"path": source.path, "size": list(source.size), "fps": round(float(source.fps), 6)},
        "config": asdict(config),
    }
