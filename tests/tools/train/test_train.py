"""Training the embedded model on a made-up data set: scenes are exact, runs resume, weights load."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from average import average
from safetensors.torch import load_file
from training import scenes
from training.losses import decoder_loss, true_iou
from training.photos import PhotoPool, Sprite
from training.regions import RegionDataset
from training.scenes import SceneDataset
from training.shapes import SIDE, made_up_sprite, with_thin_parts
from training.tracking_task import make_trainer, train_by_clicks

from vos.sam.nano.network import Decoder, NanoNetwork
from vos.sam.nano.segmenter import NanoSegmenter
from vos.sam.nano.tuning import mask_loss

CLICK_OUTPUT = "prompter.quality.0.weight"
TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights under the public names."""
    torch.manual_seed(0)
    arrays = {}
    for name, value in NanoNetwork().backbone.state_dict().items():
        head, *rest = name.split(".")
        number = "0" if head == "stem" else str(int(rest.pop(0)) + 1)
        arrays[".".join(["features", number, *rest])] = value.numpy().astype(np.float16)
    path = tmp_path_factory.mktemp("backbone") / "backbone.npz"
    np.savez(path, **arrays)
    return path


def train(segments: Path, backbone: Path, out: Path, steps: int, *more: object) -> None:
    command = [
        sys.executable,
        str(TOOLS / "train" / "train.py"),
        "tracking",
        "--data",
        segments,
        "--backbone",
        backbone,
        "--out",
        out,
    ]
    options = ["--steps", steps, "--size", 64, "--scenes", 2, "--objects", 2, "--threads", 1, "--decay", 1]
    subprocess.run([str(part) for part in [*command, *options, *more]], check=True, capture_output=True, timeout=300)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(segments: Path, backbone: Path, tmp_path: Path) -> None:
    train(segments, backbone, tmp_path / "whole", 4)
    train(segments, backbone, tmp_path / "parts", 2)
    train(segments, backbone, tmp_path / "parts", 4)
    whole = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    parts = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    assert whole["step"] == parts["step"] == 4
    for name, value in whole["network"].items():
        assert torch.equal(value, parts["network"][name]), name
    NanoSegmenter.load(tmp_path / "whole" / "nano.safetensors", input_size=64)


def test_clicks_train_both_decoders_and_the_encoder(segments: Path, backbone: Path, tmp_path: Path) -> None:
    train(segments, backbone, tmp_path / "whole", 2, "--regions", 2)
    train(segments, backbone, tmp_path / "parts", 1, "--regions", 2)
    train(segments, backbone, tmp_path / "parts", 2, "--regions", 2)
    whole, parts = (load_file(tmp_path / run / "nano.safetensors") for run in ("whole", "parts"))
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert {name for name in whole if name.startswith("prompter.")} == {
        f"prompter.{name}" for name in Decoder().state_dict() if not name.endswith("num_batches_tracked")
    }
    NanoSegmenter.load(tmp_path / "whole" / "nano.safetensors", input_size=64)
    network = make_trainer(backbone, init=tmp_path / "whole" / "nano.safetensors", clicks=True).network
    assert torch.equal(network.get_parameter(CLICK_OUTPUT).half(), whole[CLICK_OUTPUT])  # goes on, not anew
    image, masks = RegionDataset(PhotoPool(segments), 64, 2, seed=1, length=1)[0]
    generator = torch.Generator().manual_seed(0)
    loss, figures = train_by_clicks(network.train(), image[None], masks[None], generator, autocast=False)
    loss.backward()
    learns = {name.split(".")[0] for name, value in network.named_parameters() if value.grad is not None}
    assert "prompter" in learns
    assert "backbone" in learns
    assert "decoder" not in learns
    assert 0 <= figures["iou_click_1"] <= 1


def test_scene_masks_show_where_the_objects_are(segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without pasting every followed object is a plain disc or square.
    monkeypatch.setattr("training.scenes.random_sprite", lambda pool, rng: None)
    dataset = SceneDataset(PhotoPool(segments), 96, 2, seed=1, length=4)
    for index in range(4):
        views, masks = dataset[index]
        for mask in masks:
            inside = views[0].permute(1, 2, 0)[mask[0]].float()
            red, blue = inside[:, 0].mean(), inside[:, 2].mean()
            assert abs(red - blue) > 40, "an object is one colour, so its mask must cover that colour"


def test_made_up_objects_are_exact_and_some_parts_are_thin(segments: Path) -> None:
    pool = PhotoPool(segments)
    thin = 0
    for seed in range(12):
        sprite = made_up_sprite(pool, random.Random(seed))
        again = made_up_sprite(pool, random.Random(seed))
        assert np.array_equal(sprite.rgb, again.rgb)
        assert np.array_equal(sprite.alpha, again.alpha)
        solid = (sprite.alpha > 127).astype(np.uint8)
        assert solid[0].any(), "cropped to the object"
        assert solid[:, 0].any(), "cropped to the object"
        opened = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((11, 11), np.uint8))
        thin += int((solid > opened).sum() > 0.1 * solid.sum())
    assert thin >= 3


def test_thin_parts_are_added_to_a_cut_out(segments: Path) -> None:
    pool = PhotoPool(segments)
    plain = Sprite(np.full((80, 60, 3), 200, np.uint8), np.full((80, 60), 255, np.uint8))
    for seed in range(4):
        more = with_thin_parts(plain, pool, random.Random(seed))
        assert (more.alpha > 127).sum() > (SIDE / 2) * (SIDE / 2) * 60 / 80 * 0.95, "all of the object is still there"
        assert more.alpha.shape[0] / more.alpha.shape[1] != 80 / 60


def test_a_run_can_start_from_other_weights(segments: Path, backbone: Path, tmp_path: Path) -> None:
    first = make_trainer(backbone)
    first.save(tmp_path)
    torch.manual_seed(7)
    second = make_trainer(backbone, init=tmp_path / "nano.safetensors")
    for name, value in first.network.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value.half().float(), second.network.state_dict()[name]), name


def test_a_finished_run_is_left_alone(segments: Path, backbone: Path, tmp_path: Path) -> None:
    train(segments, backbone, tmp_path, 2)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    train(segments, backbone, tmp_path, 2)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before != {}


def test_the_clock_ends_a_run_that_has_steps_left(segments: Path, backbone: Path, tmp_path: Path) -> None:
    train(segments, backbone, tmp_path, 10**6, "--minutes", 0.1, "--falling", 0.5)
    step = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"]
    assert 1 <= step < 1000
    assert (tmp_path / f"step-{step}.safetensors").exists()


@pytest.mark.parametrize("asked", [False, True])
def test_the_first_blocks_learn_when_asked_to_and_the_stem_never(backbone: Path, asked: bool) -> None:
    network = make_trainer(backbone, all_blocks=asked).network.train()
    sum(level.float().mean() for level in network.encode(torch.rand(1, 3, 64, 64) * 255)).backward()
    learned = {name for name, value in network.named_parameters() if value.grad is not None and value.grad.any()}
    assert ("backbone.blocks.0.project.weight" in learned) is asked
    assert "backbone.blocks.5.project.weight" in learned
    assert "backbone.stem.weight" not in learned


def test_a_run_that_goes_on_takes_the_rate_it_is_given(backbone: Path, tmp_path: Path) -> None:
    make_trainer(backbone, 1e-3).save(tmp_path)
    again = make_trainer(backbone, 4e-4)
    again.resume(tmp_path)
    again.set_rate(0.5)
    assert [group["lr"] for group in again.optimizer.param_groups] == pytest.approx([2e-5, 2e-4])


def test_weights_are_averaged() -> None:
    mean = average([{"a": torch.tensor([1.0, 2.0])}, {"a": torch.tensor([3.0, 6.0])}])
    assert mean["a"].tolist() == [2.0, 4.0]
    assert mean["a"].dtype == torch.float16
    with pytest.raises(SystemExit, match="one network"):
        average([{"a": torch.zeros(1)}, {"b": torch.zeros(1)}])


def test_pasted_objects_cast_shadows(segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHADOW_SHARE", 1.0)
    dataset = SceneDataset(PhotoPool(segments), 96, 2, seed=3, length=8)
    lit = [dataset[number] for number in range(8)]
    monkeypatch.setattr(scenes.Shadow, "cast", lambda *_: None)
    plain = [dataset[number] for number in range(8)]
    assert all(torch.equal(mask, other) for (_, mask), (_, other) in zip(lit, plain))
    darker = [float((views.float() - others.float()).mean()) for (views, _), (others, _) in zip(lit, plain)]
    assert max(darker) <= 0.01
    assert min(darker) < -0.5


def test_scenes_depend_on_seed_and_number_alone(segments: Path) -> None:
    first = SceneDataset(PhotoPool(segments), 64, 2, seed=3, length=9)[5]
    second = SceneDataset(PhotoPool(segments), 64, 2, seed=3, length=2, first=4)[1]
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_a_right_mask_costs_less_than_a_wrong_one() -> None:
    target = torch.zeros(1, 16, 16)
    target[0, 4:12, 4:12] = 1
    right = (target * 12 - 6)[:, None]
    assert mask_loss(right, target).item() < 0.1 < mask_loss(-right, target).item()
    assert true_iou(right, target).item() == 1
    assert true_iou(right, torch.zeros_like(target)).item() == 0, "absent: any mask is worth nothing"


def test_only_the_best_of_three_candidates_is_pulled_hard() -> None:
    target = torch.zeros(1, 8, 8)
    target[0, :4] = 1
    logits = torch.stack([target * 8 - 4, target * 8 - 4, -(target * 8 - 4), torch.zeros_like(target)], dim=1)
    logits.requires_grad_()
    decoder_loss(logits, torch.zeros(1, 4), target).sum().backward()
    size = logits.grad[0].abs().sum(dim=(1, 2))
    assert size[2] > 0
    assert size[2] < 0.1 * mask_gradient(logits[:, 2:3].detach(), target)


def mask_gradient(logits: torch.Tensor, target: torch.Tensor) -> float:
    logits = logits.clone().requires_grad_()
    mask_loss(logits, target).sum().backward()
    return float(logits.grad.abs().sum())
