"""The training photos with their region maps, cached in memory as they are first read."""

from __future__ import annotations

import csv
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

MIN_SPRITE_SHARE, MAX_SPRITE_SHARE = 0.015, 0.6  # of the photo's area


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: rgb uint8 (H, W, 3) and its region maps, uint8 (H, W) each, 0 = unlabelled."""

    rgb: npt.NDArray[np.uint8]
    regions: tuple[npt.NDArray[np.uint8], ...]


@dataclass(frozen=True, slots=True)
class Sprite:
    """A region cut out of a photo: rgb uint8 (h, w, 3), alpha uint8 (h, w) in {0, 255}."""

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]


class PhotoPool:
    """Photos of a data set folder (``images/<id>.webp``, ``labels/<id>_<k>.png``, ``index.csv``).

    Args:
        root: the folder.
        ids: which photos; all of the index when None.
        further: photos of another folder, to draw from as well.
    """

    def __init__(self, root: Path, ids: list[str] | None = None, further: PhotoPool | None = None) -> None:
        self.root, self.further = root, further
        self.ids = ids if ids is not None else photo_ids(root)
        self._elsewhere = frozenset(further.ids if further else ())
        self.ids = [*self.ids, *sorted(self._elsewhere.difference(self.ids))]
        self.objects = [i for i in self.ids if not i.startswith("bsds")]  # these hold whole objects
        self._cache: dict[str, Photo] = {}

    def read(self, photo_id: str) -> Photo:
        """Returns one photo, from memory after the first time."""
        if self.further is not None and photo_id in self._elsewhere:
            return self.further.read(photo_id)
        if photo_id not in self._cache:
            labels = (self.root / "labels" / f"{photo_id}_{number}.png" for number in count())
            regions = tuple(_read(path, cv2.IMREAD_UNCHANGED) for path in takewhile(Path.exists, labels))
            self._cache[photo_id] = Photo(
                _read(self.root / "images" / f"{photo_id}.webp", cv2.IMREAD_COLOR_RGB), regions
            )
        return self._cache[photo_id]

    def read_all(self, threads: int) -> None:
        """Reads all photos at once, so that processes forked from this one share them."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.read, self.ids))

    def sample(self, rng: random.Random) -> Photo:
        """Draws a photo; those with everyday objects are preferred, being fewer than they deserve."""
        wanted = "coco" if rng.random() < 0.45 else ""
        for _ in range(50):
            photo_id = rng.choice(self.ids)
            if photo_id.startswith(wanted):
                break
        return self.read(photo_id)

    def sample_sprite(self, rng: random.Random) -> Sprite | None:
        """Cuts a region out of a random photo; None where the photo has none of a fitting size."""
        photo_id = rng.choice(self.objects)
        photo = self.read(photo_id)
        # The last map of a fashion photo is the whole person, worth more than a sleeve.
        labels = photo.regions[-1] if rng.random() < 0.6 else photo.regions[0]
        counts = np.bincount(labels.ravel(), minlength=1)
        fitting = [
            label
            for label in range(1, len(counts))
            if MIN_SPRITE_SHARE * labels.size < counts[label] < MAX_SPRITE_SHARE * labels.size
        ]
        if not fitting:
            return None
        mask = (labels == rng.choice(fitting)).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        window = np.s_[y : y + height, x : x + width]
        return Sprite(photo.rgb[window], mask[window] * 255)


def _read(path: Path, flags: int) -> npt.NDArray[np.uint8]:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise FileNotFoundError(f"no readable picture at {path}; the data set is not complete")
    return np.asarray(image, dtype=np.uint8)


def photo_ids(root: Path) -> list[str]:
    """Ids of the photos in ``index.csv``, in its order."""
    with (root / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = "id" if "id" in rows[0] else next(iter(rows[0]))
    return [Path(row[column]).stem for row in rows]
