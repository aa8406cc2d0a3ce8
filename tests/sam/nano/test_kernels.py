"""The fused operations say what PyTorch's own say."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vos.sam.nano import kernels
from vos.sam.nano.kernels import PACKED_SIZES, Convolution, fused_is_right
from vos.sam.nano.segmenter import NanoSegmenter

LAST = torch.channels_last


def pictures(count: int, channels: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    torch.manual_seed(channels)
    return torch.randn(count, channels, 12, 16).to(dtype).contiguous(memory_format=LAST)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("groups", [1, 8])
def test_the_fused_convolution_is_the_one_with_gradients(activation: str, groups: int) -> None:
    layer = Convolution(8, 8, 3, groups=groups, activation=activation)  # type: ignore[arg-type]
    x = pictures(2, 8)
    with torch.no_grad():
        fused = layer(x)
    torch.testing.assert_close(fused, layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("last", [True, False], ids=["in place", "in another memory format"])
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_a_sum_is_the_sum(last: bool, activation: str) -> None:
    layer = Convolution(8, 6, 3, activation=activation)  # type: ignore[arg-type]
    x, onto = pictures(2, 8), pictures(2, 6)
    onto = onto if last else onto.contiguous()
    wanted = layer(x) + onto
    with_gradients, given = layer(x, onto=onto), onto.clone()
    torch.testing.assert_close(with_gradients, wanted)
    assert torch.equal(onto, given), "with gradients nothing is changed in place"
    with torch.no_grad():
        torch.testing.assert_close(layer(x, onto=onto), wanted.detach(), rtol=1e-4, atol=1e-5)


def test_one_map_is_added_to_all_of_a_batch() -> None:
    layer = Convolution(8, 6)
    x, onto = pictures(3, 8), pictures(1, 6)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, onto=onto), layer(x) + onto)


def test_weights_laid_out_once_give_the_same_at_every_size_and_copies_can_learn() -> None:
    torch.manual_seed(0)
    layer = Convolution(6, 8, 3, activation="relu")
    sizes = [(1, 6, side, side + 1) for side in range(3, 3 + 2 * PACKED_SIZES)]
    images = [torch.randn(size).contiguous(memory_format=torch.channels_last) for size in sizes]
    with torch.no_grad():
        expected = [layer(image) for image in images]
        layer.freeze()
        for _ in range(2):
            assert all(torch.equal(layer(image), output) for image, output in zip(images, expected))
        changed = copy.deepcopy(layer)
        changed.weight.mul_(2)
        assert not torch.equal(changed(images[0]), expected[0])


@pytest.fixture
def untested(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Another PyTorch than those in which the private operators are known to be right; the calls to them."""
    calls: list[str] = []

    def counted(name: str) -> Callable[..., torch.Tensor]:
        operator = getattr(kernels, name)

        def call(*args: Any) -> torch.Tensor:
            calls.append(name)
            result: torch.Tensor = operator(*args)
            return result

        return call

    for name in ("convolve", "convolve_onto"):
        monkeypatch.setattr(kernels, name, counted(name))
    monkeypatch.setattr(torch, "__version__", "99.1.0+cpu")
    fused_is_right.cache_clear()
    yield calls
    fused_is_right.cache_clear()


def broken(kind: str) -> Callable[..., torch.Tensor]:
    """An operator that another PyTorch might have in the place of ours."""

    def call(*args: Any) -> torch.Tensor:
        if kind == "gone":
            raise RuntimeError("no such operator")
        if kind == "other arguments":
            raise TypeError("convolve() takes 3 positional arguments")
        x, weight, bias, padding, stride, dilation, groups = args[:7]
        plain = torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
        return plain if kind == "no activation" else plain.clamp(0, 6) * 1.01

    return call


def layer_and_truth() -> tuple[Convolution, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    layer = Convolution(8, 8, 3, activation="relu6")
    x = pictures(2, 8)
    layer.freeze()
    return layer, x, torch.conv2d(x, layer.weight, layer.bias, padding=1).clamp(0, 6).detach()


def test_an_untested_version_is_tried_once_and_then_used(untested: list[str]) -> None:
    layer, x, truth = layer_and_truth()
    with torch.no_grad():
        torch.testing.assert_close(layer(x), truth, rtol=1e-4, atol=1e-5)
        tried = len(untested)
        assert {"convolve", "convolve_onto"} <= set(untested), "both were compared before"
        layer(x)
    assert untested[tried:] == ["convolve"], "one call for one convolution"


def test_a_tested_version_is_not_tried(untested: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", f"{kernels.TESTED_VERSIONS[0]}+cu130")
    layer, x, _ = layer_and_truth()
    with torch.no_grad():
        layer(x)
    assert untested == ["convolve"]


@pytest.mark.parametrize("kind", ["gone", "other arguments", "no activation", "a little off"])
def test_an_operator_that_says_something_else_is_not_used(
    kind: str, untested: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "convolve", broken(kind))
    layer, x, truth = layer_and_truth()
    with torch.no_grad():
        assert not fused_is_right(x.dtype)
        torch.testing.assert_close(layer(x), truth, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(layer(x, onto=x.clone()), truth + x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["convolve_onto", "_laid_out"])
def test_a_wrong_sum_or_order_of_weights_counts_too(
    name: str, untested: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "_laid_out" and not kernels.HAS_REORDER:
        pytest.skip("this PyTorch lays out no weights")
    monkeypatch.setattr(kernels, name, lambda first, *_: first * 2)
    assert not fused_is_right(torch.float32)


def test_a_model_without_the_private_operators_sees_the_same(
    untested: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    fused = NanoSegmenter.load(input_size=64, precision="float32").encode([picture])[0]
    assert untested
    monkeypatch.setattr(kernels, "convolve", broken("gone"))
    fused_is_right.cache_clear()
    public = NanoSegmenter.load(input_size=64, precision="float32").encode([picture])[0]
    torch.testing.assert_close(public.features, fused.features, rtol=1e-3, atol=1e-3)
    for one, other in zip(public.levels, fused.levels):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_a_processor_from_before_bfloat16_computes_in_it_by_public_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    exact = NanoSegmenter.load(input_size=64, precision="float32").encode([picture])[0]
    monkeypatch.setattr(kernels, "_can_bfloat16", lambda: False)
    monkeypatch.setattr(kernels, "_laid_out", broken("gone"))  # oneDNN refuses there
    fused_is_right.cache_clear()
    try:
        slow = NanoSegmenter.load(input_size=64, precision="bfloat16").encode([picture])[0]
    finally:
        fused_is_right.cache_clear()
    assert torch.nn.functional.cosine_similarity(slow.features, exact.features, dim=0).mean() > 0.99


def test_the_version_that_is_installed_for_tests_is_one_that_was_tested() -> None:
    constraints = (Path(__file__).parents[3] / "constraints.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^torch==(\S+)", constraints, re.MULTILINE)
    assert version in kernels.TESTED_VERSIONS
