"""The interface that every promptable model stands behind: encode an image once, decode prompts many times."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, SizeHW
from vos.sam.config import ModelConfig
from vos.sam.prompting import Guidance, MaskCandidates, Prompt, TrainingSample
from vos.structures import ImageEmbedding


class Segmenter(ABC):
    """A promptable segmentation model (SAM, MobileSAM or the embedded one). Holds no state between calls.

    Attributes:
        name: registry name, e.g. "vit_b" or "nano".
        checkpoint_name: file name of the weights.
        checkpoint_sha256: hash of that file, "" for weights that did not come from a file.
        device: where the weights are.
        engine: the library that computes, and its version.
        precision: "float32" or "bfloat16", in which it computes what is large.
        guidance_fields: the fields of :class:`vos.sam.prompting.Guidance` that :meth:`decode` reads; trackers compute
            no others (the maps of SAM's 64 x 64 grid would cost more than its decoder).
        batches_images: whether its decoder takes an image of its own for every object in one batch.
        memory_limit: gigabytes that one batch of the decoder may take.
        adaptable: whether its decoder can learn from training samples (:meth:`adapted`).
        reads_click_guidance: whether :meth:`decode_prompts` has a second decoder, for prompts with
            :func:`vos.persam.click_guidance.click_guidance`.
    """

    guidance_fields: frozenset[str] = frozenset({"attention", "embedding", "maps"})
    batches_images: bool = False
    adaptable: bool = False
    reads_click_guidance: bool = False
    memory_limit: float = ModelConfig.memory_limit
    name: str
    checkpoint_name: str
    checkpoint_sha256: str
    device: torch.device
    engine: str = f"torch {torch.__version__}"
    precision: str = "float32"

    def at_input_size(self, size: int) -> Segmenter:
        """Returns the same model for an input of ``size`` pixels on the longer side, or itself."""
        return self

    def at_memory_limit(self, gigabytes: float) -> Segmenter:
        """Returns the same model, which decodes no more objects at once than take ``gigabytes``, but at least one."""
        other = copy.copy(self)
        other.memory_limit = gigabytes
        return other

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
        most = max(1, int(self.memory_limit * 1e9 / self._bytes_per_object(embeddings[0].geometry)))
        if len(embeddings) > 1 and not self.batches_images:
            most = 1
        if len(prompts) <= most:
            return self._decode(embeddings, prompts, guidance, multimask)
        parts = []
        for rows in (slice(first, first + most) for first in range(0, len(prompts), most)):
            images = embeddings if len(embeddings) == 1 else embeddings[rows]
            own = None if guidance is None else guidance.map(itemgetter(rows))
            parts.append(self._decode(images, prompts[rows], own, multimask))
        return MaskCandidates(
            torch.cat([part.logits for part in parts]), torch.cat([part.predicted_iou for part in parts])
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

    @abstractmethod
    def _bytes_per_object(self, geometry: Geometry) -> float:
        """Estimates the memory that the decoder takes for each object of a batch."""

    def decode_prompts(
        self,
        embedding: ImageEmbedding,
        prompts: Sequence[Prompt],
        multimask: bool = True,
        guidance: Guidance | None = None,
    ) -> MaskCandidates:
        """Decodes a user's clicks and boxes, where nothing is known yet; otherwise as :meth:`decode`.

        Guidance is for models that read it (``reads_click_guidance``).
        """
        return self.decode(embedding, prompts, guidance, multimask)

    def _input_size(self, original_size: SizeHW, longer: int) -> SizeHW:
        """Scales a size so that its longer side becomes ``longer``; the other one is rounded to the nearest pixel."""
        scale = longer / max(original_size)
        height, width = original_size
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def model_record(model: Segmenter) -> dict[str, str]:
    """Says which weights a run used, and what computed them in which precision."""
    return {
        "name": model.name,
        "checkpoint": model.checkpoint_name,
        "sha256": model.checkpoint_sha256,
        "engine": model.engine,
        "precision": model.precision,
    }
