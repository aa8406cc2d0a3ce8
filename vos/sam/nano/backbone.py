"""MobileNetV2 (Sandler et al., CVPR 2018, arXiv 1801.04381) as a feature pyramid, batch norm folded away."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vos.sam.nano.kernels import Convolution

# (in, out, expansion, stride) of the 17 inverted residuals of MobileNetV2 1.0
BLOCKS = (
    (32, 16, 1, 1), (16, 24, 6, 2), (24, 24, 6, 1), (24, 32, 6, 2), (32, 32, 6, 1), (32, 32, 6, 1),
    (32, 64, 6, 2), (64, 64, 6, 1), (64, 64, 6, 1), (64, 64, 6, 1), (64, 96, 6, 1), (96, 96, 6, 1),
    (96, 96, 6, 1), (96, 160, 6, 2), (160, 160, 6, 1), (160, 160, 6, 1), (160, 320, 6, 1),
)  # fmt: skip
TAPS = (1, 3, 6, 13, 17)  # 1-based blocks whose outputs are the pyramid, strides 2, 4, 8, 16, 32
TAP_CHANNELS = (16, 24, 32, 96, 320)


def _pad_same(x: torch.Tensor) -> torch.Tensor:
    """TensorFlow's SAME padding for a 3x3 convolution of stride 2 on even sizes: the weights were trained with it."""
    return F.pad(x, (0, 1, 0, 1))


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; adds its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = Convolution(inputs, hidden, activation="relu6") if expansion > 1 else None
        padding = 1 if stride == 1 else 0
        self.depthwise = Convolution(hidden, hidden, 3, stride, padding, groups=hidden, activation="relu6")
        self.project = Convolution(hidden, outputs)
        self.stride = stride
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the block's features, (B, C, H / stride, W / stride)."""
        # Nobody else reads x where it is added: the pyramid is taken before blocks of stride 2.
        projected: torch.Tensor = self.project(self.depthwise(self._expanded(x)), onto=x if self.residual else None)
        return projected

    def _expanded(self, x: torch.Tensor) -> torch.Tensor:
        """The depthwise convolution's input, padded where that has stride 2."""
        if self.expand is None:
            return x
        if self.stride == 1:
            expanded: torch.Tensor = self.expand(x)
            return expanded
        if torch.is_grad_enabled():
            return _pad_same(self.expand(x))
        # The same in a fraction of the time: to pad before the expansion copies a sixth.
        y: torch.Tensor = self.expand(_pad_same(x))
        y[..., -1:, :] = 0
        y[..., -1:] = 0
        return y


class MobileNetV2(nn.Module):
    """The convolutional part of MobileNetV2 1.0.

    Args:
        frozen_blocks: the stem and this many blocks get no gradient (their edges and colours need no retraining,
            and they hold most of the activations).
    """

    def __init__(self, frozen_blocks: int = 3) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 3, 2, 0, activation="relu6")
        self.blocks = nn.ModuleList(InvertedResidual(*block) for block in BLOCKS)
        self.frozen_blocks = frozen_blocks
        for module in (self.stem, *self.blocks[:frozen_blocks]):
            module.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps images (B, 3, H, W) in [-1, 1], sides multiples of 32, to features at strides 2, 4, 8, 16, 32."""
        taps = []
        with torch.no_grad():
            x = self.stem(_pad_same(x))
            for number, block in enumerate(self.blocks[: self.frozen_blocks], start=1):
                x = block(x)
                if number in TAPS:
                    taps.append(x)
        for number, block in enumerate(self.blocks[self.frozen_blocks :], start=self.frozen_blocks + 1):
            x = block(x)
            if number in TAPS:
                taps.append(x)
        return taps
