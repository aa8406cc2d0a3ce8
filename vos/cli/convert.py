"""From the options of ``python -m vos.convert`` to further forms of results, and what is said on the screen."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from vos.api.load import NoVideo, kept_masks, read_results, read_summary, video_of
from vos.api.write import Origin, write_outputs
from vos.cli.compose import Run, do_all
from vos.cli.config import ConvertConfig
from vos.cli.options import paths
from vos.cli.outcome import Outcome
from vos.errors import VosError
from vos.io.earlier import read_head
from vos.io.writers.choice import KEPT, OUTPUTS, SUMMARY, need_alpha, need_pictures, output_paths
from vos.io.written import Written
from vos.progress import Progress


def convert_all(runs: Sequence[Run[ConvertConfig]]) -> Outcome:
    """Converts each folder of the command line; one that fails does not stop the others."""
    folders = [
        Run(replace(run.config, results=[str(folder)]), (*run.overrides, str(folder)))
        for run in runs
        for folder in {path.resolve(): path for path in paths(run.config.results)}.values()  # each once
    ]
    if not folders:
        raise VosError("there are no results; give their folder: python -m vos.convert outputs/clip output=[coco]")
    if len(folders) > 1 and any(run.config.output_dir for run in runs):
        raise VosError("output_dir= is for one folder of results; the forms of several go into their own")
    return do_all(folders if len(folders) > 1 else [Run(folders[0].config)], lambda run: convert(run.config))


def convert(config: ConvertConfig) -> Outcome:
    """Converts the results in one folder.

    Raises:
        VosError: there are no results, they do not keep what an output needs, or the video has gone or was changed.
    """
    folder = paths(config.results)[0]
    out = Path(config.output_dir or folder)
    made = output_paths(config.output, out, config)
    _refuse_folder_of_several(folder)
    about, rows = read_summary(folder / SUMMARY)
    _refuse_mixture(out, folder, about)
    if need_alpha(made) and not ("alpha" in about["outputs"] and (folder / KEPT["alpha"].file).is_dir()):
        soft = ", ".join(name for name in made if OUTPUTS[name].has_alpha)
        raise VosError(f"{folder} keeps no soft masks for {soft}; run it again with keep=alpha")
    has_pictures = need_pictures(config.output, config) or config.video is not None
    source = video_of(about, config.video) if has_pictures else NoVideo(folder, about)
    with (
        read_results(kept_masks(folder, about), about, rows, source) as results,
        Progress(folder.name, None, "frame") as progress,
    ):
        origin = Origin(source, about, results.files)
        remarks = write_outputs(progress.each(results), origin, out, made, config, has_summary=False)
    print(*remarks, *made.values(), sep="\n")
    print(f"{progress.done} frames")
    return Outcome(progress.done, tuple(made.values()))


def _refuse_mixture(out: Path, folder: Path, about: Mapping[str, Any]) -> None:
    """Raises a VosError where forms would go among those of another video or run, whose they would seem to be."""
    if out.resolve() == folder.resolve():
        return
    is_mixed = Written(out).source not in (None, about["video"]["path"])
    with suppress(OSError, ValueError):  # no results there, only forms
        is_mixed |= read_head(out / SUMMARY).get("fingerprint") != about.get("fingerprint")
    if is_mixed:
        raise VosError(f"output_dir={out} holds other results than {folder}; choose another output_dir")


def _refuse_folder_of_several(folder: Path) -> None:
    """Raises a VosError where results lie below a folder, as a batch writes them, and none in it."""
    inside = [] if (folder / SUMMARY).exists() else sorted(path.parent for path in folder.glob(f"*/{SUMMARY}"))
    if inside:
        raise VosError(
            f"{folder / SUMMARY} is missing: there are results in {inside[0]}{', ...' * (len(inside) > 1)}; "
            f"give them: python -m vos.convert {shlex.quote(str(folder))}/*/"
        )
