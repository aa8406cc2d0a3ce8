"""SAM's ViT image encoders (Kirillov et al., 2023; Li et al., 2022, ViTDet)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from vos.sam.official.public_modeling import public_modeling
from vos.sam.official.rel_pos_attention import RelPosAttention

_GRID = 64
_WINDOW = 14


@dataclass(frozen=True, slots=True)
class VitSize:
    """Width, depth and heads of an encoder, and the blocks that attend to the whole image instead of windows."""

    dim: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]


VIT_SIZES = {
    "vit_b": VitSize(768, 12, 12, (2, 5, 8, 11)),
    "vit_l": VitSize(1024, 24, 16, (5, 11, 17, 23)),
    "vit_h": VitSize(1280, 32, 16, (7, 15, 23, 31)),
}


class VitImageEncoder(nn.Module):
    """The public encoder's modules and parameter names, with :class:`RelPosAttention` in every block."""

    def __init__(self, size: VitSize) -> None:
        super().__init__()
        public = public_modeling().ImageEncoderViT(
            depth=size.depth, embed_dim=size.dim, num_heads=size.heads, global_attn_indexes=size.global_blocks,
            img_size=16 * _GRID, patch_size=16, mlp_ratio=4, out_chans=256, qkv_bias=True, use_rel_pos=True,
            window_size=_WINDOW, norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )  # fmt: skip
        for index, block in enumerate(public.blocks):
            side = _GRID if index in size.global_blocks else _WINDOW
            block.attn = RelPosAttention(size.dim, size.heads, (side, side))
        self.patch_embed = public.patch_embed
        self.pos_embed = public.pos_embed
        self.blocks = public.blocks
        self.neck = public.neck

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Encodes the model input, float32 (B, 3, 1024, 1024) normalised, to float32 (B, 256, 64, 64)."""
        x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        # Similarities are taken on the neck's output: it is cheap, so it never loses accuracy to autocast.
        with torch.autocast(x.device.type, enabled=False):
            features: torch.Tensor = self.neck(x.float().permute(0, 3, 1, 2))
        return features
