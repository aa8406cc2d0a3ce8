"""``vos.write``: results into a folder, as the command line leaves them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

from vos.api.result import Result
from vos.api.results import Results
from vos.errors import VosError
from vos.io.frames import FrameSource, full_name
from vos.io.readers.arrays import ArraySource
from vos.io.sole_writer import sole_writer
from vos.io.writers import SummaryWriter
from vos.io.writers.choice import FILES, SUMMARY, make_writer, output_paths
from vos.structures import SegmentedFrame

_Described = tuple[
    FrameSource, Mapping[str, object], Sequence[tuple[str, Path]], Results | Generator[Result, None, None]
]
LOOSE = Fraction(1, 90_000)  # seconds: the clock of results that are of no source


def write(
    results: Iterable[Result],
    folder: str | Path,
    outputs: Sequence[str] = ("masks", "overlay"),
    *,
    matte_format: str = "webm",
) -> Path:
    """Writes results as ``python -m vos.run`` does, with the same bytes; they appear when all frames are there.

        vos.write(vos.track("clip.mp4", "mask.png"), "out", ["masks", "matte"])

    Args:
        results: of :func:`vos.track` or :func:`vos.load`, or any of their frames in the order of time.
        folder: where ``masks/``, ``overlay.mp4``, ``matte.webm``, ``rle.json`` and ``summary.json`` are written. What a
            run of vos wrote there is replaced, nothing else is.
        outputs: of masks, overlay, matte, rle.
        matte_format: webm (VP9 with alpha) or mov (ProRes 4444).

    Returns:
        The folder.

    Raises:
        VosError: there is no such output, nothing to write, or the folder cannot be written.
    """
    folder = Path(folder).expanduser()
    outputs = [outputs] if isinstance(outputs, str) else list(outputs or [])
    paths = output_paths(outputs, folder, matte_format)
    if isinstance(results, Results) and "matte" in outputs:
        results.with_alpha()
    source, about, files, results = _described(results)
    targets = [*paths.values(), folder / SUMMARY]
    with closing(results), sole_writer(folder, FILES, source=full_name(source.path), targets=targets, inputs=files):
        (folder / SUMMARY).unlink(missing_ok=True)  # until all is written, nothing is finished here
        with ExitStack() as stack:
            summary = SummaryWriter(folder / SUMMARY, about, lambda: {"video_lacks": asdict(source.damage)})
            made = (make_writer(name, path, source) for name, path in paths.items())
            writers = [stack.enter_context(writer) for writer in (summary, *made)]
            for result in _in_order(results, source):
                segmented = _complete(result, outputs)
                for writer in writers:
                    writer.write(segmented)
    return folder


def _described(results: Iterable[Result]) -> _Described:
    """Finds out where the frames come from; of loose results, from the first of them."""
    if isinstance(results, Results):
        if results.is_closed:
            raise VosError("there are no results to write: these were read to their end, or closed; track again")
        return results.source, results.about, results.files, results
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
    return source, about, (), (result for result in chain([first], iterator))


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


def _complete(result: Result, outputs: Sequence[str]) -> SegmentedFrame:
    """Returns the result with what the outputs need.

    Raises:
        VosError: they need the picture or soft masks, and these are not at hand.
    """
    if "overlay" in outputs or "matte" in outputs:
        _ = result.frame
    return replace(result.segmented, alpha=result.alphas) if "matte" in outputs else result.segmented
