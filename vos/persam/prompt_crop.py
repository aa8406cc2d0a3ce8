"""The part of a frame around a prompted object, decoded again at the frame's own resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.cascade import low_res_box
from vos.persam.click_decoding import decode_clicks
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter

MARGIN = 0.35  # of the crop beyond the object on each side, share of its longer side; and
LEAST_MARGIN = 4  # original pixels
LARGEST, STEP = 512, 32  # longer side of the crop's input, and what it is a multiple of
ENLARGED = 3.0  # a crop is enlarged by no more
GAIN = 1.05  # a crop that shows no more than this times the detail of the whole frame is left out
WHOLE = 0.4  # weight of the whole frame's logits in the crop
OUTSIDE = -8.0  # logit


def decode_crop(
    model: Segmenter,
    rgb: npt.NDArray[np.uint8],
    geometry: Geometry,
    prompt: Prompt,
    logits: torch.Tensor,
    pixels: torch.Tensor,
) -> torch.Tensor:
    """Decodes the crop around a mask or a box again, with the mask fed back.

    Args:
        model: encodes and decodes the crop.
        rgb: uint8 (H, W, 3), the frame.
        geometry: of the frame.
        prompt: the clicks and the box.
        logits: float (h4, w4), low-res, of the whole frame.
        pixels: the same in original pixels, float (H, W).

    Returns:
        Logits (H, W); ``pixels`` where the crop would show nothing new.
    """
    area = _area(prompt, logits, geometry)
    if area is None:
        return pixels
    x0, y0, x1, y1 = area
    longer = max(x1 - x0, y1 - y0)
    size = int(np.clip(-(-longer * ENLARGED // STEP) * STEP, 4 * STEP, LARGEST))
    if size < GAIN * longer * geometry.scale_xy[0]:
        return pixels
    close = model.at_input_size(size)
    (embedding,) = close.encode([np.ascontiguousarray(rgb[y0:y1, x0:x1])])
    offset = np.array([x0, y0], np.float32)
    inside = ((prompt.points >= offset) & (prompt.points < [x1, y1])).all(axis=1)
    earlier = logits_in_crop(logits, geometry, embedding.geometry, x0, y0)
    box = None if prompt.box is None else (prompt.box - np.tile(offset, 2)).astype(np.float32)
    own = replace(
        prompt, points=prompt.points[inside] - offset, labels=prompt.labels[inside], box=box, mask_logits=earlier
    )
    found = decode_clicks(close, embedding, own, multimask=False).logits
    within = embedding.geometry.logits_to_original(found)[0, 0]
    result = torch.full_like(pixels, OUTSIDE)
    result[y0:y1, x0:x1] = within.lerp(pixels[y0:y1, x0:x1], WHOLE)
    return result


def _area(prompt: Prompt, logits: torch.Tensor, geometry: Geometry) -> tuple[int, int, int, int] | None:
    """Finds the crop (x0, y0, x1, y1): around the box, else the mask, and around the clicks on the object."""
    box = low_res_box(logits, geometry) if prompt.box is None else prompt.box
    if box is None:
        return None
    clicked = prompt.points[prompt.labels == 1]
    first, last = np.vstack([box[:2], clicked]).min(axis=0), np.vstack([box[2:], clicked]).max(axis=0)
    margin = MARGIN * float((last - first).max()) + LEAST_MARGIN
    height, width = geometry.original_size
    (x0, y0), (x1, y1) = np.maximum(first - margin, 0).astype(int), np.ceil(last + margin).astype(int)
    return int(x0), int(y0), min(width, int(x1)), min(height, int(y1))


def logits_in_crop(logits: torch.Tensor, photo: Geometry, crop: Geometry, x: int, y: int) -> torch.Tensor:
    """Samples low-res logits (h4, w4) of the photo on the low-res grid of a crop that begins at (x, y) of it."""
    axes = []
    for axis, begin in ((0, x), (1, y)):  # x first
        cells = torch.arange(crop.logit_size[1 - axis], device=logits.device) + 0.5
        pixels = cells * crop.logit_stride / crop.scale_xy[axis] + begin
        axes.append(2 * pixels * photo.scale_xy[axis] / photo.padded_size[1 - axis] - 1)
    grid = torch.stack(torch.meshgrid(axes[1], axes[0], indexing="ij")[::-1], dim=-1)
    sampled = F.grid_sample(logits[None, None], grid[None].to(logits), padding_mode="border", align_corners=False)[0, 0]
    rows, columns = crop.image_logit_size
    outside = torch.full_like(sampled, -float(sampled.abs().max()))
    outside[:rows, :columns] = sampled[:rows, :columns]
    return outside


def low_res(pixels: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Averages logits (H, W) in original pixels down to low-res logits (h4, w4)."""
    small = F.interpolate(pixels[None, None], size=geometry.input_size, mode="bilinear", antialias=True)
    bottom, right = (p - i for p, i in zip(geometry.padded_size, geometry.input_size))
    return F.avg_pool2d(F.pad(small, (0, right, 0, bottom), value=OUTSIDE), geometry.logit_stride)[0, 0]
