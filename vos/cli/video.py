"""From the options of ``python -m vos.run`` to a folder of results, and what is said on the screen meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vos.cli.compose import Run, do_all
from vos.cli.config import RunConfig
from vos.cli.first_masks import FirstMasks, answered, preview
from vos.cli.given import Given, given_by, resume_state
from vos.cli.outcome import Interrupted, Outcome
from vos.cli.output_folder import output_folder
from vos.cli.profile import Profile
from vos.cli.results_place import ResultsPlace, put_away
from vos.cli.run_folder import RunFolder
from vos.cli.run_progress import RunProgress
from vos.cli.run_record import (
    WHERE_AND_WHETHER,
    frame_count,
    request_fingerprint,
    run_fingerprint,
    tracking_fingerprint,
)
from vos.cli.timeline import PICTURE, profiled
from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.earlier import Earlier, describe_outputs
from vos.io.frames import Conversion, FrameSource, open_frames
from vos.io.remote import is_remote
from vos.io.sole_writer import tidy_notes
from vos.io.writers import SummaryWriter
from vos.io.writers.choice import (
    REPORT,
    finish_described,
    make_writers,
    need_alpha,
)
from vos.progress import Progress
from vos.report.review import Review
from vos.report.writer import ReportWriter
from vos.sam.device import set_threads
from vos.sam.registry import load_model
from vos.stages import StageTimes
from vos.video.build import build_pipeline, describe
from vos.video.excerpt import excerpt
from vos.video.pipeline import VideoPipeline, frames_again, segment_video
from vos.video.reference import object_ids
from vos.video.resume import ResumeState


def run_all(runs: Sequence[Run[RunConfig]]) -> Outcome:
    """Does one run, or each of a sweep into its own folder."""

    def work(one: Run[RunConfig]) -> Outcome:
        is_first = one is runs[0]
        place, name = ResultsPlace.of(one.config.output_dir or ""), Path(one.config.video or "video").stem
        if place.url:
            one = replace(one, config=replace(one.config, output_dir=str(place.path)))
        folder = output_folder(one, name, "video")
        profile = Profile(is_first=is_first) if one.config.profile else None
        if not place.url:
            return run(one.config, folder, profile)
        return run_into(one.config, place / folder.relative_to(place.path), profile)

    return do_all(runs, work)


def run_into(config: RunConfig, place: ResultsPlace, profile: Profile | None = None) -> Outcome:
    """Is :func:`run` for results that may go into a store, where they appear when all of them are there."""
    if config.preview and place.url:
        raise VosError(f"output_dir={place}: preview=true shows something at once; give it a folder of this machine")
    return put_away(
        place, lambda: request_fingerprint(config), lambda: run(config, place.path, profile), config.overwrite
    )


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
    place = RunFolder(config, folder)
    made = place.made  # outputs that there are not are told before anything else
    if (video := config.video) is None:
        raise VosError("there is no video; give video=clip.mp4 and its mask, ref_mask=frame0.png")
    set_threads(config.threads, embedded=config.model.name == "nano")
    with open_frames(video, config.reader, Conversion(config.hdr, config.deinterlace)) as clip:
        if is_remote(video):
            kind = "live: it is read once, from its start" if clip.is_live else f"a file: its copy is {clip.files[0]}"
            print(f"{video} is {kind}")
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
        earlier = Earlier.of(folder, fingerprint, config, place.outputs)
        if place.is_finished(earlier):
            tidy_notes(folder)
            print(f"{folder} is finished already, with the same options and input; overwrite=true redoes it")
            return Outcome(frame_count(place.summary), made, was_there=True)
        pipeline, masks = build_pipeline(config, source, model, given.names), FirstMasks(folder)
        place.say_what_lacks(earlier := Earlier(folder) if source.is_live else earlier)  # a camera never shows the same
        place.say_what_convert_lacks(earlier)
        with (
            place.sole_writer(video, given, stale=earlier.stale and (*earlier.stale, PICTURE)) as others,
            profiled(profile, folder) as times,
        ):
            pipeline, given = answered(config, source, given, pipeline, masks)
            place.summary.unlink(missing_ok=True)  # until all is complete, nothing is finished here
            header = {**describe(config, source, model), "fingerprint": fingerprint, **given.about(), **masks.about()}
            header["outputs"] = earlier.whole
            review = Review([each.frame_index for each in given.references if not each.concepts], source.count)
            progress = _segment(place, source, given, pipeline, header, times, review, others)
    print(*made, *review.lines(), sep="\n")
    frames = frame_count(place.summary)
    print(f"{frames} frames{progress.describe(frames)}")
    made = made if profile is None else (*made, folder / PICTURE)
    return Outcome(frames, made, doubts=tuple(masks.doubts))


def _preview(config: RunConfig, source: FrameSource, given: Given, folder: Path) -> Outcome:
    """Shows the references in ``folder``, and leaves everything else in there as it is."""
    with RunFolder(config, folder).sole_writer(source.path, given, is_preview=True):
        return preview(config, source, given, FirstMasks(folder))


def _segment(
    place: RunFolder,
    source: FrameSource,
    given: Given,
    pipeline: VideoPipeline,
    header: dict[str, Any],
    times: StageTimes,
    review: Review,
    others: AbstractContextManager[list[str]],
) -> RunProgress:
    """Runs the pipeline with a progress bar, and goes on where an interrupted run has left its state."""
    config, folder = place.config, place.path
    begin, progress = time.perf_counter(), RunProgress(folder.name, times)
    with ExitStack() as stack:
        mark = tracking_fingerprint(config, pipeline.model, source.size, object_ids(given.references))
        resume = None if source.is_live else stack.enter_context(resume_state(config, source, given, folder, mark))
        resumed = 0 if resume is None else resume.resumed
        clip = Clip.of(source, given.original_ids)
        outputs = make_writers(place.outputs, source, clip, config)
        header = {**header, **clip.described(), **finish_described(config)}
        summary, *report = _about_the_run(place, header, source, progress, review)
        stack.enter_context(summary)
        removed = stack.enter_context(others)  # when the outputs are there, before the summary
        pipeline = replace(
            pipeline,
            writers=[review, summary, *map(stack.enter_context, (*outputs, *report))],
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


def _about_the_run(
    place: RunFolder, header: dict[str, Any], source: FrameSource, progress: RunProgress, review: Review
) -> list[SummaryWriter | ReportWriter]:
    """The writers of the summary and, where it is wanted, of the report."""

    def ending() -> dict[str, Any]:
        outputs = {**header["outputs"], **describe_outputs(place.outputs, place.config)}
        return {**progress.summary(), "video_lacks": asdict(source.damage), "outputs": outputs}

    summary = SummaryWriter(place.summary, header, ending, review.entries)
    if not place.config.report:
        return [summary]
    about = {**header, "config": {k: v for k, v in header["config"].items() if k not in WHERE_AND_WHETHER}}
    return [summary, ReportWriter(place.path / REPORT, review, about)]


@contextmanager
def _saying_what_is_kept(resume: ResumeState | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        kept = 0 if resume is None else resume.kept
        raise Interrupted(f"{kept} frames are kept; run the same command again to go on", Outcome(kept)) from error
