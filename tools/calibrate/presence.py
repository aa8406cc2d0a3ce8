"""Fits the probability that an object is in a photo, and measures it on objects that it was not fitted to.

    python tools/calibrate/presence.py DATA [--checkpoint nano.safetensors] [--set FOLDER] [--keep runs/calibration]

DATA holds davis16, multi, video_dev, photo_dev, free and segments; what is missing is left out. ``--set`` is a folder
that tools/render/occlusion_set.py has written. Every object of a first frame is looked for in an album: later frames,
the same in another light, itself shrunk to 0.1 % of a picture, and strangers. What is found is kept in ``--keep``; the
same command goes on from there. Writes the model's entry in vos/weights/presence.json. Photos that the encoder was
trained on are not fitted to, and listed apart.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from calibrating.album_photos import album_of, list_strangers, objects_of
from calibrating.presence_fit import Album, calibrated, write_entry
from calibrating.presence_rows import rows_of
from tqdm import tqdm

import vos
from vos.cli.program import exit_code
from vos.evaluation.davis import DavisSequence, read_dataset
from vos.photos.calibration import FILE
from vos.sam.config import ModelConfig
from vos.sam.device import set_threads
from vos.sam.registry import load_photo_model

ROOT = Path(__file__).resolve().parents[2]
SETS = {"davis16": (2016, "dev"), "multi": (2017, "dev"), "video_dev": (2017, "val")}


def sequences_of(data: Path, occlusion: Path | None) -> Iterator[tuple[str, DavisSequence]]:
    """Lists the sequences of all sets that there are, with the names of their sets."""
    for name, (year, split) in SETS.items():
        if (data / name).is_dir():
            yield from ((name, each) for each in read_dataset(data / name, year, split))
    for folder in sorted((data / "photo_dev" / "Annotations" / "480p").glob("*")):  # single frames, and no video
        images = data / "photo_dev" / "JPEGImages" / "480p" / folder.name
        yield "photo_dev", DavisSequence(folder.name, 2017, images, tuple(sorted(folder.glob("*.png"))))
    if occlusion is not None:
        yield from (("occlusion", each) for each in read_dataset(occlusion, 2017, "occlusion"))


def calibrate(options: argparse.Namespace) -> None:
    """Searches, fits, measures, writes."""
    set_threads(None, embedded=False)
    model = load_photo_model(ModelConfig(), options.checkpoint)
    sequences = list(sequences_of(options.data, options.set))
    strangers = list_strangers(options.data, [each for each in sequences if each[0] != "occlusion"])
    folder = options.keep / f"presence-{vos.__version__}-{model.checkpoint_sha256[:12]}"
    albums = []
    for group, sequence in tqdm(sorted(sequences, key=lambda each: zlib.crc32(each[1].name.encode()))):
        for wanted in objects_of(group, sequence):
            kept = folder / f"{wanted.name}.jsonl"
            rows = rows_of(wanted, lambda wanted=wanted: album_of(wanted, strangers), model, kept)  # type: ignore[misc]
            albums.append(Album(group, sequence.name, wanted.object_id, rows))
    write_entry(options.out, {"name": model.name, "sha256": model.checkpoint_sha256, **calibrated(albums)})
    print(options.out)


def main(words: list[str] | None = None) -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with davis16, multi, ...; what is missing is left out")
    parser.add_argument("--checkpoint", default=None, help="weights of the embedded model; none = those of the package")
    parser.add_argument("--set", type=Path, default=None, help="rendered clips; none = without")
    parser.add_argument("--keep", type=Path, default=Path("runs/calibration"), help="where what was found is kept")
    parser.add_argument("--out", type=Path, default=ROOT / "vos" / "weights" / FILE, help="the file to write")
    options = parser.parse_args(words)
    return exit_code(lambda: calibrate(options))


if __name__ == "__main__":
    sys.exit(main())
