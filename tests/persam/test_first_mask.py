"""The first mask: of what the model makes of a prompt, the best candidate or the one that the user wants."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from fakes import ColourSegmenter, square_clip, square_mask

from vos.persam.first_mask import first_mask, first_masks
from vos.sam.config import ModelConfig
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, ObjectPrompt

CLICK = np.array([[15, 23]], np.float32)


def test_one_mask_for_each_object() -> None:
    model, (rgb,) = ColourSegmenter(), square_clip(1)
    given = square_mask(4).labels > 0
    clicked = ObjectPrompt(3, CLICK, np.ones(1, np.int64))
    boxed = ObjectPrompt(4, box=np.array([8, 16, 24, 32], np.float32))
    found = first_masks(model, rgb, model.encode([rgb])[0], [clicked, boxed, ObjectPrompt(5, mask=given)])
    truth = square_mask(0).labels > 0
    assert [(one.mask == truth).mean() > 0.98 for one in found] == [True, True, False]
    assert [round(one.quality, 3) for one in found] == [0.9, 0.9, 1.0]
    assert [one.candidates.shape for one in found] == [(3, 48, 64), (3, 48, 64), (1, 48, 64)]
    np.testing.assert_array_equal(found[2].mask, given)


def test_the_user_chooses_a_candidate() -> None:
    model, (rgb,) = ColourSegmenter(), square_clip(1)
    clicked = ObjectPrompt(1, CLICK, np.ones(1, np.int64), candidate=1)
    (found,) = first_masks(model, rgb, model.encode([rgb])[0], [clicked])
    assert (found.chosen, found.quality) == (1, pytest.approx(0.5))


def test_what_shows_nothing_is_no_prompt() -> None:
    for wrong in ({}, {"points": CLICK, "labels": np.zeros(1, np.int64)}):
        with pytest.raises(ValueError, match="either by a mask"):
            ObjectPrompt(1, **wrong)
    with pytest.raises(ValueError, match="either by a mask"):
        ObjectPrompt(1, CLICK, np.ones(1, np.int64), mask=np.ones((4, 4), np.bool_))


def scene() -> np.ndarray:
    """Two red discs and a blue square over a ramp of grays."""
    ramp = np.broadcast_to(np.linspace(60, 120, 320, dtype=np.uint8)[None, :, None], (240, 320, 3)).copy()
    for x in (80, 220):
        cv2.circle(ramp, (x, 90), 38, (200, 40, 40), -1)
    cv2.rectangle(ramp, (130, 150), (200, 220), (40, 60, 210), -1)
    return ramp


@pytest.fixture(scope="module")
def shown() -> tuple[Segmenter, np.ndarray, ImageEmbedding]:
    """The packaged model and the scene, encoded."""
    model, rgb = load_model(ModelConfig(), device="cpu", precision="float32"), scene()
    return model, rgb, model.encode([rgb])[0]


def prompted(*clicks: tuple[int, int, int]) -> ObjectPrompt:
    points = np.array([click[:2] for click in clicks], np.float32)
    return ObjectPrompt(1, points, np.array([click[2] for click in clicks], np.int64))


def test_a_click_finds_the_object_and_a_negative_one_cuts_off(
    shown: tuple[Segmenter, np.ndarray, ImageEmbedding],
) -> None:
    disc = (np.indices((240, 320))[1] - 80) ** 2 + (np.indices((240, 320))[0] - 90) ** 2 <= 38**2
    one = first_mask(*shown, prompted((80, 90, 1)))
    assert (one.mask & disc).sum() / (one.mask | disc).sum() > 0.9
    for clicks in ([(80, 90, 1), (220, 90, 0)], [(80, 90, 1), (100, 90, 0)], [(10, 200, 0), (80, 90, 1)]):
        found = first_mask(*shown, prompted(*clicks))
        assert found.candidates.shape == (3, 240, 320)
        for x, y, label in clicks:
            assert found.mask[y, x] == (label == 1), clicks
    again = first_mask(*shown, prompted((80, 90, 1)))
    np.testing.assert_array_equal(one.candidates, again.candidates)
    assert (one.chosen, one.quality) == (again.chosen, again.quality)


def test_a_box_and_the_last_mask(shown: tuple[Segmenter, np.ndarray, ImageEmbedding]) -> None:
    square = np.zeros((240, 320), np.bool_)
    square[150:221, 130:201] = True
    box = first_mask(*shown, ObjectPrompt(1, box=np.array([130, 150, 200, 220], np.float32)))
    assert (box.mask & square).sum() / (box.mask | square).sum() > 0.9
    first = first_mask(*shown, prompted((165, 185, 1)))
    both = prompted((165, 185, 1), (80, 90, 1))
    after = first_mask(*shown, both, last=first)
    assert after.mask[185, 165]
    assert after.mask[90, 80]
    assert after.mask[:, 260:].sum() == 0


def test_any_candidate_can_be_chosen(shown: tuple[Segmenter, np.ndarray, ImageEmbedding]) -> None:
    for candidate in range(3):
        found = first_mask(*shown, replace(prompted((80, 90, 1)), candidate=candidate))
        assert found.chosen == candidate
        assert found.mask[90, 80]


def test_many_clicks_cost_few_rounds(
    shown: tuple[Segmenter, np.ndarray, ImageEmbedding], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rgb, embedding = shown
    calls: list[int] = []
    decode = type(model).decode_prompts

    def counted(self, embedding, prompts, *rest, **named):  # type: ignore[no-untyped-def]
        calls.append(len(prompts[0].points))
        return decode(self, embedding, prompts, *rest, **named)

    monkeypatch.setattr(type(model), "decode_prompts", counted)
    scribble = [(60 + k, 90, 1) for k in range(40)]
    assert first_mask(model, rgb, embedding, prompted(*scribble)).mask[90, 60:100].mean() > 0.9
    assert sorted(set(calls)) == [1, 10, 20, 30, 40]
