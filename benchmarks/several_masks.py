"""Does it help to track from both sides of the frames between given masks? J&F with true masks in three frames.

    python benchmarks/several_masks.py ROOT [--year 2016] [--split dev] [--sequences dog libby]

ROOT is a data set in DAVIS' layout. The masks of the first, the middle and the last frame are given; the frames between
them are scored, once with ``both_sides=false`` (forward alone, each mask corrects it) and once with the default. The
last line is the mean of the sequences.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.jf import frame_measures
from vos.io.readers.folder import FolderSource
from vos.sam.device import set_threads
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.structures import LabelMap, SegmentedFrame
from vos.tracking.config import TrackerConfig
from vos.tracking.registry import make_tracker
from vos.video.config import VideoConfig
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference


class Scores:
    """A writer that measures J&F in the frames that are not given.

    Args:
        truth: annotations by frame.
        given: the frames that are not scored.
        count: number of objects, with the ids from 1.
    """

    def __init__(self, truth: Sequence[Path], year: int, given: Sequence[int], count: int) -> None:
        self.truth, self.year, self.given, self.count = truth, year, given, count
        self.measured: list[float] = []

    def write(self, result: SegmentedFrame) -> None:
        """Measures a frame."""
        if result.frame.index not in self.given:
            truth = read_annotation(self.truth[result.frame.index], self.year)
            self.measured.append(float(frame_measures(truth, result.label_map.labels, self.count).mean()))


def measure(sequence: DavisSequence, model: Segmenter, config: TrackerConfig, both_sides: bool) -> float:
    """Tracks a sequence from three masks; returns the mean J&F of its other frames."""
    images, count = sequence.images(), int(sequence.reference().max())
    given = [0, len(images) // 2, len(images) - 1]
    ids = tuple(range(1, count + 1))
    references = [
        Reference(index, LabelMap(read_annotation(sequence.annotations[index], sequence.year), ids)) for index in given
    ]
    suited, scores = model.for_objects(count), Scores(sequence.annotations, sequence.year, given, count)
    pipeline = VideoPipeline(
        suited, make_tracker(config, suited), [scores], edges=config.outlines, both_sides=both_sides
    )
    segment_video(FolderSource(sequence.name, images), references, pipeline)
    return float(np.mean(scores.measured))


def main() -> int:
    """Measures the sequences of a split; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--year", type=int, default=2016)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--sequences", nargs="*", help="default: all of the split")
    arguments = parser.parse_args()
    config = VideoConfig()
    set_threads(config.threads, embedded=True)
    model = load_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    rows = []
    print("sequence: forward alone, both sides")
    for sequence in read_dataset(arguments.root, arguments.year, arguments.split):
        if arguments.sequences is None or sequence.name in arguments.sequences:
            rows.append([measure(sequence, model, config.tracker, both_sides) for both_sides in (False, True)])
            print(f"{sequence.name}: {rows[-1][0]:.4f} {rows[-1][1]:.4f}", flush=True)
    forward, both = np.mean(rows, axis=0)
    print(f"mean of {len(rows)}: {forward:.4f} {both:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
