"""IoU after one click, after three, and from a box, on regions of photos that were never trained on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm
from training.photos import PhotoPool, photo_ids
from training.task import HELD_OUT_EVERY

from measures.tables import Cell, Pairs, Settings, Table, skipped
from vos.geometry import mask_box
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

CLICKS = 3
MIN_SHARE, MAX_SHARE = 0.005, 0.6  # of the photo's area

Mask = npt.NDArray[np.bool_]


class Region(NamedTuple):
    """One region: the photo, which of its label maps, and the label in it."""

    photo_id: str
    map_number: int
    label: int

    @property
    def source(self) -> str:
        """The data set that the photo is from."""
        return self.photo_id.partition("_")[0]


class Click(NamedTuple):
    """A click in original pixels, on the object or on what is wrongly taken for it."""

    x: int
    y: int
    on_object: bool


@dataclass
class Session:
    """One region, the clicks that were given for it, and the masks."""

    truth: Mask
    clicks: list[Click] = field(default_factory=list)
    logits: torch.Tensor | None = None
    mask: Mask | None = None
    ious: list[float] = field(default_factory=list)
    predicted: list[float] = field(default_factory=list)

    def prompt(self) -> Prompt:
        """All clicks so far and the last mask."""
        points = np.array([(click.x, click.y) for click in self.clicks], dtype=np.float32)
        labels = np.array([int(click.on_object) for click in self.clicks], dtype=np.int64)
        return Prompt(points, labels, mask_logits=self.logits)

    def take(self, logits: torch.Tensor, predicted_iou: float, embedding: ImageEmbedding) -> None:
        """Takes low-res logits (h4, w4) as the response to :meth:`prompt`."""
        self.logits, self.mask = logits, pixels(logits, embedding)
        self.ious.append(iou(self.mask, self.truth))
        self.predicted.append(predicted_iou)

    def keep(self) -> None:
        """No click is left to give: the mask stays."""
        self.ious.append(self.ious[-1])
        self.predicted.append(self.predicted[-1])


def innermost(mask: Mask) -> tuple[int, int]:
    """The pixel (x, y) of a mask that is farthest from its border; the picture's edge is a border, too."""
    distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(x), int(y)


def next_click(mask: Mask, truth: Mask) -> Click | None:
    """In the middle of the largest connected part that is missing or surplus; None where nothing is wrong."""
    largest: tuple[int, Mask, bool] | None = None
    for wrong, on_object in ((truth & ~mask, True), (mask & ~truth, False)):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=8)
        for number in range(1, count):
            area = int(stats[number, cv2.CC_STAT_AREA])
            if largest is None or area > largest[0]:
                largest = area, labels == number, on_object
    return None if largest is None else Click(*innermost(largest[1]), largest[2])


def iou(mask: Mask, truth: Mask) -> float:
    """Intersection over union; the truth is not empty."""
    return float((mask & truth).sum() / (mask | truth).sum())


def pixels(logits: torch.Tensor, embedding: ImageEmbedding) -> Mask:
    """The mask of low-res logits (h4, w4) in original pixels."""
    full = embedding.geometry.logits_to_original(logits[None, None].float())[0, 0]
    return np.asarray((full > 0).cpu().numpy())


def choose_regions(pool: PhotoPool, count: int, seed: int) -> list[Region]:
    """Draws ``count`` regions of a fitting size, as many of each source, in the order of their photos."""
    fitting: dict[str, list[Region]] = {}
    for photo_id in tqdm(pool.ids, desc="regions", leave=False):
        for number, labels in enumerate(pool.read(photo_id).regions):
            shares = np.bincount(labels.ravel()) / labels.size
            for label in np.flatnonzero((shares >= MIN_SHARE) & (shares <= MAX_SHARE)):
                if label:
                    region = Region(photo_id, number, int(label))
                    fitting.setdefault(region.source, []).append(region)
    rng, chosen = random.Random(seed), []
    for number, source in enumerate(sorted(fitting)):
        share = (number + 1) * count // len(fitting) - number * count // len(fitting)
        chosen += sorted(rng.sample(fitting[source], min(share, len(fitting[source]))))
    return chosen


def click_through(model: Segmenter, embedding: ImageEmbedding, truths: Sequence[Mask]) -> list[Session]:
    """Three clicks for each of N regions of one photo, decoded together.

    The first mask is the best of three candidates by predicted IoU; the others are single masks that see the
    mask before.
    """
    sessions = [Session(truth, [Click(*innermost(truth), True)]) for truth in truths]
    candidates = model.decode_prompts(embedding, [session.prompt() for session in sessions], multimask=True).best()
    _hand_out(sessions, candidates, embedding)
    for _ in range(CLICKS - 1):
        open_sessions = []
        for session in sessions:
            assert session.mask is not None
            click = next_click(session.mask, session.truth)
            if click is None:
                session.keep()
                continue
            session.clicks.append(click)
            open_sessions.append(session)
        if open_sessions:
            candidates = model.decode_prompts(
                embedding, [session.prompt() for session in open_sessions], multimask=False
            )
            _hand_out(open_sessions, candidates, embedding)
    return sessions


def decode_boxes(model: Segmenter, embedding: ImageEmbedding, truths: Sequence[Mask]) -> list[Session]:
    """The single mask for the tight box of each of N regions of one photo."""
    nowhere, no_labels = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
    sessions = [Session(truth) for truth in truths]
    prompts = [Prompt(nowhere, no_labels, mask_box(truth)) for truth in truths]
    _hand_out(sessions, model.decode_prompts(embedding, prompts, multimask=False), embedding)
    return sessions


def measure_clicks(settings: Settings, model: Segmenter) -> tuple[Table, list[Pairs]]:
    """Clicks and boxes on the held-out photos; also predicted and true IoU of all masks."""
    root, title = settings.data / "segments", "Clicks and boxes on photos that were never trained on"
    if not root.is_dir():
        return skipped("clicks", title, root), []
    pool = PhotoPool(root, photo_ids(root)[::HELD_OUT_EVERY])
    regions = choose_regions(pool, settings.sample.regions, settings.seed)
    clicked: list[Session] = []
    boxed: list[Session] = []
    with tqdm(total=len(regions), desc="clicks", unit="region") as bar:
        for photo_id, group in groupby(regions, key=lambda region: region.photo_id):
            photo = pool.read(photo_id)
            truths = [photo.regions[region.map_number] == region.label for region in group]
            (embedding,) = model.encode([photo.rgb])
            clicked += click_through(model, embedding, truths)
            boxed += decode_boxes(model, embedding, truths)
            bar.update(len(truths))
    sources = np.array([region.source for region in regions])
    clicks, boxes = np.array([s.ious for s in clicked]), np.array([s.ious for s in boxed])
    rows: list[list[Cell]] = []
    for source in [*sorted(set(sources)), "all"]:
        own = (sources == source) | (source == "all")
        figures = (clicks[own, 0], clicks[own, -1], boxes[own, 0])
        rows.append([source, int(own.sum()), *(float(values.mean()) for values in figures)])
    note = (
        "Mean IoU of a seeded choice of regions, as many of each source. The first click is the region's innermost "
        "point, each further one the middle of the largest part that is still wrong."
    )
    table = Table("clicks", title, ("source", "regions", "1 click", f"{CLICKS} clicks", "box"), rows, note)
    return table, [_pairs("clicks, 1 to 3", clicked), _pairs("boxes", boxed)]


def _hand_out(sessions: Sequence[Session], candidates: MaskCandidates, embedding: ImageEmbedding) -> None:
    for session, logits, quality in zip(sessions, candidates.logits[:, 0], candidates.predicted_iou[:, 0]):
        session.take(logits, float(quality.clamp(0, 1)), embedding)


def _pairs(name: str, sessions: Sequence[Session]) -> Pairs:
    predicted = np.array([value for session in sessions for value in session.predicted], dtype=np.float64)
    return Pairs(name, predicted, np.array([value for session in sessions for value in session.ious]))
