"""Asks the embedded model's interactive decoders about clicks and boxes, and chooses among what they find."""

from __future__ import annotations

import cv2
import numpy as np

from vos.geometry import Geometry
from vos.persam.click_guidance import click_guidance
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

CENTRED = 0.5  # predicted IoU that it is worth if the click is in the middle of the candidate


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


def choose_by_click(found: MaskCandidates, prompt: Prompt, geometry: Geometry) -> int:
    """Chooses among one object's candidates: a user clicks the middle of what is meant.

    Args:
        found: M candidates of one object.
        prompt: whose first click counts.
        geometry: of the image.
    """
    if found.logits.shape[1] == 1:
        return 0
    rows, columns = geometry.image_logit_size
    x, y = (geometry.points_to_input(prompt.points[0]) / geometry.logit_stride).astype(int)
    x, y = min(int(x), columns - 1), min(int(y), rows - 1)
    scores = []
    for logits, quality in zip(found.logits[0, :, :rows, :columns], found.predicted_iou[0]):
        mask = np.pad((logits > 0).cpu().numpy().astype(np.uint8), 1)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        scores.append(float(quality) + CENTRED * float(depth[y, x] / max(1.0, float(depth.max()))))
    return int(np.argmax(scores))
