"""Small stand-ins with the real interfaces, for tests of what is around them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, SizeHW
from vos.io.readers.base import FrameSource
from vos.sam.prompting import Guidance, MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, Presence, SegmentedFrame, TrackedFrame
from vos.tracking.tracker import Tracker

FRAMES, SIZE = 12, (96, 128)  # of the video of the fixture "program"
Program = Callable[..., int]


def square_clip(count: int, size: SizeHW = (48, 64)) -> list[npt.NDArray[np.uint8]]:
    """A red square that moves right over a gray ramp, one pixel per frame."""
    height, width = size
    ramp = np.broadcast_to(np.linspace(40, 90, width, dtype=np.uint8)[None, :, None], (height, width, 3))
    frames = []
    for index in range(count):
        image = ramp.copy()
        x = 8 + index % (width - 32)
        image[16:32, x : x + 16] = (220, 30, 30)
        frames.append(image)
    return frames


def square_mask(index: int, size: SizeHW = (48, 64), object_id: int = 1) -> LabelMap:
    """The truth of :func:`square_clip`."""
    labels = np.zeros(size, np.uint8)
    x = 8 + index % (size[1] - 32)
    labels[16:32, x : x + 16] = object_id
    return LabelMap(labels, (object_id,))


class ListSource(FrameSource):
    """Frames from memory; counts how many were asked for."""

    def __init__(self, images: Sequence[npt.NDArray[np.uint8]], is_live: bool = False) -> None:
        self.images, self.is_live = images, is_live
        self.path, self.size, self.fps, self.time_base = "list", images[0].shape[:2], 25.0, Fraction(1, 25)
        self.count = None if is_live else len(images)
        self.given = 0

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        for index in range(start, min(stop or len(self.images), len(self.images))):
            self.given += 1
            yield Frame(index, f"{index:05d}", index / 25, self.images[index])


@dataclass(frozen=True)
class DecoderCall:
    """One call of a decoder."""

    embedding: ImageEmbedding
    prompts: Sequence[Prompt]
    guidance: Guidance | None
    multimask: bool

    @property
    def candidates(self) -> int:
        """Counts the masks per object."""
        return 3 if self.multimask else 1


class FakeSegmenter(Segmenter):
    """A model that keeps every call of its decoder; what comes back is up to ``respond``."""

    name, checkpoint_name, checkpoint_sha256, device = "fake", "", "", torch.device("cpu")

    def __init__(self) -> None:
        self.calls: list[DecoderCall] = []

    def _decode(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Prompt],
        guidance: Guidance | None,
        multimask: bool,
    ) -> MaskCandidates:
        self.calls.append(DecoderCall(embeddings[0], list(prompts), guidance, multimask))
        return self.respond(self.calls[-1])

    def _bytes_per_object(self, geometry: Geometry) -> float:
        return 1.0

    @abstractmethod
    def respond(self, call: DecoderCall) -> MaskCandidates:
        """Decodes."""


class ColourSegmenter(FakeSegmenter):
    """Finds what has the colour under the prompt; the embedding is the image itself, at the grid's resolution."""

    name, checkpoint_name, checkpoint_sha256 = "colour", "colour.safetensors", "0" * 64
    guidance_fields: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.encoded = 0

    def geometry(self, original_size: SizeHW) -> Geometry:
        padded = tuple(-(-side // 16) * 16 for side in original_size)
        return Geometry(original_size, original_size, (padded[0], padded[1]))

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        self.encoded += len(images)
        embeddings = []
        for image in images:
            geometry = self.geometry((image.shape[0], image.shape[1]))
            pixels = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)
            bottom, right = (p - s for p, s in zip(geometry.padded_size, geometry.original_size))
            pixels = torch.nn.functional.pad(pixels, (0, right, 0, bottom))
            fine = torch.nn.functional.avg_pool2d(pixels[None], 4)[0]
            coarse = torch.nn.functional.avg_pool2d(pixels[None], 16)[0]
            embeddings.append(ImageEmbedding(coarse - coarse.mean(dim=0), geometry, (fine,)))
        return embeddings

    def respond(self, call: DecoderCall) -> MaskCandidates:
        (fine,) = call.embedding.levels
        logits = torch.stack([self._match(fine, prompt) for prompt in call.prompts])
        predicted_iou = torch.tensor([0.9, 0.5, 0.4][: call.candidates]).repeat(len(call.prompts), 1)
        return MaskCandidates(logits[:, None].repeat(1, call.candidates, 1, 1), predicted_iou)

    def _match(self, fine: torch.Tensor, prompt: Prompt) -> torch.Tensor:
        if prompt.mask_logits is not None and bool((prompt.mask_logits > 0).any()):
            colour = fine[:, prompt.mask_logits > 0].mean(dim=1)
        else:
            x, y = prompt.box.reshape(2, 2).mean(axis=0) if prompt.box is not None else prompt.points[0]
            colour = fine[:, int(y) // 4, int(x) // 4]
        return 8 - 40 * (fine - colour[:, None, None]).norm(dim=0)


class RedTracker(Tracker):
    """Every object is wherever it is red, blurred over time, so that each result depends on all earlier ones."""

    def __init__(self) -> None:
        self.object_ids: tuple[int, ...] = ()
        self.previous = torch.zeros(0)
        self.calls: list[tuple[str, int]] = []

    def start(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        self.object_ids = reference.object_ids
        self.previous = torch.zeros(embedding.geometry.logit_size)
        return self._next("start", embedding, frame, reference)

    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        return self._next("step", embedding, frame, None)

    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        return self._next("add_reference", embedding, frame, reference)

    def _next(self, call: str, embedding: ImageEmbedding, frame: Frame, given: LabelMap | None) -> TrackedFrame:
        self.calls.append((call, frame.index))
        red = embedding.levels[0][0] - embedding.levels[0][1]
        self.previous = 0.5 * self.previous + 10 * (red - 0.3)
        count = len(self.object_ids)
        iou = torch.full((count,), float(torch.sigmoid(self.previous.mean())))
        return TrackedFrame(self.previous.repeat(count, 1, 1), iou, (Presence.PRESENT,) * count, given)

    def state(self) -> dict[str, torch.Tensor]:
        return {"previous": self.previous, "ids": torch.tensor(self.object_ids)}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self.previous, self.object_ids = state["previous"], tuple(state["ids"].tolist())


class Collector:
    """A writer that keeps everything."""

    def __init__(self) -> None:
        self.results: list[SegmentedFrame] = []

    def write(self, result: SegmentedFrame) -> None:
        self.results.append(result)

    def digest(self) -> list[tuple[int, bytes, bytes, bytes]]:
        """Everything that a file could be made of, to compare bit by bit."""
        return [
            (
                result.frame.index,
                result.label_map.labels.tobytes(),
                result.predicted_iou.tobytes(),
                b"" if result.alpha is None else result.alpha.tobytes(),
            )
            for result in self.results
        ]
