"""Prompts drawn as maps at stride 4, the form in which the embedded model reads them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

CLICK_SIGMA = 3.0  # cells


def click_map(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Draws clicks as Gaussians.

    Args:
        points: float (P, 2) as (x, y), in cells, P >= 1.
        size: (h4, w4).

    Returns:
        float (h4, w4) in [0, 1].
    """
    rows = torch.arange(size[0], device=points.device) + 0.5
    columns = torch.arange(size[1], device=points.device) + 0.5
    vertical = torch.exp(-((rows - points[:, 1:]) ** 2) / (2 * CLICK_SIGMA**2))
    horizontal = torch.exp(-((columns - points[:, :1]) ** 2) / (2 * CLICK_SIGMA**2))
    return (vertical[:, :, None] * horizontal[:, None, :]).amax(dim=0)


def box_map(box: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Draws a box (x0, y0, x1, y1), in cells, as the covered share of each cell: (h4, w4)."""
    rows = torch.arange(size[0], device=box.device)
    columns = torch.arange(size[1], device=box.device)
    vertical = (torch.minimum(box[3], rows + 1) - torch.maximum(box[1], rows)).clamp(0, 1)
    horizontal = (torch.minimum(box[2], columns + 1) - torch.maximum(box[0], columns)).clamp(0, 1)
    return vertical[:, None] * horizontal[None, :]


def prompt_maps(
    size: tuple[int, int],
    positive: torch.Tensor | None,
    negative: torch.Tensor | None,
    box: torch.Tensor | None,
    mask: torch.Tensor | None,
    others: torch.Tensor | None = None,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Draws one object's prompt.

    Args:
        size: (h4, w4).
        positive: float (P, 2), clicks on the object, (x, y) in cells, or None.
        negative: float (Q, 2), clicks on the background, or None.
        box: float (4,) in cells, or None.
        mask: float (2 * h4, 2 * w4) in [0, 1], an earlier mask as probabilities, or None.
        others: float (2 * h4, 2 * w4) in [0, 1], where other objects were, or None.
        device: of all of these.

    Returns:
        float (9, h4, w4): the earlier mask's 2 x 2 values, its flag, positive clicks, negative clicks, box, others.
    """
    nothing = torch.zeros(1, *size, device=device)
    given = nothing if mask is None else nothing + 1
    clicks = [
        click_map(points, size)[None] if points is not None and len(points) else nothing
        for points in (positive, negative)
    ]
    return torch.cat(
        [
            nothing.expand(4, -1, -1) if mask is None else F.pixel_unshuffle(mask[None], 2),
            given,
            *clicks,
            nothing if box is None else box_map(box, size)[None],
            nothing if others is None else F.avg_pool2d(others[None], 2),
        ]
    )
