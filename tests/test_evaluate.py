"""The entry point: scoring a folder, running and resuming, sweeping, and what users see when something is wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import ColourSegmenter, RedTracker, square_clip, square_mask
from PIL import Image

import vos.evaluation.jobs
import vos.sam.registry
from vos.evaluate import main
from vos.evaluation.davis import read_dataset
from vos.io.sole_writer import sole_writer
from vos.tracking.config import TrackerConfig

Main = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Main:
    """Calls ``main`` from an empty folder with the given words on the command line."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def call(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["evaluate", "workers=1", *map(str, words)])
        return main()

    return call


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """Two sequences of four small frames with two objects each."""
    root = tmp_path / "DAVIS"
    for name in ("bear", "goat"):
        for index in range(4):
            labels = np.zeros((24, 32), np.uint8)
            labels[4 + index : 12 + index, 5:15], labels[15:22, 20 - index : 30 - index] = 1, 2
            for folder, suffix, image in (
                ("Annotations", "png", Image.fromarray(labels)),
                ("JPEGImages", "jpg", Image.fromarray(np.stack([labels * 100] * 3, axis=2))),
            ):
                path = root / folder / "480p" / name / f"{index:05d}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("bear\ngoat\n")
    return root


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the tracker by one that copies the annotations; lists the sequences that it was given."""
    names: list[str] = []

    def track(
        sequence: Any, model: Any, config: Any, batch_size: int, folder: Path, on_frame: Callable[[], None]
    ) -> float:
        names.append(sequence.name)
        for index, path in enumerate(sequence.annotations):
            if getattr(track, "interrupt", None) == (sequence.name, index):
                raise KeyboardInterrupt
            shutil.copy(path, folder)
            on_frame()
        return 0.2

    model = SimpleNamespace(name="fake", checkpoint_name="fake.pth", checkpoint_sha256="ab" * 32, device="cpu")
    monkeypatch.setattr(vos.sam.registry, "load_model", lambda *args: model)
    monkeypatch.setattr(vos.evaluation.jobs, "run_sequence", track)
    return names


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_scores_a_folder_and_writes_nothing_outside_of_output_dir(
    run: Main, davis: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = written(tmp_path)
    assert run(f"dataset.root={davis}", f"results={davis}/Annotations/480p", f"output_dir={tmp_path}/out") == 0
    figures = {"global_results-val.csv", "per-sequence_results-val.csv", "summary.json"}
    plots = {"plots/bear.png", "plots/goat.png"}
    made = {name for name in written(tmp_path) - before if not name.startswith("out/.vos/")}
    assert made == {f"out/{name}" for name in figures | plots}
    assert "J&F 1.0000" in capsys.readouterr().out
    with (tmp_path / "out/per-sequence_results-val.csv").open(newline="") as file:
        assert [row["Sequence"] for row in csv.DictReader(file)] == ["bear_1", "bear_2", "goat_1", "goat_2"]


def test_figures_of_an_earlier_run_do_not_survive_a_failure(run: Main, davis: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(davis / "Annotations/480p", results)
    words = (f"dataset.root={davis}", f"results={results}", f"output_dir={tmp_path}/out")
    assert run(*words) == 0
    (results / "goat/00002.png").unlink()
    assert run(*words) == 2
    assert not list((tmp_path / "out").glob("[!.]*.*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "dataset.root is not set"),
        (("dataset.root=/nowhere",), "/nowhere does not exist"),
        (("dataset.root={root}", "split=train"), "splits in {root}/ImageSets/2017: val"),
        (("dataset.root={root}", "dataset=davis2018"), "choose one of davis2016, davis2017"),
        (("dataset.root={root}", "sequences=[cow]"), "cow is not in split val; it has bear, goat"),
        (("dataset.root={root}", "results=/nowhere"), "results folder /nowhere does not exist"),
        (("datset.root={root}",), "did you mean dataset.root"),
        (("dataset.root={root}", "split=../../x"), "split=../../x is no plain name"),
        (("dataset.root={root}", "dataset.name=../x"), "dataset.name=../x is no plain name"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    run: Main, davis: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*(word.format(root=davis) for word in words)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said.format(root=davis) in error
    assert not list(Path.cwd().iterdir())


def test_runs_every_sequence_and_scores_its_masks(run: Main, davis: Path, tracked: list[str]) -> None:
    assert run(f"dataset.root={davis}") == 0
    assert tracked == ["bear", "goat"]
    summary = json.loads(Path("outputs/davis2017-val/summary.json").read_text())
    assert summary["J&F"] == 1
    assert summary["model"]["sha256"] == "ab" * 32
    assert summary["milliseconds_per_frame"] == pytest.approx(1000 * 0.4 / 8)


def test_a_sequence_goes_through_the_pipeline(davis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index, image in enumerate(square_clip(4)):
        Image.fromarray(image).save(davis / f"JPEGImages/480p/goat/{index:05d}.jpg", quality=95)
        Image.fromarray(square_mask(index, object_id=2).labels).save(davis / f"Annotations/480p/goat/{index:05d}.png")
    monkeypatch.setattr(vos.evaluation.jobs, "make_tracker", lambda config, model: RedTracker())
    (sequence,) = read_dataset(davis, 2017, "val", only=["goat"])
    seen: list[None] = []
    model = ColourSegmenter()
    monkeypatch.setattr(ColourSegmenter, "for_objects", lambda self, count: model if count == 1 else None)
    seconds = vos.evaluation.jobs.run_sequence(
        sequence, ColourSegmenter(), TrackerConfig(), 1, tmp_path / "goat", lambda: seen.append(None)
    )
    assert seconds > 0
    assert len(seen) == 4
    assert model.encoded == 4, "the model for one object has seen them"
    masks = [np.asarray(Image.open(tmp_path / f"goat/{index:05d}.png")) for index in range(4)]
    np.testing.assert_array_equal(masks[0], square_mask(0, object_id=2).labels)
    truth = square_mask(3).labels > 0
    assert set(np.unique(masks[3])) == {0, 2}
    assert ((masks[3] > 0) & truth).sum() > 0.7 * truth.sum()


def test_frames_without_annotation_are_tracked_and_later_objects_given(
    davis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (davis / "Annotations/480p/goat/00001.png").unlink()
    for index in (0, 2):  # object 2 enters at frame 2
        path = davis / f"Annotations/480p/goat/{index:05d}.png"
        labels = np.asarray(Image.open(path)).copy()
        Image.fromarray(np.where(labels == 2, 0, labels) if index == 0 else labels).save(path)
    tracker = RedTracker()
    monkeypatch.setattr(vos.evaluation.jobs, "make_tracker", lambda config, model: tracker)
    (sequence,) = read_dataset(davis, 2017, "val", only=["goat"])
    (job,) = vos.evaluation.jobs.sequence_jobs([sequence], ColourSegmenter(), TrackerConfig(), 1, lambda files: "")
    job.work(tmp_path / "goat", lambda: None)
    assert tracker.calls == [("start", 0), ("step", 1), ("add_reference", 2), ("step", 3)]
    assert tracker.object_ids == (1, 2)
    assert [path.name for path in sorted((tmp_path / "goat").iterdir())] == list(job.files)
    assert job.files == tuple(f"{index:05d}.png" for index in range(4))


def test_finished_sequences_are_skipped_and_others_redone(run: Main, davis: Path, tracked: list[str]) -> None:
    assert run(f"dataset.root={davis}") == 0
    tracked.clear()
    assert run(f"dataset.root={davis}") == 0
    assert tracked == []
    Path("outputs/davis2017-val/masks/goat/00003.png").unlink()
    assert run(f"dataset.root={davis}") == 0
    assert tracked == ["goat"]
    tracked.clear()
    assert run(f"dataset.root={davis}", "tracker.points=7") == 0  # other options, other masks
    assert tracked == ["bear", "goat"]
    tracked.clear()
    assert run(f"dataset.root={davis}", "tracker.points=7", "overwrite=true") == 0
    assert tracked == ["bear", "goat"]


@pytest.mark.parametrize("changed", ["Annotations/480p/goat/00000.png", "JPEGImages/480p/goat/00002.jpg"])
def test_a_sequence_whose_files_changed_is_redone(run: Main, davis: Path, tracked: list[str], changed: str) -> None:
    assert run(f"dataset.root={davis}") == 0
    tracked.clear()
    status = (davis / changed).stat()
    os.utime(davis / changed, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    assert run(f"dataset.root={davis}") == 0
    assert tracked == ["goat"]


def test_ctrl_c_keeps_finished_sequences_and_nothing_of_the_others(
    run: Main, davis: Path, tracked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vos.evaluation.jobs.run_sequence.interrupt = ("goat", 2)  # type: ignore[attr-defined]
    assert run(f"dataset.root={davis}") == 130
    masks = Path("outputs/davis2017-val/masks")
    assert [path.name for path in masks.iterdir()] == ["bear"]
    del vos.evaluation.jobs.run_sequence.interrupt  # type: ignore[attr-defined]
    (masks / ".goat.12345678.partial").mkdir()  # what a killed process leaves
    tracked.clear()
    assert run(f"dataset.root={davis}") == 0
    assert tracked == ["goat"]
    assert sorted(path.name for path in masks.iterdir()) == ["bear", "goat"]


def test_one_run_at_a_time(run: Main, davis: Path, tracked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with sole_writer(Path("outputs/davis2017-val"), []):
        assert run(f"dataset.root={davis}") == 2
        assert "being written by another run" in capsys.readouterr().err
    assert tracked == []
    assert not Path("outputs").exists()


def test_sweep_ends_with_one_table(
    run: Main, davis: Path, tracked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-m", f"dataset.root={davis}", "tracker.memory.momentum=0.8,0.9", "output_dir=sweep") == 0
    with Path("sweep/comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["tracker.memory.momentum"] for row in rows] == ["0.8", "0.9"]
    assert [(float(row["J&F"]), row["ms/frame"]) for row in rows] == [(1.0, "50.0")] * 2
    for row in rows:
        config = json.loads((Path("sweep") / row["Folder"] / "summary.json").read_text())["config"]
        assert str(config["tracker"]["memory"]["momentum"]) == row["tracker.memory.momentum"]
    assert "tracker.memory.momentum" in capsys.readouterr().out.splitlines()[-5]
    tracked.clear()
    assert run("-m", f"dataset.root={davis}", "tracker.memory.momentum=0.7,0.8,0.9", "output_dir=sweep") == 0
    assert len(tracked) == 2  # the sequences of the added value


@pytest.mark.parametrize("does", ["import vos.evaluate", "import vos.evaluate; vos.evaluate.main()"])
def test_help_and_the_processes_that_score_load_neither_torch_nor_matplotlib(does: str) -> None:
    heavy = "'torch' in sys.modules or 'matplotlib' in sys.modules"
    check = f"import sys; sys.argv[1:] = ['--help']; {does}; sys.exit({heavy})"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("tracker.memory.momentum=0.8" in done.stdout) == ("main" in does)


def test_scoring_masks_that_exist_loads_no_torch(davis: Path, tmp_path: Path) -> None:
    words = ["evaluate", f"dataset.root={davis}", f"results={davis}/Annotations/480p", f"output_dir={tmp_path}/out"]
    code = f"import sys, vos.evaluate as e; sys.argv = {words}; assert e.main() == 0; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_module_runs_as_a_program(davis: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vos.evaluate", f"dataset.root={davis}", f"results={davis}/Annotations/480p"]
    command += [f"output_dir={tmp_path}/out", "workers=2"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "J&F 1.0000" in done.stdout
