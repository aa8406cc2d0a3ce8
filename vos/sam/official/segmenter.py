"""SAM and MobileSAM behind the common interface (Kirillov et al., ICCV 2023; Zhang et al., 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from vos.geometry import Geometry, SizeHW
from vos.sam.engines.engine import Engine, PromptBatch, TorchEngine
from vos.sam.engines.openvino_engine import OpenVinoEngine
from vos.sam.official.network import GRID, INPUT_SIZE, SamNetwork
from vos.sam.prompting import Guidance, MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

DECODER_BYTES = 80e6  # for each object, at once (an estimate from the sizes of its tensors)
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


class SamSegmenter(Segmenter):
    """SAM behind the :class:`Segmenter` interface.

    Args:
        name: "vit_h", "vit_l", "vit_b" or "vit_t".
        network: with its weights; put into evaluation mode and moved to ``device``.
        device: where to run.
        precision: "float32" or "bfloat16", of what the engine says.
        checkpoint_name: file name of the weights, "" for none.
        checkpoint_sha256: hash of that file, "" for none.
        engine: "torch", or "openvino" on a CPU, which takes the network's weights over.
    """

    guidance_fields = frozenset({"attention", "embedding"})

    def __init__(
        self,
        name: str,
        network: SamNetwork,
        device: torch.device | str = "cpu",
        precision: str = "float32",
        checkpoint_name: str = "",
        checkpoint_sha256: str = "",
        engine: str = "torch",
    ) -> None:
        self.name = name
        self.checkpoint_name = checkpoint_name
        self.checkpoint_sha256 = checkpoint_sha256
        self.device = torch.device(device)
        self.network = network.to(self.device).eval().requires_grad_(False)
        self._engine: Engine
        if engine == "openvino":
            self._engine = OpenVinoEngine(name, self.network, precision, checkpoint_sha256)
        else:
            self._engine = TorchEngine(self.network, self.device, precision)
        self.engine, self.precision = self._engine.name, self._engine.precision
        self._mean = torch.tensor(PIXEL_MEAN, device=self.device).view(-1, 1, 1)
        self._std = torch.tensor(PIXEL_STD, device=self.device).view(-1, 1, 1)

    def prepare(self) -> None:
        """Makes the engine ready, which the first calls would do otherwise."""
        self._engine.prepare()

    def geometry(self, original_size: SizeHW) -> Geometry:
        """Scales the longer side to 1024, the other one to the nearest pixel; padded to 1024 x 1024."""
        return Geometry(original_size, self._input_size(original_size, INPUT_SIZE), (INPUT_SIZE, INPUT_SIZE))

    @torch.no_grad()
    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        """Encodes images, uint8 (H, W, 3) RGB in original pixels, all of one size, to features (256, 64, 64).

        Raises:
            ValueError: other types, shapes, or sizes that differ.
        """
        if not images:
            return []
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape != images[0].shape:
                raise ValueError(f"images must be uint8 (H, W, 3) of one size, got {image.dtype} {image.shape}")
        geometry = self.geometry((images[0].shape[0], images[0].shape[1]))
        features = self._engine.encode(self._model_inputs(images, geometry))
        return [ImageEmbedding(feature, geometry) for feature in features]

    def _model_inputs(self, images: Sequence[npt.NDArray[np.uint8]], geometry: Geometry) -> torch.Tensor:
        """Resizes as the public code does (Pillow, antialiased, on uint8), normalises, pads: (B, 3, 1024, 1024)."""
        batch = torch.zeros(len(images), 3, *geometry.padded_size, device=self.device)
        height, width = geometry.input_size
        for image, pixels in zip(images, batch[:, :, :height, :width]):
            resized = np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
            # In place: of steps with results of their own the memory would grow by 150 MB.
            pixels.copy_(torch.from_numpy(resized).permute(2, 0, 1)).sub_(self._mean).div_(self._std)
        return batch

    @torch.no_grad()
    def _decode(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None,
        multimask: bool,
    ) -> MaskCandidates:
        """Decodes N objects of one image to logits (N, M, 256, 256); those with prompts of one structure share a pass.

        Prompts without a box get SAM's padding point, as in its predictor. Guidance or mask logits of a wrong shape are
        a ValueError.
        """
        (embedding,) = embeddings
        guidance = guidance or Guidance()
        attention = self._check("guidance.attention", guidance.attention, (len(prompts), GRID[0] * GRID[1]))
        target = self._check("guidance.embedding", guidance.embedding, (len(prompts), 256))
        count = 3 if multimask else 1
        logits = torch.empty(len(prompts), count, *embedding.geometry.logit_size, device=self.device)
        predicted_iou = torch.empty(len(prompts), count, device=self.device)

        features = embedding.features[None].to(self.device)
        for rows in _group(prompts):
            batch = self._batch(
                [prompts[row] for row in rows], embedding.geometry,
                None if attention is None else attention[rows], None if target is None else target[rows], multimask,
            )  # fmt: skip
            logits[rows], predicted_iou[rows] = self._engine.decode(features, batch)
        return MaskCandidates(logits, predicted_iou)

    def _bytes_per_object(self, geometry: Geometry) -> float:
        return DECODER_BYTES

    def _batch(
        self,
        prompts: Sequence[Prompt],
        geometry: Geometry,
        attention: torch.Tensor | None,
        embedding: torch.Tensor | None,
        multimask: bool,
    ) -> PromptBatch:
        """Joins prompts of equal structure, and their guidance."""
        points = boxes = masks = None
        first = prompts[0]
        if len(first.points):
            coordinates = geometry.points_to_input(np.stack([prompt.points for prompt in prompts]))
            labels = np.stack([prompt.labels for prompt in prompts])
            points = (torch.from_numpy(coordinates).to(self.device), torch.from_numpy(labels).to(self.device))
        if first.box is not None:
            corners = np.stack([prompt.box for prompt in prompts if prompt.box is not None])
            boxes = torch.from_numpy(geometry.boxes_to_input(corners)).to(self.device)
        if first.mask_logits is not None:
            maps = [self._check("mask_logits", prompt.mask_logits, geometry.logit_size) for prompt in prompts]
            masks = torch.stack([logits for logits in maps if logits is not None])[:, None]
        return PromptBatch(len(prompts), points, boxes, masks, attention, embedding, multimask)

    def _check(self, what: str, value: torch.Tensor | None, shape: tuple[int, ...]) -> torch.Tensor | None:
        """Moves an optional input to the device as float32, after a look at its shape."""
        if value is None:
            return None
        if tuple(value.shape) != shape:
            raise ValueError(f"{what} must be {shape}, got {tuple(value.shape)}")
        return value.to(self.device, torch.float32)


def _group(prompts: Sequence[Prompt]) -> list[list[int]]:
    """Row numbers of the prompts that can share a batch: as many points, box or not, mask or not."""
    groups: dict[tuple[int, bool, bool], list[int]] = {}
    for row, prompt in enumerate(prompts):
        structure = len(prompt.points), prompt.box is not None, prompt.mask_logits is not None
        groups.setdefault(structure, []).append(row)
    return list(groups.values())
