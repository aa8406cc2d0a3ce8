"""A second look at a small object: its surroundings, enlarged, encoded and decoded once more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.cascade import low_res_box
from vos.persam.location_prior import locate
from vos.photos.crop_refinement import seen_from
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import TargetFeature
from vos.tracking.choice import overlap
from vos.tracking.config import ZoomConfig
from vos.tracking.observation import Sight


def look_closer(
    model: Segmenter,
    rgb: npt.NDArray[np.uint8],
    sight: Sight,
    geometry: Geometry,
    target: TargetFeature,
    config: ZoomConfig,
) -> Sight:
    """Decodes a small object again in a picture of its surroundings, with the first answer as the earlier mask.

    Args:
        model: encodes and decodes the enlarged region.
        rgb: uint8 (H, W, 3), the frame.
        sight: the first look, in the whole frame.
        geometry: of the frame.
        target: what is known of the object.
        config: which objects are small.

    Returns:
        The closer look; the first one where the object is large or absent, or where the two contradict each other.
    """
    region = _region(sight.logits, geometry, config)
    if region is None:
        return sight
    x0, y0, x1, y1 = region
    part = model.encode([np.ascontiguousarray(rgb[y0:y1, x0:x1])])[0]
    prior = locate(part, [target], model.guidance_fields)
    earlier = seen_from(sight.logits, geometry, part.geometry, x0, y0)
    prompt = Prompt(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), mask_logits=earlier)
    logits = model.decode(part, [prompt], prior.guidance, multimask=False).logits[0, 0].float()
    if float(overlap(logits[None] > 0, earlier > 0)[0]) < config.agreement:
        return sight
    return replace(sight, window=None, logits=_put_back(logits, part.geometry, sight.logits, geometry, region))


def _region(logits: torch.Tensor, geometry: Geometry, config: ZoomConfig) -> tuple[int, int, int, int] | None:
    """A square around the mask, in original pixels, inside the picture; None where there is nothing to enlarge."""
    box = low_res_box(logits, geometry)
    if box is None:
        return None
    height, width = geometry.original_size
    centre, side = (box[:2] + box[2:]) / 2, float(max(box[2] - box[0], box[3] - box[1])) * (1 + 2 * config.margin)
    if side > config.max_share * max(height, width) or side < 8:
        return None
    x0, y0 = (int(max(0.0, c - side / 2)) for c in centre)
    x1, y1 = (int(min(limit, np.ceil(c + side / 2))) for c, limit in zip(centre, (width, height)))
    return x0, y0, x1, y1


def _put_back(
    logits: torch.Tensor, part: Geometry, whole: torch.Tensor, geometry: Geometry, region: tuple[int, int, int, int]
) -> torch.Tensor:
    """The region's logits in place of the whole frame's, cell by cell of the frame's low-res grid."""
    x0, y0, x1, y1 = region
    stride = geometry.logit_stride
    pixels = part.logits_to_original(logits[None, None])[0, 0]
    scale_x, scale_y = geometry.scale_xy
    columns = (torch.arange(whole.shape[1], device=whole.device) + 0.5) * stride / scale_x - 0.5 - x0
    rows = (torch.arange(whole.shape[0], device=whole.device) + 0.5) * stride / scale_y - 0.5 - y0
    inside_x, inside_y = (columns >= 0) & (columns <= x1 - x0 - 1), (rows >= 0) & (rows <= y1 - y0 - 1)
    grid_x = 2 * (columns[inside_x] + 0.5) / (x1 - x0) - 1
    grid_y = 2 * (rows[inside_y] + 0.5) / (y1 - y0) - 1
    grid = torch.stack(torch.meshgrid(grid_y, grid_x, indexing="ij")[::-1], dim=-1)
    sampled = F.grid_sample(pixels[None, None], grid[None], align_corners=False)[0, 0]
    result = whole.clone()
    result[inside_y.nonzero(), inside_x.nonzero().T] = sampled
    return result
