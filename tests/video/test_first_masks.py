"""Prompts become masks: of each frame, of several objects without overlap, before anything is tracked."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import ColourSegmenter, ListSource, square_clip, square_mask

from vos.errors import VosError
from vos.structures import Frame, LabelMap, ObjectPrompt
from vos.video.first_masks import ShownFrame, answer, answer_prompts, with_masks
from vos.video.reference import Reference

SIZE = (48, 64)


def clicked(object_id: int, x: int, y: int, name: str = "") -> ObjectPrompt:
    return ObjectPrompt(object_id, np.array([[x, y]], np.float32), np.ones(1, np.int64), name=name)


def answered(*prompts: ObjectPrompt) -> ShownFrame:
    model, (rgb,) = ColourSegmenter(), square_clip(1)
    return answer(prompts, Frame(0, "00000", 0.0, rgb), model.encode([rgb])[0], model)


def test_prompts_of_several_frames_become_masks_and_the_rest_stays() -> None:
    shown: list[ShownFrame] = []
    source, model = ListSource(square_clip(9)), ColourSegmenter()
    references = [
        Reference(7, prompts=(clicked(3, 22, 23, "rex"),), ids=(1, 3)),
        Reference(2, square_mask(2)),
        Reference(0, prompts=(clicked(3, 15, 23), ObjectPrompt(5, mask=square_mask(9).labels > 0))),
    ]
    late, given, first = answer_prompts(source, references, model, shown.append)
    assert [each.frame.index for each in shown] == [7, 0]
    assert model.encoded == 2
    assert given is references[1]
    assert (late.prompts, late.frame_index, late.predicted_iou) == ((), 7, {3: pytest.approx(0.9)})
    assert late.label_map is not None
    assert first.label_map is not None
    assert late.label_map.object_ids == (1, 3), "the ids of all that is followed"
    assert ((late.label_map.labels == 3) == (square_mask(7).labels > 0)).mean() > 0.97
    assert list(first.predicted_iou) == [3], "a mask that was given is no guess"
    np.testing.assert_array_equal(first.label_map.labels == 5, square_mask(9).labels > 0)
    assert late.digest() != first.digest()


def test_a_prompt_behind_the_end_is_refused_before_any_work() -> None:
    model = ColourSegmenter()
    with pytest.raises(VosError, match="frame 9"):
        answer_prompts(ListSource(square_clip(5)), [Reference(9, prompts=(clicked(1, 15, 23),))], model)
    assert model.encoded == 0


def test_smaller_objects_lie_over_larger_ones_and_given_masks_over_all() -> None:
    left, part = np.zeros(SIZE, np.bool_), np.zeros(SIZE, np.bool_)
    left[:, :14] = part[20:24, 10:18] = True
    labels = answered(ObjectPrompt(2, mask=part), clicked(1, 15, 23), ObjectPrompt(3, mask=left)).label_map.labels
    assert (labels[part] == 2).all()
    assert (labels[left & ~part] == 3).all()
    assert set(np.unique(labels[16:32, 14:22])) >= {1, 2}


def test_where_two_objects_are_the_same_it_is_told() -> None:
    with pytest.raises(VosError, match="in frame 0 nothing is left of object 1, which is covered by object 2; give"):
        answered(clicked(1, 15, 23), clicked(2, 16, 23))
    mask = np.zeros(SIZE, np.bool_)
    mask[16:32, 14:22] = True
    with pytest.raises(VosError, match="covered by object 2; give each a mask of its own"):
        answered(ObjectPrompt(1, mask=mask), ObjectPrompt(2, mask=mask))
    with pytest.raises(VosError, match="covered by object 2; give clicks that tell them apart"):
        answered(clicked(1, 15, 23), ObjectPrompt(2, mask=np.ones(SIZE, np.bool_)))


def test_what_is_told_of_a_frame() -> None:
    shown = answered(clicked(4, 15, 23, "rex"))
    (entry,) = shown.entries()
    assert entry["area"] == int((shown.label_map.labels == 4).sum())
    assert (entry["id"], entry["name"], entry["candidate"], entry["predicted_iou"]) == (4, "rex", 1, 0.9)
    assert entry["doubts"][0]["kind"] == "small"
    assert shown.doubts() == [f"frame 0, rex: {entry['doubts'][0]['message']}"]
    assert answered(ObjectPrompt(4, mask=np.ones(SIZE, np.bool_))).entries() == []


def test_masks_take_the_place_of_prompts() -> None:
    shown = answered(clicked(4, 15, 23))
    reference = with_masks(Reference(0, prompts=(clicked(4, 15, 23),)), shown)
    assert isinstance(reference.label_map, LabelMap)
    assert (reference.label_map.object_ids, reference.prompts) == ((4,), ())
