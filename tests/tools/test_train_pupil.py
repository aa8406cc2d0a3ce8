"""Learning to learn: episodes that teach, runs that resume, a file that loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nano_training.episode import Episodes, Outcome
from nano_training.photos import PhotoPool
from nano_training.scenes import SceneDataset
from safetensors.torch import load_file
from train_pupil import make_trainer, take

from vos.sam.nano import NanoSegmenter
from vos.tracker_config import AdaptConfig

ROOT = Path(__file__).resolve().parents[2]
TOOLS, WEIGHTS = ROOT / "tools", ROOT / "vos" / "weights" / "nano.safetensors"
SIZE = 96


@pytest.fixture(scope="module")
def model() -> NanoSegmenter:
    return NanoSegmenter.load(precision="float32", input_size=SIZE)


def episodes(segments: Path, model: NanoSegmenter, practice: int = 2) -> Episodes:
    scenes = SceneDataset(PhotoPool(segments), SIZE, 2, 0, 100)
    return Episodes(scenes, model, AdaptConfig(steps=practice, views=3), seed=0)


def loss_of(outcome: Outcome) -> float:
    return outcome.figures["loss"]


@pytest.mark.parametrize(("rate", "pace_rate"), [(1e-3, 0.0), (0.0, 0.1)], ids=["start", "pace"])
def test_steps_down_the_gradients_of_an_episode_make_it_end_better(
    segments: Path, model: NanoSegmenter, rate: float, pace_rate: float
) -> None:
    trainer, own = make_trainer(WEIGHTS), episodes(segments, model)
    for group, own_rate in zip(trainer.optimizer.param_groups, (pace_rate, rate)):
        group["lr"] = own_rate
    losses = []
    for _ in range(6):
        outcome = own.run(3, trainer.network)
        losses.append(loss_of(outcome))
        take(trainer, [outcome])
    assert min(losses[3:]) < 0.97 * losses[0]


def test_an_episode_depends_on_its_number_alone(segments: Path, model: NanoSegmenter) -> None:
    pupil = model.pupil()
    first, again = (episodes(segments, model).run(2, pupil) for _ in range(2))
    other = episodes(segments, model).run(1, pupil)
    assert loss_of(first) == loss_of(again) != loss_of(other)
    assert all(torch.equal(value, again.gradients[name]) for name, value in first.gradients.items())


def train(data: Path, out: Path, steps: int) -> dict[str, torch.Tensor]:
    command = [sys.executable, str(TOOLS / "train_pupil.py"), "--data", data, "--init", WEIGHTS, "--out", out]
    options = ["--steps", steps, "--batch", 2, "--practice", 1, "--views", 2, "--size", 64, "--workers", 1]
    options += ["--decay", 1000, "--rate", 1e-2, "--float32"]
    subprocess.run([str(part) for part in [*command, *options]], check=True, capture_output=True, timeout=300)
    return load_file(out / "nano.safetensors")


def test_a_stopped_run_ends_as_a_whole_one_and_changes_nothing_but_the_pupil(segments: Path, tmp_path: Path) -> None:
    whole, before = train(segments, tmp_path / "whole", 2), load_file(WEIGHTS)
    train(segments, tmp_path / "parts", 1)
    parts = train(segments, tmp_path / "parts", 2)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    rest = [name for name in whole if not name.startswith("pupil.")]
    assert all(torch.equal(whole[name], before[name]) for name in rest)
    pupil = NanoSegmenter.load(tmp_path / "whole" / "nano.safetensors", input_size=64).pupil()
    original = NanoSegmenter.load(WEIGHTS, input_size=64).pupil()
    assert not torch.equal(pupil.log_pace, original.log_pace)
    assert not torch.equal(pupil.decoder.masks.weight, original.decoder.masks.weight)
