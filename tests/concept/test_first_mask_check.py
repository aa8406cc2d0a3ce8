"""What is doubtful about a first mask is told, one kind of doubt at a time; what is fine is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vos.concept.first_mask_check import check_first_mask
from vos.geometry import Geometry
from vos.persam.first_mask import FirstMask
from vos.structures import ImageEmbedding, ObjectPrompt

SIZE = (96, 128)
EMBEDDING = ImageEmbedding(torch.zeros(4, 24, 32), Geometry(SIZE, SIZE, SIZE, grid_stride=4))


def square(y: int, x: int, side: int = 32) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def first(*candidates: np.ndarray, ious: tuple[float, ...] = (0.9,), chosen: int = 0) -> FirstMask:
    return FirstMask(np.stack(candidates), np.array(ious, np.float32), chosen)


def clicked(*points: tuple[int, int, int], candidate: int | None = None) -> ObjectPrompt:
    given = np.array(points)
    return ObjectPrompt(1, given[:, :2].astype(np.float32), given[:, 2].astype(np.int64), candidate=candidate)


def kinds(prompt: ObjectPrompt, found: FirstMask) -> list[str]:
    return [issue.kind for issue in check_first_mask(prompt, found, EMBEDDING)]


def test_a_sure_mask_with_its_clicks_and_its_box_is_fine() -> None:
    assert kinds(clicked((20, 20, 1), (100, 80, 0)), first(square(10, 10))) == []
    boxed = ObjectPrompt(1, box=np.array([10, 10, 42, 42], np.float32))
    assert kinds(boxed, first(square(10, 10))) == []


def test_a_mask_that_was_given_is_not_doubted() -> None:
    speck = square(10, 10, side=2)
    assert kinds(ObjectPrompt(1, mask=speck), first(speck, ious=(1.0,))) == []


def test_the_models_own_doubt() -> None:
    (issue,) = check_first_mask(clicked((20, 20, 1)), first(square(10, 10), ious=(0.4,)), EMBEDDING)
    assert (issue.kind, issue.message) == (
        "unsure",
        "the model is not sure of it (predicted IoU 0.40); add clicks or a box",
    )


@pytest.mark.parametrize(
    ("other", "iou", "chosen", "expected"),
    [
        (square(10, 10, side=60), 0.85, None, ["candidates"]),
        (square(10, 10, side=60), 0.5, None, []),  # it is not meant
        (square(10, 10, side=33), 0.85, None, []),  # much the same
        (np.zeros(SIZE, np.bool_), 0.85, None, []),
        (square(10, 10, side=60), 0.85, 0, []),  # the user has chosen
    ],
)
def test_candidates_that_disagree(other: np.ndarray, iou: float, chosen: int | None, expected: list[str]) -> None:
    found = first(square(10, 10), other, ious=(0.9, iou))
    assert kinds(clicked((20, 20, 1), candidate=chosen), found) == expected


def test_a_second_meaning_names_the_candidate_to_choose() -> None:
    found = first(square(10, 10, side=60), square(10, 10), ious=(0.85, 0.9), chosen=1)
    (issue,) = check_first_mask(clicked((20, 20, 1)), found, EMBEDDING)
    assert issue.message == (
        "the model sees two things in it, of 1,024 or 3,600 pixels; add clicks, or choose with ref_candidate=1 "
        '(in a file of prompts "candidate": 1)'
    )


def test_clicks_on_the_wrong_side_and_a_box_that_does_not_hold_it() -> None:
    assert kinds(clicked((20, 20, 1), (100, 80, 1)), first(square(10, 10))) == ["clicks"]
    assert kinds(clicked((20, 20, 1), (30, 30, 0)), first(square(10, 10))) == ["clicks"]
    assert kinds(clicked((41, 41, 1)), first(square(10, 10))) == []
    boxed = ObjectPrompt(1, box=np.array([10, 10, 42, 30], np.float32))
    (issue,) = check_first_mask(boxed, first(square(10, 10)), EMBEDDING)
    assert issue.message == "38% of it is outside of the box; add clicks that are not on it"


def test_very_small_very_large_and_ragged() -> None:
    assert kinds(clicked((20, 20, 1)), first(square(19, 19, side=4))) == ["small"]
    assert kinds(clicked((20, 20, 1)), first(np.ones(SIZE, np.bool_))) == ["large"]
    stripes = square(10, 10, side=60)
    stripes[::2] = False
    assert kinds(clicked((20, 21, 1)), first(stripes)) == ["ragged"]
