"""Networks converted and compiled for OpenVINO once, and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vos.sam.engines.kept import is_whole, keep

log = logging.getLogger(__name__)
CONVERSION = 3  # raise it with every change of what is converted, or how
_MODEL, _BLOB = ("model.xml", "model.bin"), "model.blob"


@dataclass(frozen=True, slots=True)
class Source:
    """What is converted.

    Attributes:
        network: called with ``inputs``; in evaluation mode, float32.
        inputs: examples.
        shapes: of each input; -1 where the size may vary.
    """

    network: nn.Module
    inputs: tuple[torch.Tensor, ...]
    shapes: Sequence[Sequence[int]]


@cache
def core() -> Any:
    """OpenVINO's runtime, one for the process; loaded when first asked for."""
    import openvino

    return openvino.Core()


def cache_folder() -> Path:
    """Where converted networks lie: beside the checkpoints that torch's hub keeps."""
    return Path(torch.hub.get_dir()) / "vos_openvino"


def compiled(name: str, weights_sha256: str, source: Callable[[], Source], settings: Mapping[str, Any]) -> Any:
    """Returns a network that OpenVINO is ready to run: from the cache, or converted, compiled and kept there.

    What is damaged, or was compiled for another processor, is made again. Where nothing can be written it is converted
    for this process only, and a warning says so.

    Args:
        name: of the model and of its part, for the folders' names.
        weights_sha256: of the checkpoint; "" for weights from no file, which are not kept.
        source: makes what is converted; called only if it has to be.
        settings: OpenVINO's, for its CPU plug-in.
    """
    import openvino

    if not weights_sha256:
        return core().compile_model(_convert(source()), "CPU", settings)
    folder = _folder(name, weights_sha256, name, openvino.get_version(), CONVERSION)
    processor = [core().get_property("CPU", key) for key in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    ready = _folder(f"{name}_compiled", folder.name, processor, sorted(settings.items()))
    settings = {**settings, "CACHE_MODE": "OPTIMIZE_SIZE"}  # without the weights, which lie beside
    if is_whole(folder) and is_whole(ready):
        try:
            blob = (ready / _BLOB).read_bytes()
            return core().import_model(blob, "CPU", {**settings, "WEIGHTS_PATH": str(folder / _MODEL[1])})
        except RuntimeError as error:
            log.debug("%s is compiled again: %s", ready, error)
    network = core().compile_model(_converted(name, folder, source), "CPU", settings)
    if is_whole(folder):
        with contextlib.suppress(OSError, RuntimeError):  # compiled in each run
            keep(ready, lambda made: _export(network, made / _BLOB))
    return network


def _folder(name: str, *parts: object) -> Path:
    return cache_folder() / f"{name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"


def _converted(name: str, folder: Path, source: Callable[[], Source]) -> Any:
    """Returns an OpenVINO model from its folder in the cache, or converts it and keeps it there."""
    if not is_whole(folder):
        model = _convert(source())
        try:
            keep(folder, lambda made: _save(model, made / _MODEL[0]))
        except (OSError, RuntimeError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            log.warning("%s cannot keep %s for OpenVINO (%s): it is converted in each run", folder.parent, name, reason)
            return model
    return core().read_model(folder / _MODEL[0])  # from the file: the weights of PyTorch can go


def _convert(source: Source) -> Any:
    """Traces a network and converts the trace.

    The front end is called directly, since ``openvino.convert_model`` reports its use over the network.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes that a trace takes for constants are
        traced = torch.jit.trace(source.network, source.inputs, check_trace=False)
    decoder = TorchScriptPythonDecoder(traced, example_input=source.inputs)  # holds the weights while it lives
    front_end = FrontEndManager().load_by_framework("pytorch")
    model = front_end.convert(front_end.load(decoder))
    model.reshape(dict(enumerate(map(list, source.shapes))))
    model.decoder = decoder
    return model


def _save(model: Any, path: Path) -> None:
    """Writes a model and its weights beside; RuntimeError as OpenVINO says it."""
    import openvino

    openvino.save_model(model, path, compress_to_fp16=False)


def _export(network: Any, path: Path) -> None:
    blob = network.export_model()
    path.write_bytes(blob if isinstance(blob, bytes) else blob.getvalue())
