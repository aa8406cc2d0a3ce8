"""Pages of evaluations: figures, best and worst frames, runs side by side."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes import square_mask
from square_davis import write_davis

from vos.errors import VosError
from vos.evaluation import page
from vos.evaluation.davis import read_dataset
from vos.evaluation.page import frame_figures, write_comparison_page, write_page
from vos.evaluation.report import RunSummary
from vos.evaluation.scoring import SequenceScore, score_results
from vos.io.masks.label_map import write_label_map
from vos.structures import LabelMap


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Masks of two sequences: those of bear right, of goat empty in frame 5 and half in frame 9."""
    write_davis(tmp_path / "DAVIS", ("bear", "goat"), frames=12, year=2017)
    shutil.copytree(tmp_path / "DAVIS" / "Annotations" / "480p", tmp_path / "masks")
    half = square_mask(9).labels.copy()
    half[24:] = 0
    write_label_map(tmp_path / "masks/goat/00005.png", LabelMap(np.zeros((48, 64), np.uint8), (1,)))
    write_label_map(tmp_path / "masks/goat/00009.png", LabelMap(half, (1,)))
    return tmp_path / "masks"


def written(results: Path) -> str:
    sequences = read_dataset(results.parent / "DAVIS", 2017, "dev")
    write_page(results.parent / "report.html", sequences, score_results(sequences, results), results, ["some <facts>"])
    return (results.parent / "report.html").read_text(encoding="utf-8")


def test_the_worst_sequence_and_its_worst_frame_come_first(results: Path) -> None:
    told = written(results)
    assert re.findall(r"<h3>(\w+)</h3>", told) == ["goat", "bear"]
    assert re.findall(r"(worst|best): frame (\d+)</strong><br>(J [\d.]+)", told)[:2] == [
        ("worst", "00005", "J 0.000"),
        ("best", "00001", "J 1.000"),
    ]
    cells = re.search(r"<tr><td>bear</td><td>1</td>(.*?)</tr>", told)
    assert cells is not None
    assert re.findall(r">([\d.]+)<", cells[1]) == ["1.000"] * 3 + ["0.000"] + ["1.000"] * 2 + ["0.000"]
    assert "some &lt;facts&gt;" in told
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", told)


def test_pictures_are_of_the_worst_sequences_only(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(re.findall("<img ", written(results))) == 4
    monkeypatch.setattr(page, "PICTURED", 1)
    told = written(results)
    assert len(re.findall("<img ", told)) == 2
    assert "of the 1 worst sequences" in told


def test_a_mask_that_has_gone_is_named(results: Path) -> None:
    sequences = read_dataset(results.parent / "DAVIS", 2017, "dev")
    scores = score_results(sequences, results)
    (results / "goat/00005.png").unlink()
    with pytest.raises(VosError, match=r"00005\.png"):
        write_page(results.parent / "report.html", sequences, scores, results, [])
    assert not (results.parent / "report.html").exists()


def score(object_id: int, frames: tuple[str, ...], j: list[float], f: list[float]) -> SequenceScore:
    return SequenceScore("s", object_id, 0, 0, 0, 0, 0, 0, np.array(j), np.array(f), frames)


def test_a_frame_counts_the_objects_that_are_scored_in_it() -> None:
    found = frame_figures([score(1, ("1", "2"), [0.2, 0.4], [0.4, 0.6]), score(2, ("2",), [0.8], [0.8])])
    assert [(one.name, round(one.j, 3), round(one.f, 3)) for one in found] == [("1", 0.2, 0.4), ("2", 0.6, 0.7)]


def test_runs_stand_side_by_side(tmp_path: Path) -> None:
    runs = [
        RunSummary("a", (("tracker.points", "1"),), 0.5, 0.7, None, {"bear": 0.9, "goat": 0.3}),
        RunSummary("b", (("tracker.points", "2"),), 0.8, 0.8, 12.34, {"bear": 0.7}),
    ]
    write_comparison_page(tmp_path / "comparison.html", runs, {"a": "a/report.html"})
    told = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert '<a href="a/report.html">tracker.points=1</a>' in told
    assert re.search(r'class="best"><td>2 \(best\)</td><td>tracker.points=2</td>.*0\.800.*12\.3', told)
    assert re.search(r"<td>bear</td><td[^>]*><strong>0\.900</strong></td><td[^>]*>0\.700</td>", told)
    assert re.search(r"<td>goat</td><td[^>]*><strong>0\.300</strong></td><td[^>]*>-</td>", told)
