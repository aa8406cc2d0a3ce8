"""An adapted model is better at what it was shown, keeps its embeddings, and leaves the original as it was."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import islice, repeat

import cv2
import numpy as np
import pytest
import torch

from vos.adaptation.adapt import adapt, sample_generator
from vos.adaptation.config import AdaptConfig
from vos.errors import VosError
from vos.persam.location_prior import locate
from vos.persam.target_feature import observed_targets
from vos.progress import Display, shown_on
from vos.sam.nano import tuning as nano_tuning
from vos.sam.nano.segmenter import NanoSegmenter
from vos.sam.prompting import Prompt, TrainingSample
from vos.structures import Frame, LabelMap
from vos.tracking.config import TrackerConfig
from vos.tracking.merge import merge
from vos.tracking.persam_tracker import PersamTracker
from vos.tracking.registry import make_tracker

SIZE = (144, 192)
TINT = (40, 0, 20)
QUICK = AdaptConfig(steps=8, views=5)


@pytest.fixture(scope="module")
def model() -> NanoSegmenter:
    return NanoSegmenter.load(input_size=384, precision="float32")


def kite(x: int, y: int, index: int = 0) -> tuple[Frame, LabelMap]:
    """A kite on two long strings, hardly redder than the mottled ground: it is pale, and much of it is thin."""
    noise = np.random.default_rng(3).integers(0, 256, (18, 24, 3), dtype=np.uint8)
    rgb = np.asarray(cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8) // 2 + 60
    labels = np.zeros(SIZE, np.uint8)
    cv2.ellipse(labels, (x, y), (26, 10), 0, 0, 360, (1,), -1)
    for side in (-20, 20):
        cv2.line(labels, (x + side, y), (x, y + 70), (1,), 2)
    rgb[labels == 1] += np.array(TINT, np.uint8)
    return Frame(index, f"{index:05d}", index / 25, rgb), LabelMap(labels, (1,))


def found(model: NanoSegmenter, original: NanoSegmenter) -> float:
    """IoU on a second view of what ``model`` finds by the reference, on the embeddings of ``original``."""
    frame, shown = kite(80, 30)
    later, truth = kite(112, 44)
    before, embedding = original.encode([frame.rgb])[0], original.encode([later.rgb])[0]
    mask = before.geometry.mask_to_low_res(torch.from_numpy(shown.labels > 0)[None])
    guidance = locate(embedding, observed_targets(before, mask)).guidance
    prompt = Prompt.empty()
    response = model.decode(embedding, [prompt], guidance, multimask=False)
    pixels = embedding.geometry.logits_to_original(response.logits)[0, 0].numpy() > 0
    return float((pixels & (truth.labels > 0)).sum() / (pixels | (truth.labels > 0)).sum())


def test_adaptation_finds_what_the_model_missed(model: NanoSegmenter) -> None:
    before = found(model, model)
    after = found(adapt(model, *kite(80, 30), AdaptConfig(steps=20, views=8)), model)
    assert after > before + 0.05
    assert after > 0.83


def test_a_step_goes_down_the_mean_of_its_samples(model: NanoSegmenter) -> None:
    def learned(*batch: TrainingSample) -> torch.Tensor:
        state = model.adapted(repeat(batch), 3, 1e-3).adaptation()
        return torch.cat([value.flatten() for value in state.values()])

    first, second = islice(sample_generator(model, *kite(80, 30), QUICK.views, QUICK.seed).samples(), 2)
    alone, other, both = learned(first), learned(second), learned(first, second)
    assert torch.equal(learned(first, first), alone)
    assert torch.equal(learned(first, second), both)  # whichever of the two is through before the other
    assert not torch.equal(both, alone)
    assert not torch.equal(both, other)


def test_one_sample_per_step_is_enough(model: NanoSegmenter) -> None:
    assert found(adapt(model, *kite(80, 30), AdaptConfig(steps=20, samples=1, views=8)), model) > 0.82
    with pytest.raises(VosError, match="samples=0"):
        AdaptConfig(samples=0)


def test_the_original_and_the_embeddings_stay(model: NanoSegmenter) -> None:
    frame, reference = kite(80, 30)
    before, embedding = found(model, model), model.encode([frame.rgb])[0]
    adapted = adapt(model, frame, reference, QUICK)
    assert found(model, model) == before
    assert torch.equal(adapted.encode([frame.rgb])[0].features, embedding.features)
    assert model.adaptation() == {}


def test_the_same_reference_gives_the_same_bits_and_they_can_be_kept(model: NanoSegmenter) -> None:
    first, again = (adapt(model, *kite(80, 30), QUICK) for _ in range(2))
    kept = first.adaptation()
    assert kept
    other = adapt(model, *kite(80, 30), replace(QUICK, seed=1)).adaptation()
    assert not torch.equal(kept["masks.weight"], other["masks.weight"])
    assert all(torch.equal(value, again.adaptation()[name]) for name, value in kept.items())
    restored = model.with_adaptation(kept)
    assert isinstance(first, NanoSegmenter)
    assert isinstance(restored, NanoSegmenter)
    assert found(restored, model) == found(first, model) != found(model, model)


def test_what_predicts_the_iou_stays_calibrated_as_it_was(model: NanoSegmenter) -> None:
    adapted = adapt(model, *kite(80, 30), QUICK).adaptation()
    original = model._decoder.state_dict()
    changed = {name.split(".")[0] for name, value in adapted.items() if not torch.equal(value, original[name].cpu())}
    assert "masks" in changed
    assert "quality" not in changed


def test_a_share_of_the_decoder_as_it_was_is_kept(model: NanoSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    def learned(kept: float) -> torch.Tensor:
        monkeypatch.setattr(nano_tuning, "KEPT", kept)
        return adapt(model, *kite(80, 30), QUICK).adaptation()["masks.weight"]

    none, some, everything = learned(0.0), learned(0.25), learned(1.0)
    assert torch.equal(everything, model._decoder.masks.weight)
    assert float((none - everything).abs().max()) > 1e-4
    torch.testing.assert_close(some, 0.75 * none + 0.25 * everything)


def test_learning_does_not_load_the_compiler() -> None:
    # Importing it takes a second.
    code = """
import sys
import numpy as np
from vos.adaptation.adapt import adapt
from vos.sam.nano.segmenter import NanoSegmenter
from vos.structures import Frame, LabelMap
from vos.adaptation.config import AdaptConfig
labels = np.zeros((96, 96), np.uint8)
labels[20:60, 20:60] = 1
frame = Frame(0, "00000", 0.0, np.full((96, 96, 3), 60, np.uint8) + 90 * labels[..., None])
model = adapt(NanoSegmenter.load(input_size=96), frame, LabelMap(labels, (1,)), AdaptConfig(steps=2, views=2))
assert model.adaptation()
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("config", [AdaptConfig(enabled=False), AdaptConfig(steps=0)])
def test_switched_off(model: NanoSegmenter, config: AdaptConfig) -> None:
    assert adapt(model, *kite(80, 30), config) is model


def test_an_object_too_small_for_the_model_to_see_teaches_nothing(model: NanoSegmenter) -> None:
    labels = np.zeros((4, 4000), np.uint8)
    labels[3, 3999] = 1
    frame = Frame(0, "00000", 0.0, np.zeros((4, 4000, 3), np.uint8))
    assert adapt(model, frame, LabelMap(labels, (1,)), QUICK) is model


def test_samples_are_what_the_tracker_asks(model: NanoSegmenter) -> None:
    frame, reference = kite(80, 30)
    labels = reference.labels.copy()
    labels[100:130, 10:60] = 7
    generator = sample_generator(model, frame, LabelMap(labels, (1, 4, 7)), QUICK.views, QUICK.seed)
    assert generator.objects == 2  # 4 has no pixels
    samples = list(islice(generator.samples(), 40))
    for sample in samples:
        assert tuple(sample.truth.shape) == sample.embedding.geometry.logit_size
        for given in (sample.prompt.mask_logits, sample.prompt.others_logits):
            assert given is None or given.shape == sample.truth.shape
    whole = generator.views[0].embedding.geometry.logit_size
    assert {tuple(sample.truth.shape) == whole for sample in samples} == {True, False}  # windows, too
    assert {sample.prompt.mask_logits is None for sample in samples} == {True, False}
    assert {sample.prompt.others_logits is None for sample in samples} == {True, False}
    assert any(not bool(sample.truth.any()) for sample in samples)  # absent ones, too


def follow(tracker: PersamTracker, model: NanoSegmenter, first: int, last: int) -> list[bytes]:
    """Masks of the kite's frames first..last - 1 as bytes; frame 0 is the reference."""
    masks = []
    for index in range(first, last):
        frame, reference = kite(60 + 6 * index, 30 + 2 * index, index)
        embedding = model.encode([frame.rgb])[0]
        tracked = tracker.step(embedding, frame) if index else tracker.start(embedding, reference, frame)
        masks.append(merge(tracked, embedding.geometry, frame, (1,), False).label_map.labels.tobytes())
    return masks


def test_an_interrupted_run_goes_on_with_what_was_learned(model: NanoSegmenter) -> None:
    config = TrackerConfig(adapt=QUICK)
    whole, interrupted = (PersamTracker(config, model) for _ in range(2))
    expected = follow(whole, model, 0, 8)
    follow(interrupted, model, 0, 4)
    resumed = make_tracker(config, model)
    assert isinstance(resumed, PersamTracker)
    resumed.restore(interrupted.state())
    assert follow(resumed, model, 4, 8) == expected[4:]


def test_a_new_start_forgets(model: NanoSegmenter) -> None:
    tracker = PersamTracker(TrackerConfig(adapt=QUICK), model)
    expected = follow(tracker, model, 0, 4)
    assert follow(tracker, model, 0, 4) == expected


def test_learning_shows_its_progress(model: NanoSegmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.progress.FIRST_LINE", 0)
    monkeypatch.setattr("vos.adaptation.adapt.BAR_DELAY", 0)
    said: list[str] = []
    with shown_on(Display(has_bar=False, say=said.append)):
        adapt(model, *kite(80, 30), AdaptConfig(steps=3, views=1))
    assert said[0].startswith("learning: 1 of 3 steps, ")
