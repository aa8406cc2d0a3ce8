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
from vos.adaptation.warp import warp

MIN_SHARE, MAX_SHARE = 0.003, 0.7  # of the view's area
PASTED = (0, 0, 1, 2)  # objects of other photos in a view, each number as often


class RegionDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless views of photos; view ``i`` depends on (seed, i) alone, so that a resumed run sees what it would have.

    Args:
        pool: the photos; every source counts the same, however many photos it has.
        size: side S of a view in pixels.
        regions: N, regions per view.
        seed: of the random numbers.
        length: how many views.
        first: number of the first view.
    """

    def __init__(self, pool: PhotoPool, size: int, regions: int, seed: int, length: int, first: int = 0) -> None:
        self.pool, self.size, self.regions, self.seed, self.length = pool, size, regions, seed, length
        self.first = first
        self.sources: dict[str, list[str]] = {}
        for photo_id in pool.ids:
            self.sources.setdefault(photo_id.partition("_")[0], []).append(photo_id)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns a view uint8 (3, S, S) and masks bool (N, S, S), repeated where it has fewer regions."""
        rng = random.Random(f"{self.seed}/{self.first + index}")
        while True:
            photo = self.pool.read(rng.choice(self.sources[rng.choice(sorted(self.sources))]))
            view = self._view(photo, rng)
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
        return torch.from_numpy(rgb).permute(2, 0, 1), torch.from_numpy(masks)

    def _render(self, photo: Photo, rng: random.Random) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16]]:
        """A photo in view with what is pasted in, uint8 (S, S, 3), and the ids of its regions, int16 (S, S)."""
        labels, shape = rng.choice(photo.regions), (self.size, self.size)
        height, width = labels.shape
        camera = far_camera(self.size, height, width, rng)
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
