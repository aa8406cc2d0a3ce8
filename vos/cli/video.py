"""From the options of ``python -m vos.run`` to a folder of results, and what is said on the screen meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vos.cli.compose import Run, do_all
from vos.cli.config import RunConfig
from vos.cli.first_masks import PICTURE as REFERENCES
from vos.cli.first_masks import FirstMasks, answered, preview
from vos.cli.given import Given, given_by, resume_state
from vos.cli.options import paths
from vos.cli.outcome import Interrupted, Outcome
from vos.cli.output_folder import output_folder
from vos.cli.profile import Profile
from vos.cli.run_record import WHERE_AND_WHETHER, frame_count, run_fingerprint, tracking_fingerprint
from vos.cli.timeline import PICTURE, profiled
from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.earlier import Earlier, describe_outputs
from vos.io.frames import Conversion, FrameSource, full_name, open_frames, place_of, refuse_among_frames
from vos.io.sole_writer import sole_writer, tidy_notes
from vos.io.writers import SummaryWriter
from vos.io.writers.choice import (
    FILES,
    REPORT,
    SUMMARY,
    TO_CHECK,
    finish_described,
    inputs_of,
    make_writers,
    need_alpha,
    output_paths,
)
from vos.progress import Progress
from vos.report.review import Review
from vos.report.writer import ReportWriter
from vos.sam.device import set_threads
from vos.sam.registry import load_model
from vos.stages import StageTimes
from vos.video.build import build_pipeline, describe
from vos.video.excerpt import excerpt
from vos.video.pipeline import VideoPipeline, Writer, frames_again, segment_video
from vos.video.reference import object_ids
from vos.video.resume import ResumeState


def run_all(runs: Sequence[Run[RunConfig]]) -> Outcome:
    """Does one run, or each of a sweep into its own folder."""

    def work(one: Run[RunConfig]) -> Outcome:
        folder = output_folder(one, Path(one.config.video or "video").stem, "video")
        return run(one.config, folder, Profile(is_first=one is runs[0]) if one.config.profile else None)

    return do_all(runs, work)


def run(config: RunConfig, folder: Path, profile: Profile | None = None) -> Outcome:
    """Segments one video into ``folder`` and says on the screen what came out.

    Args:
        config: all options.
        folder: of the results.
        profile: is told what takes how long, and then shown.

    Returns:
        What there is now.

    Raises:
        VosError: an option, an input or a weights file is missing or wrong, or the results cannot be written.
        KeyboardInterrupt: Ctrl-C; the next run with the same options goes on from here.
    """
    outputs, report = _outputs(config, folder), [folder / name for name in _report(config)]
    made = (*outputs.values(), *report, folder / SUMMARY)
    if (video := config.video) is None:
        raise VosError("there is no video; give video=clip.mp4 and its mask, ref_mask=frame0.png")
    set_threads(config.threads, embedded=config.model.name == "nano")
    with open_frames(video, config.reader, Conversion(config.hdr, config.deinterlace)) as clip:
        for note in clip.notes:
            print(f"{video} is {note}")
        source = excerpt(clip, config.start, config.end, config.every)
        if source is not clip:
            is_first = not config.ref_frame and config.prompts is None
            print(f"{source}{f'; ref_frame={source.first}' * is_first}")
        given = given_by(config, source)
        if config.preview:
            return _preview(config, source, given, folder)
        model = load_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
        model = model.for_objects(len(object_ids(given.references)))
        fingerprint = run_fingerprint(config, model, given.prompt_files, given.is_prompted)
        earlier = Earlier.of(folder, fingerprint, config, outputs)
        if not config.overwrite and earlier.has(outputs) and all(path.exists() for path in made):
            tidy_notes(folder)
            print(f"{folder} is finished already, with the same options and input; overwrite=true redoes it")
            return Outcome(frame_count(made[-1]), made, was_there=True)
        pipeline, masks = build_pipeline(config, source, model, given.names), FirstMasks(folder)
        earlier = _told(earlier, outputs) if not source.is_live else Earlier(folder)  # of a camera nothing is the same
        with (
            _sole_writer(config, video, folder, given, stale=earlier.stale and (*earlier.stale, PICTURE)) as others,
            profiled(profile, folder) as times,
        ):
            pipeline, given = answered(config, source, given, pipeline, masks)
            (folder / SUMMARY).unlink(missing_ok=True)  # until all is complete, nothing is finished here
            header = {**describe(config, source, model), "fingerprint": fingerprint, **given.about(), **masks.about()}
            header["outputs"] = earlier.whole
            review = Review([each.frame_index for each in given.references if not each.concepts], source.count)
            progress = _segment(config, source, given, pipeline, folder, header, times, review, others)
    print(*made, *review.lines(), sep="\n")
    frames = frame_count(made[-1])
    print(f"{frames} frames{progress.describe(frames)}")
    made = made if profile is None else (*made, folder / PICTURE)
    return Outcome(frames, made, doubts=tuple(masks.doubts))


def _preview(config: RunConfig, source: FrameSource, given: Given, folder: Path) -> Outcome:
    """Shows the references in ``folder``, and leaves everything else in there as it is."""
    with _sole_writer(config, source.path, folder, given, is_preview=True):
        return preview(config, source, given, FirstMasks(folder))


@dataclass
class _Progress:
    """How many frames of a run are tracked, and how fast; shown by a bar, once there is one."""

    name: str
    times: StageTimes
    bar: Progress | None = None
    tracked: int = 0
    seconds: float = 0.0  # from the beginning to the last result

    @property
    def learning(self) -> float:
        """Seconds of learning the references."""
        return self.times.seconds.get("learn", 0.0)

    @property
    def speed(self) -> float:
        """Frames per second, learning left out."""
        return self.tracked / max(self.seconds - self.learning, 1e-9)

    def on_frame(self, index: int) -> None:
        """Counts a frame."""
        self.tracked += 1
        if self.bar is not None:
            self.bar.update()

    def on_learning(self, begins: bool) -> None:
        """Says that it learns; what is left is estimated by the frames, not by the learning before them."""
        if self.bar is not None:
            self.bar.rename("learning" if begins else self.name)
            if not begins:
                self.bar.unpause()

    def describe(self, frames: int) -> str:
        """Says behind how many ``frames`` have results how many were tracked for them, if not as many, and how fast."""
        if not self.tracked:
            return ", none of them tracked again"
        tracked = "" if self.tracked == frames else f" ({self.tracked} tracked in this run)"
        speed, learning = f"{self.speed:.1f} frames per second", f"{self.learning:.1f} s of learning"
        return f"{tracked} at {speed}, after {learning} the reference"

    def summary(self) -> dict[str, Any]:
        """Says what the run took."""
        seconds = {stage: round(value, 3) for stage, value in self.times.seconds.items()}
        return {"frames_per_second": round(self.speed, 3), "timings_seconds": seconds}


def _segment(
    config: RunConfig,
    source: FrameSource,
    given: Given,
    pipeline: VideoPipeline,
    folder: Path,
    header: dict[str, Any],
    times: StageTimes,
    review: Review,
    others: AbstractContextManager[list[str]],
) -> _Progress:
    """Runs the pipeline with a progress bar, and goes on where an interrupted run has left its state."""
    begin, progress = time.perf_counter(), _Progress(folder.name, times)
    with ExitStack() as stack:
        mark = tracking_fingerprint(config, pipeline.model, source.size, object_ids(given.references))
        resume = None if source.is_live else stack.enter_context(resume_state(config, source, given, folder, mark))
        resumed = 0 if resume is None else resume.resumed
        clip = Clip.of(source, given.original_ids)
        paths = _outputs(config, folder)
        outputs = make_writers(paths, source, clip, config)
        header = {**header, **clip.described(), **finish_described(config)}
        summary = SummaryWriter(
            folder / SUMMARY,
            header,
            lambda: {
                **progress.summary(),
                "video_lacks": asdict(source.damage),
                "outputs": {**header["outputs"], **describe_outputs(paths, config)},
            },
            review.entries,
        )
        about = {**header, "config": {k: v for k, v in header["config"].items() if k not in WHERE_AND_WHETHER}}
        report = [ReportWriter(folder / REPORT, review, about)] if config.report else []
        stack.enter_context(summary)
        removed = stack.enter_context(others)  # when the outputs are there, before the summary
        writers: list[Writer] = [review, summary, *map(stack.enter_context, (*outputs, *report))]
        pipeline = replace(
            pipeline,
            writers=writers,
            with_alpha=need_alpha([*config.output, *config.keep]),
            on_frame=progress.on_frame,
            on_learning=progress.on_learning,
            times=progress.times,
        )
        total = None if source.count is None else source.count + frames_again(source, given.references, pipeline)
        progress.bar = stack.enter_context(Progress(folder.name, total, "frame", resumed))
        with _saying_what_is_kept(resume):
            segment_video(source, given.references, pipeline, resume)
        progress.seconds = time.perf_counter() - begin
    if resume is not None:
        resume.keep(mark)
    if removed:
        print(f"{folder} held results of other options, which were removed: {', '.join(removed)}")
    for remark in (writer.remark for writer in outputs if writer.remark):
        print(remark)
    return progress


def _told(earlier: Earlier, outputs: Mapping[str, Path]) -> Earlier:
    """Says why the results of an earlier run are not finished."""
    for name, count in earlier.lacking.items():
        if name in outputs:
            print(f"{outputs[name]} lacks {count} file{'s' * (count > 1)}; it is written anew")
    return earlier


@contextmanager
def _saying_what_is_kept(resume: ResumeState | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        kept = 0 if resume is None else resume.kept
        raise Interrupted(f"{kept} frames are kept; run the same command again to go on", Outcome(kept)) from error


def _sole_writer(
    config: RunConfig, video: str, folder: Path, given: Given, is_preview: bool = False, stale: Sequence[str] = ()
) -> AbstractContextManager[AbstractContextManager[list[str]]]:
    refuse_among_frames(folder, video)
    has_prompts = any(each.prompts for each in given.references)
    others = [REFERENCES] * (is_preview or has_prompts) + [PICTURE] * config.profile
    others += [] if is_preview else [SUMMARY, *_report(config)]
    outputs = () if is_preview else _outputs(config, folder).values()
    return sole_writer(
        folder,
        (*FILES, PICTURE),
        source=full_name(video),
        targets=[*outputs, *(folder / name for name in others)],
        inputs=_inputs(config, place_of(video), given),
        is_chosen=config.output_dir is not None,
        stale=stale,
    )


def _inputs(config: RunConfig, frames: Path | None, given: Given) -> list[tuple[str, Path]]:
    weights = {"checkpoint": [config.checkpoint or ""], "prompt_checkpoint": [config.prompt_checkpoint or ""]}
    named = {"ref_mask": config.ref_mask, "concept": config.concept, **weights}
    files = [(option, path) for option, names in named.items() for path in paths(names) if path.name]
    files += [*(("prompts", path) for path in given.prompt_files), *inputs_of(config.output, config)]
    return files if frames is None else [("video", frames), *files]


def _outputs(config: RunConfig, folder: Path) -> dict[str, Path]:
    return output_paths(config.output, folder, config, config.keep)


def _report(config: RunConfig) -> tuple[str, ...]:
    return (REPORT, TO_CHECK) if config.report else ()
