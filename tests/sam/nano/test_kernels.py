"""The fused operations say what PyTorch's own say."""

from __future__ import annotations

import copy

import pytest
import torch

from vos.sam.nano.kernels import PACKED_SIZES, Convolution

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
            assert all(torch.equal(layer(image), answer) for image, answer in zip(images, expected))
        changed = copy.deepcopy(layer)
        changed.weight.mul_(2)
        assert not torch.equal(changed(images[0]), expected[0])
