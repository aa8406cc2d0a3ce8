"""Several histories of one object: how they fork, gather evidence, merge and take each other's place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fakes import Question
from safetensors.torch import load, save
from scenes import GROUND, Box, ColourModel, Run, config, iou, scene

from vos.errors import VosError
from vos.sam.prompting import MaskCandidates
from vos.structures import LabelMap, Presence
from vos.tracking.config import HypothesesConfig, MemoryConfig, TrackerConfig
from vos.tracking.hypotheses import Hypothesis, differing, evidence, gathered, leader, merged
from vos.tracking.observation import Sight
from vos.tracking.persam_tracker import PersamTracker
from vos.tracking.track import Track
from vos.tracking.tracker import make_tracker

OPTIONS = HypothesesConfig(count=3)


def mask(begin: int, end: int) -> torch.Tensor:
    result = torch.zeros(12, 12, dtype=torch.bool)
    result[begin:end, begin:end] = True
    return result


def hypothesis(shown: torch.Tensor, score: float) -> Hypothesis:
    sight = Sight(torch.where(shown, 5.0, -5.0), 0.9, torch.zeros(3, 3))
    return Hypothesis(Track(TrackerConfig()), sight, score)


def test_a_fork_shows_something_else_than_all_known_masks() -> None:
    masks = torch.stack([mask(0, 8), mask(0, 0), mask(5, 11), mask(5, 10), mask(1, 8)])
    assert differing(masks, [mask(0, 8)], 0.6) == [2], "the same, nothing, elsewhere, as before, nearly the same"
    assert differing(masks, [mask(0, 8), mask(5, 11)], 0.6) == []


def test_evidence_grows_with_predicted_iou_and_with_similarity_and_absence_has_its_price() -> None:
    seen = evidence(Presence.PRESENT, 0.8, 0.9, OPTIONS)
    assert seen > evidence(Presence.PRESENT, 0.6, 0.9, OPTIONS)
    assert seen > evidence(Presence.PRESENT, 0.8, 0.7, OPTIONS)
    assert evidence(Presence.PRESENT, 0.8, 1.5, OPTIONS) == evidence(Presence.PRESENT, 0.8, 1.0, OPTIONS)
    assert np.isfinite(evidence(Presence.UNCERTAIN, 0.0, -3.0, OPTIONS))
    assert seen > evidence(Presence.ABSENT, 0.0, 0.0, OPTIONS) > evidence(Presence.UNCERTAIN, 0.1, 0.5, OPTIONS)


def test_a_score_forgets_what_is_long_ago() -> None:
    score = -3.0
    for _ in range(80):
        score = gathered(score, -0.5, OPTIONS)
    assert score == pytest.approx(-0.5, abs=0.01)
    assert gathered(-0.5, -3.0, OPTIONS) > -1.0, "one bad frame is not the end"


def test_of_histories_that_have_become_one_the_better_goes_on() -> None:
    worse, better, other = hypothesis(mask(0, 8), -0.9), hypothesis(mask(0, 8), -0.5), hypothesis(mask(4, 12), -0.7)
    assert merged([worse, better, other], 0.9) == [better, other]
    nothing, none = hypothesis(mask(0, 0), -1.0), hypothesis(mask(0, 0), -2.0)
    assert merged([nothing, better, none], 0.9) == [better, nothing], "absent and absent are the same, too"


def test_another_history_must_be_better_by_a_margin() -> None:
    now, rival = hypothesis(mask(0, 8), -0.5), hypothesis(mask(4, 12), -0.45)
    assert leader(now, [rival, now], HypothesesConfig(margin=0.1)) is now
    assert leader(now, [rival, now], HypothesesConfig(margin=0.01)) is rival


def test_what_the_answer_has_become_one_with_needs_no_margin() -> None:
    now, heir, rival = hypothesis(mask(0, 8), -0.5), hypothesis(mask(0, 8), -0.49), hypothesis(mask(4, 12), -0.45)
    kept = merged([now, heir, rival], 0.9)
    assert kept == [rival, heir]
    assert leader(now, kept, HypothesesConfig(margin=0.1)) is heir


@pytest.mark.parametrize(("name", "value"), [("count", 0), ("absent", 0.0), ("momentum", 1.0), ("same", 0.0)])
def test_options_that_make_no_sense_are_named(name: str, value: float) -> None:
    with pytest.raises(VosError, match=f"tracker.hypotheses.{name}={value}.*default"):
        HypothesesConfig(**{name: value})  # type: ignore[arg-type]


TWIN = (200, 75, 30)  # nearly the colour of object 1


def with_twin(image: np.ndarray, box: Box) -> np.ndarray:
    x0, y0, x1, y1 = box
    image[y0:y1, x0:x1] = TWIN
    return image


class Confused(ColourModel):
    """Follows the mask it is given; while ``confused``, its single mask is of the twin, its candidates are of both."""

    def __init__(self) -> None:
        super().__init__()
        self.confused = False

    def answer(self, asked: Question) -> MaskCandidates:
        (fine,) = asked.embedding.levels
        colours = [
            (np.array(colour, np.float32) - np.array(GROUND, np.float32)) / 255 for colour in ((220, 30, 30), TWIN)
        ]
        own, twin = (8 - 80 * (fine[:3] - torch.from_numpy(colour)[:, None, None]).norm(dim=0) for colour in colours)
        rows, quality = [], []
        for prompt in asked.prompts:
            before = prompt.mask_logits
            astray = before is not None and int(((twin > 0) & (before > 0)).sum()) > int(
                ((own > 0) & (before > 0)).sum()
            )
            single = (twin, 0.5 if self.confused else 0.65) if astray or self.confused else (own, 0.9)
            both = [(own, 0.45), (twin, 0.5), (twin, 0.5)] if self.confused else [single] * 3
            answers = both if asked.multimask else [single]
            rows.append(torch.stack([logits for logits, _ in answers]))
            quality.append(torch.tensor([value for _, value in answers]))
        return MaskCandidates(torch.stack(rows), torch.stack(quality))


def several(count: int) -> TrackerConfig:
    return config(hypotheses=HypothesesConfig(count=count), memory=MemoryConfig(guard=False))


def cross(
    count: int, frames: range = range(1, 16), run: Run | None = None
) -> tuple[Run, list[float], list[np.ndarray]]:
    """A twin comes near in frame 1; the model is confused in frames 3 to 5. IoUs with the truth, and labels."""

    def show(run: Run, t: int) -> tuple[np.ndarray, np.ndarray]:
        image, labels = scene({1: (16 + t, 24, 40 + t, 48)})
        return (with_twin(image, (48 + t, 24, 72 + t, 48)) if t else image), labels == 1

    if run is None:
        model = Confused()
        run = Run(make_tracker(several(count), model), model)
        image, truth = show(run, 0)
        run.show(image, LabelMap(truth.astype(np.uint8), (1,)))
    ious, labels = [], []
    for t in frames:
        assert isinstance(run.model, Confused)
        run.model.confused = 3 <= t <= 5
        image, truth = show(run, t)
        labels.append(run.show(image).label_map.labels)
        ious.append(iou(labels[-1] == 1, truth))
    return run, ious, labels


def test_the_right_history_wins_after_the_first_guess_went_wrong() -> None:
    _, single, _ = cross(1)
    assert single[1] > 0.6 and max(single[2:]) < 0.1, "the scene must be a trap"
    run, several, _ = cross(3)
    assert several[1] > 0.6 and min(several[-5:]) > 0.6
    changes = sum((a > 0.5) != (b > 0.5) for a, b in pairwise(several))
    assert changes <= 2, "no flicker: away from the object at most once, and back"
    assert isinstance(run.tracker, PersamTracker) and run.tracker.pathways is not None
    assert len(run.tracker.pathways.tracks) <= 2


def test_a_sure_decoder_is_asked_once() -> None:
    calls = []
    for count in (1, 3):
        model = ColourModel()
        run = Run(make_tracker(config(hypotheses=HypothesesConfig(count=count)), model), model)
        image, labels = scene({1: (8, 8, 40, 40)})
        run.show(image, LabelMap(labels, (1,)))
        for _ in range(4):
            run.show(image)
        calls.append(len(model.asked))
    assert calls[0] == calls[1]


def test_an_interrupted_run_continues_bit_for_bit() -> None:
    run, _, _ = cross(3, range(1, 5))
    assert isinstance(run.tracker, PersamTracker) and run.tracker.pathways is not None
    assert run.tracker.pathways.tracks, "interrupted while there are several"
    saved = save(run.tracker.state())
    model = Confused()
    other = Run(make_tracker(several(3), model), model)
    other.tracker.restore(load(saved))
    other.index = run.index
    left, right = cross(3, range(5, 16), run), cross(3, range(5, 16), other)
    assert [labels.tobytes() for labels in left[2]] == [labels.tobytes() for labels in right[2]]
    states = run.tracker.state(), other.tracker.state()
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_new_reference_ends_all_doubt() -> None:
    run, _, _ = cross(3, range(1, 5))
    assert isinstance(run.tracker, PersamTracker) and run.tracker.pathways is not None
    assert run.tracker.pathways.tracks
    image, labels = scene({1: (21, 24, 45, 48)})
    run.show(with_twin(image, (53, 24, 77, 48)), LabelMap(labels, (1,)))
    assert not run.tracker.pathways.tracks


class Envious(ColourModel):
    """Less and less sure of an object; its candidates are surer of whatever is beside it."""

    def answer(self, asked: Question) -> MaskCandidates:
        thing = 20 * (asked.embedding.levels[0][:3].abs().sum(dim=0) - 0.2)
        own = torch.stack(
            [F.max_pool2d(p.mask_logits[None], 3, 1, 1)[0] > 0 for p in asked.prompts if p.mask_logits is not None]
        )
        shown = torch.where(~own if asked.multimask else own, thing, -20.0)[:, None].repeat(1, asked.candidates, 1, 1)
        quality = 0.99 if asked.multimask else max(0.5, 0.9 - 0.03 * len(self.asked))
        return MaskCandidates(shown, torch.full(shown.shape[:2], quality))


def test_no_history_takes_the_place_of_another_object() -> None:
    model = Envious()
    run = Run(make_tracker(config(hypotheses=HypothesesConfig(count=3, margin=0.0)), model), model)
    boxes: dict[int, Box] = {1: (24, 48, 48, 72), 6: (64, 48, 88, 72)}  # of one colour
    image, labels = scene(boxes)
    run.show(image, LabelMap(labels, (1, 6)))
    for t in range(1, 10):
        image, labels = scene({number: (x0, y0 - t, x1, y1 - t) for number, (x0, y0, x1, y1) in boxes.items()})
        result = run.show(image)
        for number in boxes:
            assert iou(result.label_map.labels == number, labels == number) > 0.6
    assert len(model.asked) > 9 * 2, "the scene must make it doubt"
