"""What is given to the program: clips, pictures, masks, photos, a data set, weights; each made when it is asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from faulting import scene
from faulting.clips import CLIPS, make_clip

TIME = 1_700_000_000  # of all files, so that what is kept from an earlier start of the suite is still the same file
PICTURES = ("png", "jpg", "webp", "tiff", "bmp")


class Material:
    """A folder of material.

    Args:
        folder: where it is kept.
        make_concept: makes a concept file from a photo, its mask and the name of the file, in the working folder given.
    """

    def __init__(self, folder: Path, make_concept: Callable[[Path], None] | None = None) -> None:
        self.folder, self._make_concept = folder, make_concept
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> Path:
        """The path of a piece of material; files that belong to others must be copied before they are used."""
        path = self.folder / name
        if not path.exists():
            begun = self.folder / f"begun-{path.name}"
            shutil.rmtree(begun, ignore_errors=True)
            begun.unlink(missing_ok=True)
            self._make(name, begun)
            for each in (begun, *begun.rglob("*")):
                os.utime(each, (TIME, TIME))
            path.parent.mkdir(parents=True, exist_ok=True)
            begun.rename(path)
        return path

    def _make(self, name: str, path: Path) -> None:  # noqa: C901 - one kind of input after the other
        top, _, rest = name.partition("/")
        if top == "clips":
            make_clip(path, CLIPS[rest])
        elif name == "clip.mp4":
            make_clip(path, CLIPS["h264.mp4"])
        elif name == "long.mp4":
            make_clip(path, CLIPS["h264.mp4"], 2 * scene.FRAMES)
        elif name.startswith("m") and name.endswith(".png"):  # m0.png, m3.png: the mask of a frame
            Image.fromarray(scene.labels(1, int(name[1:-4]))).save(path, "png")
        elif top == "frames":
            path.mkdir()
            for index in range(scene.FRAMES):
                Image.fromarray(scene.picture(1, index)).save(path / f"{index:05d}.png")
        elif top == "pictures":  # pictures/webp: one frame of the scene
            Image.fromarray(scene.picture()).save(path, rest, quality=95)
        elif name == "ref.png":
            Image.fromarray(scene.picture()).save(path, "png")
        elif name == "photos":
            path.mkdir()
            for index, suffix in ((1, "png"), (3, "jpg"), (5, "png")):
                Image.fromarray(scene.picture(1, index)).save(path / f"{index}.{suffix}", quality=95)
        elif name == "davis":
            _make_davis(path)
        elif name == "nano.safetensors":
            shutil.copy(_embedded_weights(), path)
        elif name == "rex.concept" and self._make_concept is not None:
            work = path.with_name("concept-work")
            shutil.rmtree(work, ignore_errors=True)
            for part in ("ref.png", "m0.png"):
                work.mkdir(exist_ok=True)
                shutil.copy2(self.get(part), work / part)
            self._make_concept(work)
            shutil.move(work / "rex.concept", path)
            shutil.rmtree(work)
        else:
            raise KeyError(name)


def _make_davis(root: Path) -> None:
    """Two sequences in DAVIS layout, and their list."""
    for name in ("duck", "goose"):
        images, masks = (root / kind / "480p" / name for kind in ("JPEGImages", "Annotations"))
        images.mkdir(parents=True)
        masks.mkdir(parents=True)
        for index in range(scene.FRAMES):
            Image.fromarray(scene.picture(1, index)).save(images / f"{index:05d}.jpg", quality=95)
            labels = Image.fromarray(scene.labels(1, index), "P")
            labels.putpalette([0, 0, 0, 200, 30, 30])
            labels.save(masks / f"{index:05d}.png")
    listed = root / "ImageSets" / "2017" / "val.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("duck\ngoose\n")


def _embedded_weights() -> Path:
    import vos

    found = sorted((Path(vos.__file__).parent / "weights").glob("*.safetensors"))
    return found[0]


def cut(data: bytes, harm: str, position: float, seed: int) -> bytes:
    """Damages a file: ``position``, 0..1, says where."""
    at, rng = int(position * len(data)), np.random.default_rng(seed)
    changed = bytearray(data)
    if harm == "cut":
        return data[:at]
    if harm == "hole":  # a part is missing
        return data[:at] + data[at + max(1, len(data) // 10) :]
    if harm == "zeros":  # a block that never reached the disk
        end = min(len(data), at + max(16, len(data) // 10))
        changed[at:end] = bytes(end - at)
    elif harm == "appended":
        return data + rng.integers(0, 256, 997, dtype=np.uint8).tobytes()
    elif data:
        places = [min(at, len(data) - 1)] if harm == "flip" else rng.integers(0, len(data), 20)
        for place in places:
            changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


HARMS = ("cut", "hole", "zeros", "appended", "flip", "flips")
