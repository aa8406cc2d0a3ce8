"""Prompts drawn as maps on the low-res grid, the form in which the embedded model reads them."""

from __future__ import annotations

import torch

CLICK_SIGMA = 3.0  # cells of the low-res grid


def click_map(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Draws clicks as Gaussians.

    Args:
        points: float (P, 2) as (x, y), in cells of the low-res grid.
        size: (h4, w4).

    Returns:
        float (h4, w4) in [0, 1]; zeros when P is 0.
    """
    if len(points) == 0:
        return torch.zeros(size, device=points.device)
    rows = torch.arange(size[0], device=points.device) + 0.5
    columns = torch.arange(size[1], device=points.device) + 0.5
    vertical = torch.exp(-((rows - points[:, 1:]) ** 2) / (2 * CLICK_SIGMA**2))
    horizontal = torch.exp(-((columns - points[:, :1]) ** 2) / (2 * CLICK_SIGMA**2))
    return (vertical[:, :, None] * horizontal[:, None, :]).amax(dim=0)


def box_map(box: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Draws a box (x0, y0, x1, y1), in cells of the low-res grid, as the covered share of each cell: (h4, w4)."""
    rows = torch.arange(size[0], device=box.device)
    columns = torch.arange(size[1], device=box.device)
    vertical = (torch.minimum(box[3], rows + 1) - torch.maximum(box[1], rows)).clamp(0, 1)
    horizontal = (torch.minimum(box[2], columns + 1) - torch.maximum(box[0], columns)).clamp(0, 1)
    return vertical[:, None] * horizontal[None, :]


def prompt_maps(
    size: tuple[int, int],
    positive: torch.Tensor,
    negative: torch.Tensor,
    box: torch.Tensor | None,
    mask: torch.Tensor | None,
) -> torch.Tensor:
    """Draws one object's prompt.

    Args:
        size: (h4, w4).
        positive: float (P, 2), clicks on the object, (x, y) in cells of the low-res grid.
        negative: float (Q, 2), clicks on the background.
        box: float (4,) in cells of the low-res grid, or None.
        mask: float (h4, w4) in [0, 1], an earlier mask as probabilities, or None.

    Returns:
        float (5, h4, w4): earlier mask, its flag, positive clicks, negative clicks, box.
    """
    empty = torch.zeros(size, device=positive.device)
    return torch.stack(
        [
            empty if mask is None else mask,
            empty if mask is None else torch.ones_like(empty),
            click_map(positive, size),
            click_map(negative, size),
            empty if box is None else box_map(box, size),
        ]
    )
