"""The embedded model: a small promptable network behind SAM's interface.

The image encoder runs once per frame. The decoder is convolutional, because every prompt of the interface is a map:
PerSAM's similarity maps on the embedding grid, an earlier mask, clicks and a box on the low-res logits' grid. A
two-way transformer of SAM's kind learns far slower from two thousand photos.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vos.sam.mobilenet import TAP_CHANNELS, DepthwiseConv2d, MobileNetV2

EMBEDDING_DIM = 128
GUIDANCE_CHANNELS = 6  # five similarity maps and a flag: is there guidance at all
PROMPT_CHANNELS = 5  # earlier mask, flag: is there one, positive clicks, negative clicks, box
MASKS = 4  # the single-mask output, then three candidates, as in SAM
WIDTHS = (96, 64, 32)  # decoder channels at strides 16, 8, 4


def resize(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Bilinear resize of (B, C, h, w) to the grid of ``like``."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class Block(nn.Module):
    """Depthwise convolution and a two-layer pointwise network, with a residual."""

    def __init__(self, channels: int, kernel: int, expansion: int = 2) -> None:
        super().__init__()
        self.depthwise = DepthwiseConv2d(channels, kernel, padding=kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.expand = nn.Conv2d(channels, channels * expansion, 1)
        self.project = nn.Conv2d(channels * expansion, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.project(F.relu(self.expand(self.norm(self.depthwise(x)))))


class Neck(nn.Module):
    """Fuses the pyramid into the embedding that is matched and three levels that the decoder reads."""

    def __init__(self) -> None:
        super().__init__()
        stride4, stride8, stride16, stride32 = TAP_CHANNELS
        self.lateral16 = nn.Conv2d(stride16, EMBEDDING_DIM, 1)
        self.lateral32 = nn.Conv2d(stride32, EMBEDDING_DIM, 1)
        self.embed = nn.Conv2d(EMBEDDING_DIM, EMBEDDING_DIM, 3, padding=1)
        self.context16 = nn.Conv2d(EMBEDDING_DIM, WIDTHS[0], 1)
        self.context8 = nn.Conv2d(stride8 + EMBEDDING_DIM, WIDTHS[1], 1)
        self.context4 = nn.Conv2d(stride4 + WIDTHS[1], WIDTHS[2], 1)

    def forward(self, taps: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        tap4, tap8, tap16, tap32 = taps
        fused = self.lateral16(tap16) + resize(self.lateral32(tap32), tap16)
        embedding = self.embed(F.relu(fused))
        context8 = self.context8(torch.cat([tap8, resize(fused, tap8)], dim=1))
        context4 = self.context4(torch.cat([tap4, resize(context8, tap4)], dim=1))
        return embedding, self.context16(fused), context8, context4


class Decoder(nn.Module):
    """From prompt maps and the image's levels to four masks and their predicted IoU, per object."""

    def __init__(self) -> None:
        super().__init__()
        wide, middle, narrow = WIDTHS
        self.prompt16 = nn.Conv2d(GUIDANCE_CHANNELS + PROMPT_CHANNELS, wide, 3, padding=1)
        self.prompt8 = nn.Conv2d(GUIDANCE_CHANNELS + PROMPT_CHANNELS, middle, 1)
        self.prompt4 = nn.Conv2d(PROMPT_CHANNELS, narrow, 3, padding=1)
        self.blocks16 = nn.Sequential(Block(wide, 5), Block(wide, 5))
        self.down32 = nn.Conv2d(wide, wide, 2, stride=2)
        self.blocks32 = nn.Sequential(Block(wide, 5), Block(wide, 5), Block(wide, 5))
        self.merge16 = nn.Sequential(Block(wide, 5), Block(wide, 5))
        self.to8 = nn.Conv2d(wide, middle, 1)
        self.blocks8 = nn.Sequential(Block(middle, 5), Block(middle, 3))
        self.to4 = nn.Conv2d(middle, narrow, 1)
        self.blocks4 = nn.Sequential(Block(narrow, 3), Block(narrow, 3))
        self.masks = nn.Conv2d(narrow, MASKS, 3, padding=1)
        self.quality = nn.Sequential(
            nn.Linear(wide * 2 + narrow + GUIDANCE_CHANNELS + 1 + MASKS, 96), nn.ReLU(), nn.Linear(96, 1)
        )

    def forward(
        self, levels: tuple[torch.Tensor, ...], guidance: torch.Tensor, prompt: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decodes N objects.

        Args:
            levels: (context16, context8, context4), each (N or 1, C, h, w).
            guidance: float (N, 6, h, w), similarity maps and the flag, on the embedding grid.
            prompt: float (N, 5, h4, w4) on the low-res grid.

        Returns:
            Logits (N, 4, h4, w4) and the logits of the predicted IoU (N, 4).
        """
        context16, context8, context4 = levels
        maps16 = torch.cat([guidance, F.avg_pool2d(prompt, 4)], dim=1)
        maps8 = torch.cat([resize(guidance, context8), F.avg_pool2d(prompt, 2)], dim=1)
        x16 = self.blocks16(context16 + self.prompt16(maps16))
        x16 = self.merge16(x16 + resize(self.blocks32(self.down32(x16)), x16))
        x8 = self.blocks8(context8 + self.prompt8(maps8) + resize(self.to8(x16), context8))
        x4 = self.blocks4(context4 + self.prompt4(prompt) + resize(self.to4(x8), context4))
        logits = self.masks(x4)
        return logits, self._predict_iou(logits, x16, x4, guidance)

    def _predict_iou(
        self, logits: torch.Tensor, x16: torch.Tensor, x4: torch.Tensor, guidance: torch.Tensor
    ) -> torch.Tensor:
        """Reads each mask's quality from what lies inside it; the masks themselves get no gradient from here."""
        soft4 = logits.detach().float().sigmoid()
        soft16 = F.avg_pool2d(soft4, 4)
        inside = torch.cat([_pool(x16, soft16), _pool(x4, soft4), _pool(guidance, soft16)], dim=-1)
        scene = x16.float().mean(dim=(2, 3))[:, None].expand(-1, MASKS, -1)
        decided = ((soft4 - 0.5).abs() * 2 * soft4).sum(dim=(2, 3)) / soft4.sum(dim=(2, 3)).clamp(min=1)
        which = torch.eye(MASKS, device=logits.device).expand(len(logits), -1, -1)
        return self.quality(torch.cat([inside, scene, decided[..., None], which], dim=-1)).squeeze(-1)


def _pool(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of features (N, C, h, w) under soft masks (N, M, h, w): (N, M, C)."""
    total = torch.einsum("nchw,nmhw->nmc", x.float(), weight)
    return total / weight.sum(dim=(2, 3)).clamp(min=1)[..., None]


class NanoNetwork(nn.Module):
    """Encoder, neck and decoder of the embedded model."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MobileNetV2()
        self.neck = Neck()
        self.decoder = Decoder()

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Encodes images (B, 3, H, W), RGB 0..255, sizes multiples of 32: embedding (B, 128, h, w) and three levels."""
        return self.neck(self.backbone(images / 127.5 - 1))
