"""What is run through the command line of both checkouts, and on which inputs.

Inputs are made once, by the old checkout, and given to both. ``{name}`` in a command is the folder of an input,
``{out}`` the folder of the case's results.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av

FRAMES = 40  # of the demo clip
# Words of today and what they were called before; a checkout that lacks conf/<group>/<choice>.yaml gets the older word.
RENAMED = {"tracker=published": "tracker=reference", "method=persam_published": "method=persam_reference"}
# Options that switch off what is new, and the module that they came with.
SINCE = {"engine=torch": "vos/sam/engines", "both_sides=false": "vos/video/join.py"}
# Seeded vit_t weights, so that nothing is downloaded; run in the old checkout.
WRITE_WEIGHTS = """
import sys
from safetensors.torch import save_file
sys.path.append("tests/support")
try:
    from seeded_weights import build_sam
except ImportError:  # where it was before
    try:
        from vos.sam.official.segmenter import build_sam
    except ImportError:
        from vos.sam.sam_segmenter import build_sam
state = build_sam("vit_t", 7).network.state_dict()
save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, sys.argv[1])
"""
WRITE_CLIP = """
import pathlib, sys
try:
    from demo_clip import make_clip
except ImportError:  # the name it had up to 60df211
    from make_demo_clip import make_clip
make_clip(pathlib.Path(sys.argv[1]), frames=int(sys.argv[2]))
"""


@dataclass(frozen=True)
class Case:
    """Some commands and the inputs that they read.

    Attributes:
        name: what ``--cases`` calls it.
        inputs: names of :data:`INPUTS`.
        commands: a module of the package and its options, separated by blanks.
        mended: ends of names of files that differ from those of 0.3.0 on purpose. They are named in the table.
    """

    name: str
    inputs: tuple[str, ...]
    commands: tuple[str, ...]
    mended: tuple[str, ...] = ()


_DUCK = "ref_mask={demo}/masks/00000.png"
_PHOTO = "ref_image={demo}/photos/00000.jpg " + _DUCK
_SAM = "model=vit_t checkpoint={weights}/vit_t.safetensors precision=float32 engine=torch"
_GIRLS = "ref_mask=[{girls}/masks/00006.png,{girls}/masks/00014.png] ref_frame=[6,14]"
_PERSEG = "vos.evaluate dataset=perseg dataset.root={perseg} sequences=[cat]"
# They name the clip's own colours, where all but HDR was BT.709 by name; mattes are ProRes, with other soft masks.
_VIDEOS = ("overlay.mp4", "matte.webm", "matte.mov")
CASES = (
    Case(
        "demo",
        ("demo",),
        (f"vos.run video={{demo}}/clip.mp4 {_DUCK} output=[masks,overlay,matte,rle]",),
        mended=_VIDEOS,
    ),
    Case(
        "box",
        ("demo",),
        ("vos.run video={demo}/late ref_box=[240,148,67,84] output=[masks,rle]",),
        # The first mask is a better one, and all others follow it; it had no predicted IoU, its picture no numbers.
        mended=("summary.json", "rle.json", ".png"),
    ),
    Case("davis", ("dog",), ("vos.run video={dog}/frames ref_mask={dog}/masks/00000.png output=[masks]",)),
    Case(
        "multi",
        ("girls",),
        (f"vos.run video={{girls}}/frames {_GIRLS} both_sides=false output=[masks,overlay]",),
        mended=_VIDEOS,
    ),
    Case(
        "album",
        ("demo",),
        (
            f"vos.album images={{demo}}/photos {_PHOTO} output=[masks,overlay,cutout,white,blur,dreambooth]",
            f"vos.album images={{demo}}/photos {_PHOTO} instances=all method=persam_f output=[masks]",
        ),
    ),
    Case(
        "photos",
        ("perseg",),
        (
            "vos.album images={perseg}/Images ref_image={perseg}/Images/cat/00.jpg"
            " ref_mask={perseg}/Annotations/cat/00.png output=[masks,overlay,cutout,dreambooth]",
        ),
    ),
    Case(
        "concept",
        ("demo",),
        (
            f"vos.concept {_PHOTO} out={{out}}/duck.concept",
            "vos.run video={demo}/late concept={out}/duck.concept output=[masks,overlay]",
            "vos.album images={demo}/photos concept={out}/duck.concept output=[masks]",
        ),
        # album.json names the hash of the concept file, which now holds one of its own; the overlay names the object
        mended=("album.json", "overlay.mp4"),
    ),
    Case(
        "published",
        ("demo", "weights"),
        (
            f"vos.run video={{demo}}/early {_DUCK} {_SAM} tracker=published output=[masks]",
            f"vos.album images={{demo}}/early {_PHOTO} {_SAM} method=persam_published output=[masks]",
        ),
    ),
    Case(
        "persam_f",
        ("demo", "weights"),
        (f"vos.run video={{demo}}/early {_DUCK} {_SAM} tracker.finetune=true output=[masks]",),
    ),
    Case(
        "evaluate",
        ("demo",),
        (
            "vos.evaluate dataset=davis2016 dataset.root={demo} split=dev workers=1",
            "vos.evaluate dataset=davis2017 dataset.root={demo} split=dev workers=1 results={out}/0/masks",
        ),
        mended=("per-frame_results-dev.csv",),  # is new
    ),
    Case("perseg", ("perseg",), tuple(f"{_PERSEG} method={m}" for m in ("p2sam", "persam_f", "persam_published"))),
)


def words(case: Case, checkout: Path, places: Mapping[str, str]) -> list[list[str]]:
    """The commands of a case in the words that a checkout knows; each writes into a folder ``{out}/<number>``."""
    commands = []
    for number, command in enumerate(case.commands):
        module, *options = command.split()
        if module != "vos.concept":
            options.append(f"output_dir={{out}}/{number}")
        known = filter(None, (known_word(option, checkout) for option in options))
        commands.append([module, *(option.format(**places) for option in known)])
    return commands


def known_word(option: str, checkout: Path) -> str:
    """An option, its older name where the checkout does not know the newer one, or nothing where it is not needed."""
    if option in SINCE and not (checkout / SINCE[option]).exists():
        return ""  # there was nothing else
    if option not in RENAMED:
        return option
    group, choice = option.split("=")
    known = any((checkout / conf / group / f"{choice}.yaml").is_file() for conf in ("vos/conf", "conf"))
    return option if known else RENAMED[option]


def make_demo(folder: Path, checkout: Path, data: Path) -> None:
    """The demo clip, some of its frames as photos and as short clips, and a data set of DAVIS's layout."""
    run_python(WRITE_CLIP, checkout, str(folder), str(FRAMES))
    groups = {"photos": range(0, FRAMES, 8), "early": range(0, 8, 2), "late": range(20, FRAMES, 2)}
    chosen = {f"JPEGImages/480p/duck/{index // 5:05d}": index for index in range(0, FRAMES, 5)}
    chosen |= {f"{name}/{index:05d}": index for name, indices in groups.items() for index in indices}
    with av.open(str(folder / "clip.mp4")) as container:
        pictures = [frame.to_image() for frame in container.decode(video=0)]
    for name, index in chosen.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pictures[index].save(folder / f"{name}.jpg", quality=95)
        if name.startswith("JPEGImages"):
            mask = folder / f"{name.replace('JPEGImages', 'Annotations')}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "masks" / f"{index:05d}.png", mask)
    for year in ("2016", "2017"):
        (folder / "ImageSets" / year).mkdir(parents=True)
        (folder / "ImageSets" / year / "dev.txt").write_text("duck\n")


def make_weights(folder: Path, checkout: Path, data: Path) -> None:
    """Seeded weights of the smallest SAM."""
    run_python(WRITE_WEIGHTS, checkout, str(folder / "vit_t.safetensors"))


def copy_perseg(folder: Path, checkout: Path, data: Path) -> None:
    """A data set of photos."""
    shutil.copytree(data, folder, dirs_exist_ok=True)


def copy_sequence(name: str, frames: int) -> Callable[[Path, Path, Path], None]:
    """Makes an input of the first frames of a sequence in DAVIS's layout and their masks."""

    def copy(folder: Path, checkout: Path, data: Path) -> None:
        for kind, target in (("JPEGImages", "frames"), ("Annotations", "masks")):
            (folder / target).mkdir()
            for path in sorted((data / kind / "480p" / name).iterdir())[:frames]:
                shutil.copy(path, folder / target)

    return copy


# Input -> what makes it from (its folder, the old checkout, its data).
INPUTS: dict[str, Callable[[Path, Path, Path], None]] = {
    "demo": make_demo,
    "weights": make_weights,
    "dog": copy_sequence("dog", 16),
    "girls": copy_sequence("schoolgirls", 17),
    "perseg": copy_perseg,
}
DATA = {"dog": "davis16", "girls": "multi", "perseg": "perseg_mini"}  # input -> what it needs in the folder of --data


def run_python(code: str, checkout: Path, *arguments: str) -> None:
    """Runs a few lines of Python that may import the package and the tools of a checkout."""
    path = os.pathsep.join(str(folder) for folder in (checkout, checkout / "tools" / "render", checkout / "tools"))
    environment = os.environ | {"PYTHONPATH": path}
    subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=checkout, env=environment, check=True, capture_output=True
    )
