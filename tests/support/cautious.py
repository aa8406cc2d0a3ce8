"""A model that finds things in photos by their colour, and concepts of what it should find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from fakes import DecoderCall
from scenes import Box, ColourModel, scene

from vos.concept.concept import Concept
from vos.persam.persam_f import FinetuneConfig
from vos.sam.prompting import MaskCandidates, Prompt
from vos.structures import ImageEmbedding

SIZE = (96, 128)
REFERENCE: Box = (40, 24, 88, 72)
QUICK = FinetuneConfig(steps=20, learning_rate=1e-3)


class CautiousColourModel(ColourModel):
    """Finds nothing where nothing has the guidance's colour, as a trained model would; reads masks without a box."""

    def respond(self, call: DecoderCall) -> MaskCandidates:
        found = super().respond(replace(call, prompts=[self._pointed(p, call.embedding) for p in call.prompts]))
        if call.guidance is not None and call.guidance.maps is not None:
            for row, maps in enumerate(call.guidance.maps):
                if float(maps[0].max()) < 0.8:
                    found.logits[row] = -20.0
        return found

    def _pointed(self, prompt: Prompt, embedding: ImageEmbedding) -> Prompt:
        if len(prompt.points) or prompt.box is not None or prompt.mask_logits is None:
            return prompt
        depth = torch.nn.functional.avg_pool2d(prompt.mask_logits[None], 9, 1, 4)[0]  # the middle, where it is pure
        y, x = divmod(int(depth.argmax()), depth.shape[1])
        point = np.array([[x, y]], np.float32) * 4 / embedding.geometry.scale_xy
        return replace(prompt, points=point.astype(np.float32), labels=np.ones(1, np.int64))


def concept_of(object_id: int, model: ColourModel, box: Box = REFERENCE) -> Concept:
    image, labels = scene({object_id: box}, SIZE)
    return Concept.from_image(image, labels, name=f"object {object_id}", model=model, finetune=QUICK)
