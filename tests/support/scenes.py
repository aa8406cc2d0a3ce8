"""Tiny moving scenes and a model that finds objects by colour, for tests of the trackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from fakes import DecoderCall, FakeSegmenter

from vos.geometry import Geometry, SizeHW
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, SegmentedFrame
from vos.tracking.config import TrackerConfig
from vos.tracking.merge import merge
from vos.tracking.tracker import Tracker

COLOURS = {1: (220, 30, 30), 2: (30, 200, 60), 3: (40, 60, 230), 4: (230, 210, 40), 5: (200, 40, 210)}
GROUND = (96, 100, 92)
Box = tuple[int, int, int, int]  # x0, y0, x1, y1; the last two excluded


def scene(boxes: Mapping[int, Box], size: SizeHW = (96, 128)) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """An image (H, W, 3) and its labels (H, W): rectangles of the ids' colours, later ones on top."""
    image = np.full((*size, 3), GROUND, dtype=np.uint8)
    labels = np.zeros(size, dtype=np.uint8)
    for object_id, (x0, y0, x1, y1) in boxes.items():
        image[y0:y1, x0:x1] = COLOURS[(object_id - 1) % 5 + 1]
        labels[y0:y1, x0:x1] = object_id
    return image, labels


class ColourModel(FakeSegmenter):
    """Finds cells that look like the guidance's target, near the mask and box prompts when there are any.

    Works on the image itself: the embedding is colour minus ground. Predicted IoU is high where the found cells are
    nearly the target's colour, and 0 where none is.
    """

    name = "colour"
    guidance_fields = frozenset({"maps"})

    def geometry(self, original_size: SizeHW) -> Geometry:
        scale = 128 / max(original_size)
        height, width = (max(1, int(side * scale + 0.5)) for side in original_size)
        return Geometry(original_size, (height, width), (-(-height // 16) * 16, -(-width // 16) * 16))

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        embeddings = []
        for image in images:
            geometry = self.geometry((image.shape[0], image.shape[1]))
            pixels = torch.from_numpy(image.astype(np.float32) - np.array(GROUND, np.float32)).permute(2, 0, 1) / 255
            pixels = torch.cat([pixels, torch.full_like(pixels[:1], 0.05)])  # the ground has a direction, too
            pixels = F.interpolate(pixels[None], size=geometry.input_size, mode="area")[0]
            pad = [p - i for p, i in zip(geometry.padded_size, geometry.input_size)]
            pixels = F.pad(pixels, (0, pad[1], 0, pad[0]))
            fine = F.avg_pool2d(pixels[None], 4)[0]
            embeddings.append(ImageEmbedding(F.avg_pool2d(pixels[None], 16)[0], geometry, (fine,)))
        return embeddings

    def respond(self, call: DecoderCall) -> MaskCandidates:
        embedding, guidance, (fine,) = call.embedding, call.guidance, call.embedding.levels
        logits, quality = [], []
        for row, prompt in enumerate(call.prompts):
            # The cell that matches best tells the colour; without it anywhere there is nothing to find.
            maps = torch.ones(1, 1) if guidance is None or guidance.maps is None else guidance.maps[row, 0]
            cell = self._cell(embedding.geometry, prompt) if maps.numel() == 1 else maps.flatten().argmax()
            colour = F.normalize(embedding.features.flatten(1)[:, cell], dim=0)
            found = torch.einsum("c,chw->hw", colour, F.normalize(fine, dim=0, eps=0.05))
            mask = 20 * (found - 0.8)
            if prompt.mask_logits is not None and prompt.box is not None:
                near = torch.full_like(mask, -20.0)
                scale = embedding.geometry.boxes_to_input(prompt.box) / 4
                x0, y0, x1, y1 = (int(v) for v in (scale + np.array([-1, -1, 2, 2])).clip(0))
                near[y0:y1, x0:x1] = mask[y0:y1, x0:x1]
                mask = near
            logits.append(mask)
            quality.append(float(maps.max()) if bool((mask > 0).any()) and float(maps.max()) > 0.8 else 0.0)
        count = call.candidates
        return MaskCandidates(
            torch.stack(logits)[:, None].repeat(1, count, 1, 1), torch.tensor(quality)[:, None].repeat(1, count)
        )

    def _cell(self, geometry: Geometry, prompt: Prompt) -> torch.Tensor:
        """The grid cell under the middle of the box or the first point, for calls without guidance."""
        place = prompt.points[0] if prompt.box is None else prompt.box.reshape(2, 2).mean(axis=0)
        x, y = (geometry.points_to_input(place) // 16).astype(int)
        return torch.tensor(
            min(y, geometry.grid_size[0] - 1) * geometry.grid_size[1] + min(x, geometry.grid_size[1] - 1)
        )


class Run:
    """Drives a tracker over scenes."""

    def __init__(self, tracker: Tracker, model: Segmenter) -> None:
        self.tracker, self.model, self.index = tracker, model, 0

    def show(
        self, image: npt.NDArray[np.uint8], reference: LabelMap | None = None, alpha: bool = False
    ) -> SegmentedFrame:
        """The next frame, with its mask where one is given."""
        frame = Frame(self.index, f"{self.index:05d}", self.index / 25, image)
        embedding = self.model.encode([image])[0]
        if reference is None:
            tracked = self.tracker.step(embedding, frame)
        else:
            tracked = (self.tracker.add_reference if self.index else self.tracker.start)(embedding, reference, frame)
        self.index += 1
        return merge(tracked, embedding.geometry, frame, self.tracker.object_ids, alpha)


def iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Intersection over union; 1 where both are empty."""
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0


def config(**options: object) -> TrackerConfig:
    """The default tracker's options with some of them replaced."""
    return TrackerConfig(**options)  # type: ignore[arg-type]
