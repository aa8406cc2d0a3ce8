"""Views of one made scene: a far view as the reference, and neighbouring frames of another shot.

A scene is a photo with objects of other photos, and made-up ones, pasted in. Each view looks at it through its own
camera; the frames differ by a small camera motion and by each object's own motion, so that the decoder can learn
what an earlier mask is worth. From shot to shot an object also changes its shape a little, as bodies do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from training.pasting import SPRITE_BASE, bent, far_placement, paste, random_sprite, recoloured
from training.photos import PhotoPool, Sprite
from training.shadow import Shadow
from vos.adaptation.views import ColourJitter
from vos.adaptation.warp import Matrix, bend, bend_labels, bending, centred, similarity_matrix, warp

VIEWS = 5  # of a scene, the reference included
BEND = 0.02  # deviation of the deformation of a view, share of its side
MIN_SHARE, MAX_SHARE = 0.003, 0.75  # of the view's area, for an object to be followed
BENT_SHARE = 0.5  # of the shots show an object in another shape
SHADOW_SHARE = 0.4  # of the pasted objects cast one in a shot
NATURAL_SHARE = 0.5  # scenes whose objects are drawn from all that is in view, not from what was pasted in first


@dataclass(frozen=True, slots=True)
class View:
    """One rendered view: rgb uint8 (S, S, 3), ids int16 (S, S)."""

    rgb: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int16]


def far_camera(size: int, height: int, width: int, rng: random.Random) -> Matrix:
    """A camera onto a photo of height x width: zoom, flip, tilt, and a random part of the photo in view."""
    zoom = size / min(height, width) * rng.uniform(0.85, 1.8)
    aspect = rng.uniform(0.9, 1.1)
    flip = -1 if rng.random() < 0.5 else 1
    slack_x = max(0.0, width * zoom * aspect - size) / 2
    slack_y = max(0.0, height * zoom / aspect - size) / 2
    shift = (size / 2 + rng.uniform(-slack_x, slack_x), size / 2 + rng.uniform(-slack_y, slack_y))
    matrix = similarity_matrix(zoom * aspect * flip, zoom / aspect, rng.uniform(-10, 10), shift)
    return matrix @ centred(width / 2, height / 2)


def nudge(size: int, amount: float, rng: random.Random) -> Matrix:
    """A small motion about the middle of the view, as between neighbouring frames."""
    zoom = 1 + amount * rng.uniform(-0.6, 0.6) * (3 if rng.random() < 0.25 else 1)  # some come fast at the camera
    shift = tuple(size / 2 + size * amount * rng.uniform(-1, 1) for _ in range(2))
    moved = similarity_matrix(zoom, zoom, amount * rng.uniform(-60, 60), (shift[0], shift[1]))
    return moved @ centred(size / 2, size / 2)


class SceneDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless scenes; scene ``i`` depends on (seed, i) alone, so that a resumed run sees what it would have seen.

    Args:
        pool: the photos.
        size: side S of a view in pixels.
        objects: N, followed objects per scene.
        seed: of the random numbers.
        length: how many scenes.
        first: number of the first scene.
        views: V, of each scene.
    """

    def __init__(
        self, pool: PhotoPool, size: int, objects: int, seed: int, length: int, first: int = 0, views: int = VIEWS
    ) -> None:
        self.pool, self.size, self.objects, self.seed, self.length = pool, size, objects, seed, length
        self.first, self.views = first, views

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns views uint8 (V, 3, S, S) and masks bool (N, V, S, S); an object may leave after the first two."""
        rng = random.Random(f"{self.seed}/{self.first + index}")
        while True:
            views = self._render_scene(rng)
            chosen = self._choose(views, rng)
            if chosen:
                break
        rgb = torch.from_numpy(np.stack([view.rgb for view in views])).permute(0, 3, 1, 2)
        ids = np.stack([view.ids for view in views])
        masks = torch.from_numpy(np.stack([ids == label for label in chosen]))
        return rgb, masks

    def _render_scene(self, rng: random.Random) -> list[View]:
        photo = self.pool.sample(rng)
        # The last map of a fashion photo is the whole person: what people follow in videos.
        labels = photo.regions[-1] if rng.random() < 0.5 else rng.choice(photo.regions)
        sprites = [s for s in (random_sprite(self.pool, rng) for _ in range(rng.choice([0, 1, 1, 2, 2]))) if s]
        if sprites and rng.random() < 0.25:
            sprites.append(recoloured(sprites[0], rng))  # a look-alike
        height, width = labels.shape
        far = far_camera(self.size, height, width, rng)
        near = far_camera(self.size, height, width, rng)
        frames = self.views - 1
        cameras = [far, *_walk(near, self.size, 0.06, frames, rng)]
        placements = []
        for sprite in sprites:
            place = far_placement(self.size, sprite, rng)
            placements.append([far_placement(self.size, sprite, rng), *_walk(place, self.size, 0.08, frames, rng)])
        light = [ColourJitter(rng), ColourJitter(rng)]
        shadows = [[Shadow(rng) if rng.random() < SHADOW_SHARE else None for _ in sprites] for _ in light]
        shapes = [[bent(s, rng) if rng.random() < BENT_SHARE else s for s in sprites] for _ in light]
        views = []
        for number in range(self.views):
            shot = min(number, 1)
            placed = list(zip(shapes[shot], (placement[number] for placement in placements), shadows[shot]))
            view = self._compose(photo.rgb, labels, cameras[number], placed)
            if rng.random() < 0.4:
                field = bending((self.size, self.size), BEND, rng.getrandbits(32))
                view = View(bend(view.rgb, field), bend_labels(view.ids, field).astype(np.int16))
            if rng.random() < 0.12:
                view = View(_smear(view.rgb, rng), view.ids)
            views.append(View(light[shot].apply(view.rgb, rng), view.ids))
        return views

    def _compose(
        self,
        rgb: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.uint8],
        camera: Matrix,
        placed: list[tuple[Sprite, Matrix, Shadow | None]],
    ) -> View:
        shape = (self.size, self.size)
        canvas = warp(rgb, camera, shape, cv2.BORDER_REFLECT_101).astype(np.float32)
        ids = cv2.warpAffine(
            labels, camera[:2], shape, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101
        ).astype(np.int16)
        for number, (sprite, place, shadow) in enumerate(placed):
            paste(canvas, ids, sprite, place, SPRITE_BASE + number, shadow, soft=number % 2 == 0)
        return View(canvas.astype(np.uint8), ids)

    def _choose(self, views: list[View], rng: random.Random) -> list[int]:
        """N ids seen in both of the first two views, often pasted ones first; repeated where there are fewer."""
        counts = [dict(zip(*np.unique(view.ids, return_counts=True))) for view in views[:2]]
        area = self.size**2
        seen = [
            int(label)
            for label, count in counts[0].items()
            if label > 0 and all(MIN_SHARE * area < c.get(label, 0) < MAX_SHARE * area for c in counts)
        ]
        rng.shuffle(seen)
        if rng.random() >= NATURAL_SHARE:
            seen.sort(key=lambda label: label < SPRITE_BASE)
        chosen = seen[: self.objects]
        while seen and len(chosen) < self.objects:
            chosen.append(rng.choice(seen))
        return chosen


def _walk(start: Matrix, size: int, amount: float, count: int, rng: random.Random) -> list[Matrix]:
    """Neighbouring frames: where it is, and the steps of a motion that is only roughly steady."""
    pace = amount * rng.choice([0.3, 0.7, 1.0, 1.5])
    motion, places = nudge(size, pace, rng), [start]
    while len(places) < count:
        places.append(motion @ places[-1])
        motion = motion @ nudge(size, 0.3 * pace, rng) if rng.random() < 0.7 else nudge(size, pace, rng)
    return places


def _smear(rgb: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.uint8]:
    """Motion blur of the camera."""
    length, angle = rng.randint(3, 13), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(np.rint((length - 1) / 2 + sign * reach).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], (1.0,), 1)
    return np.asarray(cv2.filter2D(rgb, -1, kernel / kernel.sum()), dtype=np.uint8)
