"""From the options of ``python -m vos.batch`` to clips, the processes that segment them, and what is said meanwhile."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vos.batch.ray_workers import RayWorkers
from vos.batch.results import BEGINNING, BUSY, DONE, FAILED, FINISHED_BEFORE, INTERRUPTED, ClipResult, append_line
from vos.batch.shard import read_shard
from vos.batch.workers import Lost, Workers
from vos.cli.batch_clip import ClipTask, segment_clip
from vos.cli.compose import Run
from vos.cli.config import BatchConfig
from vos.cli.console import Screen
from vos.cli.manifest import ManifestClip, find_clips, read_manifest
from vos.cli.outcome import Interrupted, Outcome
from vos.cli.program import FLAGS, ended_as_by_ctrl_c
from vos.cli.results_place import ResultsPlace, fetch_record, put_record
from vos.errors import VosError
from vos.io.atomic import writing_to
from vos.progress import Progress, write_above
from vos.stages import available_cores

EXECUTORS = ("processes", "ray")
MOST_WORKERS = 256
SAM_CORES = 4  # of one process: its encoder uses them well, and each process holds the network
BUSY_WAIT = 2.0  # seconds until clips that another run is at are looked at again
MOST_LISTED = 20  # clips in the line of a failure
SHOWN = ({"ref_mask"}, {"ref_box", "ref_point"}, {"prompts"}, {"concept"})  # of one clip exactly one
OF_MODEL = {"model", "checkpoint", "device", "precision", "engine"}  # options that only make sense together

BatchWorkers = Workers[ClipTask, ClipResult] | RayWorkers[ClipTask, ClipResult]


def run_batch(runs: Sequence[Run[BatchConfig]]) -> Outcome:
    """Segments all clips, or those of a shard; one that fails does not stop the others.

    Raises:
        VosError: the list of clips or an option of the batch is wrong.
        Interrupted: Ctrl-C; what was done of the clips is kept.
    """
    if len(runs) > 1:
        raise VosError("vos.batch does no sweep with -m; give each row of the manifest its own options")
    config = runs[0].config
    out = ResultsPlace.of(config.output_dir or "outputs")
    clips: Sequence[ManifestClip] = _clips(config, out)
    name = "results.jsonl"
    if config.shard is not None:
        shard = read_shard(config.shard, os.environ)
        print(f"{shard}: {len(shard.of(clips))} of {len(clips)} clips", flush=True)
        clips, name = shard.of(clips), f"results-{shard.index}-of-{shard.count}.jsonl"
    record = out.path / name
    fetch_record(out, name)
    _check_record(record)
    count = max(1, min(_worker_count(config), len(clips)))
    words = [word for word in sys.argv[1:] if word not in FLAGS] + _resolved(config)
    _check_shown(words, clips)
    tasks = [ClipTask(clip, _own_words(words, clip)) for clip in clips]
    with Progress("batch", len(tasks), "clip") as progress:
        report = _Report(record, progress, is_json="--json" in sys.argv)
        with _workers(config, count, report.on_frames) as workers, ended_as_by_ctrl_c():
            try:
                if tasks:
                    _check_words(workers, _common(words, clips), count if config.executor == "processes" else 0)
                with writing_to(record):
                    record.parent.mkdir(parents=True, exist_ok=True)
                    record.touch()
                while tasks:
                    results = (_lost(end) if isinstance(end, Lost) else end for end in workers.do(tasks))
                    busy = {result.row for result in results if not report.add(result)}
                    tasks = [task for task in tasks if task.clip and task.clip.place in busy]
                    time.sleep(BUSY_WAIT if tasks else 0)
            except KeyboardInterrupt as error:
                for result in workers.interrupt():
                    if result.row:
                        report.add(result)
                told = f"{report.ended} of {len(clips)} clips have ended; run the same command again to go on"
                raise Interrupted(told, report.outcome()) from error
            finally:
                put_record(out, name)
    outcome = report.outcome()
    print(report.summary(), f"{out}/{name}", sep="\n")
    return outcome


@dataclass
class _Report:
    """Counts, shows and writes down what became of the clips."""

    record: Path
    progress: Progress
    is_json: bool
    frames: int = 0
    results: list[ClipResult] = field(default_factory=list)

    def on_frames(self, count: int) -> None:
        """Counts frames of clips that are not done yet."""
        self.frames += count
        self.progress.rename(f"batch, {self.frames:,} frames")

    def add(self, result: ClipResult) -> bool:
        """Takes note of a clip that has come to an end, whichever; False for one that another run is at."""
        if result.state == BUSY:
            return False
        self.results.append(result)
        append_line(self.record, result.line())
        if self.is_json:
            Screen(sys.__stdout__).write(f"{result.line()}\n")
        if result.state == FAILED:
            write_above(f"failed: {result.video}: {result.error}", sys.stderr)
        self.progress.update()
        return True

    @property
    def ended(self) -> int:
        """Clips that no later batch has to go on with."""
        return len(self.results) - len(self._of(INTERRUPTED))

    def _of(self, state: str) -> list[ClipResult]:
        return [result for result in self.results if result.state == state]

    def summary(self) -> str:
        """Says how many clips came to which end."""
        counts = {state: len(self._of(state)) for state in (DONE, FINISHED_BEFORE, FAILED)}
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no clip"

    def outcome(self) -> Outcome:
        """What the program ends with."""
        failed = self._of(FAILED)
        listed = "; ".join(f"{result.video}: {result.error}" for result in failed[:MOST_LISTED])
        error = f"{len(failed)} of {len(self.results)} clips failed: {listed}" if failed else ""
        return Outcome(sum(result.frames for result in self.results), (self.record,), error)


def _clips(config: BatchConfig, out: ResultsPlace) -> list[ManifestClip]:
    if (config.manifest is None) == (config.inputs is None):
        raise VosError("give the clips either as manifest=clips.csv or as inputs='footage/**/*.mp4'")
    if config.preview or config.profile or config.video:
        option = "video" if config.video else "preview" if config.preview else "profile"
        raise VosError(f"{option}= is for one clip; use python -m vos.run for it")
    if config.manifest is not None:
        return read_manifest(config.manifest, out)
    assert config.inputs is not None
    return find_clips(config.inputs, out)


def _worker_count(config: BatchConfig) -> int:
    if config.workers == "auto":
        return max(1, available_cores() // (1 if config.model.name == "nano" else SAM_CORES))
    if type(config.workers) is not int or not 1 <= config.workers <= MOST_WORKERS:
        raise VosError(f"workers={config.workers} is no number of processes; use auto or 1 to {MOST_WORKERS}")
    return config.workers


def _workers(config: BatchConfig, count: int, on_frames: Callable[[int], None]) -> BatchWorkers:
    if config.executor == "ray":
        return RayWorkers(count, 1, segment_clip, on_frames)
    return Workers(count, max(1, available_cores() // count), segment_clip, on_frames)


def _resolved(config: BatchConfig) -> list[str]:
    """Says once for all nodes of a cluster, whose processors may differ, what computes and in which precision."""
    if config.executor not in EXECUTORS:
        raise VosError(f"executor={config.executor} is unknown; use {' or '.join(EXECUTORS)}")
    if config.executor == "processes":
        return []
    from vos.sam.device import resolve_device
    from vos.sam.engines.choice import resolve_engine

    is_sam, device = config.model.name != "nano", resolve_device(config.device)
    engine, precision = resolve_engine(config.engine, config.precision, device, is_sam)
    return [f"engine={engine}", f"precision={precision}"]


def _own_words(words: Iterable[str], clip: ManifestClip) -> tuple[str, ...]:
    """The words of the command line that concern a clip, and those of its row, which count where both say something."""
    names = {*BatchConfig.OWN, "output_dir", "log_file", *(word.partition("=")[0] for word in clip.words)}
    return (*(word for word in words if word.partition("=")[0] not in names), f"video={clip.video}", *clip.words)


def _common(words: Iterable[str], clips: Iterable[ManifestClip]) -> tuple[str, ...]:
    """The words of the command line that hold for every clip: no row says something else."""
    own = {word.partition("=")[0] for clip in clips for word in clip.words}
    own |= OF_MODEL if any(name.partition(".")[0] in OF_MODEL for name in own) else set()
    names = {*BatchConfig.OWN, "output_dir", "log_file"}
    split = ((word, word.partition("=")[0]) for word in words)
    return tuple(word for word, name in split if not {name, name.partition(".")[0]} & own and name not in names)


def _check_words(workers: BatchWorkers, words: tuple[str, ...], count: int) -> None:
    """Has every process load its model and look at the options before the first clip.

    Args:
        workers: the processes; each gets one of the questions.
        words: that hold for all clips.
        count: of the processes; 0 = this one looks itself.

    Raises:
        VosError: no clip could be segmented with them.
    """
    tasks = [ClipTask(None, words) for _ in range(count)]
    ends = workers.do(tasks) if tasks else [segment_clip(ClipTask(None, words), lambda frames: None)]
    for end in ends:
        if isinstance(end, ClipResult) and end.state == FAILED:
            raise VosError(end.error)


def _check_shown(words: Iterable[str], clips: Iterable[ManifestClip]) -> None:
    """Raises a VosError where a clip has nothing that shows its objects, or too much."""
    for clip in clips:
        given = {word.partition("=")[0] for word in (*words, *clip.words)}
        said = [" with ".join(sorted(given & kind)) for kind in SHOWN if given & kind]
        if len(said) != 1:
            told = f"both {' and '.join(said)}" if said else "no ref_mask, ref_box, ref_point, prompts or concept"
            raise VosError(f"{clip.place} has {told}; give each clip one that shows its objects")


def _lost(lost: Lost[ClipTask]) -> ClipResult:
    clip = lost.task.clip
    assert clip is not None
    text = f"its process died each time ({lost.reason}); there may be too little memory for so many workers="
    return ClipResult(clip.place, clip.video, str(clip.folder), FAILED, error=text)


def _check_record(record: Path) -> None:
    """Raises a VosError where there is something else under the name of the results."""
    try:
        with record.open(encoding="utf-8") as file:
            line = file.readline(len(BEGINNING))  # of what a full disk has cut off, too
        is_ours = not line.strip() or BEGINNING.startswith(line)
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        raise VosError(f"{record} is no list of results of vos, nothing is added to it; choose another output_dir=")
