"""Photos with some of their labelled regions, for training on clicks and boxes.

Half of the views have one or two objects of other photos pasted in, which are regions, too (after Ghiasi et al. 2021,
"Simple Copy-Paste is a Strong Data Augmentation Method"): photos are few, and soon known by heart.
"""

from __future__ import annotations

import random

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from training.pasting import SPRITE_BASE, far_placement, paste, random_sprite
from training.photos import Photo, PhotoPool
from training.scenes import SHADOW_SHARE, far_camera
from training.shadow import Shadow
from vos.adaptation.views import ColourJitter
from vos.adaptation.warp import Matrix, centred, similarity_matrix, warp

MIN_SHARE, MAX_SHARE = 0.003, 0.7  # of the view's area
PASTED = (0, 0, 1, 2)  # objects of other photos in a view, each number as often
# With ``objects``: how often a source's photo is taken, whole persons instead of garments, and a region seen close.
SOURCE_SHARES, OTHER_SHARE, PERSON_SHARE, CLOSE_SHARE = {"coco": 0.45, "ccp": 0.2, "bsds": 0.17}, 0.18, 0.5, 0.6
UNION_SHARE = 0.15  # of the masks, with ``objects``, are two regions that touch: a rider and the horse
CLOSE_SIDES = (1.1, 2.6)  # of a close view, in longer sides of the region
LEAST_SIDE = 24  # of a close view, pixels of the photo


class RegionDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless views of photos; view ``i`` depends on (seed, i) alone, so that a resumed run sees what it would have.

    Args:
        pool: the photos; every source counts the same, however many photos it has.
        size: side S of a view in pixels.
        regions: N, regions per view.
        seed: of the random numbers.
        length: how many views.
        first: number of the first view.
        objects: everyday objects and whole persons more often, half of the views close to one.
    """

    def __init__(
        self, pool: PhotoPool, size: int, regions: int, seed: int, length: int, first: int = 0, objects: bool = False
    ) -> None:
        self.pool, self.size, self.regions, self.seed, self.length = pool, size, regions, seed, length
        self.first, self.objects = first, objects
        self.sources: dict[str, list[str]] = {}
        for photo_id in pool.ids:
            self.sources.setdefault(photo_id.partition("_")[0], []).append(photo_id)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns a view uint8 (3, S, S) and masks bool (N, S, S), repeated where it has fewer regions."""
        rng = random.Random(f"{self.seed}/{self.first + index}")
        while True:
            names = sorted(self.sources)
            if self.objects:
                (source,) = rng.choices(names, [SOURCE_SHARES.get(name, OTHER_SHARE) for name in names])
            else:
                source = rng.choice(names)
            view = self._view(self.pool.read(rng.choice(self.sources[source])), rng)
            if view is not None:
                return view

    def _view(self, photo: Photo, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor] | None:
        rgb, ids = self._render(photo, rng)
        shares = zip(*np.unique(ids, return_counts=True))
        fitting = [int(label) for label, n in shares if label and MIN_SHARE < n / ids.size < MAX_SHARE]
        if not fitting:
            return None
        rng.shuffle(fitting)
        masks = np.stack([ids == fitting[number % len(fitting)] for number in range(self.regions)])
        if self.objects:
            masks = np.stack([joined(mask, ids, rng) if rng.random() < UNION_SHARE else mask for mask in masks])
        return torch.from_numpy(rgb).permute(2, 0, 1), torch.from_numpy(masks)

    def _render(self, photo: Photo, rng: random.Random) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16]]:
        """A photo in view with what is pasted in, uint8 (S, S, 3), and the ids of its regions, int16 (S, S)."""
        labels, shape = rng.choice(photo.regions), (self.size, self.size)
        height, width = labels.shape
        if self.objects and rng.random() < PERSON_SHARE:
            labels = photo.regions[-1]
        close = close_camera(self.size, labels, rng) if self.objects and rng.random() < CLOSE_SHARE else None
        camera = far_camera(self.size, height, width, rng) if close is None else close
        canvas = warp(photo.rgb, camera, shape, cv2.BORDER_REFLECT_101).astype(np.float32)
        seen = cv2.warpAffine(labels, camera[:2], shape, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
        ids = seen.astype(np.int16)
        for number in range(rng.choice(PASTED)):
            sprite = random_sprite(self.pool, rng)
            if sprite is not None:
                shadow = Shadow(rng) if rng.random() < SHADOW_SHARE else None
                place = far_placement(self.size, sprite, rng)
                paste(canvas, ids, sprite, place, SPRITE_BASE + number, shadow, soft=number % 2 == 0)
        return ColourJitter(rng).apply(canvas.astype(np.uint8), rng), ids


def joined(mask: npt.NDArray[np.bool_], ids: npt.NDArray[np.int16], rng: random.Random) -> npt.NDArray[np.bool_]:
    """A region with one that touches it and is not pasted in; by itself where there is none, or both are too large."""
    around = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~mask
    touching = [label for label in np.unique(ids[around]) if 0 < label < SPRITE_BASE]
    both = mask | (ids == rng.choice(touching)) if touching else mask
    return both if both.mean() < MAX_SHARE else mask


def close_camera(size: int, labels: npt.NDArray[np.uint8], rng: random.Random) -> Matrix | None:
    """A camera onto one of the regions of a photo, labels (H, W), and a little around it; None where there is none."""
    counts = np.bincount(labels.ravel())
    fitting = [label for label in range(1, len(counts)) if counts[label] > MIN_SHARE / 3 * labels.size]
    if not fitting:
        return None
    x, y, width, height = cv2.boundingRect((labels == rng.choice(fitting)).astype(np.uint8))
    side = max(LEAST_SIDE, max(width, height) * rng.uniform(*CLOSE_SIDES))
    zoom, aspect, flip = size / side, rng.uniform(0.9, 1.1), rng.choice((-1, 1))
    middle = [low + extent / 2 + rng.uniform(-0.15, 0.15) * side for low, extent in ((x, width), (y, height))]
    matrix = similarity_matrix(zoom * aspect * flip, zoom / aspect, rng.uniform(-10, 10), (size / 2, size / 2))
    return matrix @ centred(middle[0], middle[1])
