"""What the embedded model's decoder reads: the image's levels, guidance and prompts, all of them as maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vos.sam.nano.network import GUIDANCE_CHANNELS, PROMPT_STRIDE
from vos.sam.nano.prompt_maps import prompt_maps
from vos.structures import Geometry, Guidance, ImageEmbedding, Prompt

Inputs = tuple[
    tuple[torch.Tensor, ...], torch.Tensor, tuple[torch.Tensor, torch.Tensor], torch.Tensor
]  # of the decoder: levels, guidance, fine answers, prompt


@dataclass(frozen=True, slots=True)
class InputReader:
    """Brings what the pipeline knows into the form that the decoder reads.

    Attributes:
        dtype: of the network.
        device: where it is.
    """

    dtype: torch.dtype
    device: torch.device

    def read(
        self, embeddings: Sequence[ImageEmbedding], prompts: Sequence[Prompt], guidance: Guidance | None
    ) -> Inputs:
        """The decoder's inputs; the prompts share one image, or have one each."""
        levels = tuple(_batch(level) for level in zip(*(embedding.levels for embedding in embeddings)))
        geometry = embeddings[0].geometry
        prompt = torch.stack([self._draw(prompt, geometry) for prompt in prompts])
        maps, fine = self._guidance(guidance, len(prompts), geometry)
        return levels, maps, fine, prompt.to(self.dtype, memory_format=torch.channels_last)

    def _guidance(
        self, guidance: Guidance | None, count: int, geometry: Geometry
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """The maps on the grid with a channel that says whether there are any (N, 7, h, w), and the finer answers."""
        height, width = geometry.grid_size
        sizes = [(height * cells, width * cells) for cells in (1, 2, 4)]
        answers = [torch.zeros(count, 1, *size, dtype=self.dtype, device=self.device) for size in sizes]
        flag = torch.zeros_like(answers[0])
        maps = flag.expand(-1, GUIDANCE_CHANNELS - 2, -1, -1)  # besides the answer and the flag
        if guidance is not None and guidance.maps is not None:
            if len(guidance.maps) != count:
                raise ValueError(f"guidance of {len(guidance.maps)} objects for {count} prompts")
            maps, flag = guidance.maps.to(maps), torch.ones_like(flag)
            if guidance.answers:
                answers = [answer[:, None].to(flag) for answer in guidance.answers]
        maps = torch.cat([maps, answers[0], flag], dim=1).contiguous(memory_format=torch.channels_last)
        return maps, (answers[1], answers[2])

    def _draw(self, prompt: Prompt, geometry: Geometry) -> torch.Tensor:
        """One prompt as maps (9, h4, w4)."""
        points = geometry.points_to_input(prompt.points) / PROMPT_STRIDE
        positive, negative = (
            torch.from_numpy(points[prompt.labels == label]).to(self.device) if len(points) else None
            for label in (1, 0)
        )
        box = None
        if prompt.box is not None:
            box = torch.from_numpy(geometry.boxes_to_input(prompt.box) / PROMPT_STRIDE).to(self.device)
        mask, others = (
            None if logits is None else logits.to(self.device).float().sigmoid()
            for logits in (prompt.mask_logits, prompt.others_logits)
        )
        size = (geometry.padded_size[0] // PROMPT_STRIDE, geometry.padded_size[1] // PROMPT_STRIDE)
        return prompt_maps(size, positive, negative, box, mask, others, self.device)


def _batch(levels: Sequence[torch.Tensor]) -> torch.Tensor:
    """N levels (C, h, w), or windows of one, as (N, C, h, w); every copy is in the memory format of the network."""
    if len(levels) == 1:
        return levels[0][None]
    first = levels[0]
    size = (len(levels), *first.shape)
    batch = torch.empty(size, dtype=first.dtype, device=first.device, memory_format=torch.channels_last)
    for row, level in zip(batch, levels):
        row.copy_(level)
    return batch
