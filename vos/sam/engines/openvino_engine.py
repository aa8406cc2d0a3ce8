"""OpenVINO behind the interface of engines: SAM's networks on CPUs, converted from our own modules."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from vos.errors import VosError
from vos.sam.engines.conversion import Source, compiled
from vos.sam.engines.engine import Engine, PromptBatch
from vos.sam.engines.graphs import DecoderGraph
from vos.sam.official.network import GRID, INPUT_SIZE, SamNetwork

_TOKENS = GRID[0] * GRID[1]
_MASK = (1, 4 * GRID[0], 4 * GRID[1])
_TOGETHER = 4  # objects in a call of the decoder: more take no less time for each, but more memory
_HINTS = {"bfloat16": "bf16", "float32": "f32"}


class OpenVinoEngine(Engine):
    """OpenVINO. Each network is converted, or read from the cache, when it is first asked for.

    In bfloat16 it runs the image encoder and the decoder; what embeds points and boxes is always PyTorch.

    Args:
        model: registry name, for the cache.
        network: with its weights, on the CPU; taken over: what is converted is let go.
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
        encoder = self._part("encoder")
        return torch.cat([encoder([image[None]])[0] for image in batch])

    def decode(self, features: torch.Tensor, prompts: PromptBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`Engine`."""
        sparse, _ = self._network.prompt_encoder(points=prompts.points, boxes=prompts.boxes, masks=None)
        count, (masks, attention) = prompts.count, (prompts.masks, prompts.attention)
        own = [
            sparse.expand(count, -1, -1),
            features.new_zeros(count, 256) if prompts.embedding is None else prompts.embedding,
            features.new_zeros(count, *_MASK) if masks is None else masks,
            features.new_zeros(count, _TOKENS) if attention is None else attention,
        ]
        given = torch.tensor([masks is not None, attention is not None], dtype=torch.float32)
        decoder, outputs = self._part("decoder"), torch.tensor(prompts.outputs)
        parts = [
            decoder([features, *(value[first : first + _TOGETHER] for value in own), given, outputs])
            for first in range(0, count, _TOGETHER)
        ]
        logits, predicted_iou = (torch.cat(values) for values in zip(*parts))
        return logits, predicted_iou

    def prepare(self) -> None:
        """See :class:`Engine`."""
        for part in _SOURCES:
            self._part(part)

    def _part(self, part: str) -> _Compiled:
        """A part of the network, compiled if it is not yet."""
        with self._lock:
            if part not in self._compiled:
                self._compiled[part] = self._compile(part)
            return self._compiled[part]

    def _compile(self, part: str) -> _Compiled:
        name = f"{self._model}_{part}"
        try:
            network = compiled(name, self._weights, partial(_SOURCES[part], self._network), self._settings())
            getattr(self._network, _LET_GO[part]).to("meta")
            return _Compiled(network)
        except RuntimeError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1][:200]
            raise VosError(f"OpenVINO cannot take {name} ({reason}); use engine=torch") from error

    def _settings(self) -> dict[str, Any]:
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,  # two runs on one machine would share the first cores
        }


class _Compiled:
    """A network that is ready to run, for one call at a time."""

    def __init__(self, network: Any) -> None:
        self._request = network.create_infer_request()
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


def _decoder_source(network: SamNetwork) -> Source:
    shapes = [(1, 256, *GRID), (-1, -1, 256), (-1, 256), (-1, *_MASK), (-1, _TOKENS), (2,)]
    inputs = [torch.zeros([2 if size < 0 else size for size in shape]) for shape in shapes]
    return Source(DecoderGraph(network), (*inputs, torch.arange(2)), [*shapes, (-1,)])


_SOURCES = {"encoder": _encoder_source, "decoder": _decoder_source}
_LET_GO = {"encoder": "image_encoder", "decoder": "mask_decoder"}  # once they are converted
