"""Four views of one made scene: a far view as the reference, and three neighbouring frames.

A scene is a photo with objects of other photos, and made-up ones, pasted in. Each view looks at it through its own
camera; the last three differ by a small camera motion and by each object's own motion, so that the decoder can learn
what an earlier mask is worth.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from nano_training.photos import PhotoPool, Sprite
from nano_training.shapes import made_up_sprite, with_thin_parts

VIEWS = 4
SPRITE_BASE = 1000  # ids of pasted objects start here, above those of the photo's regions
MIN_SHARE, MAX_SHARE = 0.003, 0.75  # of the view's area, for an object to be followed

Matrix = npt.NDArray[np.float64]  # (3, 3), homogeneous


@dataclass(frozen=True, slots=True)
class View:
    """One rendered view: rgb uint8 (S, S, 3), ids int16 (S, S)."""

    rgb: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int16]


def similarity_matrix(scale_x: float, scale_y: float, degrees: float, shift: tuple[float, float]) -> Matrix:
    """Scales and rotates about the origin, then shifts."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos * scale_x, -sin * scale_y, shift[0]], [sin * scale_x, cos * scale_y, shift[1]], [0, 0, 1]])


def centred(width: float, height: float) -> Matrix:
    """Moves the centre of a width x height image to the origin."""
    return similarity_matrix(1, 1, 0, (-width / 2, -height / 2))


def far_camera(size: int, height: int, width: int, rng: random.Random) -> Matrix:
    """A camera onto a photo of height x width: zoom, flip, tilt, and a random part of the photo in view."""
    zoom = size / min(height, width) * rng.uniform(0.85, 1.8)
    aspect = rng.uniform(0.9, 1.1)
    flip = -1 if rng.random() < 0.5 else 1
    slack_x = max(0.0, width * zoom * aspect - size) / 2
    slack_y = max(0.0, height * zoom / aspect - size) / 2
    shift = (size / 2 + rng.uniform(-slack_x, slack_x), size / 2 + rng.uniform(-slack_y, slack_y))
    matrix = similarity_matrix(zoom * aspect * flip, zoom / aspect, rng.uniform(-10, 10), shift)
    return matrix @ centred(width, height)


def far_placement(size: int, sprite: Sprite, rng: random.Random) -> Matrix:
    """Where a pasted object stands in a view."""
    height, width = sprite.alpha.shape
    zoom = (rng.uniform(0.12, 0.75) if rng.random() < 0.85 else rng.uniform(0.75, 1.6)) * size / max(height, width)
    flip = -1 if rng.random() < 0.5 else 1
    shift = (rng.uniform(0.05, 0.95) * size, rng.uniform(0.05, 0.95) * size)
    stretch = rng.uniform(0.92, 1.08)
    return similarity_matrix(zoom * flip * stretch, zoom / stretch, rng.uniform(-15, 15), shift) @ centred(
        width, height
    )


def nudge(size: int, amount: float, rng: random.Random) -> Matrix:
    """A small motion about the middle of the view, as between neighbouring frames."""
    zoom = 1 + amount * rng.uniform(-0.6, 0.6) * (3 if rng.random() < 0.25 else 1)  # some come fast at the camera
    shift = tuple(size / 2 + size * amount * rng.uniform(-1, 1) for _ in range(2))
    return similarity_matrix(zoom, zoom, amount * rng.uniform(-60, 60), (shift[0], shift[1])) @ centred(size, size)


class SceneDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless scenes; scene ``i`` depends on (seed, i) alone, so that a resumed run sees what it would have seen.

    Args:
        pool: the photos.
        size: side S of a view in pixels.
        objects: N, followed objects per scene.
        seed: of the random numbers.
        length: how many scenes.
        first: number of the first scene.
    """

    def __init__(self, pool: PhotoPool, size: int, objects: int, seed: int, length: int, first: int = 0) -> None:
        self.pool, self.size, self.objects, self.seed, self.length = pool, size, objects, seed, length
        self.first = first

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns views uint8 (4, 3, S, S) and masks bool (N, 4, S, S); an object may be absent from the last two."""
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
        sprites = [s for s in (self._sprite(rng) for _ in range(rng.choice([0, 1, 1, 2, 2]))) if s]
        if sprites and rng.random() < 0.25:
            sprites.append(_recolour(sprites[0], rng))  # a look-alike
        height, width = labels.shape
        far = far_camera(self.size, height, width, rng)
        near = far_camera(self.size, height, width, rng)
        cameras = [far, *_walk(near, self.size, 0.06, rng)]
        placements = []
        for sprite in sprites:
            place = far_placement(self.size, sprite, rng)
            placements.append([far_placement(self.size, sprite, rng), *_walk(place, self.size, 0.08, rng)])
        light = [_Light(rng), _Light(rng)]
        views = []
        for number in range(VIEWS):
            places = [placement[number] for placement in placements]
            view = self._compose(photo.rgb, labels, cameras[number], sprites, places)
            if rng.random() < 0.4:
                view = _bend(view, rng)
            if rng.random() < 0.12:
                view = View(_smear(view.rgb, rng), view.ids)
            views.append(View(light[min(number, 1)].apply(view.rgb, rng), view.ids))
        return views

    def _sprite(self, rng: random.Random) -> Sprite | None:
        if rng.random() < 0.35:
            return made_up_sprite(self.pool, rng)
        sprite = self.pool.sample_sprite(rng)
        if sprite is not None and rng.random() < 0.2:
            sprite = with_thin_parts(sprite, self.pool, rng)
        return sprite

    def _compose(
        self,
        rgb: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.uint8],
        camera: Matrix,
        sprites: list[Sprite],
        places: list[Matrix],
    ) -> View:
        shape = (self.size, self.size)
        canvas = _warp(rgb, camera, shape, cv2.BORDER_REFLECT_101)
        ids = cv2.warpAffine(
            labels, camera[:2], shape, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101
        ).astype(np.int16)
        for number, (sprite, place) in enumerate(zip(sprites, places)):
            alpha = _warp(sprite.alpha, place, shape, cv2.BORDER_CONSTANT)
            colour = _warp(sprite.rgb, place, shape, cv2.BORDER_REPLICATE)
            soft = alpha if number % 2 else cv2.GaussianBlur(alpha, (3, 3), 0)  # no tell-tale hard edge
            weight = soft[..., None].astype(np.float32) / 255
            canvas = (canvas * (1 - weight) + colour * weight).astype(np.uint8)
            ids[alpha > 127] = SPRITE_BASE + number
        return View(canvas, ids)

    def _choose(self, views: list[View], rng: random.Random) -> list[int]:
        """N ids seen in both of the first two views, pasted ones first; repeated where there are fewer."""
        counts = [dict(zip(*np.unique(view.ids, return_counts=True))) for view in views[:2]]
        area = self.size**2
        seen = [
            int(label)
            for label, count in counts[0].items()
            if label > 0 and all(MIN_SHARE * area < c.get(label, 0) < MAX_SHARE * area for c in counts)
        ]
        rng.shuffle(seen)
        seen.sort(key=lambda label: label < SPRITE_BASE)
        chosen = seen[: self.objects]
        while seen and len(chosen) < self.objects:
            chosen.append(rng.choice(seen))
        return chosen


def _walk(start: Matrix, size: int, amount: float, rng: random.Random) -> list[Matrix]:
    """Three neighbouring frames: where it is, and two steps of a motion that is only roughly steady."""
    pace = amount * rng.choice([0.3, 0.7, 1.0, 1.5])
    first = nudge(size, pace, rng)
    second = first @ nudge(size, 0.3 * pace, rng) if rng.random() < 0.7 else nudge(size, pace, rng)
    return [start, first @ start, second @ first @ start]


def _warp(image: npt.NDArray[np.uint8], matrix: Matrix, shape: tuple[int, int], border: int) -> npt.NDArray[np.uint8]:
    """Affine warp that halves the image first where it would be shrunk by more than two (against aliasing)."""
    shrink = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if shrink < 0.55 and min(image.shape[:2]) > 4:
        height, width = image.shape[:2]
        half = np.asarray(cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        scale = similarity_matrix(width / (width // 2), height / (height // 2), 0, (0, 0))
        return _warp(half, matrix @ scale, shape, border)
    warped = cv2.warpAffine(image, matrix[:2], shape, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(warped, dtype=np.uint8)


def _bend(view: View, rng: random.Random) -> View:
    """A smooth random deformation: bodies are not rigid."""
    size = len(view.ids)
    noise = np.random.default_rng(rng.getrandbits(32))
    field = noise.normal(0, 0.02 * size, (2, 4, 4)).astype(np.float32)
    dx, dy = (cv2.resize(f, (size, size), interpolation=cv2.INTER_CUBIC) for f in field)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    warp = (columns + dx, rows + dy)
    rgb = cv2.remap(view.rgb, *warp, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    ids = cv2.remap(view.ids, *warp, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return View(np.asarray(rgb, dtype=np.uint8), np.asarray(ids, dtype=np.int16))


def _smear(rgb: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.uint8]:
    """Motion blur of the camera."""
    length, angle = rng.randint(3, 13), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(np.rint((length - 1) / 2 + sign * reach).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], (1.0,), 1)
    return np.asarray(cv2.filter2D(rgb, -1, kernel / kernel.sum()), dtype=np.uint8)


def _recolour(sprite: Sprite, rng: random.Random) -> Sprite:
    gains = np.array([rng.uniform(0.6, 1.4) for _ in range(3)], dtype=np.float32)
    return Sprite(np.clip(sprite.rgb * gains, 0, 255).astype(np.uint8), sprite.alpha)


class _Light:
    """Brightness, contrast, colour cast, blur and noise of one shot."""

    def __init__(self, rng: random.Random) -> None:
        self.gain = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], dtype=np.float32) * rng.uniform(0.7, 1.3)
        self.offset = rng.uniform(-25, 25)
        self.saturation = rng.uniform(0.6, 1.4)
        self.blur = rng.uniform(0.5, 1.8) if rng.random() < 0.25 else 0.0
        self.noise = rng.uniform(2, 8) if rng.random() < 0.25 else 0.0

    def apply(self, rgb: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.uint8]:
        x = rgb.astype(np.float32) * self.gain + (self.offset + rng.uniform(-5, 5))
        gray = x.mean(axis=2, keepdims=True)
        x = gray + (x - gray) * self.saturation
        if self.blur:
            x = cv2.GaussianBlur(x, (0, 0), self.blur)
        if self.noise:
            x += np.random.default_rng(rng.getrandbits(32)).standard_normal(x.shape, dtype=np.float32) * self.noise
        return np.clip(x, 0, 255).astype(np.uint8)
