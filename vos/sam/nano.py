"""The embedded model behind the interface of SAM: small weights that travel with the package."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vos.errors import VosError
from vos.sam.convolution import laid_out_weights
from vos.sam.device import resolve_precision
from vos.sam.lesson import Lesson
from vos.sam.model_input import model_input
from vos.sam.nano_network import (
    GUIDANCE_CHANNELS,
    LOGIT_STRIDE,
    PROMPT_STRIDE,
    Decoder,
    fold_batch_norms,
    freeze,
)
from vos.sam.nano_tuning import Inputs, tune_decoder
from vos.sam.nano_weights import NanoWeights
from vos.sam.prompt_maps import prompt_maps
from vos.sam.segmenter import Segmenter
from vos.sam.traced import Traced
from vos.sam.traced_decoder import TracedDecoder
from vos.structures import Geometry, Guidance, ImageEmbedding, MaskCandidates, Prompt, SizeHW

DEFAULT_INPUT_SIZE = 640  # longer side of the model input, pixels
# ... of a video with one object, which gains by it and has time for it (benchmarks/ablation.py: input_640).
SINGLE_INPUT_SIZE = 768
DEEPEST_STRIDE = 32


class NanoSegmenter(Segmenter):
    """The embedded model.

    Args:
        weights: taken over (switched to evaluation, batch norms folded).
        device: where it runs.
        precision: "float32" or "bfloat16"; see :func:`vos.sam.device.resolve_precision`.
        input_size: longer side of the model input in pixels, a multiple of 32; None = what suits the number of objects
            (:meth:`for_objects`), until that is known 640.

    Raises:
        VosError: an input size that the network cannot take, or a precision that there is not.
    """

    name = "nano"
    guidance_fields = frozenset({"maps"})
    adaptable = True

    def __init__(
        self,
        weights: NanoWeights,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        input_size: int | None = None,
    ) -> None:
        size = DEFAULT_INPUT_SIZE if input_size is None else input_size
        if size < 64 or size % DEEPEST_STRIDE:
            raise VosError(f"model.input_size={size} is not a multiple of {DEEPEST_STRIDE} from 64 on; try 512 or 640")
        self.device = torch.device(device)
        self.checkpoint_name, self.checkpoint_sha256 = weights.name, weights.sha256
        for part in (weights.network, weights.prompter):
            if part is not None:
                fold_batch_norms(part.eval())
                part.to(self.device).requires_grad_(False)
                for parameter in part.parameters():
                    if parameter.ndim == 4:
                        parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self._network, self._input_size, self._size_chosen = weights.network, size, input_size is not None
        precision = resolve_precision(precision, self.device, embedded=True)
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._network.fold_pixel_unit()
        self._network.to(self._dtype)
        freeze(self._network)
        self._encoder = Traced(self._network.encode, laid_out_weights)
        self._decoder = self._ready(self._network.decoder)
        self._answers = TracedDecoder(self._decoder)
        prompter = self._decoder if weights.prompter is None else self._ready(weights.prompter)
        self._prompter = TracedDecoder(prompter)
        self._adapted = False

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        input_size: int | None = None,
    ) -> NanoSegmenter:
        """Loads a weights file; see :meth:`vos.sam.nano_weights.NanoWeights.load`."""
        return cls(NanoWeights.load(path), device, precision, input_size)

    def at_input_size(self, size: int) -> NanoSegmenter:
        """The same network for pictures whose longer side becomes ``size``; shares the weights."""
        other = copy.copy(self)
        other._input_size, other._size_chosen = size, True
        return other

    def for_objects(self, count: int) -> NanoSegmenter:
        """See :meth:`Segmenter.for_objects`."""
        return self.at_input_size(SINGLE_INPUT_SIZE) if count == 1 and not self._size_chosen else self

    def adapted(self, lessons: Iterator[Sequence[Lesson]], steps: int, learning_rate: float) -> NanoSegmenter:
        """See :meth:`Segmenter.adapted`."""
        halves = self._dtype == torch.bfloat16
        return self._with_decoder(
            tune_decoder(self._decoder, lessons, steps, learning_rate, self._read_lesson, autocast=halves)
        )

    def adaptation(self) -> dict[str, torch.Tensor]:
        """See :meth:`Segmenter.adaptation`."""
        return {name: value.cpu() for name, value in self._decoder.state_dict().items()} if self._adapted else {}

    def with_adaptation(self, state: Mapping[str, torch.Tensor]) -> NanoSegmenter:
        """See :meth:`Segmenter.with_adaptation`."""
        decoder = copy.deepcopy(self._decoder)
        decoder.load_state_dict(state)
        return self._with_decoder(decoder)

    def _with_decoder(self, decoder: Decoder) -> NanoSegmenter:
        other = copy.copy(self)
        other._decoder, other._adapted = self._ready(decoder), True
        other._answers = TracedDecoder(other._decoder)
        return other

    def _ready(self, decoder: Decoder) -> Decoder:
        """In this model's precision but for the last small layers, whose outcome is a calibrated number."""
        decoder.to(self._dtype)
        decoder.quality.float()
        freeze(decoder)
        return decoder

    def geometry(self, original_size: SizeHW) -> Geometry:
        """Longer side to the input size, padded at the bottom/right to multiples of 32."""
        scale = self._input_size / max(original_size)
        height, width = (max(1, int(side * scale + 0.5)) for side in original_size)
        padded = tuple(-(-side // DEEPEST_STRIDE) * DEEPEST_STRIDE for side in (height, width))
        return Geometry(original_size, (height, width), (padded[0], padded[1]), logit_stride=LOGIT_STRIDE)

    @torch.inference_mode()
    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        """See :meth:`Segmenter.encode`."""
        geometry = self.geometry((images[0].shape[0], images[0].shape[1]))
        batch = np.stack([model_input(image, geometry) for image in images])
        # A view of (B, H, W, 3) bytes is channels-last already.
        pixels = torch.from_numpy(batch).to(self.device).permute(0, 3, 1, 2)
        features, *levels = self._encoder(pixels)
        return [
            ImageEmbedding(features[i].float(), geometry, tuple(level[i] for level in levels))
            for i in range(len(images))
        ]

    @torch.inference_mode()
    def decode(
        self,
        embedding: ImageEmbedding,
        prompts: Sequence[Prompt],
        guidance: Guidance | None = None,
        multimask: bool = True,
    ) -> MaskCandidates:
        """See :meth:`Segmenter.decode`; of the guidance it reads ``maps`` and ``answers``."""
        return self.decode_each([embedding], prompts, guidance, multimask)

    @torch.inference_mode()
    def decode_each(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None = None,
        multimask: bool = True,
    ) -> MaskCandidates:
        """See :meth:`Segmenter.decode_each`: one batch."""
        return self._answer(self._answers, embeddings, prompts, guidance, multimask)

    @torch.inference_mode()
    def ask(self, embedding: ImageEmbedding, prompts: Sequence[Prompt], multimask: bool = True) -> MaskCandidates:
        """See :meth:`Segmenter.ask`: by a decoder that was trained on nothing else."""
        return self._answer(self._prompter, [embedding], prompts, None, multimask)

    def _answer(
        self,
        decoder: TracedDecoder,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None,
        multimask: bool,
    ) -> MaskCandidates:
        logits, quality = decoder(*self._read(embeddings, prompts, guidance), multimask)
        return MaskCandidates(logits.float(), quality.float().sigmoid())

    def _read_lesson(self, lesson: Lesson) -> Inputs:
        # Embeddings come from inference mode, whose tensors autograd refuses.
        embedding = replace(lesson.embedding, levels=tuple(level.clone() for level in lesson.embedding.levels))
        return self._read([embedding], [lesson.prompt], lesson.guidance)

    def _read(
        self, embeddings: Sequence[ImageEmbedding], prompts: Sequence[Prompt], guidance: Guidance | None
    ) -> Inputs:
        """The decoder's inputs; the prompts share one image, or have one each."""
        levels = tuple(_batch(level) for level in zip(*(embedding.levels for embedding in embeddings)))
        geometry = embeddings[0].geometry
        prompt = torch.stack([self._draw(prompt, geometry) for prompt in prompts])
        maps, fine = self._guidance(guidance, len(prompts), geometry)
        return levels, maps, fine, prompt.to(self._dtype, memory_format=torch.channels_last)

    def _guidance(
        self, guidance: Guidance | None, count: int, geometry: Geometry
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """The maps on the grid with a channel that says whether there are any (N, 7, h, w), and the finer answers."""
        height, width = geometry.grid_size
        sizes = [(height * cells, width * cells) for cells in (1, 2, 4)]
        answers = [torch.zeros(count, 1, *size, dtype=self._dtype, device=self.device) for size in sizes]
        flag = torch.zeros_like(answers[0])
        maps = flag.expand(-1, GUIDANCE_CHANNELS - 2, -1, -1)  # besides the answer and the flag
        if guidance is not None and guidance.maps is not None:
            if len(guidance.maps) != count:
                raise ValueError(f"guidance of {len(guidance.maps)} objects for {count} prompts")
            maps, flag = guidance.maps.to(maps), torch.ones_like(flag)
            if guidance.answers:
                answers = [answer[:, None].to(flag) for answer in guidance.answers]
        maps = torch.cat([maps, answers[0], flag], dim=1).contiguous(memory_format=torch.channels_last)
        return maps, (answers[1], answers[2])

    def _draw(self, prompt: Prompt, geometry: Geometry) -> torch.Tensor:
        """One prompt as maps (9, h4, w4)."""
        points = geometry.points_to_input(prompt.points) / PROMPT_STRIDE
        positive, negative = (
            torch.from_numpy(points[prompt.labels == label]).to(self.device) if len(points) else None
            for label in (1, 0)
        )
        box = None
        if prompt.box is not None:
            box = torch.from_numpy(geometry.boxes_to_input(prompt.box) / PROMPT_STRIDE).to(self.device)
        mask, others = (
            None if logits is None else logits.to(self.device).float().sigmoid()
            for logits in (prompt.mask_logits, prompt.others_logits)
        )
        size = (geometry.padded_size[0] // PROMPT_STRIDE, geometry.padded_size[1] // PROMPT_STRIDE)
        return prompt_maps(size, positive, negative, box, mask, others, self.device)


def _batch(levels: Sequence[torch.Tensor]) -> torch.Tensor:
    """N levels (C, h, w), or windows of one, as (N, C, h, w); every copy is in the memory format of the network."""
    if len(levels) == 1:
        return levels[0][None]
    first = levels[0]
    size = (len(levels), *first.shape)
    batch = torch.empty(size, dtype=first.dtype, device=first.device, memory_format=torch.channels_last)
    for row, level in zip(batch, levels):
        row.copy_(level)
    return batch
