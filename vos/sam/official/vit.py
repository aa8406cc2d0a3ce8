"""SAM's ViT image encoders (Kirillov et al., 2023; Li et al., 2022, ViTDet)."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import nn

from vos.errors import VosError

_GRID = 64
_WINDOW = 14
_ALIAS = "vos.sam._segment_anything_modeling"


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


@cache
def public_modeling() -> ModuleType:
    """Loads ``segment_anything.modeling`` (Kirillov et al., 2023) under a private name.

    Importing ``segment_anything`` itself would pull in torchvision, which only its predictor and mask generator need.
    The subpackage imports torch alone, so it is loaded from its files; ``segment_anything`` stays out of
    ``sys.modules`` and a later ordinary import of it works as ever.

    Raises:
        VosError: the package is not installed.
    """
    package = importlib.util.find_spec("segment_anything")
    if package is None or not package.submodule_search_locations:
        raise VosError("the package segment-anything is not installed; run: pip install segment-anything")
    folder = Path(package.submodule_search_locations[0]) / "modeling"
    spec = importlib.util.spec_from_file_location(
        _ALIAS, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise VosError(f"segment-anything at {folder.parent} has no modeling subpackage; reinstall segment-anything")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_ALIAS] = module  # its own relative imports look here
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for name in [name for name in sys.modules if name == _ALIAS or name.startswith(_ALIAS + ".")]:
            del sys.modules[name]
        raise
    return module


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


_ROWS_BYTES = 8 << 20  # attention weights held at a time; stays in the CPU's cache


class RelPosAttention(nn.Module):
    """SAM's image-encoder attention: softmax(q k^T / sqrt(d) + q R_h + q R_w) v.

    Same parameters as the public module. That one writes the whole (h * w)^2 matrix of every head to memory three
    times (and more for the bias); here it never exists as a whole. The relative positions are those of
    MViTv2 (Li et al., 2022): R_h depends on the difference of rows, R_w on the difference of columns.

    Args:
        dim: channels in and out.
        num_heads: number of heads; divides ``dim``.
        size: (h, w) of the token grid that attends to itself.
    """

    def __init__(self, dim: int, num_heads: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.num_heads = num_heads
        head_dim = dim // num_heads
        self.scale = head_dim**-0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * size[0] - 1, head_dim))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * size[1] - 1, head_dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attends within each grid of a batch, float (B, h, w, dim); returns the same shape."""
        batch, height, width, dim = x.shape
        qkv = self.qkv(x).reshape(batch, height * width, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.flatten(1, 2).unbind(0)  # each (B * heads, h * w, d)

        grid = query.unflatten(1, (height, width))
        rel_h = torch.einsum("bhwc,hkc->bhwk", grid, _offsets_table(self.rel_pos_h, height).to(query.dtype))
        rel_w = torch.einsum("bhwc,wkc->bhwk", grid, _offsets_table(self.rel_pos_w, width).to(query.dtype))

        # Measured on CPUs: float32 is fastest row by row on whole images, all else as one fused call.
        by_rows = query.device.type == "cpu" and query.dtype == torch.float32 and height * width > 1024
        attend = _attend_by_rows if by_rows else _attend_fused
        # A library that gets the trace fuses by itself and wants it plain; rows would be unrolled.
        if torch._C._is_tracing():
            attend = _attend_plainly
        out = attend(query, key, value, rel_h, rel_w, self.scale)
        out = out.view(batch, self.num_heads, height, width, -1).permute(0, 2, 3, 1, 4)
        projected: torch.Tensor = self.proj(out.reshape(batch, height, width, dim))
        return projected


def _offsets_table(rel_pos: torch.Tensor, size: int) -> torch.Tensor:
    """(size, size, d): the vector of each pair (query position, key position) along one axis."""
    position = torch.arange(size, device=rel_pos.device)
    return rel_pos[position[:, None] - position[None, :] + size - 1]


def _attend_fused(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rel_h: torch.Tensor, rel_w: torch.Tensor, scale: float
) -> torch.Tensor:
    """One fused attention call: the bias becomes part of the dot product.

    q k^T + rel_h[key row] + rel_w[key column] = [q, rel_h, rel_w] [k, onehot(key row), onehot(key column)]^T.
    """
    query_long, key_long = _with_positions(query, key, rel_h, rel_w, scale)
    value_long = F.pad(value, (0, sum(rel_h.shape[1:3])))  # the flash kernels want one head size for all three
    out = F.scaled_dot_product_attention(query_long[None], key_long[None], value_long[None], scale=1.0)
    return out[0, ..., : value.shape[-1]]


def _attend_plainly(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rel_h: torch.Tensor, rel_w: torch.Tensor, scale: float
) -> torch.Tensor:
    """The same, written out."""
    query_long, key_long = _with_positions(query, key, rel_h, rel_w, scale)
    return (query_long @ key_long.transpose(1, 2)).softmax(dim=-1) @ value


def _with_positions(
    query: torch.Tensor, key: torch.Tensor, rel_h: torch.Tensor, rel_w: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries (B, h * w, d + h + w) and keys whose products are scores with the bias."""
    _, height, width, _ = rel_h.shape
    rows = torch.eye(height, dtype=key.dtype, device=key.device)[:, None, :].expand(-1, width, -1)
    columns = torch.eye(width, dtype=key.dtype, device=key.device)[None, :, :].expand(height, -1, -1)
    position = torch.cat([rows, columns], dim=-1).flatten(0, 1)
    query_long = torch.cat([query * scale, rel_h.flatten(1, 2), rel_w.flatten(1, 2)], dim=-1)
    return query_long, torch.cat([key, position.expand(len(key), -1, -1)], dim=-1)


def _attend_by_rows(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rel_h: torch.Tensor, rel_w: torch.Tensor, scale: float
) -> torch.Tensor:
    """Plain attention for a few rows of queries of one head at a time."""
    _, height, width, dim = rel_h.shape[0], rel_h.shape[1], rel_h.shape[2], query.shape[-1]
    tokens = height * width
    step = max(1, _ROWS_BYTES // (4 * width * tokens))
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    for head in range(len(query)):
        key_t = key[head].T
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            chosen = slice(rows.start * width, rows.stop * width)
            bias = rel_h[head, rows, :, :, None] + rel_w[head, rows, :, None, :]
            logits = torch.addmm(bias.view(-1, tokens), query[head, chosen], key_t, alpha=scale)
            torch.mm(logits.softmax(dim=-1), value[head], out=out[head, chosen].view(-1, dim))
    return out
