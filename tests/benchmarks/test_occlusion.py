"""What counts as found, as falsely painted and as swapped, on masks made by hand."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import occlusion as bench
import pytest
from PIL import Image

from vos.evaluation.davis import read_dataset
from vos.io.masks.label_map import write_label_map
from vos.structures import LabelMap

FRAMES, LOST, BACK = 12, 3, 6
Clip = list[np.ndarray]


def frame(*boxes: tuple[int, int]) -> np.ndarray:
    """Squares of 10 pixels in a picture of 40 x 60, as (id, left)."""
    labels = np.zeros((40, 60), np.uint8)
    for label, left in boxes:
        labels[10:20, left : left + 10] = label
    return labels


def truth() -> Clip:
    """Object 1 stands at 5, is away in frames 3 to 5, and is back at 40; object 2 stands at 25."""
    return [frame((2, 25)) if LOST <= t < BACK else frame((2, 25), (1, 5 if t < LOST else 40)) for t in range(FRAMES)]


def found_after(delay: int) -> Clip:
    """A result that takes up object 1 ``delay`` frames late."""
    return [frame((2, 25)) if LOST <= t < BACK + delay else mask for t, mask in enumerate(truth())]


@pytest.mark.parametrize(("late", "delay"), [(0, 0), (2, 2), (4, 4), (5, -1), (6, -1)])
def test_a_return_is_found_within_five_frames(late: int, delay: int) -> None:
    judged = bench.judge_return(bench.Return("clip", 1, LOST, BACK), truth(), found_after(late))
    assert judged.delay == delay
    assert judged.best_iou == (0.0 if delay < 0 else 1.0)


def test_half_of_the_union_is_not_found() -> None:
    event = bench.Return("clip", 1, LOST, BACK)
    shifted = [frame((1, 44)) for _ in range(FRAMES)]  # IoU 60 / 140
    assert bench.judge_return(event, truth(), shifted).delay == -1
    assert bench.judge_return(event, truth(), [frame((1, 43))] * FRAMES).delay == 0  # 70 / 130
    assert bench.judge_return(event, truth(), [frame((2, 40))] * FRAMES).delay == -1  # the place, another id


def test_what_is_gone_again_cannot_be_found_by_painting_nothing() -> None:
    brief = [*truth()[: BACK + 1], *[frame((2, 25))] * 5]
    blank = [frame((2, 25))] * FRAMES
    assert bench.judge_return(bench.Return("clip", 1, LOST, BACK), brief, blank).delay == -1


def test_a_return_at_the_end_has_fewer_frames() -> None:
    event = bench.Return("clip", 1, LOST, BACK)
    assert bench.judge_return(event, truth()[: BACK + 1], truth()[: BACK + 1]).delay == 0


def test_paint_counts_where_the_object_is_absent() -> None:
    result = truth()
    result[LOST] = frame((2, 25), (1, 5))
    result[LOST + 1][30, 30:32] = 1  # two of 2400 pixels: below 0.1 %
    result[0] = frame()
    assert bench.count_painted(truth(), result, 1) == (3, 1)
    assert bench.count_painted(truth(), result, 2) == (0, 0)


@pytest.mark.parametrize(("swapped", "count"), [(0, 0), (3, 0), (4, 1), (6, 1)])
def test_a_swap_lasts_longer_than_three_frames(swapped: int, count: int) -> None:
    result = [
        frame((2, 40), (1, 25)) if BACK <= t < BACK + swapped else mask for t, mask in enumerate(truth())
    ]  # after the return
    assert bench.count_swaps(truth(), result, 1, 2) == count
    assert bench.count_swaps(truth(), result, 2, 1) == count


def test_taking_the_other_place_is_a_swap_and_nothing_is_none() -> None:
    both_on_two = [frame((2, 25)) if t < BACK else frame((1, 25)) for t in range(FRAMES)]
    assert bench.count_swaps(truth(), both_on_two, 1, 2) == 1
    assert bench.count_swaps(truth(), [frame()] * FRAMES, 1, 2) == 0


def test_frames_that_show_one_object_do_not_break_a_swap() -> None:
    exchanged = {1: 2, 2: 1, 0: 0}
    result = [np.vectorize(exchanged.get)(mask).astype(np.uint8) for mask in truth()]
    result[:1] = truth()[:1]
    result[-5:] = truth()[-5:]  # swapped in frames 1, 2, (3..5 away), 6: only three frames that show both
    assert bench.count_swaps(truth(), result, 1, 2) == 0
    result[-5] = np.vectorize(exchanged.get)(truth()[-5]).astype(np.uint8)
    assert bench.count_swaps(truth(), result, 1, 2) == 1


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set of two clips of a kind, and results: the return found in one, missed in the other."""
    clips = {"hidden_well-0": found_after(1), "hidden_well-1": found_after(6)}
    for name, result in clips.items():
        for t, (real, drawn) in enumerate(zip(truth(), result)):
            for folder, labels in (("set/Annotations/480p", real), ("results", drawn)):
                path = tmp_path / folder / name / f"{t:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_label_map(path, LabelMap(labels, (1, 2)))
            image = tmp_path / "set/JPEGImages/480p" / name / f"{t:05d}.jpg"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(image)
    (tmp_path / "set/ImageSets/2017").mkdir(parents=True)
    (tmp_path / "set/ImageSets/2017/occlusion.txt").write_text("".join(f"{name}\n" for name in clips))
    lines = ["clip,object,frame_lost,frame_back", *(f"{name},1,{LOST},{BACK}" for name in clips)]
    (tmp_path / "set/events.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_table_adds_up(data: Path) -> None:
    sequences = read_dataset(data / "set", 2017, "occlusion")
    tallies, returns = bench.judge_set(sequences, data / "results", bench.read_events(data / "set/events.csv"))
    assert list(tallies) == ["hidden_well", "all"]
    assert [event.delay for event in returns] == [1, -1]
    row = tallies["all"].row("all")
    assert row[:7] == ["all", "2", "2", "50%", "6", "0%", "0"]
    assert 0.5 < float(row[7]) < 1
    assert next(bench.table(tallies)).split() == list(bench.HEADINGS)


def test_the_script_scores_masks_that_exist_and_draws_what_was_missed(data: Path) -> None:
    words = [data / "set", "--out", data / "table.csv", "--pictures", data / "misses", f"results={data / 'results'}"]
    done = subprocess.run(
        [sys.executable, bench.__file__, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[:4] == ["all", "2", "2", "50%"]
    with (data / "table-returns.csv").open(newline="") as file:
        assert [row["delay"] for row in csv.DictReader(file)] == ["1", "-1"]
    assert [path.name for path in (data / "misses").iterdir()] == ["hidden_well-1-object1-00010.png"]
    picture = np.array(Image.open(data / "misses/hidden_well-1-object1-00010.png"))
    assert (picture[10, 40:50] == (60, 230, 60)).all()


def test_a_folder_without_events_is_one_line(data: Path) -> None:
    done = subprocess.run([sys.executable, bench.__file__, str(data)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "events.csv" in done.stderr
