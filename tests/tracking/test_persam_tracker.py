"""The default tracker on scenes with known results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from fakes import DecoderCall
from safetensors.torch import load, save
from scenes import Box, ColourModel, Run, config, iou, scene

import vos.tracking.persam_tracker
from vos.persam.persam_f import FinetuneConfig
from vos.sam.prompting import MaskCandidates
from vos.structures import LabelMap, Presence
from vos.tracking.config import MemoryConfig, MotionConfig, PresenceConfig
from vos.tracking.observation import Observation
from vos.tracking.persam_tracker import PersamTracker
from vos.tracking.redetect import judge
from vos.tracking.registry import make_tracker


def begin(boxes: dict[int, Box], ids: tuple[int, ...] | None = None, **options: Any) -> Run:
    model = ColourModel()
    run = Run(make_tracker(config(**options), model), model)
    image, labels = scene(boxes)
    run.show(image, LabelMap(labels, ids or tuple(sorted(boxes))))
    return run


def test_reference_frame_is_returned_unchanged() -> None:
    model = ColourModel()
    image, labels = scene({1: (8, 8, 41, 37), 7: (33, 30, 34, 31)})  # odd edges, one pixel on top
    result = Run(make_tracker(config(), model), model).show(image, LabelMap(labels, (1, 7)), alpha=True)
    assert (result.label_map.labels == labels).all()
    assert result.predicted_iou.tolist() == [1, 1]
    assert result.alpha is not None
    hard = labels == np.array([1, 7])[:, None, None]
    assert result.alpha[hard].mean() > 200
    assert result.alpha[~hard].mean() < 5


def test_objects_are_followed_and_do_not_overlap() -> None:
    run = begin({1: (8, 16, 40, 48), 2: (72, 40, 120, 80)})
    for t in range(1, 8):
        image, labels = scene({1: (8 + 4 * t, 16, 40 + 4 * t, 48), 2: (72 - 3 * t, 40, 120 - 3 * t, 80)})
        result = run.show(image)
        for i in (1, 2):
            assert iou(result.label_map.labels == i, labels == i) > 0.75
    assert result.presence == (Presence.PRESENT, Presence.PRESENT)


def test_ids_stay_when_an_object_vanishes_and_it_is_found_again_elsewhere() -> None:
    run = begin({1: (8, 8, 40, 40), 2: (72, 8, 104, 40), 3: (40, 60, 72, 92)})
    for t in range(1, 6):
        image, labels = scene({2: (72, 8 + t, 104, 40 + t), 3: (40, 60, 72, 92)})
        result = run.show(image)
        assert result.presence == (Presence.ABSENT, Presence.PRESENT, Presence.PRESENT)
        assert result.predicted_iou[0] == 0
        assert not (result.label_map.labels == 1).any()
        assert iou(result.label_map.labels == 2, labels == 2) > 0.7
        assert iou(result.label_map.labels == 3, labels == 3) > 0.7
    image, labels = scene({2: (72, 12, 104, 44), 3: (40, 60, 72, 92), 1: (92, 58, 124, 90)})  # far from where it was
    result = run.show(image)
    assert result.presence[0] is Presence.PRESENT
    for i in (1, 2, 3):
        assert iou(result.label_map.labels == i, labels == i) > 0.7


def test_what_was_found_and_not_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def rejected(*given: Any) -> list[Observation]:
        one, other = given[3]
        return [replace(one, predicted_iou=0.6).absent(), other]

    run = begin({1: (8, 8, 40, 40), 2: (72, 8, 104, 40)})
    monkeypatch.setattr(vos.tracking.persam_tracker, "redetect", rejected)
    result = run.show(scene({1: (8, 8, 40, 40), 2: (72, 8, 104, 40)})[0])
    assert result.presence == (Presence.ABSENT, Presence.PRESENT)
    assert result.predicted_iou[0] == 0
    assert result.rejected_iou is not None
    assert result.rejected_iou.tolist() == pytest.approx([0.6, 0])


def test_a_lost_object_is_searched_without_its_old_place() -> None:
    run = begin({1: (8, 8, 40, 40), 2: (72, 8, 104, 40)}, motion=MotionConfig(previous_box=True))
    run.show(scene({2: (72, 8, 104, 40)})[0])
    run.show(scene({2: (72, 8, 104, 40)})[0])
    model = run.model
    assert isinstance(model, ColourModel)
    lost, seen = model.calls[-1].prompts
    assert lost.box is None
    assert lost.mask_logits is None
    assert len(lost.points) == 1
    assert len(seen.points) == 0
    assert seen.box is not None
    assert seen.mask_logits is not None


def test_weights_are_tuned_on_points_and_never_shown_the_mask() -> None:
    run = begin({1: (8, 8, 40, 40)}, finetune=FinetuneConfig(steps=3))
    model = run.model
    assert isinstance(model, ColourModel)
    (call,) = model.calls
    (prompt,) = call.prompts
    assert len(prompt.points) == 1
    assert prompt.mask_logits is None
    assert prompt.box is None


def test_all_objects_share_one_decoder_call() -> None:
    boxes: dict[int, Box] = {i: (2 + 12 * i, 4 * i, 12 + 12 * i, 20 + 4 * i) for i in range(1, 10)}
    run = begin(boxes)
    result = run.show(scene(boxes)[0])
    model = run.model
    assert isinstance(model, ColourModel)
    assert len(model.calls[0].prompts) == 9
    assert result.label_map.object_ids == tuple(range(1, 10))


def test_an_object_that_jumps_out_of_reach_is_found_in_the_same_frame() -> None:
    before, after = {1: (4, 4, 24, 24), 2: (4, 60, 24, 80)}, {1: (100, 60, 120, 80), 2: (4, 60, 24, 80)}
    image, labels = scene(after)
    result = begin(before).show(image)
    assert iou(result.label_map.labels == 1, labels == 1) > 0.7
    assert iou(result.label_map.labels == 2, labels == 2) > 0.7


def test_object_that_appears_with_a_later_reference() -> None:
    run = begin({1: (8, 8, 40, 40)}, ids=(1, 2))
    result = run.show(scene({1: (8, 8, 40, 40)})[0])
    assert result.presence == (Presence.PRESENT, Presence.ABSENT)
    image, labels = scene({1: (12, 8, 44, 40), 2: (72, 40, 104, 72)})
    given = LabelMap(np.where(labels == 2, labels, 0).astype(np.uint8), (1, 2))
    result = run.show(image, given)
    assert ((result.label_map.labels == 2) == (labels == 2)).all()
    assert iou(result.label_map.labels == 1, labels == 1) > 0.75
    image, labels = scene({1: (16, 8, 48, 40), 2: (68, 40, 100, 72)})
    result = run.show(image)
    for i in (1, 2):
        assert iou(result.label_map.labels == i, labels == i) > 0.7


class Leaking(ColourModel):
    """Paints everything that is not ground: what a weak model does with a look-alike beside the object."""

    def respond(self, call: DecoderCall) -> MaskCandidates:
        found = super().respond(call)
        anything = 20 * (call.embedding.levels[0][:3].abs().sum(dim=0) - 0.2)
        return MaskCandidates(anything.expand_as(found.logits).clone(), torch.full_like(found.predicted_iou, 0.9))


def test_a_leak_onto_a_known_look_alike_is_not_remembered() -> None:
    model = Leaking()
    run = Run(make_tracker(config(motion=MotionConfig(previous_box=True)), model), model)
    image, labels = scene({1: (16, 32, 48, 64), 2: (64, 32, 96, 64)})
    run.show(image, LabelMap(np.where(labels == 1, labels, 0).astype(np.uint8), (1,)))
    for _ in range(3):
        run.show(image)
    (prompt,) = model.calls[-1].prompts
    assert prompt.mask_logits is not None
    assert prompt.box is not None
    assert (prompt.mask_logits[8:16, 4:12] > 0).all()
    assert not (prompt.mask_logits[:, 16:] > 0).any()
    assert prompt.box[2] < 64


def test_a_twin_that_comes_out_from_behind_and_leaves_is_let_go_of() -> None:
    run = begin({1: (60, 30, 84, 54)})
    for t in range(1, 32):
        image, labels = scene({1: (60 - t, 30, 84 - t, 54)})
        right = 46 + 2 * t  # of a twin that is smaller
        image[36:54, max(84 - t, right - 18) : max(84 - t, right)] = image[40, 70 - t]
        result = run.show(image)
        if t == 19:
            assert (result.label_map.labels == 1).sum() > 1.3 * labels.sum()  # they cannot be told apart yet
    assert iou(result.label_map.labels == 1, labels == 1) > 0.8
    other = make_tracker(run.tracker.config, run.model)
    other.restore(run.tracker.state())
    assert vars(other.tracks[0].pieces) == vars(run.tracker.tracks[0].pieces)


def test_a_mask_cannot_lie_far_beyond_its_prediction() -> None:
    model = Leaking()
    run = Run(make_tracker(config(memory=MemoryConfig(background_filter=False)), model), model)
    image, labels = scene({1: (4, 40, 20, 56)})
    run.show(image, LabelMap(labels, (1,)))
    result = run.show(scene({1: (4, 40, 20, 56), 2: (100, 40, 116, 56)})[0])
    assert (result.label_map.labels[44:52, 8:16] == 1).all()
    assert not (result.label_map.labels[:, 90:] == 1).any()


def test_later_reference_with_other_ids_is_refused() -> None:
    run = begin({1: (8, 8, 40, 40)})
    image, labels = scene({2: (8, 8, 40, 40)})
    with pytest.raises(ValueError, match="ids"):
        run.show(image, LabelMap(labels, (2,)))


@pytest.mark.parametrize("finetune", [False, FinetuneConfig(steps=3)])
def test_interrupted_run_continues_bit_for_bit(finetune: object) -> None:
    def clip(t: int) -> np.ndarray:
        boxes: dict[int, Box] = {1: (8 + 3 * t, 16, 40 + 3 * t, 48), 2: (72, 30 + 2 * t, 120, 60 + 2 * t)}
        return scene({i: box for i, box in boxes.items() if not (i == 1 and 3 <= t <= 5)})[0]

    options: dict[str, Any] = {"finetune": finetune, "memory": MemoryConfig(interval=2)}
    run = begin({1: (8, 16, 40, 48), 2: (72, 30, 120, 60)}, **options)
    for t in range(1, 5):
        run.show(clip(t))
    saved = save(run.tracker.state())
    other = Run(make_tracker(config(**options), ColourModel()), ColourModel())
    other.tracker.restore(load(saved))
    other.index = run.index
    for t in range(5, 10):
        a, b = run.show(clip(t), alpha=True), other.show(clip(t), alpha=True)
        assert a.presence == b.presence
        assert a.predicted_iou.tobytes() == b.predicted_iou.tobytes()
        assert a.alpha is not None
        assert b.alpha is not None
        assert a.alpha.tobytes() == b.alpha.tobytes()
    left, right = run.tracker.state(), other.tracker.state()
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    ("size", "boxes"),
    [
        ((96, 128), {1: (64, 48, 65, 49)}),  # one pixel
        ((96, 128), {1: (0, 0, 128, 96)}),  # everything
        ((96, 1), {1: (0, 20, 1, 60)}),  # one column
        ((1, 200), {1: (20, 0, 90, 1)}),  # one row
        ((1, 1), {1: (0, 0, 1, 1)}),
        ((96, 128), {i: (i % 16 * 8, i // 16 * 6, i % 16 * 8 + 6, i // 16 * 6 + 5) for i in range(1, 200)}),
    ],
)
@pytest.mark.parametrize("points", [0, 2])
def test_extreme_shapes_are_followed_without_failing(size: tuple[int, int], boxes: dict[int, Box], points: int) -> None:
    model = ColourModel()
    run = Run(make_tracker(config(points=points), model), model)
    image, labels = scene(boxes, size)
    ids = tuple(boxes)
    assert (run.show(image, LabelMap(labels, ids)).label_map.labels == labels).all()
    for _ in range(3):
        result = run.show(image, alpha=True)
        assert len(result.presence) == len(ids)
        assert np.isfinite(result.predicted_iou).all()


def test_full_frame_object_stays() -> None:
    run = begin({1: (0, 0, 128, 96)})
    for _ in range(3):
        result = run.show(scene({1: (0, 0, 128, 96)})[0])
    assert (result.label_map.labels == 1).all()


def test_unknown_tracker_is_named() -> None:
    from vos.errors import VosError

    with pytest.raises(VosError, match="persam, published"):
        make_tracker(config(name="sam2"), ColourModel())


class TornModel(ColourModel):
    """Surer of the left half of things for every other object, and of the right half for the rest."""

    def respond(self, call: DecoderCall) -> MaskCandidates:
        found = super().respond(call)
        slope = torch.linspace(0.8, 0.1, found.logits.shape[-1])
        halves = torch.stack([slope if row % 2 == 0 else slope.flip(0) for row in range(len(found.logits))])
        return MaskCandidates(found.logits * halves[:, None, None], found.predicted_iou)


def test_of_two_lost_twins_one_takes_what_returns_first() -> None:
    model = TornModel()
    run = Run(make_tracker(config(), model), model)
    image, labels = scene({1: (8, 8, 40, 40), 6: (80, 40, 112, 72)})  # ids 1 and 6 have one colour
    run.show(image, LabelMap(labels, (1, 6)))
    for _ in range(3):
        assert run.show(scene({})[0]).presence == (Presence.ABSENT, Presence.ABSENT)
    image, labels = scene({1: (48, 30, 80, 62)})
    result = run.show(image)
    assert sorted(presence.value for presence in result.presence) == ["absent", "present"]
    owner = (1, 6)[result.presence.index(Presence.PRESENT)]
    assert iou(result.label_map.labels == owner, labels == 1) > 0.7
    assert set(np.unique(result.label_map.labels)) == {0, owner}


def test_after_a_cut_only_the_object_itself_is_taken_up_again() -> None:
    config = PresenceConfig(found_iou=0.4, found_similarity=0.7, new_scene_similarity=0.9)
    look_alike: dict[str, Any] = {"predicted_iou": 0.8, "similarity": 0.8, "area": 400.0, "reference_area": 400.0}
    look_alike["lost"] = True
    assert judge(config, **look_alike) is Presence.PRESENT
    assert judge(config, **look_alike, in_new_scene=True) is Presence.ABSENT
    assert judge(config, **{**look_alike, "similarity": 0.95}, in_new_scene=True) is Presence.PRESENT
    run = begin({1: (8, 8, 40, 40)})
    other = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)  # another scene altogether
    run.show(other)
    assert isinstance(run.tracker, PersamTracker)
    (track,) = run.tracker.tracks
    assert track.in_new_scene
    assert track.presence is Presence.ABSENT
    state = run.tracker.state()
    run.show(scene({1: (60, 40, 92, 72)})[0])
    assert not track.in_new_scene
    assert track.presence is Presence.PRESENT
    run.tracker.restore(state)
    assert run.tracker.tracks[0].in_new_scene
