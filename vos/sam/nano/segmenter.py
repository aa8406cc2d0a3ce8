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
from vos.geometry import Geometry, SizeHW
from vos.sam.device import resolve_precision
from vos.sam.nano.inputs import InputReader, Inputs, model_input
from vos.sam.nano.kernels import laid_out_weights
from vos.sam.nano.network import LOGIT_STRIDE, Decoder, NanoWeights, fold_batch_norms, freeze
from vos.sam.nano.tracing import Traced
from vos.sam.nano.tuning import tune_decoder
from vos.sam.prompting import Guidance, MaskCandidates, Prompt, TrainingSample
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

DEFAULT_INPUT_SIZE = 640  # longer side of the model input, pixels
# ... of a video with one object, which gains by it and has time for it (benchmarks/ablation.py: input_640). Only of
# frames larger than the other size: in small ones, enlarged so far, lost objects stay lost (benchmarks/occlusion.py).
SINGLE_INPUT_SIZE = 768
DEEPEST_STRIDE = 32
DECODER_NUMBERS = 20  # of each pixel of the model input and each object, at once (about)


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
    batches_images = adaptable = True

    def __init__(
        self,
        weights: NanoWeights,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        input_size: int | None = None,
    ) -> None:
        size = _checked(DEFAULT_INPUT_SIZE if input_size is None else input_size)
        self.device = torch.device(device)
        self.checkpoint_name, self.checkpoint_sha256 = weights.name, weights.sha256
        for part in (weights.network, weights.interactive_decoder, weights.guided_decoder):
            if part is not None:
                fold_batch_norms(part.eval())
                part.to(self.device).requires_grad_(False)
                for parameter in part.parameters():
                    if parameter.ndim == 4:
                        parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self._network, self._size_chosen = weights.network, input_size is not None
        self._sizes = size, size  # of small and of large frames
        precision = resolve_precision(precision, self.device)
        self.precision = precision
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._reader = InputReader(self._dtype, self.device)
        self._network.fold_pixel_unit()
        self._network.to(self._dtype)
        freeze(self._network)
        self._encoder = Traced(self._network.encode, laid_out_weights)
        self._decoder = self._ready(self._network.decoder)
        interactive = weights.interactive_decoder
        self._interactive_decoder = self._decoder if interactive is None else self._ready(interactive)
        self._guided_decoder = None if weights.guided_decoder is None else self._ready(weights.guided_decoder)
        self.reads_click_guidance = self._guided_decoder is not None
        self._adapted = False

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        input_size: int | None = None,
    ) -> NanoSegmenter:
        """Loads a weights file; see :meth:`vos.sam.nano.network.NanoWeights.load`."""
        return cls(NanoWeights.load(path), device, precision, input_size)

    def at_input_size(self, size: int) -> NanoSegmenter:
        """Returns the same network for pictures whose longer side becomes ``size``; shares the weights."""
        other = copy.copy(self)
        other._sizes, other._size_chosen = (_checked(size),) * 2, True
        return other

    def for_objects(self, count: int) -> NanoSegmenter:
        """Returns the model for larger inputs where there is one object; see :meth:`Segmenter.for_objects`."""
        if count != 1 or self._size_chosen:
            return self
        other = copy.copy(self)
        other._sizes = (DEFAULT_INPUT_SIZE, SINGLE_INPUT_SIZE)
        return other

    def adapted(self, samples: Iterator[Sequence[TrainingSample]], steps: int, learning_rate: float) -> NanoSegmenter:
        """Tunes a copy of the decoder; see :meth:`Segmenter.adapted`."""
        halves = self._dtype == torch.bfloat16
        return self._with_decoder(
            tune_decoder(self._decoder, samples, steps, learning_rate, self._read_sample, autocast=halves)
        )

    def adaptation(self) -> dict[str, torch.Tensor]:
        """Returns the tuned decoder's weights; see :meth:`Segmenter.adaptation`."""
        return {name: value.cpu() for name, value in self._decoder.state_dict().items()} if self._adapted else {}

    def with_adaptation(self, state: Mapping[str, torch.Tensor]) -> NanoSegmenter:
        """Puts tuned weights into a copy of the decoder; see :meth:`Segmenter.with_adaptation`."""
        decoder = copy.deepcopy(self._decoder)
        decoder.load_state_dict(state)
        return self._with_decoder(decoder)

    def _with_decoder(self, decoder: Decoder) -> NanoSegmenter:
        other = copy.copy(self)
        other._decoder, other._adapted = self._ready(decoder), True
        return other

    def _ready(self, decoder: Decoder) -> Decoder:
        """In this model's precision but for the last small layers, whose outcome is a calibrated number."""
        decoder.to(self._dtype)
        decoder.quality.float()
        freeze(decoder)
        return decoder

    def geometry(self, original_size: SizeHW) -> Geometry:
        """Scales the longer side to the input size, padded at the bottom/right to multiples of 32."""
        small, large = self._sizes
        size = self._input_size(original_size, large if max(original_size) > small else small)
        height, width = (-(-side // DEEPEST_STRIDE) * DEEPEST_STRIDE for side in size)
        return Geometry(original_size, size, (height, width), logit_stride=LOGIT_STRIDE)

    @torch.inference_mode()
    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        """Encodes images of one size; see :meth:`Segmenter.encode`."""
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
    def _decode(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None,
        multimask: bool,
    ) -> MaskCandidates:
        """Decodes in one batch; of the guidance, ``maps`` and ``responses`` are read."""
        chosen = slice(1, None) if multimask else slice(0, 1)
        logits, quality = self._decoder(*self._reader.read(embeddings, prompts, guidance), chosen)
        return MaskCandidates(logits.float(), quality.float().sigmoid())

    def decode_prompts(
        self,
        embedding: ImageEmbedding,
        prompts: Sequence[Prompt],
        multimask: bool = True,
        guidance: Guidance | None = None,
    ) -> MaskCandidates:
        """Decodes a user's clicks and boxes by decoders that were trained on nothing else, one of them on guidance."""
        interactive = copy.copy(self)
        guided = self._guided_decoder if guidance is not None else None
        interactive._decoder = self._interactive_decoder if guided is None else guided
        return interactive.decode(embedding, prompts, guidance, multimask)

    def _bytes_per_object(self, geometry: Geometry) -> float:
        height, width = geometry.padded_size
        return DECODER_NUMBERS * height * width * self._dtype.itemsize

    def _read_sample(self, sample: TrainingSample) -> Inputs:
        # Embeddings come from inference mode, whose tensors autograd refuses.
        embedding = replace(sample.embedding, levels=tuple(level.clone() for level in sample.embedding.levels))
        return self._reader.read([embedding], [sample.prompt], sample.guidance)


def _checked(size: int) -> int:
    """An input size that the network can take, or a VosError."""
    if size < 64 or size % DEEPEST_STRIDE:
        raise VosError(f"model.input_size={size} is not a multiple of {DEEPEST_STRIDE} from 64 on; try 512 or 640")
    return size
