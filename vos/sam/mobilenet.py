"""MobileNetV2 (Sandler et al., CVPR 2018, arXiv 1801.04381) as a feature pyramid, batch norm folded away."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

# (in, out, expansion, stride) of the 17 inverted residuals of MobileNetV2 1.0
BLOCKS = (
    (32, 16, 1, 1), (16, 24, 6, 2), (24, 24, 6, 1), (24, 32, 6, 2), (32, 32, 6, 1), (32, 32, 6, 1),
    (32, 64, 6, 2), (64, 64, 6, 1), (64, 64, 6, 1), (64, 64, 6, 1), (64, 96, 6, 1), (96, 96, 6, 1),
    (96, 96, 6, 1), (96, 160, 6, 2), (160, 160, 6, 1), (160, 160, 6, 1), (160, 320, 6, 1),
)  # fmt: skip
TAPS = (3, 6, 13, 17)  # 1-based blocks whose outputs are the pyramid, strides 4, 8, 16, 32
TAP_CHANNELS = (24, 32, 96, 320)


def _pad_same(x: torch.Tensor) -> torch.Tensor:
    """TensorFlow's SAME padding for a 3x3 convolution of stride 2 on even sizes: the weights were trained with it."""
    return F.pad(x, (0, 1, 0, 1))


class DepthwiseConv2d(nn.Conv2d):
    """A convolution per channel, in float32 on CPUs even under autocast.

    There is no matrix product in it for bfloat16 to speed up: oneDNN's bfloat16 gradient of it is five times slower.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True) -> None:
        super().__init__(channels, channels, kernel, stride, padding, groups=channels, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; adds its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = nn.Conv2d(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = DepthwiseConv2d(hidden, 3, stride, padding=1 if stride == 1 else 0)
        self.project = nn.Conv2d(hidden, outputs, 1)
        self.stride = stride
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        if self.stride == 2:
            y = _pad_same(y)
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """The convolutional part of MobileNetV2 1.0.

    Args:
        frozen_blocks: the stem and this many blocks get no gradient (their edges and colours need no retraining,
            and they hold most of the activations).
    """

    def __init__(self, frozen_blocks: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, 0)
        self.blocks = nn.ModuleList(InvertedResidual(*block) for block in BLOCKS)
        self.frozen_blocks = frozen_blocks
        for module in (self.stem, *self.blocks[:frozen_blocks]):
            module.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps images (B, 3, H, W) in [-1, 1], H and W multiples of 32, to features at strides 4, 8, 16, 32."""
        taps = []
        # The folded weights of the first layers reach 56: bfloat16 would lose a fifth of the deepest features.
        with torch.autocast(x.device.type, enabled=False), torch.set_grad_enabled(False):
            x = F.relu6(self.stem(_pad_same(x.float())))
            for number, block in enumerate(self.blocks[: self.frozen_blocks], start=1):
                x = block(x)
                if number in TAPS:
                    taps.append(x)
        for number, block in enumerate(self.blocks[self.frozen_blocks :], start=self.frozen_blocks + 1):
            x = block(x)
            if number in TAPS:
                taps.append(x)
        return taps
