"""``dataset=perseg``: scoring a folder, running and resuming, sweeping."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import perseg_masks
import pytest
from data_sets import make_perseg
from fakes import ColourSegmenter, Program

import vos.evaluate
import vos.sam.registry

Main = Callable[..., int]


@pytest.fixture
def run(evaluate: Program) -> Main:
    """Calls ``main`` of vos.evaluate from an empty folder."""
    return partial(evaluate, "dataset=perseg")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    model = ColourSegmenter()
    monkeypatch.setattr(vos.sam.registry, "load_photo_model", lambda *_: model)
    return model


@pytest.fixture
def perseg(tmp_path: Path) -> Path:
    """Two objects, coloured squares, in three photos each."""
    return make_perseg(tmp_path / "PerSeg")


def test_scores_existing_masks(run: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, results = perseg_masks.write(tmp_path)
    assert run(f"dataset.root={data}", f"results={results}", "output_dir=out") == 0
    output = capsys.readouterr().out
    assert "mIoU 0.6757" in output
    assert "mAcc 0.7768" in output
    with Path("out/perseg.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Object"] for row in rows] == ["bird", "can", "hat", "mean of 3"]
    assert float(rows[1]["IoU"]) == pytest.approx(0.801453, abs=1e-6)
    assert json.loads(Path("out/summary.json").read_text())["mIoU"] == pytest.approx(0.675677821251)
    assert sorted(path.name for path in Path("out/sheets").iterdir()) == ["bird.png", "can.png", "hat.png"]


def test_runs_every_object_and_resumes(run: Main, perseg: Path, model: ColourSegmenter) -> None:
    assert run(f"dataset.root={perseg}") == 0
    summary = json.loads(Path("outputs/perseg/summary.json").read_text())
    assert summary["mIoU"] > 0.8
    assert summary["photos"] == 6
    assert summary["milliseconds_per_photo"] > 0
    assert len(list(Path("outputs/perseg/masks/rex").glob("0?.png"))) == 3
    before = model.encoded
    assert run(f"dataset.root={perseg}") == 0
    assert model.encoded == before
    Path("outputs/perseg/masks/ball/02.png").unlink()
    assert run(f"dataset.root={perseg}") == 0
    assert model.encoded == before + 4
    assert run(f"dataset.root={perseg}", "method=persam", "sequences=[rex]") == 0
    assert model.encoded == before + 8


def test_sweep_ends_with_one_table(
    run: Main, perseg: Path, model: ColourSegmenter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-m", f"dataset.root={perseg}", "method=persam,p2sam") == 0
    with Path("outputs/perseg/comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Run"] for row in rows] == ["method=persam", "method=p2sam"]
    for row in rows:
        summary = json.loads(Path("outputs/perseg", row["Run"], "summary.json").read_text())
        assert float(row["mIoU"]) == pytest.approx(summary["mIoU"], abs=1e-6)
    assert "comparison: outputs/perseg/comparison.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "dataset.root is not set"),
        (("dataset.root=/nowhere",), "/nowhere/Annotations does not exist"),
        (("dataset.root={root}", "sequences=[cow]"), "no object cow"),
        (("dataset.root={root}", "results=/nowhere"), "results folder /nowhere does not exist"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    run: Main, perseg: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*(word.format(root=perseg) for word in words)) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ")
    assert said in error[-1]
    assert not any("Traceback" in line for line in error)
    assert not list(Path("outputs").rglob("*.csv"))
