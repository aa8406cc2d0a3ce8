"""Rays: an ellipsoid drawn onto what the camera has seen so far, the light on it, and its shadow on the ground."""

from __future__ import annotations

import cv2
import numpy as np

from raycaster.camera import EYE, Camera, Canvas
from raycaster.textures import DENSITY, FAR, LEFT
from raycaster.things import Array, Ellipsoid, Thing

SUN = np.array([-0.55, 0.75, -0.38], np.float32) / np.linalg.norm([-0.55, 0.75, -0.38])


def trace(camera: Camera, canvas: Canvas, thing: Thing) -> None:
    """Ray-traces one thing onto the canvas, in front of whatever is farther."""
    pose = thing.pose
    rotation = pose.rotation()
    origin = np.array([pose.x - camera.origin[0], pose.lift, pose.z - camera.origin[2]])
    to_ray = camera.to_world @ np.linalg.inv(camera.intrinsics)  # times (x, y, 1)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    for part in thing.parts:
        centre = rotation @ np.array(part.centre) + origin
        window = camera.window(centre + corners * part.radii @ rotation.T)
        y, x = (np.arange(edge.start, edge.stop, dtype=np.float32) + 0.5 for edge in window)
        inverse = rotation.T / np.array(part.radii)[:, None]  # world to unit sphere
        start, slopes = inverse @ (EYE - centre), (inverse @ to_ray).astype(np.float32)
        step = [k[0] * x[None] + (k[1] * y[:, None] + k[2]) for k in slopes]
        a = step[0] ** 2 + step[1] ** 2 + step[2] ** 2
        b = sum(float(s) * axis for s, axis in zip(start, step))
        root = b * b - a * float(start @ start - 1)
        distance = (-b - np.sqrt(np.maximum(root, 0))) / a
        rise = to_ray[1, 0] * x[None] + (to_ray[1, 1] * y[:, None] + to_ray[1, 2])
        hit = (root > 0) & (distance < canvas.depth[window]) & (EYE[1] + distance * rise > 0)
        rows, columns = np.nonzero(hit)
        if len(rows):
            on_sphere = start + np.stack([axis[hit] for axis in step], -1) * distance[hit, None]
            rays = np.stack([x[columns], y[rows], np.ones(len(rows))], -1) @ to_ray.T
            canvas.rgb[window][hit] = shade(part, on_sphere, on_sphere @ inverse, rays)
            canvas.depth[window][hit], canvas.kinds[window][hit] = distance[hit], thing.label


def shade(part: Ellipsoid, on_sphere: Array, normal: Array, ray: Array) -> Array:
    """Sun, sky, bounce from the grass, gloss, and a grain painted on the surface. All (K, 3)."""
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    bent = on_sphere + 0.25 * np.sin(on_sphere[:, [1, 2, 0]] * 9)
    waves = np.sin(bent @ np.array([[17.0, 5, 9, 31], [-6, 21, 11, -37], [4, -13, 27, 23]], np.float32)).sum(-1)
    albedo = np.array(part.rgb) * (1 + part.grain * waves / 2)[:, None]
    sun = np.maximum(normal @ SUN, 0)[:, None] * np.array([1.05, 1.0, 0.9])
    up = normal[:, 1:2]
    sky = (0.5 + 0.5 * up) * np.array([0.28, 0.33, 0.42]) + (0.5 - 0.5 * up) * np.array([0.10, 0.12, 0.04])
    halfway = SUN - ray / np.linalg.norm(ray, axis=-1, keepdims=True)
    halfway = halfway / np.linalg.norm(halfway, axis=-1, keepdims=True)
    glint = part.gloss * np.maximum((normal * halfway).sum(-1), 0) ** 40
    return np.asarray(albedo * (sun + sky) + glint[:, None], np.float32)


def cast_shadow(lit: Array, thing: Thing) -> None:
    """Darkens the ground texture beside a thing, with soft edges, away from the sun."""
    parts, pose = thing.parts, thing.pose
    points = np.array([part.centre for part in parts]) @ pose.rotation().T + [pose.x, pose.lift, pose.z]
    spots = points[:, [0, 2]] - points[:, 1:2] * SUN[[0, 2]] / SUN[1]
    spots = ((spots - [LEFT, FAR]) * [DENSITY, -DENSITY]).astype(int)
    reach = int((max(max(part.radii[0], part.radii[2]) for part in parts) + 0.2) * DENSITY)
    (x0, y0), (x1, y1) = np.maximum(spots.min(0) - reach, 0), spots.max(0) + reach
    window = lit[y0:y1, x0:x1]
    dark = np.zeros(window.shape[:2], np.float32)
    for part, spot in zip(parts, spots):
        axes = int(part.radii[0] * 1.05 * DENSITY), int(part.radii[2] * 1.1 * DENSITY)
        at = int(spot[0] - x0), int(spot[1] - y0)
        cv2.ellipse(dark, at, axes, np.degrees(-pose.heading), 0, 360, 1.0, -1, cv2.LINE_AA)
    window *= (1 - 0.65 * cv2.GaussianBlur(dark, (0, 0), 5))[..., None]
