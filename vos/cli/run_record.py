"""What a run says of itself: the hash of everything that its results depend on.

A run whose fingerprint and files are all there is not done again; one with another fingerprint is never gone on with.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from vos import __version__
from vos.cli.config import AlbumConfig, RunConfig
from vos.cli.options import paths
from vos.evaluation.config import EvaluateConfig
from vos.geometry import SizeHW
from vos.io.config import OutputConfig
from vos.io.images import is_image
from vos.io.readers.live import is_live_address
from vos.io.remote import RemoteFile, is_remote, latest_copy, look_up
from vos.io.writers.choice import inputs_of, need_alpha
from vos.sam.device import resolve_device
from vos.sam.engines.choice import resolve_engine
from vos.sam.nano.network import click_weights_sha256
from vos.sam.official.network import SAM_NAMES
from vos.sam.segmenter import Segmenter
from vos.video.saved import LAYOUT

WHERE_AND_WHETHER = (
    "output_dir",
    "overwrite",
    "profile",
    "log_file",
    "preview",
)  # options that do not change the results
FORMS = ("output", "keep", "report", *(item.name for item in fields(OutputConfig)))  # as which results are written
# Options that give the references.
SHOWN = (
    *("ref_mask", "ref_frame", "ref_box", "ref_point", "ref_point_label", "ref_candidate", "prompts", "concept"),
    *("prompt_model", "prompt_checkpoint"),
)
NOT_TRACKING = (*WHERE_AND_WHETHER, *FORMS, *SHOWN, "object_names")


def tracking_fingerprint(config: RunConfig, model: Segmenter, size: SizeHW, object_ids: Sequence[int]) -> str:
    """Hashes everything that the tracking of one video depends on, its references apart.

    Args:
        config: all options.
        model: as it suits the number of objects.
        size: (H, W) of the frames.
        object_ids: of all references; they count where the tracker cannot take further ones.
    """
    return _fingerprint(
        options={name: value for name, value in asdict(config).items() if name not in NOT_TRACKING},
        soft_masks=config.matte.quality if need_alpha([*config.output, *config.keep]) else None,
        layout=LAYOUT,
        model=_model_parts(model),
        video=_stamps(_files(config.video or "")),
        concepts=[file_hash(file) for file in paths(config.concept)],
        geometry=str(model.geometry(size)),
        object_ids=list(object_ids) if config.tracker.name == "published" else [],
    )


def request_fingerprint(config: RunConfig) -> str:
    """Hashes everything that the results of one video depend on and that is known before any of it is opened.

    Returns:
        The hash; nothing where the video is live, and never the same again.
    """
    device = resolve_device(config.device)
    video: RemoteFile | list[list[Any]] | None = None
    if is_remote(config.video or ""):
        video = look_up(config.video or "")
    elif not is_live_address(config.video or ""):
        video = _stamps(_files(config.video or ""))
    if video is None:
        return ""
    engine = resolve_engine(config.engine, config.precision, device, config.model.name in SAM_NAMES)
    given = (config.ref_mask, config.concept, [config.prompts] if config.prompts else None)
    weights = [Path(name) for name in (config.checkpoint, config.prompt_checkpoint) if name]
    return _fingerprint(
        options={name: value for name, value in asdict(config).items() if name not in WHERE_AND_WHETHER},
        computed_by=[str(device), *engine],
        video=asdict(video) if isinstance(video, RemoteFile) else video,
        references=[file_hash(path) for names in given for path in paths(names)],
        inputs=_named_stamps(path for _, path in inputs_of(config.output, config)),
        weights=_named_stamps(weights),
    )


def run_fingerprint(
    config: RunConfig, model: Segmenter, prompt_files: Iterable[Path] = (), is_prompted: bool = False
) -> str:
    """Hashes everything that the results of one video depend on, in whichever forms they are written.

    Args:
        config: all options.
        model: as it was loaded.
        prompt_files: the file of prompts and the masks that it names.
        is_prompted: whether clicks or boxes are answered.
    """
    return _fingerprint(
        options={name: value for name, value in asdict(config).items() if name not in (*WHERE_AND_WHETHER, *FORMS)},
        model=_model_parts(model),
        video=_stamps(_files(config.video or "")),
        references=[file_hash(file) for file in [*paths(config.ref_mask), *paths(config.concept), *prompt_files]],
        inputs=_named_stamps(path for _, path in inputs_of(config.output, config)),
        prompt_weights=_named_stamps([Path(config.prompt_checkpoint)] if config.prompt_checkpoint else []),
        click_weights=click_weights_sha256() if is_prompted else "",
    )


def davis_fingerprint(config: EvaluateConfig, model: Segmenter, files: Iterable[Path]) -> str:
    """Hashes everything that the masks of one DAVIS sequence depend on.

    Args:
        config: all options.
        model: as it was loaded.
        files: the sequence's frames, and the annotations that are given.
    """
    return _fingerprint(
        files=_named_stamps(files),
        year=config.dataset.year,
        model=[asdict(config.model), *_model_parts(model)],
        tracker=asdict(config.tracker),
        batch_size=config.batch_size,
    )


def perseg_fingerprint(config: EvaluateConfig, model: Segmenter, files: Iterable[Path]) -> str:
    """Hashes everything that the masks of one PerSeg object depend on.

    Args:
        config: all options.
        model: as it was loaded.
        files: the object's photos, and the mask of its reference.
    """
    return _fingerprint(
        files=_named_stamps(files),
        model=[asdict(config.model), *_model_parts(model)],
        method=asdict(config.method),
    )


def album_fingerprint(
    config: AlbumConfig, model: Segmenter, threshold: float, concepts: Sequence[dict[str, Any]]
) -> str:
    """Hashes everything that the masks of an album depend on, its photos apart.

    Args:
        config: all options.
        model: as it was loaded.
        threshold: score below which an object counts as absent, 0..1.
        concepts: what is looked for: name and hashes of the files that show it.
    """
    return _fingerprint(
        concepts=list(concepts),
        method=asdict(config.method),
        search=[threshold, config.instances],
        model=[asdict(config.model), *_model_parts(model)],
    )


def frame_count(summary: Path) -> int:
    """Counts the frames of a finished run: a line each, so that the summary of a long video is not read as a whole."""
    with summary.open(encoding="utf-8") as lines:
        return sum(line.startswith('    {"frame": ') for line in lines)


def file_hash(path: Path) -> str:
    """Hashes a small file, SHA-256 in hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(video: str) -> list[Path]:
    """Lists the files that a video is made of: one, or pictures in a folder or of a pattern; none of a camera."""
    path = latest_copy(video) or Path(video)
    if path.is_dir():
        return sorted(filter(is_image, path.iterdir()))
    if path.exists():
        return [path]
    return [] if is_live_address(video) else sorted(Path(name) for name in glob.glob(video, recursive=True))  # noqa: PTH207


def _model_parts(model: Segmenter) -> list[str]:
    """Lists what decides a model's numbers; the options may say auto."""
    return [model.checkpoint_sha256, str(model.device), model.engine, model.precision]


def _stamps(files: Iterable[Path]) -> list[list[Any]]:
    """Lists name, size and time of change of files that are too large to be read for it."""
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _named_stamps(files: Iterable[Path]) -> list[list[Any]]:
    """Lists the stamps of files, and which ones they are."""
    return [[str(path.resolve()), *stamp] for path in files for stamp in _stamps([path])]


def _fingerprint(**parts: Any) -> str:
    """Hashes the parts and this package's version, which may give other masks."""
    return hashlib.sha256(json.dumps({"version": __version__, **parts}, sort_keys=True).encode()).hexdigest()
