"""OpenVINO behind the interface of engines: SAM's networks on CPUs, converted from our own modules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from vos.errors import VosError
from vos.sam.engines.conversion import Source, converted, core
from vos.sam.engines.engine import Engine, PromptBatch
from vos.sam.engines.graphs import DecoderGraph
from vos.sam.official.network import GRID, INPUT_SIZE, SamNetwork

_TOKENS = GRID[0] * GRID[1]
_HINTS = {"bfloat16": "bf16", "float32": "f32"}


class OpenVinoEngine(Engine):
    """OpenVINO. Each network is converted, or read from the cache, when it is first asked for.

    In bfloat16 it runs the image encoder and the decoder; what embeds points and boxes is always PyTorch.

    Args:
        model: registry name, for the cache.
        network: with its weights, on the CPU; taken over: those of the image encoder are let go once it is converted.
        precision: "float32" or "bfloat16".
        weights_sha256: hash of the checkpoint, "" for none.
    """

    def __init__(self, model: str, network: SamNetwork, precision: str, weights_sha256: str) -> None:
        import openvino

        self.name, self.precision = f"openvino {openvino.__version__}", precision
        self._model, self._network, self._weights = model, network, weights_sha256
        self._compiled: dict[str, _Compiled] = {}
        self._lock = threading.Lock()

    def encode(self, batch: torch.Tensor) -> torch.Tensor:
        """See :class:`Engine`; images one by one, so that how many come together changes no bit."""
        source = partial(_encoder_source, self._network)
        return torch.cat([self._run("encoder", source, [image[None]])[0] for image in batch])

    def decode(self, features: torch.Tensor, prompts: PromptBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`Engine`."""
        sparse, _ = self._network.prompt_encoder(points=prompts.points, boxes=prompts.boxes, masks=None)
        target = features.new_zeros(prompts.count, 256) if prompts.embedding is None else prompts.embedding
        inputs = [features, sparse.expand(prompts.count, -1, -1), target]
        inputs += [given for given in (prompts.masks, prompts.attention) if given is not None]
        with_masks, with_attention = prompts.masks is not None, prompts.attention is not None
        part = f"decoder{'_masks' * with_masks}{'_attention' * with_attention}"
        source = partial(_decoder_source, self._network, with_masks, with_attention)
        logits, predicted_iou = self._run(part, source, inputs)
        return logits, predicted_iou

    def _run(self, part: str, source: Callable[[], Source], inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Computes a part of the network, compiled if it is not yet."""
        with self._lock:
            if part not in self._compiled:
                self._compiled[part] = self._compile(part, source)
            compiled = self._compiled[part]
        return compiled(inputs)

    def _compile(self, part: str, source: Callable[[], Source]) -> _Compiled:
        name = f"{self._model}_{part}"
        try:
            model = converted(name, self._weights, source)
            if part == "encoder":
                self._network.image_encoder.to("meta")
            return _Compiled(model, self.precision)
        except RuntimeError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1][:200]
            raise VosError(f"OpenVINO cannot take {name} ({reason}); use engine=torch") from error


class _Compiled:
    """A network that is ready to run, for one call at a time."""

    def __init__(self, model: Any, precision: str) -> None:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,  # two runs on one machine would share the first cores
        }
        self._request = core().compile_model(model, "CPU", settings).create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Computes; the results are copies."""
        arrays = [value.contiguous().numpy() for value in inputs]
        with self._lock:
            results = self._request.infer(arrays, share_inputs=True)
            return [torch.from_numpy(result.copy()) for result in results.values()]


def _encoder_source(network: SamNetwork) -> Source:
    shape = (1, 3, INPUT_SIZE, INPUT_SIZE)
    return Source(network.image_encoder, (torch.zeros(shape),), [shape])


def _decoder_source(network: SamNetwork, with_masks: bool, with_attention: bool) -> Source:
    shapes = [(1, 256, *GRID), (-1, -1, 256), (-1, 256)]
    shapes += [(-1, 1, 4 * GRID[0], 4 * GRID[1])] * with_masks + [(-1, _TOKENS)] * with_attention
    inputs = tuple(torch.zeros([2 if size < 0 else size for size in shape]) for shape in shapes)
    return Source(DecoderGraph(network, with_masks, with_attention), inputs, shapes)
