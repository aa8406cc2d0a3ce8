"""Recorded steps do what steps do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from training.recorded import WARM_UP, RecordedStep

CUDA = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA)]


@pytest.mark.parametrize("device", DEVICES)
def test_every_step_reads_its_own_batch_and_draws_its_own_numbers(device: str) -> None:
    weight = torch.zeros(3, device=device)
    generator = torch.Generator(device)

    def step(batch: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        weight.add_(batch[0])
        return {"sum": weight.sum(), "drawn": torch.rand(2, generator=generator, device=device)}

    recorded, seen = RecordedStep(step, generator), []
    for number in range(WARM_UP + 4):
        generator.manual_seed(number % 2)
        seen.append(recorded([torch.full((3,), float(number), device=device)]))
    assert [float(each["sum"]) for each in seen] == [3.0 * sum(range(n + 1)) for n in range(len(seen))]
    assert torch.equal(seen[-1]["drawn"], seen[-3]["drawn"])
    assert not torch.equal(seen[-1]["drawn"], seen[-2]["drawn"])
