"""``reference.png``: frame, candidates and words, whatever the size and the number of frames and objects."""

from __future__ import annotations

import numpy as np
import pytest

import vos.video.reference_picture
from vos.concept.reference_check import Issue
from vos.persam.first_mask import FirstMask
from vos.structures import Frame, LabelMap, ObjectPrompt
from vos.video.first_masks import ShownFrame, ShownObject
from vos.video.reference_picture import AMBER, GAP, LINE, ON, PAPER, draw_references


def shown(height: int, width: int, objects: int = 1, issues: tuple[Issue, ...] = (), index: int = 0) -> ShownFrame:
    """A frame with bars beside one another, the first one clicked and the others given as masks."""
    labels = np.zeros((height, width), np.uint8)
    found = []
    for k in range(objects):
        mask = np.zeros((height, width), np.bool_)
        mask[height // 4 : height // 2 + 1, k * width // objects : k * width // objects + 1] = True
        labels[mask] = k + 1
        y, x = np.argwhere(mask)[0]
        if k:
            found.append(
                ShownObject(ObjectPrompt(k + 1, mask=mask), FirstMask(mask[None], np.ones(1, np.float32), 0), ())
            )
        else:
            prompt = ObjectPrompt(1, np.array([[x, y]], np.float32), np.ones(1, np.int64), name="a " * 60)
            candidates = np.stack([mask, mask | (np.arange(width) > width // 2)[None], mask])
            found.append(ShownObject(prompt, FirstMask(candidates, np.array([0.9, 0.8, 0.1], np.float32), 0), issues))
    rgb = np.full((height, width, 3), 90, np.uint8)
    return ShownFrame(Frame(index, "0", 0.0, rgb), LabelMap(labels, tuple(range(1, objects + 1))), tuple(found))


@pytest.mark.parametrize(
    ("height", "width", "wide"), [(48, 64, 480), (720, 1000, 1000), (1080, 1920, 1280), (1, 1, 480), (4000, 3, 480)]
)
def test_a_page_is_as_wide_as_its_frame_within_limits(height: int, width: int, wide: int) -> None:
    page = draw_references([shown(height, width)], 1)
    assert page.shape[1] == wide
    assert page.dtype == np.uint8


@pytest.mark.parametrize("width", [480, 512, 1280])
def test_captions_of_candidates_stay_in_their_columns(width: int) -> None:
    first = shown(4000, 4000).objects[0].first
    cell = (width - GAP) // 3 - GAP
    for k in range(3):
        caption = np.asarray(vos.video.reference_picture._caption(first, k, cell))
        assert (caption[:LINE, GAP : GAP + cell] != PAPER).any()
        assert (caption[:, :GAP] == PAPER).all()
        assert (caption[:, GAP + cell :] == PAPER).all()


def test_doubts_stand_below_the_frame_and_clicks_on_it() -> None:
    plain = draw_references([shown(96, 128)], 1)
    doubtful = draw_references([shown(96, 128, issues=(Issue("unsure", "is it? " * 30),))], 1)
    assert len(doubtful) > len(plain) + 40, "a long line is broken"
    assert (doubtful == AMBER).all(axis=2).any()
    assert not (plain == AMBER).all(axis=2).any()
    assert (plain[:96] == ON).all(axis=2).any()
    assert not np.array_equal(plain[:96, 176:304], np.full((96, 128, 3), 90, np.uint8)), "the mask is drawn"


def test_many_frames_and_objects_are_counted_rather_than_drawn() -> None:
    few, many = (draw_references([shown(96, 128, index=i) for i in range(8)], count) for count in (8, 200))
    assert len(few) < len(many) < len(few) + 60
    few, many = (draw_references([shown(96, 128, objects=count)], 1) for count in (12, 100))
    assert len(many) < len(few) + 60
