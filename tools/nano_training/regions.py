"""Photos with some of their labelled regions, for training on clicks and boxes."""

from __future__ import annotations

import random

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from nano_training.photos import Photo, PhotoPool
from nano_training.scenes import far_camera
from vos.adaptation.light import Light
from vos.adaptation.warp import warp

MIN_SHARE, MAX_SHARE = 0.003, 0.7  # of the view's area


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
        labels, shape = rng.choice(photo.regions), (self.size, self.size)
        height, width = labels.shape
        camera = far_camera(self.size, height, width, rng)
        rgb = warp(photo.rgb, camera, shape, cv2.BORDER_REFLECT_101)
        ids = cv2.warpAffine(labels, camera[:2], shape, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
        shares = np.bincount(ids.ravel(), minlength=2) / ids.size
        fitting = [label for label in range(1, len(shares)) if MIN_SHARE < shares[label] < MAX_SHARE]
        if not fitting:
            return None
        rng.shuffle(fitting)
        chosen = [fitting[k % len(fitting)] for k in range(self.regions)]
        lit = Light(rng).apply(rgb, rng)
        masks = np.stack([ids == label for label in chosen])
        return torch.from_numpy(lit).permute(2, 0, 1), torch.from_numpy(masks)
