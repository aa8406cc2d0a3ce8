"""Networks converted for OpenVINO once, and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vos.sam.download import sha256_of
from vos.sam.weights import remembered_sha256

log = logging.getLogger(__name__)
CONVERSION = 2  # raise it with every change of what is converted, or how
_FILES, _HASHES = ("model.xml", "model.bin"), "sha256"
_STALE = 24 * 3600.0  # seconds


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


def converted(name: str, weights_sha256: str, source: Callable[[], Source]) -> Any:
    """Returns an OpenVINO model from the cache, or converts it and keeps it there.

    Two processes may do so at once: each writes a folder of its own, and the first to finish names it. What is damaged
    is converted again. Where nothing can be written it is converted for this process only, and a warning says so.

    Args:
        name: of the model and of its part, for the folder's name.
        weights_sha256: of the checkpoint; "" for weights from no file, which are not kept.
        source: makes what is converted; called only if it has to be.
    """
    import openvino

    if not weights_sha256:
        return _convert(source())
    parts = (weights_sha256, name, openvino.get_version(), CONVERSION)
    folder = cache_folder() / f"{name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"
    if _is_whole(folder):
        return core().read_model(folder / _FILES[0])
    model = _convert(source())
    try:
        _keep(model, folder)
    except (OSError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        log.warning("%s cannot keep %s for OpenVINO (%s): it is converted in each run", folder.parent, name, reason)
        return model
    return core().read_model(folder / _FILES[0])  # from the file: the weights of PyTorch can go


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


def _keep(model: Any, folder: Path) -> None:
    """Writes a model and its hashes under a temporary name, then gives the folder its own.

    Raises:
        OSError: the folder cannot be written.
        RuntimeError: as OpenVINO says it.
    """
    import openvino

    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob("*.partial"):  # of processes that were killed
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(suffix=".partial", dir=folder.parent, ignore_cleanup_errors=True) as partial:
        made = Path(partial, "made")
        made.mkdir()
        openvino.save_model(model, made / _FILES[0], compress_to_fp16=False)
        (made / _HASHES).write_text(_hashes(made, sha256_of), encoding="utf-8")
        if folder.exists() and not _is_whole(folder):
            folder.rename(Path(partial, "damaged"))
        try:
            made.rename(folder)
        except OSError:
            if not _is_whole(folder):  # otherwise another process was faster
                raise


def _is_whole(folder: Path) -> bool:
    """Tells whether a kept model is there as it was written."""
    try:
        return (folder / _HASHES).read_text(encoding="utf-8") == _hashes(folder, remembered_sha256)
    except (OSError, ValueError):
        return False


def _hashes(folder: Path, hash_of: Callable[[Path], str]) -> str:
    return "".join(f"{hash_of(folder / name)}  {name}\n" for name in _FILES)
