"""Answers on disk are small, and near enough to what they were."""

from __future__ import annotations

import zlib

import numpy as np
import safetensors.numpy
import torch
from fakes import square_mask

from vos.structures import Presence
from vos.tracking.tracked_frame import STEP, TrackedFrame, pack, unpack


def answer() -> TrackedFrame:
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    disk = 20 - 0.5 * ((x - 70) ** 2 + (y - 90) ** 2).sqrt()
    logits = torch.stack([disk, torch.full_like(disk, -32)])
    given = square_mask(0, (96, 128), object_id=1)
    return TrackedFrame(
        logits, torch.tensor([0.7, 0.0]), (Presence.UNCERTAIN, Presence.ABSENT), type(given)(given.labels, (1, 4))
    )


def test_an_answer_comes_back() -> None:
    before = answer()
    after = unpack(pack(before))
    near = before.logits.abs() < 15
    assert float((before.logits - after.logits)[near].abs().max()) <= STEP / 2
    assert float(((before.logits > 0) != (after.logits > 0)).float().mean()) < 1e-3, "no outline moves"
    assert bool((after.logits[1] < -15).all())
    assert torch.equal(before.predicted_iou, after.predicted_iou) and before.presence == after.presence
    assert after.given is not None and before.given is not None
    assert after.given.object_ids == (1, 4)
    np.testing.assert_array_equal(after.given.labels, before.given.labels)


def test_it_takes_a_few_kilobytes_per_object() -> None:
    assert len(zlib.compress(safetensors.numpy.save(pack(answer())), 1)) < 2 * 6000
