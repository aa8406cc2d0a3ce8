"""The entry point: scoring a folder, running and resuming, sweeping, and what users see when something is wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from data_sets import make_davis, make_youtube
from fakes import ColourSegmenter, Program, RedTracker, square_clip, square_mask
from PIL import Image

import vos.evaluation.jobs
import vos.sam.registry
from vos.evaluation.davis import read_dataset
from vos.io.sole_writer import sole_writer
from vos.tracking.config import TrackerConfig

Main = Callable[..., int]


@pytest.fixture
def run(evaluate: Program) -> Main:
    """Calls ``main`` from an empty folder with the given words on the command line."""
    return partial(evaluate, "workers=1")


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """Two sequences of four small frames with two objects each."""
    return make_davis(tmp_path / "DAVIS")


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

    weights = {"checkpoint_name": "fake.pth", "checkpoint_sha256": "ab" * 32}
    model = SimpleNamespace(name="fake", device="cpu", engine="torch", precision="float32", **weights)
    monkeypatch.setattr(vos.sam.registry, "load_model", lambda *args: model)
    monkeypatch.setattr(vos.evaluation.jobs, "run_sequence", track)
    return names


def read_rows(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_scores_a_folder_and_writes_nothing_outside_of_output_dir(
    run: Main, davis: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = written(tmp_path)
    assert run(f"dataset.root={davis}", f"results={davis}/Annotations/480p", f"output_dir={tmp_path}/out") == 0
    tables = {f"{of}_results-val.csv" for of in ("global", "per-sequence", "per-frame")}
    plots = {"plots/bear.png", "plots/goat.png"}
    made = {name for name in written(tmp_path) - before if not name.startswith("out/.vos/")}
    assert made == {f"out/{name}" for name in tables | plots | {"report.html", "summary.json"}}
    assert "J&F 1.0000" in capsys.readouterr().out
    rows = read_rows(tmp_path / "out/per-sequence_results-val.csv")
    assert [row["Sequence"] for row in rows] == ["bear_1", "bear_2", "goat_1", "goat_2"]


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
        (("dataset.root={root}", "dataset=davis2018"), "choose one of davis2016, davis2017, perseg, youtubevos"),
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
    rows = read_rows("sweep/comparison.csv")
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


def test_scripts_hear_what_came_of_it(
    run: Main, davis: Path, tracked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"dataset.root={davis}", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["frames"]) == ("done", 8)
    assert {"masks", "plots", "summary.json", "global_results-val.csv"} <= {Path(name).name for name in told["outputs"]}
    assert run("-m", f"dataset.root={davis}", "tracker.memory.momentum=0.8,0.9", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"] == 16
    assert [Path(name).name for name in told["outputs"][-3:]] == [
        "comparison.csv",
        "comparison.html",
        "comparison.md",
    ]


def test_every_frame_has_a_row(run: Main, davis: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(davis / "Annotations/480p", results)
    labels = np.asarray(Image.open(results / "goat/00002.png"))
    Image.fromarray(np.where(labels == 1, 0, labels)).save(results / "goat/00002.png")
    assert run(f"dataset.root={davis}", f"results={results}", "output_dir=out") == 0
    rows = read_rows("out/per-frame_results-val.csv")
    assert [(row["Sequence"], row["Object"], row["Frame"]) for row in rows] == [
        (name, number, frame) for name in ("bear", "goat") for number in "12" for frame in ("00001", "00002")
    ]
    lost = [row for row in rows if float(row["J"]) < 1 or float(row["F"]) < 1]
    assert [tuple(row.values()) for row in lost] == [("goat", "1", "00002", "0.000000", "0.000000")]


def test_youtube_vos(run: Main, tmp_path: Path, tracked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    root = make_youtube(tmp_path / "train")
    shutil.copytree(root / "Annotations/0a1", root / "Annotations/not_listed")
    assert run("dataset=youtubevos", f"dataset.root={root}") == 0
    assert tracked == ["0a1", "0b2"]
    said = capsys.readouterr().out
    assert "has no ImageSets: all 2 sequences\n" in said
    assert "protocol: YouTube-VOS: " in said
    assert "published" not in said
    rows = read_rows("outputs/youtubevos-all/per-frame_results-all.csv")
    frames = {number: [r["Frame"] for r in rows if (r["Sequence"], r["Object"]) == ("0a1", number)] for number in "12"}
    assert frames == {"1": ["00002", "00004", "00006"], "2": ["00004", "00006"]}, "object 2 is given at frame 2"
    (root / "meta.json").write_text("[]")
    assert run("dataset=youtubevos", f"dataset.root={root}") == 2
    assert f"{root}/meta.json has no" in capsys.readouterr().err
    (root / "meta.json").unlink()
    assert run("dataset=youtubevos", f"dataset.root={root}", "sequences=[not_listed]") == 2
    assert "not_listed/00000.jpg is missing" in capsys.readouterr().err


def test_masks_that_only_introduce_objects_are_no_truth(
    run: Main, tmp_path: Path, tracked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """YouTube-VOS keeps the truth of its validation set for itself."""
    root = make_youtube(tmp_path / "valid", shown=lambda index: {0: [1], 4: [2]}.get(index, []))
    assert run("dataset=youtubevos", f"dataset.root={root}") == 0
    assert tracked == ["0a1", "0b2"]
    said = capsys.readouterr().out
    assert "not scored, since annotations show new objects only: 2 sequences (0a1, 0b2)\n" in said
    assert "nothing is scored; masks: outputs/youtubevos-all/masks\n" in said
    assert not list(Path("outputs").rglob("*.csv"))
    assert run("dataset=youtubevos", f"dataset.root={root}", "results=outputs/youtubevos-all/masks") == 2
    assert "no truth to score outputs/youtubevos-all/masks by" in capsys.readouterr().err


def test_a_data_set_without_lists_has_all_its_sequences(
    run: Main, davis: Path, tracked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(davis / "ImageSets")
    assert run(f"dataset.root={davis}") == 0
    assert tracked == ["bear", "goat"]
    assert Path("outputs/davis2017-all/global_results-all.csv").exists()
    assert run(f"dataset.root={davis}", "split=val") == 2
    assert "split val has no list file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("layout", "words", "said"),
    [
        ("davis", ("dataset=youtubevos",), "has folders of resolutions, as DAVIS; give dataset=davis2017 or davis2016"),
        ("davis", ("dataset.resolution=1080p",), "Annotations/1080p does not exist, {root}/Annotations holds 480p"),
        (
            "youtube",
            (),
            "Annotations/480p does not exist, {root}/Annotations holds 0a1, 0b2; set dataset.resolution (null",
        ),
        ("none", ("dataset=youtubevos",), "Annotations does not exist, {root} holds nothing"),
    ],
)
def test_another_layout_is_told(
    run: Main, tmp_path: Path, layout: str, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    {"davis": make_davis, "youtube": make_youtube, "none": Path.mkdir}[layout](root)
    assert run(f"dataset.root={root}", *words) == 2
    error = capsys.readouterr().err
    assert said.format(root=root) in error
    assert error.count("\n") == 1


def test_published_figures_stand_beside_ours(run: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_davis(tmp_path / "DAVIS", ("blackswan", "bear", "dog"))
    words = (f"dataset.root={root}", f"results={root}/Annotations/480p", "output_dir=out")
    assert run("dataset=davis2016", *words) == 0
    assert "published methods on 2 of these 3 sequences (davisvideochallenge.github.io, commit 30be16f):" in (
        capsys.readouterr().out
    )
    rows = {row["Method"]: float(row["J&F"]) for row in read_rows("out/published_results-val.csv")}
    assert next(iter(rows)) == "this run", "the annotations themselves are the best"
    assert rows["this run"] == 1
    assert len(rows) == 17
    assert rows["OSVOS"] == pytest.approx((0.9423 + 0.9753 + 0.9070 + 0.9207) / 4, abs=1e-6)
    assert run("dataset=davis2017", *words) == 0
    assert "published" not in capsys.readouterr().out
    assert not Path("out/published_results-val.csv").exists()
