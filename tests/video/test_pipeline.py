"""The pipeline: order, directions, several references, bounded queues, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from fakes import Collector, ColourSegmenter, ListSource, RedTracker, square_clip, square_mask
from following import follow

import vos.video.pipeline
from vos.errors import VosError
from vos.structures import Frame, SegmentedFrame
from vos.video.first_masks import ShownFrame
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Clicked, Reference


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_every_frame_is_written_once_and_in_order(batch_size: int) -> None:
    collector, tracker = follow(12, batch_size=batch_size)
    assert [r.frame.index for r in collector.results] == list(range(12))
    assert tracker.calls == [("start", 0)] + [("step", i) for i in range(1, 12)]
    truth = [square_mask(i).labels for i in range(12)]
    for result, labels in zip(collector.results, truth):
        overlap = np.logical_and(result.label_map.labels, labels).sum()
        assert overlap / np.logical_or(result.label_map.labels, labels).sum() > 0.5


def test_a_later_reference_is_tracked_in_both_directions_and_written_in_order() -> None:
    collector, tracker = follow(12, at=(5,))
    assert [r.frame.index for r in collector.results] == list(range(12))
    backward, forward = tracker.calls[:6], tracker.calls[6:]
    assert backward == [("start", 5)] + [("step", i) for i in (4, 3, 2, 1, 0)]
    assert forward == [("start", 5)] + [("step", i) for i in range(6, 12)]
    np.testing.assert_array_equal(collector.results[5].label_map.labels, square_mask(5).labels)


def test_further_references_correct_the_forward_direction() -> None:
    collector, tracker = follow(12, at=(8, 3))
    assert ("add_reference", 8) in tracker.calls
    assert [r.frame.index for r in collector.results] == list(range(12))
    np.testing.assert_array_equal(collector.results[8].label_map.labels, square_mask(8).labels)


def test_ids_of_all_references_are_known_from_the_first_frame_on() -> None:
    collector, tracker = Collector(), RedTracker()
    references = [Reference(0, square_mask(0, object_id=3)), Reference(4, square_mask(4, object_id=7))]
    segment_video(ListSource(square_clip(6)), references, VideoPipeline(ColourSegmenter(), tracker, [collector]))
    assert {r.label_map.object_ids for r in collector.results} == {(3, 7)}


@pytest.mark.parametrize("prompt", [Clicked(box=[8, 16, 16, 16]), Clicked([15, 23])])
def test_the_model_makes_the_mask_of_live_input_from_a_box_or_point_and_shows_it(prompt: Clicked) -> None:
    shown: list[ShownFrame] = []
    collector = Collector()
    pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), [collector], on_prompted=shown.append)
    references = [Reference(0, prompts=(prompt.prompt((48, 64)),))]
    segment_video(ListSource(square_clip(3), is_live=True), references, pipeline)
    assert shown[0].frame.index == 0
    assert (shown[0].label_map.labels == square_mask(0).labels).mean() > 0.97
    np.testing.assert_array_equal(collector.results[0].label_map.labels, shown[0].label_map.labels)
    assert collector.results[0].predicted_iou.tolist() == pytest.approx([0.9]), "the model's own, not that of a mask"


def test_prompts_outside_of_the_frame_are_refused() -> None:
    for box in ([-1, 0, 5, 5], [60, 40, 10, 2], [1, 1, 0, 4], [1, 2, 3]):
        with pytest.raises(VosError, match="ref_box"):
            Clicked(box=box).prompt((48, 64))
    with pytest.raises(VosError, match="ref_point"):
        Clicked([64, 3]).prompt((48, 64))


def test_live_input_starts_at_its_reference() -> None:
    source = ListSource(square_clip(5), is_live=True)
    with pytest.raises(VosError, match="live"):
        follow(at=(2,), source=source)
    assert len(follow(source=source)[0].results) == 5


def test_ctrl_c_ends_live_input_and_keeps_its_results() -> None:
    class Camera(ListSource):
        def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
            yield from super().frames(0, 4)
            raise KeyboardInterrupt

    collector, _ = follow(source=Camera(square_clip(9), is_live=True))
    assert [r.frame.index for r in collector.results] == [0, 1, 2, 3]


def test_a_reference_beyond_the_end_is_refused_before_any_work() -> None:
    source = ListSource(square_clip(5))
    with pytest.raises(VosError, match="frame 9"):
        follow(at=(0, 9), source=source)
    assert source.given == 0


def test_two_masks_for_one_frame_are_refused() -> None:
    with pytest.raises(VosError, match="two masks"):
        follow(at=(1, 1))


def test_reading_stays_a_few_frames_ahead_of_a_slow_writer() -> None:
    """The queues are bounded: what is in memory does not grow with the video."""
    source = ListSource(square_clip(200))
    ahead: list[int] = []

    class Slow:
        def write(self, result: SegmentedFrame) -> None:
            ahead.append(source.given - result.frame.index)

    gate = threading.Event()

    class Stuck(Slow):
        def write(self, result: SegmentedFrame) -> None:
            if result.frame.index == 20:
                gate.wait(0.5)  # everything before it runs until its queue is full
            super().write(result)

    pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), [Stuck()], batch_size=2)
    segment_video(source, [Reference(0, square_mask(0))], pipeline)
    assert max(ahead) <= vos.video.pipeline.PENDING_RESULTS + 4 * pipeline.batch_size + 6


@pytest.mark.parametrize("stage", ["read", "encode", "track", "write"])
def test_a_failure_anywhere_surfaces_once_and_ends_all_threads(stage: str) -> None:
    class Broken(RuntimeError):
        pass

    class BadSource(ListSource):
        def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
            for frame in super().frames(start, stop):
                if stage == "read" and frame.index == 7:
                    raise Broken
                yield frame

    class BadModel(ColourSegmenter):
        def encode(self, images):  # type: ignore[no-untyped-def]
            if stage == "encode" and self.encoded == 7:
                raise Broken
            return super().encode(images)

    class BadTracker(RedTracker):
        def step(self, embedding, frame):  # type: ignore[no-untyped-def]
            if stage == "track" and frame.index == 7:
                raise Broken
            return super().step(embedding, frame)

    class BadWriter(Collector):
        def write(self, result: SegmentedFrame) -> None:
            if stage == "write" and result.frame.index == 7:
                raise Broken
            super().write(result)

    writer = BadWriter()
    with pytest.raises(Broken):
        segment_video(
            BadSource(square_clip(60)),
            [Reference(0, square_mask(0))],
            VideoPipeline(BadModel(), BadTracker(), [writer]),
        )
    assert [r.frame.index for r in writer.results] == list(range(7))


def test_every_frame_is_reported_once() -> None:
    seen: list[int] = []
    pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), on_frame=seen.append)
    segment_video(ListSource(square_clip(6)), [Reference(3, square_mask(3))], pipeline)
    assert seen == [2, 1, 0, 3, 4, 5]


def test_times_name_every_stage() -> None:
    pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), [Collector()])
    times = segment_video(ListSource(square_clip(4)), [Reference(0, square_mask(0))], pipeline)
    assert set(times.seconds) == {"read", "encode", "learn", "track", "merge", "write"}
