"""Where a pixel is: the mapping between original image, model input, embedding grid and low-res logits.

Four frames of reference appear in this code base:

* *original pixels*: the image as the user gave it, (H, W);
* *model input*: the image resized to ``input_size`` and zero-padded at the bottom/right to ``padded_size``;
* *embedding grid*: ``padded_size`` divided by ``grid_stride`` (16 in every model here);
* *low-res logits*: ``padded_size`` divided by ``logit_stride`` (4 in every model here).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

SizeHW = tuple[int, int]
BACKGROUND_COVERAGE = 0.05  # a cell covered less than this by the object counts as background


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of one image on its way through a model.

    Attributes:
        original_size: (H, W) of the image, in original pixels.
        input_size: (H, W) of the resized image inside the model input, without padding.
        padded_size: (H, W) of the model input; a multiple of ``grid_stride``.
        grid_stride: model-input pixels per cell of the embedding grid.
        logit_stride: model-input pixels per low-res logit.
    """

    original_size: SizeHW
    input_size: SizeHW
    padded_size: SizeHW
    grid_stride: int = 16
    logit_stride: int = 4

    def __post_init__(self) -> None:
        for name in ("original_size", "input_size", "padded_size"):
            size = getattr(self, name)
            if len(size) != 2 or min(size) < 1:
                raise ValueError(f"{name} must be two positive numbers (H, W), got {size}")
        if any(i > p for i, p in zip(self.input_size, self.padded_size)):
            raise ValueError(f"input_size {self.input_size} does not fit into padded_size {self.padded_size}")

    @property
    def grid_size(self) -> SizeHW:
        """(h, w) of the embedding grid, padding included."""
        return self.padded_size[0] // self.grid_stride, self.padded_size[1] // self.grid_stride

    @property
    def logit_size(self) -> SizeHW:
        """(h4, w4) of the low-res logits, padding included."""
        return self.padded_size[0] // self.logit_stride, self.padded_size[1] // self.logit_stride

    @property
    def logits_per_cell(self) -> int:
        """Low-res logits along one side of a cell of the embedding grid."""
        return self.grid_stride // self.logit_stride

    @property
    def image_grid_size(self) -> SizeHW:
        """(h, w) of the cells of the embedding grid that hold image and not only padding."""
        return -(-self.input_size[0] // self.grid_stride), -(-self.input_size[1] // self.grid_stride)

    @property
    def image_logit_size(self) -> SizeHW:
        """(h4, w4) of the low-res logits that hold image and not only padding."""
        return -(-self.input_size[0] // self.logit_stride), -(-self.input_size[1] // self.logit_stride)

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Model-input pixels per original pixel, along x and y."""
        return self.input_size[1] / self.original_size[1], self.input_size[0] / self.original_size[0]

    def points_to_input(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Maps points (..., 2) as (x, y) from original pixels to model-input pixels."""
        return (np.asarray(points, dtype=np.float64) * self.scale_xy).astype(np.float32)

    def boxes_to_input(self, boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Maps boxes (..., 4) as (x0, y0, x1, y1) from original pixels to model-input pixels."""
        boxes = np.asarray(boxes, dtype=np.float64)
        return self.points_to_input(boxes.reshape(*boxes.shape[:-1], 2, 2)).reshape(boxes.shape)

    def mask_to_low_res(self, mask: torch.Tensor) -> torch.Tensor:
        """Area-averages masks (N, H, W) in original pixels to coverage (N, h4, w4) in [0, 1]; padding is 0."""
        return self._pool_mask(mask, self.logit_stride)

    def mask_to_grid(self, mask: torch.Tensor) -> torch.Tensor:
        """Area-averages masks (N, H, W) in original pixels to coverage (N, h, w) in [0, 1] of the embedding grid."""
        return self._pool_mask(mask, self.grid_stride)

    def logits_to_grid(self, logits: torch.Tensor) -> torch.Tensor:
        """Gives the share of each grid cell (h, w) that a low-res mask (h4, w4; foreground where > 0) covers."""
        rows, columns = self.image_logit_size
        mask = torch.zeros_like(logits)
        mask[:rows, :columns] = (logits[:rows, :columns] > 0).to(logits)
        return F.avg_pool2d(mask[None], self.logits_per_cell)[0]

    def _pool_mask(self, mask: torch.Tensor, stride: int) -> torch.Tensor:
        if tuple(mask.shape[-2:]) != self.original_size:
            raise ValueError(f"mask is {tuple(mask.shape[-2:])}, the image is {self.original_size} (H, W)")
        # interpolate(mode="area") takes no fractional cells, so go through the exact model-input raster.
        pixels = mask[:, None].float()
        if self.input_size[1] > 1:
            resized = F.interpolate(pixels, size=self.input_size, mode="bilinear", antialias=True)
        else:  # torch 2.13 fills an antialiased output that is one column wide with its first row; a row is right
            resized = F.interpolate(pixels.mT, size=self.input_size[::-1], mode="bilinear", antialias=True).mT
        pad_h, pad_w = (p - i for p, i in zip(self.padded_size, self.input_size))
        return F.avg_pool2d(F.pad(resized, (0, pad_w, 0, pad_h)), stride)[:, 0].clamp(0, 1)

    def logits_to_original(self, logits: torch.Tensor) -> torch.Tensor:
        """Upsamples low-res maps (N, M, h4, w4) to original pixels (N, M, H, W), the way SAM does.

        Bilinear to the model input, padding cut off, bilinear to the original size.
        """
        height, width = self.input_size
        upsampled = F.interpolate(logits, size=self.padded_size, mode="bilinear", align_corners=False)
        return F.interpolate(
            upsampled[..., :height, :width], size=self.original_size, mode="bilinear", align_corners=False
        )

    def logits_to_pixels(self, logits: torch.Tensor, margin: int = 0) -> tuple[torch.Tensor, tuple[slice, slice]]:
        """Upsamples low-res logits only where they can be positive.

        Args:
            logits: float (h4, w4), of one object.
            margin: original pixels around that.

        Returns:
            Logits (H', W') and the rows and columns of the original pixels that they are for; the same values as
            :meth:`logits_to_original`, but for rounding. Everywhere else those are not positive.
        """
        box = mask_box((logits > 0).cpu().numpy())
        sides, cells, weights = [], [], []
        for axis in (0, 1):
            first, last = (0, 0) if box is None else (int(box[1 - axis]), int(box[3 - axis]))
            reach = self.original_size[axis] / self.input_size[axis] * self.logit_stride  # pixels per cell
            low, high = int((first - 1) * reach) - 1 - margin, int((last + 2) * reach) + 2 + margin
            sides.append(slice(max(0, low), min(self.original_size[axis], high)))
            # Of the cells, only those between which these pixels lie.
            cells.append(slice(max(0, int(sides[axis].start / reach) - 2), int(sides[axis].stop / reach) + 3))
            lengths = (logits.shape[axis], self.padded_size[axis], self.input_size[axis], self.original_size[axis])
            weights.append(_upsampling(*lengths)[sides[axis], cells[axis]])
        rows, columns = weights
        return rows @ logits[cells[0], cells[1]].float().cpu() @ columns.T, (sides[0], sides[1])


def covered_cells(coverage: torch.Tensor) -> torch.Tensor:
    """Picks the cells that count as inside an object: more than half covered; of a tiny object the best covered.

    Args:
        coverage: float (...), the share of each cell that the object covers, in [0, 1].

    Returns:
        bool (...), none only where nothing is covered.
    """
    return coverage > min(0.5, 0.8 * float(coverage.max()))


def mask_iou(one: torch.Tensor, other: torch.Tensor) -> float:
    """Measures the intersection over union of two masks, bool of one shape; 0 where both are empty."""
    return float((one & other).sum()) / max(1.0, float((one | other).sum()))


def mask_box(mask: npt.NDArray[np.generic]) -> npt.NDArray[np.float32] | None:
    """Finds the tight box of a mask, as SAM's box prompt takes it.

    Args:
        mask: (H, W), foreground where non-zero.

    Returns:
        float32 (4,) as (x0, y0, x1, y1), the first and last columns and rows of the foreground (both inclusive); None
        where the mask is empty.
    """
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask, dtype=np.bool_).view(np.uint8))
    return np.array([x, y, x + width - 1, y + height - 1], dtype=np.float32) if width else None


@lru_cache(maxsize=16)
def _upsampling(low: int, padded: int, inside: int, original: int) -> torch.Tensor:
    """What each of ``original`` pixels takes from each of ``low`` cells along one axis: float32 (original, low)."""
    upsampled = F.interpolate(torch.eye(low)[None], size=padded, mode="linear", align_corners=False)
    return F.interpolate(upsampled[..., :inside], size=original, mode="linear", align_corners=False)[0].T.contiguous()
