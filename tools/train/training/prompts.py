"""Prompts as a user would give them, drawn from true masks on the logits' grid, for many objects at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from vos.sam.nano.inputs import prompt_maps

NOWHERE = -1e4  # a click so far away leaves no trace in its map


def click(regions: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A cell of each boolean region (R, h2, w2), as (R, 2), (x, y) of its centre; far away where a region is empty."""
    cells = regions.flatten(1)
    lots = torch.rand(cells.shape, generator=generator, device=cells.device)
    chosen = torch.where(cells, lots, -1.0).argmax(dim=1, keepdim=True)
    return torch.where(cells.any(dim=1, keepdim=True), centres(chosen, regions.shape[-1]), NOWHERE)


def innermost(regions: torch.Tensor, depth: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each boolean region (R, h2, w2) is farthest from what is outside of it, to two cells.

    Args:
        regions: any; outside of the grid nothing belongs to them.
        depth: pairs of cells from the rim, after which all count the same.

    Returns:
        (R, 2), (x, y), far away where a region is empty, and (R,), the distance from the rim in pairs of cells.
    """
    if regions.device.type == "cpu":  # PyTorch's pooling takes a sixth of a whole training step there
        return _innermost(regions, depth)
    cells = regions[:, None].float()
    # A pair counts as inside only as a whole, else gaps would close; what has no whole pair has a middle all the same.
    distance, left = F.max_pool2d(cells, 2), 1 - F.max_pool2d(1 - cells, 2)
    for _ in range(depth - 1):
        distance += left
        left = 1 - F.max_pool2d(F.pad(1 - left, (1, 1, 1, 1), value=1.0), 3, 1)
    deepest, chosen = distance.flatten(1).max(dim=1, keepdim=True)
    return torch.where(deepest > 0, 2 * centres(chosen, left.shape[-1]), NOWHERE), deepest[:, 0]


def _innermost(regions: torch.Tensor, depth: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Does the same by OpenCV's distances, to the cell."""
    padded = np.pad(regions.numpy().astype(np.uint8), ((0, 0), (1, 1), (1, 1)))
    distance = torch.from_numpy(np.stack([cv2.distanceTransform(each, cv2.DIST_L2, 5)[1:-1, 1:-1] for each in padded]))
    deepest, chosen = distance.flatten(1).max(dim=1, keepdim=True)
    middle = torch.where(deepest > 0, centres(chosen, regions.shape[-1]), NOWHERE)
    return middle, (deepest[:, 0] / 2).clamp(max=depth)


def centres(cells: torch.Tensor, width: int) -> torch.Tensor:
    """Numbers of cells (R, 1), counted row by row, as (x, y) of their centres (R, 2)."""
    return torch.cat([cells % width, cells // width], dim=1) + 0.5


def loose_boxes(masks: torch.Tensor, generator: torch.Generator, slack: float = 0.1) -> torch.Tensor:
    """The boxes (R, 4) of boolean masks (R, h2, w2), each side moved by up to ``slack`` of its length.

    A box is empty where its mask is.
    """
    firsts, ends = [], []
    for dim in (1, 2):  # over the rows: x, over the columns: y
        hit = masks.any(dim=dim).float()
        firsts.append(hit.argmax(dim=1))
        ends.append(hit.shape[1] - hit.flip(1).argmax(dim=1))
    first, end = torch.stack(firsts, dim=1).float(), torch.stack(ends, dim=1).float()
    present = masks.flatten(1).any(dim=1)[:, None]
    noise = torch.rand(len(masks), 4, generator=generator, device=masks.device) * 2 - 1
    side = end - first
    box = torch.cat([first, end], dim=1) + noise * slack * side.repeat(1, 2)
    return torch.where(present, box, 0.0)


@dataclass
class Prompts:
    """What R prompts tell besides the guidance; what a row of a flag leaves out is not told.

    Attributes:
        positive: float (R, P, 2), clicks in cells of the logits' grid; far away = none.
        negative: float (R, P, 2), likewise.
        box: float (R, 4), likewise; empty = none.
        mask: float (R, h2, w2) in [0, 1], an earlier mask.
        mask_given: bool (R,).
        others: float (R, h2, w2) in [0, 1], where other objects were; zeros = none.
    """

    positive: torch.Tensor
    negative: torch.Tensor
    box: torch.Tensor
    mask: torch.Tensor
    mask_given: torch.Tensor
    others: torch.Tensor

    @classmethod
    def of(cls, mask: torch.Tensor, mask_given: torch.Tensor) -> Prompts:
        """Earlier masks (R, h2, w2) where there are any, and nothing else."""
        nowhere = mask.new_full((len(mask), 1, 2), NOWHERE)
        return cls(nowhere, nowhere, mask.new_zeros(len(mask), 4), mask, mask_given, torch.zeros_like(mask))

    def draw(self) -> torch.Tensor:
        """The maps that the decoder reads: float (R, 9, h4, w4), channels last."""
        size = (self.mask.shape[1] // 2, self.mask.shape[2] // 2)

        def one(
            positive: torch.Tensor, negative: torch.Tensor, box: torch.Tensor, mask: torch.Tensor, others: torch.Tensor
        ) -> torch.Tensor:
            return prompt_maps(size, positive, negative, box, mask, others, mask.device)

        maps = torch.vmap(one)(self.positive / 2, self.negative / 2, self.box / 2, self.mask, self.others)
        told = torch.ones(len(maps), maps.shape[1], 1, 1, device=maps.device)
        told[:, :5] = self.mask_given[:, None, None, None].float()
        return (maps * told).contiguous(memory_format=torch.channels_last)
