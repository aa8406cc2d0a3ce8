"""Training the decoder for clicks and boxes: prompts as a user gives them, runs that resume, a file that loads."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from training.interaction import Interaction
from training.pasting import SPRITE_BASE
from training.photos import PhotoPool
from training.regions import RegionDataset, joined
from training.task import HELD_OUT_LIST, training_ids

from vos.sam.nano.network import Decoder, NanoNetwork
from vos.sam.nano.segmenter import NanoSegmenter

TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the whole network."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "nano.safetensors"
    save_file({name: value.half() for name, value in NanoNetwork().state_dict().items() if value.ndim}, path)
    return path


def train(data: Path, weights: Path, out: Path, steps: int, *more: object) -> dict[str, torch.Tensor]:
    command = [
        sys.executable,
        str(TOOLS / "train" / "train.py"),
        "clicks",
        "--data",
        data,
        "--init",
        weights,
        "--out",
        out,
    ]
    options = ["--steps", steps, "--size", 64, "--regions", 2, "--threads", 1, "--decay", 1]
    subprocess.run([str(part) for part in [*command, *options, *more]], check=True, capture_output=True, timeout=300)
    return load_file(out / "nano.safetensors")


def test_a_stopped_run_ends_as_a_whole_one_and_changes_nothing_but_its_decoder(
    segments: Path, weights: Path, tmp_path: Path
) -> None:
    whole = train(segments, weights, tmp_path / "whole", 4)
    train(segments, weights, tmp_path / "parts", 2)
    parts, before = train(segments, weights, tmp_path / "parts", 4), load_file(weights)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert all(torch.equal(value, whole[name]) for name, value in before.items())
    learned = [name for name in whole if name not in before]
    assert all(name.startswith("prompter.") for name in learned)
    assert any(not torch.equal(whole[name], before[name.replace("prompter", "decoder", 1)]) for name in learned)
    NanoSegmenter.load(tmp_path / "whole" / "nano.safetensors", input_size=64)


def test_the_guided_decoder_has_a_file_of_its_own(segments: Path, weights: Path, tmp_path: Path) -> None:
    learned = train(segments, weights, tmp_path / "guided", 2, "--guided", "--further", segments)
    before = load_file(weights)
    assert {name.partition(".")[0] for name in learned} == {"prompter"}
    still = [name for name in learned if "running_mean" in name]
    assert still
    assert all(torch.equal(learned[name], before[name.replace("prompter", "decoder", 1)]) for name in still)
    assert any(not torch.equal(learned[name], before[name.replace("prompter", "decoder", 1)]) for name in learned)


def test_unions_are_of_regions_that_touch_and_are_no_larger_than_a_region_may_be() -> None:
    ids = np.zeros((64, 64), np.int16)
    ids[:20, :20], ids[:20, 20:40], ids[40:, 40:], ids[20:40, :20] = 1, 2, 3, SPRITE_BASE
    rng = random.Random(0)
    assert np.array_equal(joined(ids == 1, ids, rng), (ids == 1) | (ids == 2)), "what is pasted in is left out"
    assert np.array_equal(joined(ids == 3, ids, rng), ids == 3)
    ids[:] = 1
    ids[:20] = 2
    assert np.array_equal(joined(ids == 2, ids, rng), ids == 2)


def test_photos_on_a_list_are_never_trained_on(segments: Path, tmp_path: Path) -> None:
    ids = training_ids(segments, "")
    (tmp_path / HELD_OUT_LIST).write_text(f"{ids[0]}\nof_another_folder\n")
    assert training_ids(segments, "", beside=tmp_path) == ids[1:]


def test_close_views_show_the_regions_that_their_masks_name(segments: Path) -> None:
    views = RegionDataset(PhotoPool(segments), 64, 2, seed=2, length=6, objects=True)
    for number in range(6):
        image, masks = views[number]
        assert image.shape == (3, 64, 64)
        assert masks.flatten(1).any(dim=1).all()


def test_views_show_the_regions_that_their_masks_name(segments: Path) -> None:
    views = RegionDataset(PhotoPool(segments), 64, 3, seed=1, length=8)
    for number in range(8):
        image, masks = views[number]
        assert image.shape == (3, 64, 64)
        assert image.dtype == torch.uint8
        assert masks.shape == (3, 64, 64)
        assert masks.flatten(1).any(dim=1).all()
        again, _ = RegionDataset(PhotoPool(segments), 64, 3, seed=1, length=1, first=number)[0]
        assert torch.equal(image, again)


class Oracle(Decoder):
    """Notes its prompts; responds with nothing, then the left half."""

    def __init__(self, side: int = 64) -> None:
        super().__init__()
        self.side = side
        self.prompts: list[torch.Tensor] = []

    def forward(self, levels, guidance, fine, prompt, chosen=slice(None)):  # type: ignore[no-untyped-def]
        assert not guidance.any()
        assert not any(each.any() for each in fine)
        self.prompts.append(prompt)
        logits = torch.full((len(prompt), 4, self.side, self.side), -5.0)
        if len(self.prompts) > 1:
            logits[..., : self.side // 2] = 5.0
        return logits.requires_grad_(), torch.zeros(len(prompt), 4)


def test_each_response_is_corrected_where_most_of_it_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.interaction.BOX_SHARE", 0.0)
    masks = torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    masks[..., :48] = True  # the left half of the response is wider than this
    oracle = Oracle()
    levels = tuple(torch.zeros(1, 1, s, s) for s in (8, 16, 32))
    loss, figures = Interaction(oracle, levels, masks, torch.Generator().manual_seed(0), False).run()
    assert loss.requires_grad
    assert set(figures) == {"iou_click_1", "iou_click_2", "iou_click_3", "iou_box"}
    assert figures["iou_click_1"] == 0
    assert float(figures["iou_click_2"]) == pytest.approx(0.75)
    assert bool(figures["iou_box"].isnan()), "nobody gave a box"
    first, second, third = (prompt[0] for prompt in oracle.prompts)
    positive, negative, box, given = 5, 6, 7, 4
    assert first[positive].max() > 0.9
    assert not first[negative].any()
    assert not first[box].any()
    assert not first[given].any()
    assert int(first[positive].amax(dim=0).argmax()) < 12
    # Nothing was found: one more click on the object. Then too much: a click beside it.
    assert second[given].all()
    assert not second[negative].any()
    assert bool((second[positive] >= first[positive]).all())
    assert 12 <= int(third[negative].amax(dim=0).argmax()) < 16


def test_boxes_are_given_to_some_and_clicks_to_all_others() -> None:
    masks = torch.zeros(1, 40, 64, 64, dtype=torch.bool)
    masks[..., 16:48, 20:40] = True
    oracle = Oracle(side=32)
    levels = tuple(torch.zeros(1, 1, s, s) for s in (4, 8, 16))
    _, figures = Interaction(oracle, levels, masks, torch.Generator().manual_seed(1), False).run()
    first = oracle.prompts[0]
    clicked, boxed = first[:, 5].flatten(1).any(dim=1), first[:, 7].flatten(1).any(dim=1)
    assert 3 < int(boxed.sum()) < 25
    assert bool((clicked | boxed).all())
    assert 0 < int((clicked & boxed).sum()) < int(boxed.sum())
    assert not bool(figures["iou_box"].isnan())
