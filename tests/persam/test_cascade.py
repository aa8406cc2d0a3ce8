"""The cascade feeds back masks, then boxes; boxes are in original pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from fakes import DecoderCall, FakeSegmenter

from vos.geometry import Geometry, SizeHW
from vos.persam.cascade import low_res_box, refine
from vos.sam.prompting import MaskCandidates, Prompt
from vos.structures import ImageEmbedding

GEOMETRY = Geometry((80, 160), (64, 128), (64, 128))


class Growing(FakeSegmenter):
    """Responds with the mask prompt moved one cell to the right; object 1 loses its mask at the second call."""

    def geometry(self, original_size: SizeHW) -> Geometry:
        return GEOMETRY

    def encode(self, images: Sequence[np.ndarray]) -> list[ImageEmbedding]:
        raise NotImplementedError

    def respond(self, call: DecoderCall) -> MaskCandidates:
        moved = [prompt.mask_logits.roll(1, dims=1) for prompt in call.prompts if prompt.mask_logits is not None]
        if len(call.prompts) == 2:
            moved[1] = torch.full_like(moved[1], -1)
        logits = torch.stack(moved)[:, None] + torch.tensor([-9.0, 0.0, -9.0]).view(1, 3, 1, 1)
        return MaskCandidates(logits, torch.tensor([[0.1, 0.8, 0.3]]).repeat(len(call.prompts), 1))


def prompt() -> Prompt:
    return Prompt(np.array([[3, 4]], np.float32), np.ones(1, np.int64), box=np.array([0, 0, 9, 9], np.float32))


def first(columns: Sequence[int]) -> MaskCandidates:
    logits = torch.full((len(columns), 1, *GEOMETRY.logit_size), -4.0)
    for row, column in enumerate(columns):
        logits[row, 0, 2:5, column : column + 4] = 4
    return MaskCandidates(logits, torch.full((len(columns), 1), 0.5))


def test_two_steps_are_mask_then_mask_and_box_best_candidate_each() -> None:
    model = Growing()
    image = ImageEmbedding(torch.zeros(2, 4, 8), GEOMETRY)
    refined = refine(model, image, [prompt()], first([3]), steps=2)
    (one,), (two,) = (call.prompts for call in model.calls)
    assert one.box is None
    assert two.box is not None
    np.testing.assert_allclose(two.box, np.array([4, 2, 8, 5]) * 4 * 1.25)  # cells of 4 model pixels, 1.25 pixels each
    assert np.array_equal(one.points, prompt().points)
    assert refined.predicted_iou[0, 0] == np.float32(0.8)
    assert torch.equal(refined.logits[0, 0] > 0, first([5]).logits[0, 0] > 0)


def test_object_whose_mask_becomes_empty_is_left_as_it_is() -> None:
    model = Growing()
    image = ImageEmbedding(torch.zeros(2, 4, 8), GEOMETRY)
    refined = refine(model, image, [prompt(), prompt()], first([3, 10]), steps=3)
    assert [len(call.prompts) for call in model.calls] == [2, 1, 1]
    assert not (refined.logits[1] > 0).any()
    assert torch.equal(refined.logits[0, 0] > 0, first([6]).logits[0, 0] > 0)


def test_no_steps_no_calls() -> None:
    model = Growing()
    start = first([3])
    refined = refine(model, ImageEmbedding(torch.zeros(2, 4, 8), GEOMETRY), [prompt()], start, steps=0)
    assert not model.calls
    assert torch.equal(refined.logits, start.logits)


def test_boxes() -> None:
    assert low_res_box(torch.ones(GEOMETRY.logit_size), GEOMETRY).tolist() == [0, 0, 160, 80]  # type: ignore[union-attr]
