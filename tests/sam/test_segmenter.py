"""What all models have in common: batches within a limit of memory, and one model for all runs of a process."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes import DecoderCall, FakeSegmenter, square_clip

from vos.errors import VosError
from vos.geometry import Geometry, SizeHW
from vos.sam.config import ModelConfig
from vos.sam.nano.segmenter import NanoSegmenter
from vos.sam.prompting import Guidance, MaskCandidates, Prompt
from vos.sam.registry import load_model
from vos.structures import ImageEmbedding

GEOMETRY = Geometry((32, 32), (32, 32), (32, 32))


class NumberSegmenter(FakeSegmenter):
    """Gives each object the number of its only point as logits; every object takes a gigabyte."""

    def geometry(self, original_size: SizeHW) -> Geometry:
        return GEOMETRY

    def encode(self, images: object) -> list[ImageEmbedding]:
        return [ImageEmbedding(torch.zeros(1, 2, 2), GEOMETRY)]

    def respond(self, call: DecoderCall) -> MaskCandidates:
        numbers = torch.tensor([float(prompt.points[0, 0]) for prompt in call.prompts])
        assert call.guidance is not None
        assert call.guidance.attention is not None
        assert torch.equal(call.guidance.attention[:, 0], numbers), "each object has its own guidance"
        return MaskCandidates(numbers.view(-1, 1, 1, 1).expand(-1, 1, 8, 8), numbers[:, None])

    def _bytes_per_object(self, geometry: Geometry) -> float:
        return 1e9


@pytest.mark.parametrize(("limit", "batches"), [(5, [5]), (100, [5]), (2, [2, 2, 1]), (0.1, [1] * 5)])
def test_no_more_objects_are_decoded_at_once_than_the_limit_allows(limit: float, batches: list[int]) -> None:
    model = NumberSegmenter()
    limited = model.at_memory_limit(limit)
    prompts = [Prompt.from_points(np.float32([[number, 0]])) for number in range(5)]
    guidance = Guidance(attention=torch.arange(5.0)[:, None].expand(-1, 4))
    decoded = limited.decode(model.encode([])[0], prompts, guidance, multimask=False)
    assert decoded.logits[:, 0, 0, 0].tolist() == decoded.predicted_iou[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert [len(call.prompts) for call in model.calls] == batches


def test_smaller_batches_give_the_same_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    decode = NanoSegmenter._decode

    def counted(self: NanoSegmenter, embeddings: Any, prompts: Sequence[Prompt], *rest: Any) -> MaskCandidates:
        sizes.append(len(prompts))
        return decode(self, embeddings, prompts, *rest)

    monkeypatch.setattr(NanoSegmenter, "_decode", counted)
    model = load_model(ModelConfig(input_size=128), device="cpu", precision="float32")
    (embedding,) = model.encode([square_clip(1)[0]])
    prompts = [Prompt.from_points(np.float32([[x, 20]])) for x in (10, 30, 50)]
    whole, parts = (each.decode(embedding, prompts) for each in (model, model.at_memory_limit(0.0001)))
    torch.testing.assert_close(whole.logits, parts.logits, rtol=1e-3, atol=1e-3)
    assert sizes == [3, 1, 1, 1]


def test_a_second_run_of_the_process_has_the_same_model() -> None:
    first, second = (load_model(ModelConfig(input_size=size), device="cpu") for size in (128, 160))
    assert isinstance(first, NanoSegmenter)
    assert isinstance(second, NanoSegmenter)
    assert first._encoder is second._encoder, "its traces are kept for good, and serve again"
    assert [model.geometry((96, 160)).padded_size for model in (first, second)] == [(96, 128), (96, 160)]
    with pytest.raises(VosError, match="not a multiple of 32"):
        load_model(ModelConfig(input_size=100), device="cpu")


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    with resources.as_file(resources.files("vos.weights") / "nano.safetensors") as own:
        shutil.copy(own, path)
    first = load_model(ModelConfig(), path, "cpu")
    assert load_model(ModelConfig(), path, "cpu")._encoder is first._encoder  # type: ignore[attr-defined]
    path.write_bytes(b"no weights")
    with pytest.raises(VosError, match=r"own\.safetensors does not hold weights"):
        load_model(ModelConfig(), path, "cpu")
