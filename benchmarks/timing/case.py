"""What is measured: a model on a clip of some objects, by the published code and by this program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from objects import render
from PIL import Image

SIZES = {480: (480, 854), 1080: (1080, 1920)}
FRAMES = {"nano": 60, "vit_t": 12, "vit_b": 4}  # enough for a median, few enough for minutes
OBJECTS = (1, 3, 10)
# This program's ways of running a model; "published" is the other one's only way.
WAYS = {"float32": ["precision=float32"], "bfloat16": ["precision=bfloat16"]}
PUBLISHED = "published"


@dataclass(frozen=True)
class Case:
    """A model, the objects that it follows, and the height of the frames."""

    model: str
    objects: int
    height: int

    def __str__(self) -> str:
        """As it is named on the command line."""
        return f"{self.model}-{self.objects}-{self.height}p"

    @property
    def contenders(self) -> list[str]:
        """Who runs it; the embedded model is nobody else's."""
        return [*([] if self.model == "nano" else [PUBLISHED]), *WAYS]

    def make_clip(self, root: Path) -> Path:
        """Renders the clip in DAVIS layout, once; returns its folder."""
        folder = root / f"clip-{self.objects}-{self.height}p-{FRAMES[self.model]}"
        images, masks = folder / "JPEGImages/480p/clip", folder / "Annotations/480p/clip"
        listed = folder / "ImageSets/2017/val.txt"
        if listed.exists():
            return folder
        for made in (images, masks, listed.parent, masks.with_name("bike-packing")):
            made.mkdir(parents=True, exist_ok=True)
        for index in range(FRAMES[self.model]):
            frame, labels = render(index, self.objects, SIZES[self.height])
            Image.fromarray(frame).save(images / f"{index:05d}.jpg", quality=95)
            if index == 0:
                mask = Image.fromarray(labels)
                mask.putpalette([value for i in range(256) for value in (i, 37 * i % 256, 91 * i % 256)])
                mask.save(masks / "00000.png")
                mask.save(masks.with_name("bike-packing") / "00000.png")  # where the published script has its palette
        listed.write_text("clip\n")
        return folder


CASES = [Case(model, objects, height) for model in FRAMES for height in SIZES for objects in OBJECTS]


def chosen(words: Sequence[str]) -> list[Case]:
    """Lists the cases whose names begin with one of the words; all without a word.

    Raises:
        SystemExit: a word fits no case.
    """
    for word in words:
        if not any(f"{case}-".startswith(f"{word}-") for case in CASES):
            raise SystemExit(f"error: no case begins with {word}; there are {', '.join(map(str, CASES))}")
    return [case for case in CASES if not words or any(f"{case}-".startswith(f"{word}-") for word in words)]
