"""A traced function is the function, at every size, on every thread."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from vos.sam.nano.segmenter import NanoSegmenter
from vos.sam.nano.tracing import KEPT_SIZES, PATIENCE, Traced


class Counted:
    """Doubles; counts how often Python was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return 2 * x


def test_python_is_asked_no_more_once_a_size_is_known() -> None:
    function = Counted()
    traced = Traced(function)
    with torch.no_grad():
        for number in range(3 * PATIENCE):
            x = torch.full((2, 3), float(number))
            assert torch.equal(traced(x), 2 * x)
        assert function.calls == PATIENCE + 2, "the last two are the tracing"
        assert torch.equal(traced(torch.ones(4, 3)), torch.full((4, 3), 2.0))
        assert function.calls == PATIENCE + 3, "another size is another matter"


def test_photos_of_ever_new_sizes_are_never_traced() -> None:
    function = Counted()
    traced = Traced(function)
    with torch.no_grad():
        for side in range(1, 60):
            traced(torch.ones(side))
    assert function.calls == 59
    assert len(traced._calls) <= 4 * KEPT_SIZES


def test_with_gradients_the_function_itself_answers() -> None:
    traced = Traced(lambda x: x**2)
    with torch.no_grad():
        for _ in range(2 * PATIENCE):
            traced(torch.ones(3))
    x = torch.full((3,), 3.0, requires_grad=True)
    traced(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6, 6, 6]


def test_a_copy_of_a_model_is_a_model_of_its_own() -> None:
    model = NanoSegmenter.load(input_size=64, precision="float32")
    frame = np.zeros((48, 64, 3), np.uint8)
    before = [model.encode([frame])[0].features for _ in range(PATIENCE + 2)][-1]
    other = copy.deepcopy(model)
    other._network.backbone.stem.bias += 1
    assert torch.equal(model.encode([frame])[0].features, before)
    assert not torch.equal(other.encode([frame])[0].features, before)


def test_what_cannot_be_traced_is_called() -> None:
    traced = Traced(lambda x: str(x.shape))
    with torch.no_grad():
        assert [traced(torch.ones(2)) for _ in range(3 * PATIENCE)] == ["torch.Size([2])"] * 3 * PATIENCE


def test_constants_are_handed_over_at_every_call() -> None:
    notes: list[torch.Tensor] = []
    opaque = torch.arange(3.0).to_mkldnn()  # a trace refuses it as a constant

    def function(x: torch.Tensor) -> torch.Tensor:
        notes.append(opaque)
        return x + opaque.to_dense()

    @contextmanager
    def constants() -> Iterator[list[torch.Tensor]]:
        notes.clear()
        yield notes

    traced = Traced(function, constants)
    with torch.no_grad():
        for number in range(2 * PATIENCE):
            x = torch.full((3,), float(number))
            assert torch.equal(traced(x), x + torch.arange(3.0))
        assert len(notes) == 2, "noted, traced, and not called again"


def test_no_more_sizes_are_traced_than_are_kept() -> None:
    function = Counted()
    traced = Traced(function)
    with torch.no_grad():
        for _ in range(3 * PATIENCE):
            for side in range(1, 3 * KEPT_SIZES):
                assert torch.equal(traced(torch.ones(side)), torch.full((side,), 2.0))
    assert set(traced._traces) == {(side,) for side in range(1, KEPT_SIZES + 1)}


def test_a_trace_does_not_lay_out_weights_again() -> None:
    model = NanoSegmenter.load(input_size=64, precision="float32")
    frame = np.zeros((48, 64, 3), np.uint8)
    for _ in range(PATIENCE + 2):
        model.encode([frame])
    assert model._encoder._traces
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        model.encode([frame])
    names = [event.key for event in profile.key_averages()]
    assert any("convolution" in name for name in names)
    assert not any("reorder" in name for name in names)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_traced_encoder_gives_the_same_bits_on_many_threads(precision: str) -> None:
    model = NanoSegmenter.load(input_size=96, precision=precision)
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (72, 96, 3), dtype=np.uint8) for _ in range(3 * PATIENCE)]
    first = [model.encode([frame])[0] for frame in frames]
    assert model._encoder._traces, "traced by now"
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda frame: model.encode([frame])[0], frames))
    fresh = NanoSegmenter.load(input_size=96, precision=precision)
    for number, frame in enumerate(frames):
        if number % PATIENCE == 0:
            fresh._encoder._calls = {}
        (untraced,) = fresh.encode([frame])
        for other in (first[number], again[number]):
            assert torch.equal(other.features, untraced.features)
            assert all(torch.equal(a, b) for a, b in zip(other.levels, untraced.levels))
    assert not fresh._encoder._traces
