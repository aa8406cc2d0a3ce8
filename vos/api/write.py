"""``vos.write``: results into a folder, as the command line leaves them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from vos.api.options import configured
from vos.api.result import Result
from vos.api.results import Results
from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.config import OutputConfig
from vos.io.earlier import Earlier, describe_outputs
from vos.io.frames import FrameSource, refuse_among_frames
from vos.io.readers.arrays import ArraySource
from vos.io.sole_writer import sole_writer
from vos.io.writers import SummaryWriter, Writer
from vos.io.writers.choice import (
    FILES,
    SUMMARY,
    finish_described,
    inputs_of,
    make_writers,
    need_alpha,
    need_pictures,
    output_paths,
)
from vos.structures import SegmentedFrame

LOOSE = Fraction(1, 90_000)  # seconds: the clock of results that are of no source


@dataclass(frozen=True)
class Origin:
    """What results are of.

    Attributes:
        source: the frames.
        about: how the results came about, as ``summary.json`` has it.
        files: what is read meanwhile, each with the word for it.
    """

    source: FrameSource
    about: Mapping[str, Any]
    files: Sequence[tuple[str, Path]] = ()


def write(
    results: Iterable[Result],
    folder: str | Path,
    outputs: Sequence[str] = ("masks", "overlay"),
    *,
    options: Mapping[str, object] | None = None,
) -> Path:
    """Writes results as ``python -m vos.run`` does, with the same bytes; they appear when all frames are there.

        vos.write(vos.track("clip.mp4", "mask.png"), "out", ["masks", "matte"])

    Args:
        results: of :func:`vos.track` or :func:`vos.load`, or any of their frames in the order of time.
        folder: where ``masks/``, ``overlay.mp4``, ``summary.json`` and others are written. What a run of vos wrote
            there is replaced, and removed where it is of other results; nothing else is.
        outputs: of masks, overlay, matte, composite, rle, png_rgba, png_alpha, exr, gif, webp, coco, ytvis, yolo, mots,
            mot, csv, cvat, cvat_images, npz; docs/forms.md says what each is.
        options: of how they are written, by dotted name, as in docs/options.md: ``{"matte.format": "webm"}``.

    Returns:
        The folder.

    Raises:
        VosError: there is no such output or option, nothing to write, or the folder cannot be written.
    """
    config = configured(OutputConfig(), options or {})
    folder = Path(folder).expanduser()
    outputs = [outputs] if isinstance(outputs, str) else list(outputs or [])
    paths = output_paths(outputs, folder, config)
    if isinstance(results, Results) and need_alpha(outputs):
        results.with_alpha()
    origin, results = _described(results)
    with closing(results):
        write_outputs(results, origin, folder, paths, config, has_summary=True)
    return folder


def write_outputs(
    results: Iterable[Result],
    origin: Origin,
    folder: Path,
    paths: Mapping[str, Path],
    config: OutputConfig,
    has_summary: bool,
) -> list[str]:
    """Writes results into a folder that nobody else writes into meanwhile.

    Args:
        results: of one video, in the order of time.
        origin: what they are of.
        folder: of the outputs.
        paths: of :func:`vos.io.writers.choice.output_paths`.
        config: how they are written.
        has_summary: also write ``summary.json``.

    Returns:
        What users should know of the outputs, a line each.

    Raises:
        VosError: another quality of soft masks is asked for than that of those there.
    """
    if config.matte.quality != OutputConfig().matte.quality:
        raise VosError(
            f"matte.quality={config.matte.quality} is for tracking, which makes the soft masks; ask for it there"
        )
    source, about = origin.source, origin.about
    _refuse_finishing_twice(origin, config)
    clip = Clip.read(about) if "clip" in about else Clip.of(source, about.get("original_ids"))
    video, earlier = about["video"]["path"], Earlier.of(folder, about.get("fingerprint"), config, paths)
    refuse_among_frames(folder, video)
    outputs = make_writers(paths, source, clip, config)
    with (
        sole_writer(
            folder,
            FILES,
            source=video,
            targets=[*paths.values(), *([folder / SUMMARY] if has_summary else [])],
            inputs=[*origin.files, *inputs_of(paths, config)],
            stale=earlier.stale if has_summary else (),
        ) as others,
        ExitStack() as stack,
    ):
        writers = [stack.enter_context(_summary(origin, clip, paths, config, earlier))] if has_summary else []
        stack.enter_context(others)
        writers += [stack.enter_context(writer) for writer in outputs]
        for result in _in_order(results, source):
            segmented = _complete(result, paths, config)
            for writer in writers:
                writer.write(segmented)
    return [writer.remark for writer in outputs if writer.remark]


def _summary(origin: Origin, clip: Clip, paths: Mapping[str, Path], config: OutputConfig, earlier: Earlier) -> Writer:
    """Makes the writer of ``summary.json``; until all is written, nothing is finished in the folder."""
    path = earlier.folder / SUMMARY
    path.unlink(missing_ok=True)

    def footer() -> dict[str, Any]:
        outputs = {**earlier.whole, **describe_outputs(paths, config)}
        return {"video_lacks": asdict(origin.source.damage), "outputs": outputs}

    return SummaryWriter(path, {**origin.about, **clip.described(), **finish_described(config)}, footer)


def _refuse_finishing_twice(origin: Origin, config: OutputConfig) -> None:
    """Raises a VosError where masks that had their last touch, as all but ``masks`` have it, are to have another."""
    done = origin.about.get("finish")
    if done and config.finish.is_active:
        read = [path for word, path in origin.files if word == "results" and (done["masks"] or path.is_file())]
        if read:
            raise VosError(f"{read[0]} was finished already: leave out finish.*, or run again with output=masks")


def _described(results: Iterable[Result]) -> tuple[Origin, Results | Generator[Result, None, None]]:
    """Finds out what results are of; of loose ones, from the first of them."""
    if isinstance(results, Results):
        if results.is_closed:
            raise VosError("there are no results to write: these were read to their end, or closed; track again")
        return Origin(results.source, results.about, results.files), results
    if isinstance(results, Result) or not isinstance(results, Iterable):
        raise VosError(f"{results!r} is no series of results; give those of vos.track, or a list of them")
    iterator = iter(results)
    first = next(iterator, None)
    if first is None:
        raise VosError("there are no results to write")
    if not isinstance(first, Result):
        raise VosError(f"a {type(first).__name__} is no result; give those of vos.track")
    source = ArraySource([first.segmented.frame.rgb])
    source.time_base = LOOSE
    about = {"video": {"path": source.path, "size": list(source.size), "fps": source.fps}}
    return Origin(source, about), (result for result in chain([first], iterator))


def _in_order(results: Iterable[Result], source: FrameSource) -> Iterator[Result]:
    """Passes results of one video on.

    Raises:
        VosError: they are of several, or not in the order of time.
    """
    last = -1
    for result in results:
        if result.index <= last:
            raise VosError(f"frame {result.index} follows frame {last}; give results of one video in their order")
        if result.labels.shape != source.size:
            own, size = result.labels.shape, source.size
            said = f"{own[0]}x{own[1]}, but the first one is {size[0]}x{size[1]} (height x width)"
            raise VosError(f"frame {result.index} is {said}; give results of one video")
        last = result.index
        yield result


def _complete(result: Result, outputs: Iterable[str], config: OutputConfig) -> SegmentedFrame:
    """Returns the result with what the outputs need.

    Raises:
        VosError: they need the picture or soft masks, and these are not at hand.
    """
    if need_pictures(outputs, config):
        _ = result.frame
    return replace(result.segmented, alpha=result.alphas) if need_alpha(outputs) else result.segmented
