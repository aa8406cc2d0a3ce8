"""Asks the embedded model's interactive decoders about clicks and boxes."""

from __future__ import annotations

from vos.persam.click_guidance import click_guidance
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding


def decode_clicks(model: Segmenter, embedding: ImageEmbedding, prompt: Prompt, multimask: bool) -> MaskCandidates:
    """Decodes one object; where the model has a second decoder, which reads guidance, the two are averaged.

    Args:
        model: answers the prompt.
        embedding: of the image.
        prompt: of the object, with the mask before the last click.
        multimask: three candidates instead of one mask.
    """
    found = model.decode_prompts(embedding, [prompt], multimask=multimask)
    if model.reads_click_guidance and (prompt.mask_logits is not None or prompt.box is not None):
        other = model.decode_prompts(embedding, [prompt], multimask, click_guidance(embedding, prompt))
        return MaskCandidates((found.logits + other.logits) / 2, (found.predicted_iou + other.predicted_iou) / 2)
    return MaskCandidates(found.logits.clone(), found.predicted_iou.clone())
