"""``python -m vos.evaluate dataset=perseg``: segments PerSeg's photos, or takes existing masks, and scores them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from vos import __version__
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.perseg import (
    REFERENCE,
    PersegObject,
    PersegScore,
    overall,
    read_mask,
    read_perseg,
    score_results,
)
from vos.evaluation.perseg_report import perseg_table, write_csv
from vos.io.atomic import atomic_path
from vos.io.contact_sheet import Tile, thumbnail, write_contact_sheet
from vos.io.images import read_image
from vos.io.masks.label_map import write_label_map
from vos.photos.segmenter import PhotoSegmenter
from vos.sam.registry import load_photo_model
from vos.sam.segmenter import Segmenter
from vos.structures import LabelMap

RECORD = "run.json"  # in the folder of a finished object
FILES = ("masks", "perseg.csv", "sheets", "summary.json")  # that a run may write


def evaluate(config: EvaluateConfig, folder: Path) -> tuple[float, float, float]:
    """Segments unless there are results, scores, and reports into ``folder`` and on the screen.

    Returns:
        mIoU, bIoU and mAcc.

    Raises:
        VosError: the data set or the results lack something, or an option is wrong.
    """
    if config.dataset.root is None:
        raise VosError("dataset.root is not set; give the folder that holds Images and Annotations")
    root = Path(config.dataset.root).expanduser()
    objects = read_perseg(root, config.sequences)
    for stale in ("perseg.csv", "summary.json"):
        (folder / stale).unlink(missing_ok=True)  # figures of an earlier run must not outlive a failure of this one
    run: dict[str, Any] = {}
    if config.results is None:
        run = run_dataset(config, objects, folder / "masks")
    results = folder / "masks" if config.results is None else Path(config.results).expanduser()
    with tqdm(total=sum(len(item.scored) for item in objects), unit="photo", desc="scoring") as bar:
        scores = score_results(objects, results, bar.update)
    print(perseg_table(scores))
    write_csv(scores, folder / "perseg.csv")
    write_sheets(objects, scores, results, folder / "sheets")
    figures = overall(scores)
    record = {"version": __version__, "config": asdict(config), **run, **dict(zip(("mIoU", "bIoU", "mAcc"), figures))}
    with atomic_path(folder / "summary.json") as path:
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"mIoU {figures[0]:.4f}  bIoU {figures[1]:.4f}  mAcc {figures[2]:.4f}   report: {folder}")
    return figures


def run_dataset(config: EvaluateConfig, objects: Sequence[PersegObject], masks: Path) -> dict[str, Any]:
    """Finds every object that is not finished yet in all of its photos: ``masks/<object>/00.png`` and on.

    An object is finished once its folder holds all masks and the record of a run with the same model, data and
    options; its folder appears only then.

    Returns:
        What the summary says about the run.

    Raises:
        VosError: a photo cannot be read, or the model cannot be loaded.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision)
    # The protocol knows no "absent": every photo shows its object, and the best guess counts.
    segmenter = PhotoSegmenter(model, config.method, threshold=0.0)
    seconds: dict[str, float] = {}
    with tqdm(total=sum(len(item.annotations) for item in objects), unit="photo") as bar:
        for item in objects:
            fingerprint = _fingerprint(config, item, model)
            earlier = None if config.overwrite else _finished(item, masks / item.name, fingerprint)
            if earlier is not None:
                seconds[item.name] = earlier
                bar.update(len(item.annotations))
                continue
            bar.set_description(item.name)
            with atomic_path(masks / item.name) as folder:
                folder.mkdir()
                seconds[item.name] = _segment_object(item, segmenter, folder, bar)
                record = {"fingerprint": fingerprint, "seconds": seconds[item.name]}
                (folder / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")
    photos = sum(len(item.annotations) for item in objects)
    return {
        "model": {"name": model.name, "checkpoint": model.checkpoint_name, "sha256": model.checkpoint_sha256},
        "photos": photos,
        "milliseconds_per_photo": 1000 * sum(seconds.values()) / photos,
    }


def write_sheets(objects: Sequence[PersegObject], scores: Sequence[PersegScore], results: Path, folder: Path) -> None:
    """Writes a contact sheet per object: the reference with its mask, then the photos, best IoU first."""
    for item, score in zip(objects, scores):
        tiles = [Tile(_shown(item, REFERENCE, item.annotations[REFERENCE]), "reference", REFERENCE)]
        for name, iou in sorted(score.photo_iou.items(), key=lambda one: (-one[1], one[0])):
            tiles.append(Tile(_shown(item, name, results / item.name / f"{name}.png"), f"IoU {iou:.3f}", name))
        heading = f"{item.name} · IoU {score.iou:.3f} · boundary IoU {score.boundary_iou:.3f}"
        write_contact_sheet(folder / f"{item.name}.png", tiles, heading)


def _segment_object(item: PersegObject, segmenter: PhotoSegmenter, folder: Path, bar: tqdm) -> float:
    """Writes the masks of all photos of one object, the reference's own included; returns the seconds it took."""
    begin = time.perf_counter()
    image, mask = read_image(item.images[REFERENCE]), read_mask(item.annotations[REFERENCE])
    tuned = segmenter.config.name == "persam_f"
    concept = Concept.from_image(image, mask, name=item.name, model=segmenter.model, finetune=tuned)
    for name, path in item.images.items():
        (result,) = segmenter.segment(image if name == REFERENCE else read_image(path), [concept])
        found = result.mask if result.instances or result.candidate is None else result.candidate.mask
        write_label_map(folder / f"{name}.png", LabelMap(found.astype(np.uint8), (1,)))
        bar.update()
    return time.perf_counter() - begin


def _shown(item: PersegObject, name: str, mask: Path) -> Any:
    return thumbnail(read_image(item.images[name]), LabelMap(read_mask(mask).astype(np.uint8), (1,)))


def _finished(item: PersegObject, folder: Path, fingerprint: str) -> float | None:
    """The seconds that a finished object took, or None."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = all((folder / f"{name}.png").is_file() for name in item.images)
    return float(record["seconds"]) if complete and record["fingerprint"] == fingerprint else None


def _fingerprint(config: EvaluateConfig, item: PersegObject, model: Segmenter) -> str:
    """Hash of everything that an object's masks depend on."""
    files = [*item.images.values(), item.annotations[REFERENCE]]
    parts = {
        "version": __version__,
        "files": [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in files],
        "model": [asdict(config.model), model.checkpoint_sha256, str(model.device), config.precision],
        "method": asdict(config.method),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
