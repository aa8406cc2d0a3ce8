"""Encoders and decoders as modules of plain tensors, which is what becomes a file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F
from torch import nn

from vos.errors import VosError
from vos.sam.nano import kernels
from vos.sam.nano.inputs import CLICK_SIGMA, PADDING_VALUE
from vos.sam.nano.network import (
    GUIDANCE_CHANNELS,
    PROMPT_STRIDE,
    Decoder,
    NanoNetwork,
    NanoWeights,
    fold_batch_norms,
)
from vos.sam.official.guided_decoder import decode_masks
from vos.sam.official.network import INPUT_SIZE, SamNetwork
from vos.sam.official.segmenter import PIXEL_MEAN, PIXEL_STD
from vos.sam.weights import load_weights, read_state_dict

Tensors = tuple[torch.Tensor, ...]


def inside(image: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
    """Tells which pixels of an input (1, 3, H, W) hold the picture, whose height and width is ``filled``."""
    rows, columns = (torch.arange(image.shape[axis]) for axis in (2, 3))
    return (rows[:, None] < filled[0]) & (columns[None, :] < filled[1])


class SamEncoder(nn.Module):
    """SAM's image encoder from RGB 0..255; what is behind the picture becomes zeros, as SAM pads."""

    names = ("embedding",)

    def __init__(self, network: SamNetwork) -> None:
        super().__init__()
        self.encoder = network.image_encoder
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(PIXEL_STD).view(-1, 1, 1))

    def forward(self, image: torch.Tensor, filled: torch.Tensor) -> Tensors:
        """Encodes float32 (1, 3, 1024, 1024) to (1, 256, 64, 64)."""
        normalised = (image - self.get_buffer("mean")) / self.get_buffer("std")
        return (self.encoder(torch.where(inside(image, filled), normalised, torch.zeros(()))),)


class SamDecoder(nn.Module):
    """SAM's prompt encoder and mask decoder, with PerSAM's guidance where it is given."""

    def __init__(self, network: SamNetwork) -> None:
        super().__init__()
        self.prompts, self.decoder = network.prompt_encoder, network.mask_decoder
        self.register_buffer("positions", self.prompts.get_dense_pe())

    def forward(
        self,
        embedding: torch.Tensor,
        points: torch.Tensor,
        labels: torch.Tensor,
        mask: torch.Tensor,
        has_mask: torch.Tensor,
        *guidance: torch.Tensor,
    ) -> Tensors:
        """Decodes one object; returns logits (1, 4, 256, 256) and predicted IoU (1, 4)."""
        placed = self.prompts.pe_layer.forward_with_coords(points + 0.5, (INPUT_SIZE, INPUT_SIZE))
        label = labels[..., None]
        sparse = torch.where(label == -1, self.prompts.not_a_point_embed.weight, placed)
        for kind, known in enumerate(self.prompts.point_embeddings):
            sparse = sparse + torch.where(label == kind, known.weight, torch.zeros(()))
        none = self.prompts.no_mask_embed.weight.view(1, -1, 1, 1)
        dense = has_mask * self.prompts.mask_downscaling(mask) + (1 - has_mask) * none
        positions = self.get_buffer("positions")
        return decode_masks(self.decoder, embedding, positions, sparse, dense, *guidance)


class NanoEncoder(nn.Module):
    """The embedded model's encoder from RGB 0..255; what is behind the picture becomes grey, as it was trained."""

    names = ("embedding", "level16", "level8", "level4")

    def __init__(self, network: NanoNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, filled: torch.Tensor) -> Tensors:
        """Encodes float32 (1, 3, H, W) to the embedding (1, 128, H / 16, W / 16) and the decoder's three levels."""
        grey = torch.full((), float(PADDING_VALUE))
        return self.network.encode(torch.where(inside(image, filled), image, grey))


class NanoDecoder(nn.Module):
    """One of the embedded model's decoders, which reads prompts as maps: they are drawn here."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self,
        level16: torch.Tensor,
        level8: torch.Tensor,
        level4: torch.Tensor,
        points: torch.Tensor,
        labels: torch.Tensor,
        mask: torch.Tensor,
        has_mask: torch.Tensor,
        *guidance: torch.Tensor,
    ) -> Tensors:
        """Decodes one object; returns logits (1, 4, H / 2, W / 2) and predicted IoU (1, 4)."""
        height, width = level4.shape[-2:]
        cells, label = points[0] / PROMPT_STRIDE, labels[0]
        rows, columns = torch.arange(height).float(), torch.arange(width).float()
        clicks = []
        for kind in (1, 0):
            far = [
                -((axis + 0.5 - cells[:, k : k + 1]) ** 2) / (2 * CLICK_SIGMA**2)
                for axis, k in ((rows, 1), (columns, 0))
            ]
            drawn = far[0].exp()[:, :, None] * far[1].exp()[:, None, :]
            clicks.append((drawn * (label == kind)[:, None, None]).amax(dim=0)[None, None])
        first, last = ((cells * (label == kind)[:, None]).sum(dim=0) for kind in (2, 3))
        down, across = (
            (torch.minimum(last[k], axis + 1) - torch.maximum(first[k], axis)).clamp(0, 1)
            for axis, k in ((rows, 1), (columns, 0))
        )
        box, given = (down[:, None] * across[None, :])[None, None], torch.ones(1, 1, height, width) * has_mask
        earlier = F.pixel_unshuffle(mask.sigmoid() * has_mask, 2)
        prompt = torch.cat([earlier, given, *clicks, box, torch.zeros(1, 1, height, width)], dim=1)
        levels = level16, level8, level4
        maps, fine8, fine4 = guidance or (
            torch.zeros(1, channels, *like.shape[-2:]) for channels, like in zip((GUIDANCE_CHANNELS, 1, 1), levels)
        )
        logits, iou = self.decoder(levels, maps, (fine8, fine4), prompt)
        return logits, iou.sigmoid()


def modules(model: str, checkpoint: Path | None) -> tuple[SamEncoder | NanoEncoder, nn.Module, nn.Module]:
    """Loads a model in float32: its encoder, the decoder of clicks and boxes, the one that PerSAM guides.

    Raises:
        VosError: the weights are missing or wrong.
    """
    if model == "nano":
        weights = NanoWeights.load(checkpoint)
        for part in (weights.network, weights.interactive_decoder):
            if part is not None:
                fold_batch_norms(part.eval())
        guided = weights.network.decoder
        clicks = guided if weights.interactive_decoder is None else weights.interactive_decoder
        return NanoEncoder(weights.network), NanoDecoder(clicks), NanoDecoder(guided)
    if checkpoint is None:
        raise VosError(f"model {model} needs its weights; give --checkpoint FILE")
    network = SamNetwork.blank(model)
    load_weights(network, read_state_dict(checkpoint), checkpoint, model)
    network.eval()
    return SamEncoder(network), SamDecoder(network), SamDecoder(network)


@contextmanager
def plain_operations() -> Iterator[None]:
    """Keeps to operations that ONNX has: none of oneDNN's own."""
    with mock.patch.object(kernels, "fused_is_right", return_value=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about branches on sizes, which are the same at every call
        yield
