"""From the options of ``python -m vos.album`` to a folder of results, and what is said on the screen meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vos import __version__
from vos.album.dreambooth import SIZES, parse_background
from vos.album.listing import AlbumPhoto, album_name, list_album
from vos.album.outputs import OUTPUTS, THUMBNAILS, PhotoOutputs
from vos.album.pipeline import AlbumPipeline, segment_album
from vos.album.records import Records
from vos.album.report import unique_names, write_report
from vos.cli.compose import Run, do_all
from vos.cli.config import AlbumConfig
from vos.cli.options import paths
from vos.cli.outcome import Interrupted, Outcome
from vos.cli.output_folder import output_folder
from vos.cli.photo_references import clicked_mask, reference_photos
from vos.cli.profile import Profile
from vos.cli.run_record import album_fingerprint, file_hash
from vos.cli.timeline import PICTURE, profiled
from vos.concept.concept import Concept
from vos.errors import VosError, readable
from vos.io.background import Background, background_file
from vos.io.images import read_image, root_of
from vos.io.masks.reference import read_references
from vos.io.sole_writer import sole_writer
from vos.io.writers.choice import check_outputs
from vos.photos.segmenter import PhotoSegmenter
from vos.progress import Progress, write_above
from vos.sam.device import set_threads
from vos.sam.nano.network import click_weights_sha256
from vos.sam.registry import load_photo_model
from vos.sam.segmenter import Segmenter, model_record
from vos.video.reference import Clicked

REPORT = ("contact_sheet*.png", "album.csv", "album.json")
FILES = (*OUTPUTS, "instances", *REPORT, THUMBNAILS, PICTURE)  # that a run may write


def run_all(runs: Sequence[Run[AlbumConfig]]) -> Outcome:
    """Does one run, or each of a sweep into its own folder; a part has failed if photos were broken."""

    def work(one: Run[AlbumConfig]) -> Outcome:
        folder = output_folder(one, album_name(one.config.images or "album"), "images")
        return run(one.config, folder, Profile(is_first=one is runs[0]) if one.config.profile else None)

    return do_all(runs, work)


def run(config: AlbumConfig, folder: Path, profile: Profile | None = None) -> Outcome:
    """Searches one album and writes the results into ``folder``.

    Args:
        config: all options.
        folder: of the results.
        profile: is told what takes how long, and then shown.

    Returns:
        What there is now; an error if some photos could not be read.

    Raises:
        VosError: an option, the reference or a weights file is missing or wrong, or the results cannot be written.
        KeyboardInterrupt: Ctrl-C; what is finished is valid and reported, the next run goes on from there.
    """
    _check(config)
    assert config.images is not None
    album, root = list_album(config.images, exclude=folder), root_of(Path(config.images))
    photos = album.photos
    if album.left_out:
        print(f"left out: {album.describe_left_out()}")
    set_threads(config.threads, embedded=False)
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    segmenter = PhotoSegmenter(model, config.method, config.threshold, config.instances, config.max_false_alarms)
    if segmenter.calibration is None:
        print(f"scores of model={model.name} method={config.method.name} are no probabilities: none were calibrated")
    concepts, sources = _concepts(config, model)
    fingerprint = album_fingerprint(config, model, segmenter.threshold, sources)
    outputs = PhotoOutputs(
        folder, config.output, config.instances == "all", config.dreambooth, config.background, config.matte
    )
    pipeline = AlbumPipeline(segmenter, concepts, fingerprint, outputs, str(root.resolve()))
    header = _header(config, segmenter, concepts, sources) | {"left_out": album.left_out}
    broken: dict[str, str] = {}
    names = [concept.name for concept in concepts.values()]
    with _own_folder(config, folder, root, outputs), Records(folder) as records:
        if config.overwrite:
            records.forget(photos)
        if gone := records.remove_gone(root):
            print(f"removed the results of {len(gone)} photos that are gone: {', '.join(map(readable, gone[:5]))}")
        try:
            with profiled(profile, folder) as pipeline.timings:
                _work(photos, records, pipeline, broken)
        finally:  # after Ctrl-C, too: what is finished is reported
            done = [(p, r) for p in photos if (r := records.get(p, fingerprint)) is not None]
            written = write_report(folder, done, broken, names, header) if done or broken else []
    print("\n".join(readable(str(path)) for path in written))
    for name in names:
        found = [o for _, r in done for o in r.objects if o["concept"] == name and o["presence"] != "absent"]
        print(f"{name}: in {len(found)} of {len(done)} photos" + f"; {len(broken)} broken" * bool(broken))
    made = [path for path in (folder / name for name in outputs.wanted()) if path.exists()]
    made += [] if profile is None else [folder / PICTURE]
    return Outcome(len(done), (*made, *written), f"{len(broken)} photos could not be read" if broken else "")


def _own_folder(config: AlbumConfig, folder: Path, root: Path, outputs: PhotoOutputs) -> AbstractContextManager[object]:
    """Claims the folder of the results for this album, as :func:`vos.io.sole_writer.sole_writer` does."""
    # The report also renews the metadata of training pictures that an earlier run has written.
    report = [path for name in ("dreambooth", *REPORT) for path in folder.glob(name)]
    behind = background_file(config.background) if "composite" in config.output else None
    given = {"ref_image": config.ref_image, "ref_mask": config.ref_mask, "concept": config.concept}
    given["background"] = None if behind is None else [str(behind)]
    return sole_writer(
        folder,
        FILES,
        source=str(root.resolve()),
        targets=[*report, *(folder / name for name in (*outputs.wanted(), *([PICTURE] if config.profile else [])))],
        inputs=[("images", root), *((option, path) for option, names in given.items() for path in paths(names))],
        is_chosen=config.output_dir is not None,
    )


def _header(
    config: AlbumConfig, segmenter: PhotoSegmenter, ids: Iterable[int], sources: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Says in the report what the run was."""
    return {
        "version": __version__,
        "model": model_record(segmenter.model),
        "threshold": round(segmenter.threshold, 6),
        "scores": "not calibrated" if segmenter.calibration is None else "probabilities",
        "concepts": [{"id": i, **source} for i, source in zip(ids, sources)],
        "config": asdict(config),
    }


def _work(photos: Sequence[AlbumPhoto], records: Records, pipeline: AlbumPipeline, broken: dict[str, str]) -> None:
    """Works the pipeline, shows how far it is, and says where the time went."""
    wanted = pipeline.outputs.wanted()
    finished = sum(not records.missing(photo, pipeline.fingerprint, wanted) for photo in photos)
    if finished == len(photos):
        print(f"all {len(photos)} photos are finished already, with the same options; overwrite=true redoes them")
        return
    begin = time.perf_counter()
    with Progress(pipeline.outputs.folder.name, len(photos), "photo", finished) as progress:

        def on_broken(photo: AlbumPhoto, error: VosError) -> None:
            broken[photo.key] = readable(str(error))
            write_above(f"skipped: {readable(str(error))}", sys.stderr)
            progress.update()

        pipeline.on_photo, pipeline.on_broken = lambda photo: progress.update(), on_broken
        try:
            timings = segment_album(photos, records, pipeline)
        except KeyboardInterrupt as error:
            done = sum(records.get(photo, pipeline.fingerprint) is not None for photo in photos)
            text = f"{done} photos are finished; run the same command again to go on"
            raise Interrupted(text, Outcome(done)) from error
    wall, count = time.perf_counter() - begin, len(photos) - finished
    parts = ", ".join(f"{stage} {1000 * seconds / count:.0f}" for stage, seconds in timings.seconds.items())
    print(f"{count} photos, {1000 * wall / count:.0f} ms each; of work, partly at the same time: {parts} ms")


def _check(config: AlbumConfig) -> None:
    if config.images is None:
        raise VosError("there are no photos; give images=photos/ and a reference, ref_image=dog.jpg ref_mask=dog.png")
    check_outputs(config.output, OUTPUTS)
    if config.dreambooth.size not in SIZES:
        raise VosError(f"dreambooth.size={config.dreambooth.size}; choose {', '.join(map(str, SIZES))}")
    parse_background(config.dreambooth.background)
    if "composite" in config.output:
        with Background(config.background) as background:
            if background.is_clip:
                raise VosError(f"background={config.background} is a clip; photos take a picture, a colour or blur")


def _concepts(config: AlbumConfig, model: Segmenter) -> tuple[dict[int, Concept], list[dict[str, Any]]]:
    """Reads what is looked for, by object id, and where each comes from."""
    files = paths(config.concept)
    if not config.ref_image and not files:
        raise VosError("there is no reference; give ref_image=dog.jpg ref_mask=dog.png, or concept=dog.concept")
    images, masks, clicked = reference_photos(config)
    loaded = [Concept.load(path).fitted(model) for path in files]
    concepts, sources = _from_references(config, images, masks, clicked, model) if images else ({}, [])
    for concept, path in zip(loaded, files):
        concepts[next(i for i in range(1, 256) if i not in concepts)] = concept
        sources.append({"name": concept.name, "sha256": [file_hash(path)]})
    if len(concepts) > 254:
        raise VosError(f"{len(concepts)} concepts are too many for one run; at most 254")
    names = unique_names(readable(concept.name) for concept in concepts.values())
    renamed = {i: replace(concept, name=name) for (i, concept), name in zip(concepts.items(), names)}
    return renamed, [{**source, "name": name} for source, name in zip(sources, names)]


def _from_references(
    config: AlbumConfig, images: list[Path], masks: list[Path], clicked: Clicked | None, model: Segmenter
) -> tuple[dict[int, Concept], list[dict[str, Any]]]:
    """Makes a concept for each id in the masks, from the photos in which it occurs, or the one that is clicked."""
    pixels = [read_image(path) for path in images]
    if clicked is None:
        given = read_references(masks, photos=images)
        print(f"ref_mask: {given.describe()}")
    else:
        given = clicked_mask(clicked, images[0], pixels[0], model)
    label_maps = given.label_maps
    ids = sorted({i for label_map in label_maps for i in label_map.object_ids})
    names = config.name or []
    if names and len(names) != len(ids):
        raise VosError(f"{len(names)} names in name= but {len(ids)} objects in ref_mask=; give one per object")
    concepts, sources = {}, []
    for number, i in enumerate(ids):
        seen = [k for k, label_map in enumerate(label_maps) if i in label_map.object_ids]
        name = names[number] if names else images[seen[0]].stem + (f"-{i}" if len(ids) > 1 else "")
        own = [label_maps[k].labels == i for k in seen]
        tuned = config.method.name == "persam_f"
        concepts[i] = Concept.from_images([pixels[k] for k in seen], own, name=name, model=model, finetune=tuned)
        _warn(concepts[i], [images[k] for k in seen])
        source: dict[str, Any] = {
            "name": name,
            "sha256": [file_hash(p) for k in seen for p in (images[k], *masks[k : k + 1])],
        }
        if clicked is not None:
            source |= {"clicked": asdict(clicked), "click_weights": click_weights_sha256()}
        sources.append({**source, "original_id": given.original_ids[i]} if i in given.original_ids else source)
    return concepts, sources


def _warn(concept: Concept, images: Sequence[Path]) -> None:
    for view, path in zip(concept.views, images):
        for issue in view.check.issues:
            print(f"warning: reference {path} ({concept.name}): {issue.message}", file=sys.stderr)
