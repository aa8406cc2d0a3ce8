"""The interface that every promptable model stands behind: encode an image once, decode prompts many times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, SizeHW
from vos.sam.prompting import Guidance, MaskCandidates, Prompt, TrainingSample
from vos.structures import ImageEmbedding


class Segmenter(ABC):
    """A promptable segmentation model (SAM, MobileSAM or the embedded one). Holds no state between calls.

    Attributes:
        name: registry name, e.g. "vit_b" or "nano".
        checkpoint_name: file name of the weights.
        checkpoint_sha256: hash of that file, "" for weights that did not come from a file.
        device: where the weights are.
        guidance_fields: the fields of :class:`vos.sam.prompting.Guidance` that :meth:`decode` reads; trackers compute
            no others (the maps of SAM's 64 x 64 grid would cost more than its decoder).
        batches_images: whether its decoder takes an image of its own for every object in one batch.
        adaptable: whether its decoder can learn from training samples (:meth:`adapted`).
    """

    guidance_fields: frozenset[str] = frozenset({"attention", "embedding", "maps"})
    batches_images: bool = False
    adaptable: bool = False
    name: str
    checkpoint_name: str
    checkpoint_sha256: str
    device: torch.device

    def at_input_size(self, size: int) -> Segmenter:
        """Returns the same model for an input of ``size`` pixels on the longer side, or itself."""
        return self

    def for_objects(self, count: int) -> Segmenter:
        """Returns the same model with the input that suits a video of ``count`` objects, or itself."""
        return self

    def adapted(self, samples: Iterator[Sequence[TrainingSample]], steps: int, learning_rate: float) -> Segmenter:
        """Returns the same encoder with a decoder that has learned in ``steps`` steps; only where ``adaptable``."""
        raise NotImplementedError(f"model={self.name} cannot be adapted")

    def adaptation(self) -> dict[str, torch.Tensor]:
        """Returns what :meth:`adapted` has changed, as named CPU tensors; empty for a model as it was loaded."""
        return {}

    def with_adaptation(self, state: Mapping[str, torch.Tensor]) -> Segmenter:
        """Returns the same model with what :meth:`adaptation` gave."""
        return self

    @abstractmethod
    def geometry(self, original_size: SizeHW) -> Geometry:
        """Tells how an image of ``original_size`` (H, W) maps to this model's input and grids."""

    @abstractmethod
    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        """Encodes images, uint8 (H, W, 3) RGB in original pixels, all of one size, in one batch."""

    def decode(
        self,
        embedding: ImageEmbedding,
        prompts: Sequence[Prompt],
        guidance: Guidance | None = None,
        multimask: bool = True,
    ) -> MaskCandidates:
        """Decodes N objects of one image.

        Args:
            embedding: from :meth:`encode`.
            prompts: N prompts, one per object; they may differ in kind and number of points.
            guidance: PerSAM's guidance of the same N objects, or None.
            multimask: three candidates (roughly subpart, part, whole) instead of the single-mask output.

        Returns:
            Candidates with M = 3 or M = 1, in the order of ``prompts``.
        """
        return self.decode_each([embedding], prompts, guidance, multimask)

    def decode_each(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None = None,
        multimask: bool = True,
    ) -> MaskCandidates:
        """Decodes as :meth:`decode`, from one image for all N objects, or N images of one geometry, one for each."""
        if len(embeddings) == 1 or self.batches_images:
            return self._decode(embeddings, prompts, guidance, multimask)
        rows = []
        for row, (embedding, prompt) in enumerate(zip(embeddings, prompts)):
            own = None if guidance is None else guidance.map(itemgetter(slice(row, row + 1)))
            rows.append(self._decode([embedding], [prompt], own, multimask))
        return MaskCandidates(
            torch.cat([each.logits for each in rows]), torch.cat([each.predicted_iou for each in rows])
        )

    @abstractmethod
    def _decode(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None,
        multimask: bool,
    ) -> MaskCandidates:
        """Decodes in one batch; ``embeddings`` is one, or N where the decoder batches images."""

    def decode_prompts(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt], multimask: bool = True
    ) -> MaskCandidates:
        """Decodes a user's clicks and boxes, where nothing is known yet; otherwise as :meth:`decode`."""
        return self.decode(embedding, prompts, multimask=multimask)

    def _input_size(self, original_size: SizeHW, longer: int) -> SizeHW:
        """Scales a size so that its longer side becomes ``longer``; the other one is rounded to the nearest pixel."""
        scale = longer / max(original_size)
        height, width = original_size
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
