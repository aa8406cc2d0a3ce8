"""The first mask: of what the model makes of a prompt, the best candidate or the one that the user wants."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import ColourSegmenter, square_clip, square_mask

from vos.persam.first_mask import first_masks
from vos.structures import ObjectPrompt

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
