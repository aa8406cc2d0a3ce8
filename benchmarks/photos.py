"""Which photo method is best, how well "not in this photo" is told, and where the time goes.

    python benchmarks/photos.py DATA
    python benchmarks/photos.py DATA --checkpoint nano.safetensors --methods persam,p2sam

Two kinds of albums. PerSeg's layout (`perseg_mini`): mIoU, the reference photo left out. DAVIS sequences (`davis16`):
frame 0 is the reference; ten later frames of the sequence and twenty frames of others are the album: recall and false
alarms of presence at several thresholds, mIoU (an object called absent scores 0).
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from tqdm import tqdm

from vos.concept.concept import Concept
from vos.io.images import read_image
from vos.photos.calibration import MAX_FALSE_ALARMS, Calibration, calibration_of
from vos.photos.config import MethodConfig
from vos.photos.crop_refinement import refine_crop
from vos.photos.methods.registry import METHODS
from vos.photos.presence import DEFAULT_THRESHOLD, PresenceScore
from vos.photos.search import Search
from vos.photos.segmenter import PhotoSegmenter, draw
from vos.sam.config import ModelConfig
from vos.sam.registry import load_photo_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

PRESENT_FRAMES, ABSENT_FRAMES = 10, 20
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6)
MEGAPIXELS_12 = (3000, 4000)


@dataclass(frozen=True)
class Photo:
    """An encoded photo of an object's album; ``truth`` is None where the object is not in it."""

    album: str
    rgb: npt.NDArray[np.uint8]
    embedding: ImageEmbedding
    truth: npt.NDArray[np.bool_] | None


@dataclass(frozen=True)
class Rating:
    """What a method said about a photo: IoU with the truth (threshold left aside), and its presence score."""

    album: str
    present: bool
    iou: float
    score: PresenceScore


def read_mask(path: Path) -> npt.NDArray[np.bool_]:
    """Everything that is not background."""
    return np.array(Image.open(path)) > 0


def encoded(album: str, image: Path, mask: Path, model: Segmenter) -> Photo:
    """A photo that shows the object."""
    rgb = read_image(image)
    return Photo(album, rgb, model.encode([rgb])[0], read_mask(mask))


def perseg_albums(root: Path, model: Segmenter) -> tuple[dict[str, Concept], list[Photo]]:
    """PerSeg: 00 is the reference, every other photo shows the object."""
    concepts, photos = {}, []
    for folder in sorted((root / "Images").iterdir()):
        name = folder.name
        pairs = [(path, root / "Annotations" / name / f"{path.stem}.png") for path in sorted(folder.glob("*.jpg"))]
        concepts[name] = Concept.from_image(*pairs[0], name=name, model=model, finetune=True)
        for image, mask in pairs[1:]:
            photos.append(encoded(name, image, mask, model))
    return concepts, photos


def davis_albums(root: Path, model: Segmenter, only: Sequence[str]) -> tuple[dict[str, Concept], list[Photo]]:
    """DAVIS: frame 0 is the reference."""
    names = sorted(path.name for path in (root / "JPEGImages" / "480p").iterdir())
    names = [name for name in names if not only or name in only]
    concepts, shown = {}, {}
    for name in tqdm(names, desc="encode"):
        frames = sorted((root / "JPEGImages" / "480p" / name).glob("*.jpg"))
        masks = [root / "Annotations" / "480p" / name / f"{frame.stem}.png" for frame in frames]
        concepts[name] = Concept.from_image(
            read_image(frames[0]), read_mask(masks[0]), name=name, model=model, finetune=True
        )
        later = np.linspace(1, len(frames) - 1, PRESENT_FRAMES).round().astype(int)
        shown[name] = [encoded(name, frames[t], masks[t], model) for t in later]
    photos = []
    for name in names:
        photos += [photo for photo in shown[name] if photo.truth is not None and photo.truth.any()]
        others = [photo for other in names if other != name for photo in shown[other]]
        chosen = np.linspace(0, len(others) - 1, min(ABSENT_FRAMES, len(others))).round().astype(int)
        photos += [Photo(name, others[k].rgb, others[k].embedding, None) for k in chosen]
    return concepts, photos


def rate(model: Segmenter, config: MethodConfig, concepts: dict[str, Concept], photos: list[Photo]) -> list[Rating]:
    """One method on all photos of all albums."""
    searches = {name: Search(model, concept, config, calibration_of(model)) for name, concept in concepts.items()}
    refines = config.crop_refinement if config.crop_refinement is not None else "maps" in model.guidance_fields
    ratings = []
    for photo in tqdm(photos, desc=config.name, leave=False):
        (found,) = searches[photo.album].best(photo.embedding, photo.rgb)
        iou = 0.0
        if photo.truth is not None:
            crop = refine_crop(model, photo.rgb, found.detection, found.geometry) if refines else None
            mask = draw(found.detection, found.score, found.geometry, crop).mask
            iou = float((mask & photo.truth).sum() / max(1, (mask | photo.truth).sum()))
        ratings.append(Rating(photo.album, photo.truth is not None, iou, found.score))
    return ratings


def report_perseg(config: MethodConfig, ratings: list[Rating]) -> None:
    """Prints the mIoU per object and overall."""
    per_object = {
        album: np.mean([a.iou for a in ratings if a.album == album]) for album in sorted({a.album for a in ratings})
    }
    row = "  ".join(f"{name} {value:.3f}" for name, value in per_object.items())
    print(f"{config.name:17} mIoU {np.mean(list(per_object.values())):.3f}   {row}", flush=True)


def report_davis(config: MethodConfig, ratings: list[Rating], calibration: Calibration | None) -> None:
    """Presence and mIoU."""
    default = DEFAULT_THRESHOLD if calibration is None else calibration.threshold(MAX_FALSE_ALARMS)
    here = [a for a in ratings if a.present]
    gone = np.array([a.score.value for a in ratings if not a.present])
    scores = np.array([a.score.value for a in here])
    ious = np.array([a.iou for a in here])
    kept = scores >= default
    auc = np.mean([np.mean(score > gone) for score in scores])
    print(
        f"{config.name:17} mIoU {np.mean(ious * kept):.3f} (never absent {ious.mean():.3f})   recall {kept.mean():.3f}"
        f"   false alarms {np.mean(gone >= default):.3f}   AUC {auc:.4f}"
    )
    for threshold in THRESHOLDS:
        told, called = np.mean(scores >= threshold), np.mean(gone >= threshold)
        print(f"{'':17} threshold {threshold:.2f}: recall {told:.3f}, false alarms {called:.3f}")
    for album in sorted({a.album for a in ratings}):
        own = [a for a in here if a.album == album]
        strange = [a.score.value for a in ratings if a.album == album and not a.present]
        print(
            f"{'':17} {album:16} mIoU {np.mean([a.iou for a in own]):.3f}  score "
            f"{min(a.score.value for a in own):.2f}..{max(a.score.value for a in own):.2f}, "
            f"absent up to {max(strange, default=0.0):.2f}",
            flush=True,
        )


def report_time(model: Segmenter, config: MethodConfig, image: npt.NDArray[np.uint8], mask: Path, repeats: int) -> None:
    """Milliseconds per 12-megapixel photo and stage, the median of ``repeats``."""
    height, width = MEGAPIXELS_12
    large = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    buffer = io.BytesIO()
    Image.fromarray(large).save(buffer, "JPEG", quality=92)
    concept = Concept.from_image(image, mask, model=model, finetune=True)
    segmenter = PhotoSegmenter(model, config, threshold=0.0)
    search = Search(model, concept, config, calibration_of(model))
    segmenter.segment(image, [concept])
    rows: list[dict[str, float]] = []
    for _ in range(repeats):
        row: dict[str, float] = {}
        clock = time.perf_counter()

        def lap(stage: str, row: dict[str, float] = row) -> None:
            nonlocal clock
            now = time.perf_counter()
            row[stage], clock = 1000 * (now - clock), now

        buffer.seek(0)
        rgb = np.array(Image.open(buffer).convert("RGB"))
        lap("read JPEG")
        embedding = model.encode([rgb])[0]
        lap("encode")
        detection = search.method.detect(embedding)
        lap("detect")
        search.scorer.score(embedding, detection, rgb)
        lap("presence")
        if search.fine is not None:
            search.fine.detect(rgb)
            lap("fine search, where it is needed")
        segmenter.segment_embedding(embedding, [concept], rgb)
        lap("whole")
        row["crop refinement and drawing"] = max(0.0, row.pop("whole") - row["detect"] - row["presence"])
        rows.append(row)
    median = {stage: float(np.median([row[stage] for row in rows])) for stage in rows[0]}
    stages = "  ".join(f"{stage} {value:.0f}" for stage, value in median.items())
    print(f"{config.name:17} {sum(median.values()):.0f} ms: {stages}", flush=True)


def main() -> None:
    """Prints everything; ``--scores`` keeps what the score is calibrated on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds perseg_mini and davis16")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--checkpoint", default=None)
    parser.add_argument(
        "--input-size", type=int, default=None, help="longer side of the model input; none = the model's"
    )
    parser.add_argument("--methods", default=",".join(list(METHODS)[:3]))
    parser.add_argument("--sequences", default="", help="only these of davis16, separated by commas; none = no DAVIS")
    parser.add_argument("--time", type=int, default=5, help="repeats of the timing; 0 = none")
    parser.add_argument("--scores", type=Path, default=None, help="an .npz file for the ratings on DAVIS")
    options = parser.parse_args()

    model = load_photo_model(ModelConfig(name=options.model, input_size=options.input_size), options.checkpoint)
    configs = [MethodConfig(name=name) for name in options.methods.split(",")]
    perseg = options.data / "perseg_mini"
    print(f"PerSeg, {perseg.name}, model={model.name} {model.checkpoint_sha256[:12]}")
    concepts, photos = perseg_albums(perseg, model)
    for config in configs:
        report_perseg(config, rate(model, config, concepts, photos))
    if options.sequences != "none":
        concepts, photos = davis_albums(options.data / "davis16", model, [s for s in options.sequences.split(",") if s])
        print(f"\nDAVIS albums, {len(photos)} photos")
        kept = {}
        for config in configs:
            ratings = rate(model, config, concepts, photos)
            report_davis(config, ratings, calibration_of(model))
            kept[config.name] = np.array(
                [[a.present, a.iou, *astuple(a.score)] for a in ratings], dtype=float
            )  # None is nan
        if options.scores is not None:
            columns = ["present", "iou", *(item.name for item in fields(PresenceScore))]
            np.savez(options.scores, **kept, columns=np.array(columns), albums=np.array([p.album for p in photos]))  # type: ignore[arg-type]
    if options.time:
        threads = torch.get_num_threads()
        print(f"\nTime per photo of 12 megapixels, median of {options.time}, {threads} threads")
        name = sorted(path.name for path in (perseg / "Images").iterdir())[0]
        image = read_image(perseg / "Images" / name / "00.jpg")
        for config in configs:
            report_time(model, config, image, perseg / "Annotations" / name / "00.png", options.time)


if __name__ == "__main__":
    main()
