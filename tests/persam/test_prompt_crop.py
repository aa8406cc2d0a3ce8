"""Small objects are decoded again in a crop, at the frame's own resolution; large ones are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from fakes import DecoderCall, FakeSegmenter

from vos.geometry import Geometry, SizeHW
from vos.persam.prompt_crop import OUTSIDE, WHOLE, decode_crop, low_res
from vos.sam.prompting import MaskCandidates, Prompt
from vos.structures import ImageEmbedding

FRAME = Geometry((480, 640), (240, 320), (240, 320))


class Seeing(FakeSegmenter):
    """Notes the size of what it encodes, and finds 5 everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[SizeHW] = []
        self.size = 320

    def at_input_size(self, size: int) -> Seeing:
        self.size = size
        return self

    def geometry(self, original_size: SizeHW) -> Geometry:
        size = self._input_size(original_size, self.size)
        padded = tuple(-(-side // 32) * 32 for side in size)
        return Geometry(original_size, size, (padded[0], padded[1]))

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        size = (images[0].shape[0], images[0].shape[1])
        self.encoded.append(size)
        geometry = self.geometry(size)
        return [ImageEmbedding(torch.zeros(1, *geometry.grid_size), geometry)]

    def respond(self, call: DecoderCall) -> MaskCandidates:
        shape = call.embedding.geometry.logit_size
        return MaskCandidates(torch.full((1, 1, *shape), 5.0), torch.full((1, 1), 0.5))


def masked(rows: slice, columns: slice) -> torch.Tensor:
    logits = torch.full(FRAME.logit_size, -4.0)
    logits[rows, columns] = 4.0
    return logits


def decoded(model: Seeing, prompt: Prompt, logits: torch.Tensor) -> torch.Tensor:
    pixels = FRAME.logits_to_original(logits[None, None])[0, 0]
    return decode_crop(model, np.zeros((480, 640, 3), np.uint8), FRAME, prompt, logits, pixels)


def test_what_is_small_is_seen_closer() -> None:
    model = Seeing()
    prompt = Prompt(np.array([[100, 100], [600, 400]], np.float32), np.array([1, 0]))
    result = decoded(model, prompt, masked(slice(10, 15), slice(10, 15)))
    ((height, width),) = model.encoded
    assert height == width < 100
    (asked,) = model.calls[0].prompts
    assert asked.points.shape == (1, 2), "a click outside of the crop says nothing there"
    x0, y0 = (np.array([100, 100]) - asked.points[0]).astype(int)
    assert asked.mask_logits is not None
    assert bool((asked.mask_logits > 0).any())
    inside = result[y0 : y0 + height, x0 : x0 + width]
    assert float(inside.min()) >= 5 * (1 - WHOLE) - 4 * WHOLE - 0.01
    assert float(result[400, 600]) == OUTSIDE


def test_a_box_is_the_part_and_goes_along() -> None:
    model = Seeing()
    decoded(model, Prompt.empty(np.array([200, 100, 260, 160], np.float32)), masked(slice(0, 1), slice(0, 1)))
    (asked,) = model.calls[0].prompts
    assert asked.box is not None
    assert (asked.box[2:] - asked.box[:2]).tolist() == [60, 60]
    assert asked.box[:2].min() > 0


def test_what_fills_the_frame_is_left_as_it_is() -> None:
    model = Seeing()
    model.size = 640
    fine = Geometry((480, 640), (480, 640), (480, 640))
    pixels = torch.rand(480, 640)
    logits = torch.full(fine.logit_size, 4.0)
    assert decode_crop(model, np.zeros((480, 640, 3), np.uint8), fine, Prompt.empty(), logits, pixels) is pixels
    assert float(decoded(model, Prompt.empty(), torch.full(FRAME.logit_size, -1.0)).max()) < 0, "nothing was found"
    assert not model.encoded


def test_low_res_logits_go_back_to_the_grid() -> None:
    logits = masked(slice(20, 40), slice(20, 40))
    back = low_res(FRAME.logits_to_original(logits[None, None])[0, 0], FRAME)
    assert back.shape == logits.shape
    assert float(((back > 0) == (logits > 0)).float().mean()) > 0.98
