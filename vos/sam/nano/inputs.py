"""What the embedded model reads: pictures at its size; the image's levels, guidance and prompts as maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import Geometry, SizeHW
from vos.sam.nano.network import GUIDANCE_CHANNELS, PROMPT_STRIDE
from vos.sam.prompting import Guidance, Prompt
from vos.structures import ImageEmbedding

PADDING_VALUE = 127  # grey, which becomes almost 0


def resized(image: npt.NDArray[np.uint8], size: SizeHW) -> npt.NDArray[np.uint8]:
    """Resizes an image (H, W, 3) to another size (h, w).

    Down to one half interpolation leaves no pixel out, keeps more of what is thin than the mean does, and takes half of
    its time.
    """
    kind = cv2.INTER_AREA if 2 * size[0] < image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=kind), dtype=np.uint8)


def model_input(image: npt.NDArray[np.uint8], geometry: Geometry) -> npt.NDArray[np.uint8]:
    """Resizes and pads one image (H, W, 3) to the model input."""
    height, width = geometry.input_size
    padded = np.full((*geometry.padded_size, 3), PADDING_VALUE, dtype=np.uint8)
    padded[:height, :width] = resized(image, geometry.input_size)
    return padded


Inputs = tuple[
    tuple[torch.Tensor, ...], torch.Tensor, tuple[torch.Tensor, torch.Tensor], torch.Tensor
]  # of the decoder: levels, guidance, finer responses, prompt


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
        """Makes the decoder's inputs; the prompts share one image, or have one each."""
        levels = tuple(_batch(level) for level in zip(*(embedding.levels for embedding in embeddings)))
        geometry = embeddings[0].geometry
        prompt = torch.stack([self._draw(prompt, geometry) for prompt in prompts])
        maps, fine = self._guidance(guidance, len(prompts), geometry)
        return levels, maps, fine, prompt.to(self.dtype, memory_format=torch.channels_last)

    def _guidance(
        self, guidance: Guidance | None, count: int, geometry: Geometry
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """The maps on the grid with a channel that says whether there are any (N, 7, h, w), and the finer responses."""
        height, width = geometry.grid_size
        sizes = [(height * cells, width * cells) for cells in (1, 2, 4)]
        responses = [torch.zeros(count, 1, *size, dtype=self.dtype, device=self.device) for size in sizes]
        flag = torch.zeros_like(responses[0])
        maps = flag.expand(-1, GUIDANCE_CHANNELS - 2, -1, -1)  # besides the response and the flag
        if guidance is not None and guidance.maps is not None:
            if len(guidance.maps) != count:
                raise ValueError(f"guidance of {len(guidance.maps)} objects for {count} prompts")
            maps, flag = guidance.maps.to(maps), torch.ones_like(flag)
            if guidance.responses:
                responses = [response[:, None].to(flag) for response in guidance.responses]
        maps = torch.cat([maps, responses[0], flag], dim=1).contiguous(memory_format=torch.channels_last)
        return maps, (responses[1], responses[2])

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


def highest_around(x: torch.Tensor) -> torch.Tensor:
    """Finds the highest value among each cell of x (N, 1, h, w) and its eight neighbours.

    PyTorch's pooling also keeps where it was, which on a CPU takes ten times as long.
    """
    if x.device.type != "cpu":
        return F.max_pool2d(x, 3, 1, 1)
    window = np.ones((3, 3), np.uint8)
    planes = [cv2.dilate(plane, window) for plane in x[:, 0].detach().float().contiguous().numpy()]
    return torch.from_numpy(np.stack(planes))[:, None]


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
