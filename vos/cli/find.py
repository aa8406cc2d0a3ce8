"""From the options of ``python -m vos.find`` to tables and contact sheets, and what is said on the screen meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos import __version__
from vos.cli.compose import Run, do_all
from vos.cli.config import FindConfig
from vos.cli.options import paths
from vos.cli.outcome import Interrupted, Outcome
from vos.cli.output_folder import output_folder
from vos.concept.concept import Concept
from vos.errors import VosError, readable
from vos.find.index import EncodingIndex
from vos.find.pictures import Source, list_sources
from vos.find.report import Finding, write_findings
from vos.find.search import Archive, Glimpse
from vos.io.images import root_of
from vos.io.sole_writer import sole_writer
from vos.io.written import NOTES
from vos.photos.segmenter import PhotoSegmenter
from vos.progress import Progress, write_above
from vos.sam.device import set_threads
from vos.sam.registry import load_photo_model
from vos.sam.segmenter import Segmenter, model_record

FILES = ("*.csv", "*.json", "*.png")  # that a search may write
INDEX = f"{NOTES}/index"  # beside the record of the results


def run_all(runs: Sequence[Run[FindConfig]]) -> Outcome:
    """Does each search of the command line."""
    return do_all(runs, lambda one: run(one.config, output_folder(one, "find", "concept")))


def run(config: FindConfig, folder: Path) -> Outcome:
    """Searches an archive for one or several concepts and writes what was found into ``folder``.

    Raises:
        VosError: an option, a concept or a weights file is missing or wrong, or the results cannot be written.
        Interrupted: Ctrl-C; what the index has stays, the next search goes on from there.
    """
    if not config.concept:
        raise VosError("there is no concept; give concept=rex.concept, made by python -m vos.concept")
    if not config.images and not config.videos:
        raise VosError("there is nothing to search; give images=archive/ or videos='archive/**/*.mp4'")
    sources = list_sources(config.images or [], config.videos or [])
    set_threads(config.threads, embedded=False)
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    segmenter = PhotoSegmenter(model, config.method, config.threshold, "one", config.max_false_alarms)
    files = paths(config.concept)
    concepts = [Concept.load(path).fitted(model) for path in files]
    names = _names(concepts)
    first = Path((config.images or config.videos or [""])[0])
    inputs = [("concept", path) for path in files] + [("images", source.path) for source in sources[:1]]
    targets = [folder / f"{name}.{suffix}" for name in names for suffix in ("csv", "json", "png")]
    with (
        sole_writer(
            folder,
            FILES,
            source=str(root_of(first).resolve()),
            targets=targets,
            inputs=inputs,
            is_chosen=config.output_dir is not None,
        ),
        EncodingIndex(folder / INDEX, _fingerprint(model), config.index_limit) as index,
    ):
        archive, broken = Archive(sources, index, model), dict[Path, str]()
        rated = _glance(archive, concepts, broken)
        header = _header(config, segmenter, len(sources), rated[0], broken)
        written: list[Path] = []
        for concept, name, glimpses in zip(concepts, names, rated):
            written += _search(archive, concept, glimpses, segmenter, config.patience, folder, name, header)
        if index.is_full:
            print(f"the index is full: {len(sources)} files need more than index_limit={config.index_limit:g} GB")
    print("\n".join(readable(str(path)) for path in written))
    error = f"{len(broken)} files could not be read" if broken else ""
    return Outcome(len(rated[0]), tuple(written), error)


def _glance(archive: Archive, concepts: Sequence[Concept], broken: dict[Path, str]) -> list[list[Glimpse]]:
    """Passes over the archive, shows how far it is, and says what it took."""
    begin, before = time.perf_counter(), archive.index.size
    with Progress("archive", len(archive.sources), "file", 0) as progress:

        def on_broken(source: Source, error: VosError) -> None:
            if source.path not in broken:
                write_above(f"skipped: {readable(str(error))}", sys.stderr)
            broken[source.path] = readable(str(error))
            progress.update()

        archive.on_broken, archive.on_source = on_broken, lambda source: progress.update()
        try:
            rated = archive.glance(concepts)
        except KeyboardInterrupt as error:
            raise Interrupted(
                "what was seen is in the index; run the same command again to go on", Outcome()
            ) from error
    archive.on_broken = lambda source, error: broken.setdefault(source.path, readable(str(error)))
    count, wall = len(rated[0]), time.perf_counter() - begin
    if not count:
        raise VosError("nothing in the archive could be read")
    size = archive.index.size
    print(
        f"{count} pictures of {len(archive.sources)} files, {count / wall:.0f} a second; the index has "
        f"{size / 1e6:.0f} MB, {size / count / 1e3:.0f} kB a picture, {(size - before) / 1e6:.0f} MB of it new"
    )
    return rated


def _search(
    archive: Archive,
    concept: Concept,
    glimpses: Sequence[Glimpse],
    segmenter: PhotoSegmenter,
    patience: int,
    folder: Path,
    name: str,
    header: dict[str, Any],
) -> list[Path]:
    """Searches for one concept fully and writes what was found."""
    begin, searched, findings = time.perf_counter(), 0, list[Finding]()
    with Progress(name, None, "picture", 0) as progress:
        for hit in archive.search(concept, glimpses, segmenter, patience):
            searched += 1
            findings += [Finding.of(hit)] if hit.is_found else []
            progress.update()
    wall = time.perf_counter() - begin
    print(f"{name}: in {len(findings)} of {searched} pictures that looked most like it, {wall:.0f} s")
    return write_findings(folder, name, findings, {"concept": concept.name, "searched": searched, **header})


def _names(concepts: Sequence[Concept]) -> list[str]:
    """Names of the concepts that are fit for files, told apart where they are the same."""
    names: list[str] = []
    for concept in concepts:
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in concept.name).strip(".") or "concept"
        names.append(name if name.casefold() not in map(str.casefold, names) else f"{name}-{len(names) + 1}")
    return names


def _fingerprint(model: Segmenter) -> str:
    return f"{model.name} {model.checkpoint_sha256} {model.geometry((1000, 1000)).input_size[0]} {model.precision}"


def _header(
    config: FindConfig, segmenter: PhotoSegmenter, files: int, glimpses: Sequence[Glimpse], broken: dict[Path, str]
) -> dict[str, Any]:
    return {
        "version": __version__,
        "model": model_record(segmenter.model),
        "threshold": round(segmenter.threshold, 6),
        "scores": "not calibrated" if segmenter.calibration is None else "probabilities",
        "files": files,
        "pictures": len(glimpses),
        "config": asdict(config),
        "broken": [{"file": str(path), "error": error} for path, error in broken.items()],
    }
