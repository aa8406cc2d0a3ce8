"""From a model's name to the model."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from vos.errors import VosError
from vos.sam.config import ModelConfig
from vos.sam.device import resolve_device
from vos.sam.engines.choice import resolve_engine
from vos.sam.official.network import INPUT_SIZE, SAM_NAMES, SamNetwork
from vos.sam.official.segmenter import SamSegmenter
from vos.sam.own_models import load_own_model, own_models
from vos.sam.segmenter import Segmenter
from vos.sam.weights import (
    PUBLIC_CHECKPOINTS,
    CheckpointFile,
    load_weights,
    local_checkpoint,
    public_checkpoint,
    read_state_dict,
)

PHOTO_INPUT_SIZES = {"nano": 512}  # benchmarks/photos.py --input-size: larger is slower, not better
MODEL_NAMES = ("nano", *reversed(SAM_NAMES))


def load_model(
    config: ModelConfig,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "auto",
    precision: str = "auto",
    engine: str = "auto",
    is_kept: bool = True,
) -> Segmenter:
    """Builds a model and loads its weights; the latest is kept, for the next run of this process.

    PyTorch gives the memory of a traced encoder back to nobody: models loaded anew would add up.

    Args:
        config: name, input size and limit of memory.
        checkpoint: file of weights to use instead of the model's own: a .pth, .pt or .safetensors file.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, float32 or bfloat16.
        engine: auto, torch or openvino, of SAM on CPUs.
        is_kept: false = its memory is free again as soon as the caller forgets it.

    Raises:
        VosError: an unknown name or option, or weights that are missing or wrong.
    """
    if config.name not in (known := (*MODEL_NAMES, *own_models())):
        raise VosError(f"model={config.name} is unknown; use one of {', '.join(known)}")
    device = resolve_device(device)
    engine, precision = resolve_engine(engine, precision, device, is_sam=config.name in SAM_NAMES)
    path = Path(checkpoint).expanduser() if checkpoint is not None else None
    if config.name in own_models():
        if path is not None:
            raise VosError(f"checkpoint={path}: the loader of model={config.name} brings its own; leave it out")
        model = load_own_model(config.name, device)
    else:
        if config.name in SAM_NAMES and config.input_size not in (None, INPUT_SIZE):
            raise VosError(f"model.input_size={config.input_size}: SAM's is fixed; use {INPUT_SIZE} or null")
        load = _loaded if is_kept else _loaded.__wrapped__
        model = load(config.name, _file(config.name, path), device, precision, engine)
    model = model if config.input_size is None else model.at_input_size(config.input_size)
    return model.at_memory_limit(config.memory_limit)


def load_photo_model(
    config: ModelConfig,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "auto",
    precision: str = "auto",
    engine: str = "auto",
) -> Segmenter:
    """Calls :func:`load_model` with the input size that suits photos, whose objects are larger than videos'."""
    if config.input_size is None:
        config = replace(config, input_size=PHOTO_INPUT_SIZES.get(config.name))
    return load_model(config, checkpoint, device, precision, engine)


@lru_cache(maxsize=2)
def cached_model(name: str = "nano") -> Segmenter:
    """Loads the photo model of a name with its own weights on the fastest device; once per process.

    Raises:
        VosError: as :func:`load_model`.
    """
    return load_photo_model(ModelConfig(name=name))


def _file(name: str, path: Path | None) -> CheckpointFile | None:
    """The file of weights; None for the embedded model's own."""
    if path is None:
        return None if name == "nano" else public_checkpoint(PUBLIC_CHECKPOINTS[name])
    return local_checkpoint(path)


@lru_cache(maxsize=1)
def _loaded(name: str, file: CheckpointFile | None, device: torch.device, precision: str, engine: str) -> Segmenter:
    if name == "nano":
        from vos.sam.nano.segmenter import NanoSegmenter  # the other models need none of its weights

        return NanoSegmenter.load(None if file is None else file.path, device=device, precision=precision)
    assert file is not None
    network = SamNetwork.blank(name)
    load_weights(network, read_state_dict(file.path), file.path, name)
    model = SamSegmenter(name, network, device, precision, file.path.name, file.sha256, engine)
    model.prepare()
    return model
