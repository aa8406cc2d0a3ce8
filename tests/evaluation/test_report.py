from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vos.evaluation.report import RunSummary, score_table, write_comparison, write_csv, write_plots
from vos.evaluation.scoring import SequenceScore


def score(sequence: str, object_id: int, j: float, f: float) -> SequenceScore:
    return SequenceScore(
        sequence, object_id, j, 1.0, 0.1, f, 0.5, -0.1, np.full(3, j), np.full(3, f), ("00001", "00002", "00003")
    )


SCORES = [score("bear", 1, 0.8, 0.6), score("bear", 2, 0.4, 0.2), score("goat", 1, 0.9, 0.7)]


def test_csv_files_have_the_official_names_columns_and_rows(tmp_path: Path) -> None:
    overall, sequences, frames = write_csv(SCORES, tmp_path, "val")
    assert overall.name == "global_results-val.csv"
    assert overall.read_text() == (
        "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay\n"
        "0.600000,0.700000,1.000000,0.100000,0.500000,0.500000,-0.100000\n"
    )
    assert sequences.name == "per-sequence_results-val.csv"
    assert sequences.read_text() == (
        "Sequence,J-Mean,F-Mean\nbear_1,0.800000,0.600000\nbear_2,0.400000,0.200000\ngoat_1,0.900000,0.700000\n"
    )
    assert frames.name == "per-frame_results-val.csv"
    assert frames.read_text().splitlines()[:2] == ["Sequence,Object,Frame,J,F", "bear,1,00001,0.800000,0.600000"]
    assert frames.read_text().splitlines()[-1] == "goat,1,00003,0.900000,0.700000"
    assert len(list(tmp_path.iterdir())) == 3  # no partial files


def test_table_shows_objects_sequences_and_everything(tmp_path: Path) -> None:
    lines = [line.split() for line in score_table(SCORES).splitlines()]
    assert [line[:3] for line in lines[2:]] == [
        ["bear", "1", "0.700"], ["bear", "2", "0.300"], ["bear", "mean", "0.500"], ["goat", "1", "0.800"],
        ["all", "3", "objects"],
    ]  # fmt: skip
    assert lines[-1][3:6] == ["0.600", "0.700", "1.000"]


def test_plots_are_one_per_sequence_and_the_same_each_time(tmp_path: Path) -> None:
    paths = write_plots(SCORES, tmp_path / "a")
    assert [path.name for path in paths] == ["bear.png", "goat.png"]
    assert Image.open(paths[0]).size[0] > 400
    again = write_plots(SCORES, tmp_path / "b")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_plotting_leaves_pyplot_alone() -> None:
    check = "import sys, vos.evaluation.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_comparison_shows_what_differs_and_marks_the_best(tmp_path: Path) -> None:
    runs = [
        RunSummary("0", (("split", "val"), ("momentum", "0.8")), 0.7, 0.5, 12.34),
        RunSummary("1", (("split", "val"), ("momentum", "0.9")), 0.8, 0.6, None),
    ]
    text = write_comparison(runs, tmp_path)
    assert text.splitlines()[0].split() == ["Best", "momentum", "J&F", "J", "F", "ms/frame", "Folder"]
    assert [line.split() for line in text.splitlines()[2:]] == [
        ["0.8", "0.600", "0.700", "0.500", "12.3", "0"], ["*", "0.9", "0.700", "0.800", "0.600", "-", "1"],
    ]  # fmt: skip
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["Folder"], row["momentum"], float(row["J&F"]), row["ms/frame"]) for row in rows] == [
        ("0", "0.8", 0.6, "12.3"), ("1", "0.9", 0.7, ""),
    ]  # fmt: skip
    assert (tmp_path / "comparison.md").read_text().splitlines()[
        0
    ] == "| Best | momentum | J&F | J | F | ms/frame | Folder |"
