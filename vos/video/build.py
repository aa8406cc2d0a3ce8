"""From options to the parts of a run: the one place for the command line and Python, so that both give the same."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import torch

from vos import __version__
from vos.errors import VosError
from vos.io.frames import FrameSource, full_name
from vos.sam.registry import load_model
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
        quality=config.matte.quality,
        both_sides=config.both_sides,
        add_backward=config.add_backward,
        names=names,
    )


def describe(config: VideoConfig, source: FrameSource, model: Segmenter) -> dict[str, Any]:
    """Says what is tracked with what, as ``summary.json`` has it."""
    return {
        "versions": {"vos": __version__, "python": platform.python_version(), "torch": torch.__version__},
        "model": {**model_record(model), "device": str(model.device)},
        "video": {"path": full_name(source.path), "size": list(source.size), "fps": round(float(source.fps), 6)},
        "config": asdict(config),
    }


def load_prompt_model(config: VideoConfig, objects: int, following: Segmenter | None = None) -> Segmenter:
    """Loads the model that answers prompts; it takes no memory any more when the caller forgets it.

    Args:
        config: all options.
        objects: how many are shown.
        following: the model that follows them, which answers where the options name no other.

    Raises:
        VosError: there is no such model, or its weights are missing or wrong.
    """
    if following is not None and config.prompt_model in (None, following.name) and config.prompt_checkpoint is None:
        return following
    name = config.prompt_model or config.model.name
    own = replace(config.model, name=name, input_size=config.model.input_size if name == config.model.name else None)
    checkpoint = config.prompt_checkpoint or (config.checkpoint if name == config.model.name else None)
    try:
        model = load_model(own, checkpoint, config.device, config.precision, config.engine, is_kept=False)
    except VosError as error:
        if own.name == config.model.name and config.prompt_checkpoint is None:
            raise
        # It speaks of the options of the model that follows.
        raise VosError(re.sub(r"\b(model|checkpoint)=", r"prompt_\1=", str(error))) from error
    return model.for_objects(objects)
