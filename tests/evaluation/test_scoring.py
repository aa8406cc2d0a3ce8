from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vos.errors import VosError
from vos.evaluation.davis import read_dataset
from vos.evaluation.jf import statistics
from vos.evaluation.scoring import SequenceScore, overall, score_results

Official = dict[str, dict[str, Any]]
SaveLabels = Callable[[Path, np.ndarray], None]


def figures(score: SequenceScore) -> list[float]:
    return [score.j_mean, score.j_recall, score.j_decay, score.f_mean, score.f_recall, score.f_decay]


@pytest.mark.parametrize("workers", [1, 2])
def test_synthetic_scores_equal_the_official_ones(davis: tuple[Path, Path], official: Official, workers: int) -> None:
    scores = score_results(read_dataset(davis[0], 2017, "val"), davis[1], workers)
    assert {f"{s.sequence}_{s.object_id}": figures(s) for s in scores} == {
        name: pytest.approx(expected, abs=1e-9) for name, expected in official["synthetic"].items()
    }
    expected = np.mean(list(official["synthetic"].values()), axis=0)
    assert [*overall(scores)[0], *overall(scores)[1]] == pytest.approx(list(expected), abs=1e-9)


def test_real_scores_equal_the_official_ones(
    shared: Path, official: Official, degraded: Callable[[np.ndarray, int], np.ndarray], tmp_path: Path,
    save_labels: SaveLabels,
) -> None:  # fmt: skip
    scores = {}
    for data, year in (("davis16", 2016), ("multi", 2017)):
        names = {key.split("/")[1].rsplit("_", 1)[0] for key in official["real"] if key.startswith(data)}
        sequences = read_dataset(shared / data, year, "dev", only=sorted(names))
        for sequence in sequences:
            for index, path in enumerate(sequence.annotations):
                labels = np.asarray(Image.open(path))
                labels = (labels > 0).astype(np.uint8) if year == 2016 else labels
                save_labels(tmp_path / sequence.name / path.name, degraded(labels, index))
        for score in score_results(sequences, tmp_path):
            scores[f"{data}/{score.sequence}_{score.object_id}"] = figures(score)
    assert scores == {name: pytest.approx(expected, abs=1e-9) for name, expected in official["real"].items()}


def test_perfect_results_score_one(davis: tuple[Path, Path]) -> None:
    sequences = read_dataset(davis[0], 2016, "val")
    for score in score_results(sequences, davis[0] / "Annotations/480p"):
        assert figures(score) == [1, 1, 0, 1, 1, 0]


def test_2016_is_scored_as_one_object(davis: tuple[Path, Path]) -> None:
    (sequence,) = read_dataset(davis[0], 2016, "val", only=["shapes3"])
    (score,) = score_results([sequence], davis[1])
    gt, pred = (
        np.asarray(Image.open(root / "shapes3/00001.png")) > 0 for root in (davis[0] / "Annotations/480p", davis[1])
    )
    assert score.object_id == 1
    assert score.j_per_frame == pytest.approx([(gt & pred).sum() / (gt | pred).sum()])


def test_first_and_last_frame_are_not_needed(davis: tuple[Path, Path], official: Official) -> None:
    for name in ("shapes14/00000.png", "shapes14/00013.png"):
        (davis[1] / name).unlink()
    scores = score_results(read_dataset(davis[0], 2017, "val"), davis[1])
    assert scores[0].j_mean == pytest.approx(official["synthetic"]["shapes14_1"][0])
    assert len(scores[0].j_per_frame) == 12
    assert statistics(scores[0].f_per_frame).mean == scores[0].f_mean


def test_missing_frame_is_named(davis: tuple[Path, Path]) -> None:
    (davis[1] / "shapes14/00007.png").unlink()
    with pytest.raises(VosError, match=r"frame 00007 of sequence shapes14 is missing.*1 of 12"):
        score_results(read_dataset(davis[0], 2017, "val"), davis[1])


def test_missing_sequence_and_folder_are_named(davis: tuple[Path, Path]) -> None:
    sequences = read_dataset(davis[0], 2017, "val")
    shutil.rmtree(davis[1] / "shapes3")
    with pytest.raises(VosError, match="no sequence shapes3"):
        score_results(sequences, davis[1])
    with pytest.raises(VosError, match="nowhere does not exist"):
        score_results(sequences, davis[1] / "nowhere")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("surplus", [4, 255])
def test_surplus_id_is_named(davis: tuple[Path, Path], save_labels: SaveLabels, surplus: int, workers: int) -> None:
    labels = np.zeros((240, 320), np.uint8)
    labels[10, 10] = surplus
    save_labels(davis[1] / "shapes14/00004.png", labels)
    with pytest.raises(VosError, match=rf"shapes14.00004\.png holds surplus id {surplus}; .* 1\.\.3"):
        score_results(read_dataset(davis[0], 2017, "val"), davis[1], workers)


def test_wrong_size_is_named(davis: tuple[Path, Path], save_labels: SaveLabels) -> None:
    save_labels(davis[1] / "shapes14/00004.png", np.zeros((120, 320), np.uint8))
    with pytest.raises(VosError, match=r"00004\.png is 320x120, its annotation is 320x240"):
        score_results(read_dataset(davis[0], 2017, "val"), davis[1])


def test_results_are_read_anew_each_time(davis: tuple[Path, Path]) -> None:
    sequences = read_dataset(davis[0], 2016, "val", only=["shapes3"])
    before = score_results(sequences, davis[1])[0].j_mean
    shutil.copy(sequences[0].annotations[1], davis[1] / "shapes3/00001.png")
    os.utime(davis[1] / "shapes3/00001.png", (0, 0))
    assert before < score_results(sequences, davis[1])[0].j_mean == 1
