"""SAM's mask decoder with PerSAM's guidance (Zhang et al., ICLR 2024, section 3.2)."""

from __future__ import annotations

import math
from typing import Any

import torch


def decode_masks(
    decoder: Any,
    features: torch.Tensor,
    positions: torch.Tensor,
    sparse: torch.Tensor,
    dense: torch.Tensor,
    attention: torch.Tensor | None = None,
    embedding: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Decodes N prompts on one image embedding; without guidance this is the public ``MaskDecoder``.

    Args:
        decoder: ``segment_anything``'s MaskDecoder; its modules and weights are used.
        features: float32 (1, 256, 64, 64), image embedding.
        positions: float32 (1, 256, 64, 64), positional encoding of the grid.
        sparse: float32 (N, T, 256), embedded points and box corners, T >= 0.
        dense: float32 (N, 256, 64, 64), embedded mask prompts.
        attention: float32 (N, 4096) in (0, 1) on the embedding grid, target-guided attention.
        embedding: float32 (N, 256), target-semantic prompting.

    Returns:
        Low-res logits float32 (N, 4, 256, 256) and predicted IoU (N, 4); index 0 is the single-mask output.
    """
    own_tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    tokens = torch.cat([own_tokens.expand(len(sparse), -1, -1), sparse], dim=1)
    keys = (features + dense).flatten(2).transpose(1, 2)
    key_positions = positions.flatten(2).transpose(1, 2)
    queries, keys = _two_way_transformer(decoder.transformer, keys, key_positions, tokens, attention, embedding)

    iou_token, mask_tokens = queries[:, 0], queries[:, 1 : 1 + decoder.num_mask_tokens]
    upscaled = decoder.output_upscaling(torch.unflatten(keys.transpose(1, 2), 2, features.shape[-2:]))
    mlps = decoder.output_hypernetworks_mlps
    kernels = torch.stack([mlp(mask_tokens[:, index]) for index, mlp in enumerate(mlps)], dim=1)
    logits = (kernels @ upscaled.flatten(2)).unflatten(2, upscaled.shape[-2:])
    return logits, decoder.iou_prediction_head(iou_token)


def _two_way_transformer(
    transformer: Any,
    keys: torch.Tensor,
    key_positions: torch.Tensor,
    tokens: torch.Tensor,
    attention: torch.Tensor | None,
    embedding: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two blocks and the final token-to-image attention; returns queries (N, T, C) and keys (N, h * w, C)."""
    target = None if embedding is None else embedding[:, None]
    if target is not None:
        # The published code adds in place to the tensor that is also the queries' positional encoding.
        tokens = tokens + target
    queries = tokens
    for index, block in enumerate(transformer.layers):
        if target is not None and index > 0:
            queries = queries + target
        queries, keys = _block(block, queries, keys, tokens, key_positions, attention)

    final = queries + tokens if target is None else queries + tokens + target
    queries = queries + _attend(transformer.final_attn_token_to_image, final, keys + key_positions, keys)
    return transformer.norm_final_attn(queries), keys


def _block(
    block: Any,
    queries: torch.Tensor,
    keys: torch.Tensor,
    query_positions: torch.Tensor,
    key_positions: torch.Tensor,
    attention: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Self-attention, tokens to image, MLP, image to tokens."""
    if block.skip_first_layer_pe:
        queries = _attend(block.self_attn, queries, queries, queries)
    else:
        placed = queries + query_positions
        queries = queries + _attend(block.self_attn, placed, placed, queries)
    queries = block.norm1(queries)

    placed_keys = keys + key_positions
    queries = queries + _attend(
        block.cross_attn_token_to_image, queries + query_positions, placed_keys, keys, attention
    )
    queries = block.norm2(queries)
    queries = block.norm3(queries + block.mlp(queries))

    keys = keys + _attend(block.cross_attn_image_to_token, placed_keys, queries + query_positions, queries)
    return queries, block.norm4(keys)


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention: torch.Tensor | None = None,
) -> torch.Tensor:
    """Multi-head attention; with guidance A the weights become softmax(softmax(q k^T / sqrt d) + A)."""
    heads = module.num_heads
    query = module.q_proj(query).unflatten(-1, (heads, -1)).transpose(1, 2)
    key = module.k_proj(key).unflatten(-1, (heads, -1)).transpose(1, 2)
    value = module.v_proj(value).unflatten(-1, (heads, -1)).transpose(1, 2)
    weights = (query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    if attention is not None:
        weights = (weights + attention[:, None, None]).softmax(dim=-1)
    projected: torch.Tensor = module.out_proj((weights @ value).transpose(1, 2).flatten(2))
    return projected
