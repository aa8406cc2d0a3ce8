"""TinyViT-5M, MobileSAM's image encoder (Wu et al., 2022; Zhang et al., 2023), with the public parameter names."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vos.sam.official.vit import public_modeling

_DIMS = (64, 128, 160, 320)
_DEPTHS = (2, 2, 6, 2)
_HEADS = (2, 4, 5, 10)
_WINDOWS = (7, 7, 14, 7)


class ConvNorm(nn.Module):
    """Convolution and batch normalisation, computed as one convolution (inference only)."""

    def __init__(self, dim_in: int, dim_out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(dim_in, dim_out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(dim_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps float (B, C_in, H, W) to (B, C_out, H / stride, W / stride)."""
        bn = self.bn
        assert bn.running_var is not None
        assert bn.running_mean is not None
        # Folding on every call costs nothing beside the convolution and keeps the file's parameters as they are.
        scale = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
        weight = self.c.weight * scale[:, None, None, None]
        bias = bn.bias - bn.running_mean * scale
        return F.conv2d(x, weight, bias, self.c.stride, self.c.padding, groups=self.c.groups)


class PatchEmbed(nn.Module):
    """Two strided convolutions: 3 channels to ``dim`` at a quarter of the size."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(ConvNorm(3, dim // 2, 3, 2), nn.GELU(), ConvNorm(dim // 2, dim, 3, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps float (B, 3, H, W) to (B, dim, H / 4, W / 4)."""
        patches: torch.Tensor = self.seq(x)
        return patches


class MBConv(nn.Module):
    """Inverted residual block: expand fourfold, depthwise 3x3, project."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(dim, 4 * dim)
        self.conv2 = ConvNorm(4 * dim, 4 * dim, 3, groups=4 * dim)
        self.conv3 = ConvNorm(4 * dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keeps float (B, dim, H, W)."""
        inner = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(inner))


class PatchMerging(nn.Module):
    """Between stages: to more channels and, with stride 2, half the size."""

    def __init__(self, dim: int, dim_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(dim, dim_out)
        self.conv2 = ConvNorm(dim_out, dim_out, 3, stride, groups=dim_out)
        self.conv3 = ConvNorm(dim_out, dim_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps float (B, dim, H, W) to (B, dim_out, H / stride, W / stride)."""
        merged: torch.Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return merged


class WindowAttention(nn.Module):
    """Attention within a square window; the learnt bias depends on |dy| and |dx| alone."""

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keeps float (windows, window * window, dim)."""
        query, key, value = self.qkv(self.norm(x)).unflatten(-1, (self.heads, 3, -1)).permute(3, 0, 2, 1, 4)
        side = torch.arange(self.window, device=x.device)
        apart = (side[:, None] - side[None, :]).abs()
        index = apart[:, None, :, None] * self.window + apart[None, :, None, :]
        bias = self.attention_biases[:, index.flatten(2).flatten(0, 1)].to(query.dtype)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        projected: torch.Tensor = self.proj(out.transpose(1, 2).flatten(2))
        return projected


class Mlp(nn.Module):
    """LayerNorm, expand fourfold, GELU, project."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keeps float (..., dim)."""
        projected: torch.Tensor = self.fc2(F.gelu(self.fc1(self.norm(x))))
        return projected


class TinyVitBlock(nn.Module):
    """Window attention, depthwise 3x3 convolution, MLP."""

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.attn = WindowAttention(dim, heads, window)
        self.local_conv = ConvNorm(dim, dim, 3, groups=dim)
        self.mlp = Mlp(dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keeps float (B, dim, H, W)."""
        x = self.local_conv(x + self._attend(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        y: torch.Tensor = x + self.mlp(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return y

    def _attend(self, x: torch.Tensor) -> torch.Tensor:
        """Windows of (B, H, W, dim), zero-padded at the bottom/right; the padding takes part in the attention."""
        batch, height, width, dim = x.shape
        side = self.attn.window
        x = F.pad(x, (0, 0, 0, -width % side, 0, -height % side))
        rows, columns = x.shape[1] // side, x.shape[2] // side
        windows = x.view(batch, rows, side, columns, side, dim).transpose(2, 3).reshape(-1, side * side, dim)
        out = self.attn(windows).view(batch, rows, columns, side, side, dim).transpose(2, 3)
        kept: torch.Tensor = out.reshape(batch, rows * side, columns * side, dim)[:, :height, :width]
        return kept


class Stage(nn.Module):
    """Blocks, then the patch merging to the next stage if there is one."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps float (B, dim, H, W) to the next stage's shape."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class TinyVit(nn.Module):
    """MobileSAM's image encoder: one convolutional stage, three of window attention, SAM's neck."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(_DIMS[0])
        stages = []
        for index, (dim, depth, heads, window) in enumerate(zip(_DIMS, _DEPTHS, _HEADS, _WINDOWS)):
            blocks: list[nn.Module] = [
                MBConv(dim) if index == 0 else TinyVitBlock(dim, heads, window) for _ in range(depth)
            ]
            # The last merging keeps the size, so that the grid has SAM's stride of 16.
            merging = PatchMerging(dim, _DIMS[index + 1], 1 if index == 2 else 2) if index < 3 else None
            stages.append(Stage(blocks, merging))
        self.layers = nn.ModuleList(stages)
        norm = public_modeling().common.LayerNorm2d
        self.neck = nn.Sequential(
            nn.Conv2d(_DIMS[-1], 256, 1, bias=False),
            norm(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            norm(256),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Encodes the model input, float32 (B, 3, 1024, 1024) normalised, to float32 (B, 256, 64, 64)."""
        x = self.patch_embed(x)
        for stage in self.layers:
            x = stage(x)
        with torch.autocast(x.device.type, enabled=False):  # similarities are taken on the neck's output
            features: torch.Tensor = self.neck(x.float())
            return features
