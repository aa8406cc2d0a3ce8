"""Two decoders are averaged where a model has two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch
from fakes import DecoderCall, FakeSegmenter

from vos.geometry import Geometry, SizeHW
from vos.persam.click_decoding import decode_clicks
from vos.sam.prompting import MaskCandidates, Prompt
from vos.structures import ImageEmbedding

GEOMETRY = Geometry((64, 128), (64, 128), (64, 128))
BOX = Prompt.empty(np.array([10, 10, 60, 60], np.float32))


class Guided(FakeSegmenter):
    """Responds with 1 without guidance and with 3 where it is given."""

    reads_click_guidance = True

    def geometry(self, original_size: SizeHW) -> Geometry:
        return GEOMETRY

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        raise NotImplementedError

    def respond(self, call: DecoderCall) -> MaskCandidates:
        value = 1.0 if call.guidance is None else 3.0
        return MaskCandidates(
            torch.full((1, call.candidates, *GEOMETRY.logit_size), value), torch.full((1, call.candidates), value / 4)
        )


def embedding() -> ImageEmbedding:
    torch.manual_seed(0)
    levels = tuple(torch.rand(4, 4 * k, 8 * k) for k in (1, 2, 4))
    return ImageEmbedding(torch.rand(8, 4, 8), GEOMETRY, levels)


def test_the_decoder_that_reads_guidance_has_half_a_say() -> None:
    model = Guided()
    found = decode_clicks(model, embedding(), BOX, multimask=False)
    assert [call.guidance is None for call in model.calls] == [True, False]
    assert found.logits.shape == (1, 1, *GEOMETRY.logit_size)
    assert float(found.logits.mean()) == pytest.approx(2)
    assert float(found.predicted_iou) == pytest.approx(0.5)


def test_a_model_without_one_is_asked_once() -> None:
    model = Guided()
    model.reads_click_guidance = False
    assert float(decode_clicks(model, embedding(), BOX, multimask=True).logits.mean()) == pytest.approx(1)
    assert len(model.calls) == 1
