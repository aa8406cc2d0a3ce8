"""The way back: what the forward pass noticed late, or did not know yet, reaches the frames before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load, save
from scenes import Box, ColourModel, config, iou, scene

from vos.errors import VosError
from vos.structures import Frame, LabelMap, Presence, TrackedFrame
from vos.tracking.config import PresenceConfig, SecondPassConfig
from vos.tracking.merge import merge
from vos.tracking.second_pass import SecondPass
from vos.tracking.tracker import Tracker, make_tracker

HIDDEN, PALE, COUNT = range(3, 6), range(6, 10), 13
Image = npt.NDArray[np.uint8]


def pale_return() -> tuple[list[Image], list[npt.NDArray[np.bool_]]]:
    """An object that moves, is hidden, comes back in a pale colour, and has its own again some frames later."""
    images, truth = [], []
    for t in range(COUNT):
        box: Box = (8 + 3 * t, 32, 40 + 3 * t, 64)
        image, labels = scene({} if t in HIDDEN else {1: box})
        if t in PALE:
            image[labels == 1] = (150, 105, 40)
        images.append(image)
        truth.append(labels == 1)
    return images, truth


class Passes:
    """A tracker on its way through images and back; ``given`` are masks by index."""

    def __init__(self, images: list[Image], given: dict[int, LabelMap]) -> None:
        self.model = ColourModel()
        presence = PresenceConfig(found_similarity=0.97)  # a lost object has to look just like itself
        self.config = config(second_pass=SecondPassConfig(enabled=True), presence=presence)
        self.tracker: Tracker = make_tracker(self.config, self.model)
        self.frames = [Frame(k, f"{k:05d}", k / 25, image) for k, image in enumerate(images)]
        self.embeddings = [self.model.encode([image])[0] for image in images]
        self.first: list[TrackedFrame] = []
        for frame, embedding in zip(self.frames, self.embeddings):
            if frame.index in given:
                take = self.tracker.add_reference if frame.index else self.tracker.start
                self.first.append(take(embedding, given[frame.index], frame))
            else:
                self.first.append(self.tracker.step(embedding, frame))

    def back(self, interrupted_at: int | None = None) -> list[TrackedFrame]:
        """The fused answers, in the order of the frames; the tracker is replaced by a restored one on the way."""
        end = len(self.frames) - 1
        again = SecondPass(self.tracker, self.config.second_pass, self.first.__getitem__, end)
        fused = []
        for frame in reversed(self.frames):
            if frame.index == interrupted_at:
                fresh = make_tracker(self.config, self.model)
                fresh.restore(load(save(again.tracker.state())))
                again = SecondPass(fresh, self.config.second_pass, self.first.__getitem__, end)
            fused.append(again.step(self.embeddings[frame.index], frame))
        return fused[::-1]

    def labels(self, answers: list[TrackedFrame]) -> list[npt.NDArray[np.uint8]]:
        ids = self.tracker.object_ids
        return [
            merge(answer, embedding.geometry, frame, ids).label_map.labels
            for answer, embedding, frame in zip(answers, self.embeddings, self.frames)
        ]


def test_a_return_noticed_late_is_painted_from_its_beginning() -> None:
    images, truth = pale_return()
    passes = Passes(images, {0: LabelMap(truth[0].astype(np.uint8), (1,))})
    first = passes.labels(passes.first)
    assert all(not first[t].any() for t in (*HIDDEN, *PALE)), "the forward pass misses the pale frames"
    assert iou(first[-1] == 1, truth[-1]) > 0.8, "and finds the object in the end"
    fused = passes.back()
    for t, labels in enumerate(passes.labels(fused)):
        assert iou(labels == 1, truth[t]) > 0.8, t
        assert (fused[t].presence[0] is Presence.ABSENT) == (t in HIDDEN)


def test_an_object_first_shown_late_is_found_in_the_frames_before() -> None:
    images, labels = zip(*(scene({1: (8, 16 + t, 40, 48 + t), 2: (72, 40, 104 - t, 80)}) for t in range(6)))
    one, two = (np.where(labels[t] == i, labels[t], 0).astype(np.uint8) for t, i in ((0, 1), (4, 2)))
    passes = Passes(list(images), {0: LabelMap(one, (1, 2)), 4: LabelMap(two, (1, 2))})
    assert not any((found == 2).any() for found in passes.labels(passes.first)[:4])
    fused = passes.back()
    for t, found in enumerate(passes.labels(fused)):
        for i in (1, 2):
            assert iou(found == i, labels[t] == i) > 0.7, (t, i)
    assert (passes.labels(fused)[0] == 1)[one == 1].all() and (passes.labels(fused)[4] == 2)[two == 2].all()


def test_coming_by_a_mask_again_moves_the_object_there_and_learns_nothing() -> None:
    images, labels = zip(*(scene({1: (8 + 2 * t, 16, 40 + 2 * t, 48)}) for t in range(6)))
    passes = Passes(list(images), {t: LabelMap(labels[t], (1,)) for t in (0, 3)})
    (track,) = passes.tracker.tracks  # type: ignore[attr-defined]
    anchors = len(track.memory.anchors)
    fused = passes.back()
    assert len(track.memory.anchors) == anchors == 2
    np.testing.assert_array_equal(passes.labels(fused)[3], labels[3])
    assert track.motion.box[0] == pytest.approx(8, abs=2)


def test_turning_reverses_the_motion_and_keeps_what_was_learned() -> None:
    images, truth = pale_return()
    passes = Passes(images, {0: LabelMap(truth[0].astype(np.uint8), (1,))})
    (track,) = passes.tracker.tracks  # type: ignore[attr-defined]
    velocity, anchors = track.motion.velocity.copy(), list(track.memory.anchors)
    assert velocity[0] > 1
    passes.tracker.turn()
    assert track.motion.velocity == pytest.approx(-velocity)
    assert track.memory.anchors == anchors and len(track.memory.views()) > len(anchors)


@pytest.mark.parametrize("cut", [0, 4, 7, 12])
def test_a_restored_tracker_goes_on_its_way_back_with_the_same_bits(cut: int) -> None:
    images, truth = pale_return()
    given = {0: LabelMap(truth[0].astype(np.uint8), (1,))}
    whole, parts = Passes(images, given).back(), Passes(images, given).back(interrupted_at=cut)
    for one, other in zip(whole, parts):
        assert torch.equal(one.logits, other.logits) and torch.equal(one.predicted_iou, other.predicted_iou)
        assert one.presence == other.presence


@pytest.mark.parametrize("options", [{"views": -1}, {"found_iou": 1.5}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(VosError, match=rf"second_pass\.{next(iter(options))}.*default"):
        SecondPassConfig(**options)  # type: ignore[arg-type]


def test_the_published_tracker_says_at_once_that_it_cannot() -> None:
    with pytest.raises(VosError, match=r"second_pass.*tracker=persam"):
        make_tracker(config(name="reference", second_pass=SecondPassConfig(enabled=True)), ColourModel())
