"""SAM's decoder as it is converted for an inference library: the same function as decode_masks, with fewer products.

Written for inference alone. Per object the image has 4096 tokens and the prompt about eight, so that every projection
of the image's side costs more than all the rest. Here none is left: q (W k + b) = (q W) k + q b, so the prompt's side
carries both projections. The sums are the same, in another order.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Guided = tuple[torch.Tensor, torch.Tensor]  # (N, 1, 4096), and whether it counts: 1 or 0


class DecoderGraph(nn.Module):
    """Mask prompts, PerSAM's guidance and the mask decoder in one graph; N objects and T tokens may vary.

    What is not given is computed and multiplied by 0, which costs little: a graph for each case would cost its memory,
    and the time to make it ready.

    Args:
        network: SAM's network; its modules and weights are used.
    """

    positions: torch.Tensor

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.decoder, self.prompts = network.mask_decoder, network.prompt_encoder
        self.register_buffer("positions", _tokens(self.prompts.get_dense_pe()), persistent=False)

    def forward(
        self,
        features: torch.Tensor,
        sparse: torch.Tensor,
        target: torch.Tensor,
        masks: torch.Tensor,
        attention: torch.Tensor,
        given: torch.Tensor,
        outputs: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decodes as :func:`vos.sam.official.guided_decoder.decode_masks`.

        Args:
            features: float32 (1, 256, 64, 64), image embedding.
            sparse: float32 (N, T, 256), embedded points and box corners.
            target: float32 (N, 256), target-semantic prompting; zeros for none.
            masks: float32 (N, 1, 256, 256), mask prompts.
            attention: float32 (N, 4096), target-guided attention.
            given: float32 (2,), 1 where the masks count, and where the attention does; else 0.
            outputs: int64 (M,), which of the four masks; 0 is the single-mask output.

        Returns:
            Low-res logits float32 (N, M, 256, 256) and predicted IoU (N, M).
        """
        decoder, guided = self.decoder, (attention[:, None], given[1])
        target = target[:, None]
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])[None]
        tokens = torch.cat([own.expand(sparse.shape[0], -1, -1), sparse], dim=1) + target
        keys = self._keys(features, masks, given[0])
        queries = tokens
        for index, block in enumerate(decoder.transformer.layers):
            queries = queries if index == 0 else queries + target
            queries, keys = self._block(block, queries, keys, tokens, guided)
        asked = queries + tokens + target
        final = decoder.transformer.final_attn_token_to_image
        queries = queries + _from_image(final, asked, keys + self.positions, keys, (attention[:, None], given[1] * 0))
        queries = decoder.transformer.norm_final_attn(queries)
        count = decoder.num_mask_tokens
        mlps = decoder.output_hypernetworks_mlps
        kernels = torch.stack([mlp(queries[:, 1 + index]) for index, mlp in enumerate(mlps[:count])], dim=1)
        predicted_iou = decoder.iou_prediction_head(queries[:, 0])
        return _upscaled(decoder.output_upscaling, keys, kernels[:, outputs]), predicted_iou[:, outputs]

    def _keys(self, features: torch.Tensor, masks: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """The image's tokens (N, 4096, 256) with mask prompts; without, with the embedding of none.

        What counts, and what does not, is weighed where the mask has few channels.
        """
        *shrink, last = self.prompts.mask_downscaling
        for layer in shrink:
            masks = layer(masks)
        nothing: torch.Tensor = self.prompts.no_mask_embed.weight[0]
        image = _tokens(features) + (last.bias * given + nothing * (1 - given))
        keys: torch.Tensor = F.linear(_tokens(masks * given), last.weight.flatten(1)) + image
        return keys

    def _block(
        self, block: Any, queries: torch.Tensor, keys: torch.Tensor, tokens: torch.Tensor, guided: Guided
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Self-attention, tokens to image, MLP, image to tokens."""
        if block.skip_first_layer_pe:
            queries = _among_tokens(block.self_attn, queries, queries)
        else:
            queries = queries + _among_tokens(block.self_attn, queries + tokens, queries)
        queries = block.norm1(queries)
        placed = keys + self.positions
        queries = queries + _from_image(block.cross_attn_token_to_image, queries + tokens, placed, keys, guided)
        queries = block.norm2(queries)
        queries = block.norm3(queries + block.mlp(queries))
        keys = keys + _to_image(block.cross_attn_image_to_token, placed, queries + tokens, queries)
        return queries, block.norm4(keys)


def _tokens(grid: torch.Tensor) -> torch.Tensor:
    """(N, C, h, w) as (N, h * w, C)."""
    return grid.flatten(2).transpose(1, 2)


def _heads(module: Any, projection: str, x: torch.Tensor) -> torch.Tensor:
    """Projects tokens (N, T, C) to (N, heads, T, d)."""
    projected: torch.Tensor = getattr(module, projection)(x).unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
    return projected


def _head_weights(linear: nn.Linear, heads: int) -> torch.Tensor:
    """The weights of a projection for each head: (heads, d, C)."""
    weights: torch.Tensor = linear.weight.unflatten(0, (heads, -1))
    return weights


def _among_tokens(module: Any, placed: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Plain attention among the few tokens, (N, T, C)."""
    query, key = _heads(module, "q_proj", placed), _heads(module, "k_proj", placed)
    weights = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(dim=-1)
    mixed: torch.Tensor = module.out_proj((weights @ _heads(module, "v_proj", value)).transpose(1, 2).flatten(2))
    return mixed


def _from_image(
    module: Any, query: torch.Tensor, placed: torch.Tensor, keys: torch.Tensor, guided: Guided
) -> torch.Tensor:
    """Tokens (N, T, C) attend to the image, (N, 4096, C); with guidance by two softmaxes.

    The bias of the key's projection adds the same to all scores of a query, which no softmax sees; that of the value's
    comes through whole, as weights sum to one.
    """
    heads = module.num_heads
    asked = _heads(module, "q_proj", query)
    asked = asked * asked.shape[-1] ** -0.5 @ _head_weights(module.k_proj, heads)  # (N, heads, T, C)
    weights = (asked.flatten(1, 2) @ placed.transpose(1, 2)).softmax(dim=-1)
    attention, given = guided
    weights = (weights + attention).softmax(dim=-1) * given + weights * (1 - given)
    mixed = (weights @ keys).unflatten(1, (heads, -1))
    values = (mixed @ _head_weights(module.v_proj, heads).transpose(1, 2)).transpose(1, 2).flatten(2)
    projected: torch.Tensor = module.out_proj(values + module.v_proj.bias)
    return projected


def _to_image(module: Any, placed: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The image (N, 4096, C) attends to tokens (N, T, C): (N, 4096, C)."""
    heads = module.num_heads
    keys, values = _heads(module, "k_proj", key), _heads(module, "v_proj", value)
    keys = keys * keys.shape[-1] ** -0.5
    offsets = (keys @ module.q_proj.bias.view(heads, -1, 1)).flatten(1, 2)
    keys = (keys @ _head_weights(module.q_proj, heads)).flatten(1, 2)  # (N, heads * T, C)
    values = (values @ module.out_proj.weight.T.unflatten(0, (heads, -1))).flatten(1, 2)
    scores = keys @ placed.transpose(1, 2) + offsets  # the image innermost: a softmax over a few tokens would crawl
    weights = scores.unflatten(1, (heads, -1)).softmax(dim=2).flatten(1, 2)
    mixed: torch.Tensor = weights.transpose(1, 2) @ values + module.out_proj.bias
    return mixed


def _upscaled(layers: Any, keys: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Low-res logits (N, M, 256, 256) of image tokens (N, 4096, C) and kernels (N, M, 32).

    A transposed convolution by 2 x 2 at stride 2 is a product for each cell of its own, so channels stay innermost and
    nothing large is ever transposed.
    """
    first, norm, _, second, _ = layers
    side, masks = int(keys.shape[1] ** 0.5), kernels.shape[1]
    fine = _quarters(first, keys).flatten(1, 2)  # (N, 4096 * 4, 64)
    fine = F.gelu(F.layer_norm(fine, norm.weight.shape, norm.weight, norm.bias, norm.eps))
    finer = F.gelu(_quarters(second, fine)).flatten(2)  # (N, 4096 * 4, 4 * 32)
    # One product for the four quarters of each: kernels of one are zeros for the others.
    apart = torch.eye(4)[:, None, :, None] * kernels.transpose(1, 2)[:, None, :, None]  # (N, 4, 32, 4, M)
    logits = finer @ apart.flatten(3).flatten(1, 2)
    # y, x, then the halves of both twice
    cells = logits.view(-1, side, side, 2, 2, 2, 2, masks)
    return cells.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(-1, masks, 4 * side, 4 * side)


def _quarters(convolution: nn.ConvTranspose2d, x: torch.Tensor) -> torch.Tensor:
    """A transposed convolution on tokens (N, P, C): the four cells of each, (N, P, 4, C')."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (2 * 2 * C', C)
    assert convolution.bias is not None
    quarters: torch.Tensor = F.linear(x, weight, convolution.bias.repeat(4)).unflatten(-1, (4, -1))
    return quarters
