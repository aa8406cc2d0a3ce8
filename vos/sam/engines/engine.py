"""The interface of what computes SAM's networks, and PyTorch behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from vos.sam.official.guided_decoder import decode_masks
from vos.sam.official.network import SamNetwork


@dataclass(frozen=True, slots=True)
class PromptBatch:
    """Prompts of N objects that have one structure, and PerSAM's guidance, on the network's device.

    Attributes:
        count: N.
        points: float32 (N, P, 2) as (x, y) in pixels of the model input, and int64 (N, P), 1 = on the object.
        boxes: float32 (N, 4) in pixels of the model input.
        masks: float32 (N, 1, 256, 256), low-res logits.
        attention: float32 (N, 4096), target-guided attention.
        embedding: float32 (N, 256), target-semantic prompting.
        multimask: M = 3 candidates are asked for; else the single mask, M = 1.
    """

    count: int
    points: tuple[torch.Tensor, torch.Tensor] | None
    boxes: torch.Tensor | None
    masks: torch.Tensor | None
    attention: torch.Tensor | None
    embedding: torch.Tensor | None
    multimask: bool

    @property
    def outputs(self) -> list[int]:
        """Which of the decoder's four masks are asked for."""
        return [1, 2, 3] if self.multimask else [0]


class Engine(ABC):
    """Computes one SAM network.

    Attributes:
        name: the library and its version, as a run's record says it.
        precision: "float32" or "bfloat16", in which it computes.
    """

    name: str
    precision: str

    @abstractmethod
    def prepare(self) -> None:
        """Makes ready what else is made ready at the first call."""

    @abstractmethod
    def encode(self, batch: torch.Tensor) -> torch.Tensor:
        """Encodes model inputs, float32 (B, 3, 1024, 1024) normalised, to float32 (B, 256, 64, 64)."""

    @abstractmethod
    def decode(self, features: torch.Tensor, prompts: PromptBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Decodes N objects on the features of one image, float32 (1, 256, 64, 64).

        Returns:
            Low-res logits float32 (N, M, 256, 256) and predicted IoU (N, M).
        """


class TorchEngine(Engine):
    """PyTorch, on any device: the reference. In bfloat16 it runs the image encoder only, under autocast."""

    def __init__(self, network: SamNetwork, device: torch.device, precision: str) -> None:
        self.name, self.precision = f"torch {torch.__version__}", precision
        self._network, self._device = network, device

    def prepare(self) -> None:
        """See :class:`Engine`; nothing is."""

    def encode(self, batch: torch.Tensor) -> torch.Tensor:
        """See :class:`Engine`."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            features: torch.Tensor = self._network.image_encoder(batch).float()
        return features

    def decode(self, features: torch.Tensor, prompts: PromptBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """See :class:`Engine`."""
        encoder = self._network.prompt_encoder
        sparse, dense = encoder(points=prompts.points, boxes=prompts.boxes, masks=prompts.masks)
        logits, predicted_iou = decode_masks(
            self._network.mask_decoder, features, encoder.get_dense_pe(), sparse.expand(prompts.count, -1, -1),
            dense.expand(prompts.count, -1, -1, -1), prompts.attention, prompts.embedding,
        )  # fmt: skip
        return logits[:, prompts.outputs], predicted_iou[:, prompts.outputs]
