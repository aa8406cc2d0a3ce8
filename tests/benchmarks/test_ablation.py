"""Experiments compose, and the table's figures are those that vos.evaluate would give."""

from __future__ import annotations

import csv
from pathlib import Path

import ablation
import pytest
from fakes import ColourSegmenter
from omegaconf import OmegaConf
from square_davis import write_davis

from vos.cli.compose import compose
from vos.cli.config import RunConfig
from vos.errors import VosError
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.davis import read_dataset
from vos.evaluation.jobs import run_sequence
from vos.evaluation.scoring import overall, score_results


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def default() -> ablation.Variant:
    """The options without an experiment."""
    return ablation.compose_variant(ablation.DEFAULT)


@pytest.mark.parametrize("name", ablation.experiments())
def test_every_experiment_composes_and_changes_something(name: str, default: ablation.Variant) -> None:
    variant = ablation.compose_variant(name)
    assert (variant.model, variant.tracker) != (default.model, default.tracker)


def test_there_are_experiments_and_each_says_what_it_is() -> None:
    entries = OmegaConf.load(ablation.TABLE)
    assert {"no_memory", "no_guidance", "previous_box", "finetune", "thorough"} <= set(entries)
    assert all(set(entry) == {"what", "options"} and len(entry.what) > 10 for entry in entries.values())


def test_an_experiment_sets_its_option_and_leaves_the_others(default: ablation.Variant) -> None:
    variant = ablation.compose_variant("no_memory")
    assert default.tracker.memory.enabled
    assert not variant.tracker.memory.enabled
    variant.tracker.memory.enabled = True
    assert variant.tracker == default.tracker == EvaluateConfig().tracker


def test_what_is_typed_beats_the_experiment() -> None:
    assert ablation.compose_variant("points_1", ["tracker.points=3"]).tracker.points == 3


def test_without_an_experiment_the_entry_points_are_as_before() -> None:
    assert compose([], "run", RunConfig)[0].config == RunConfig()
    assert compose([], "evaluate", EvaluateConfig)[0].config == EvaluateConfig()


def test_an_unknown_experiment_is_named_with_the_known_ones() -> None:
    with pytest.raises(VosError, match=r"no_memry.*no_memory"):
        ablation.compose_variant("no_memry")


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[ColourSegmenter]:
    """The models that the benchmark loaded."""
    loaded: list[ColourSegmenter] = []

    def load_model(*_: object) -> ColourSegmenter:
        loaded.append(ColourSegmenter())
        return loaded[-1]

    monkeypatch.setattr(ablation, "load_model", load_model)
    return loaded


def test_a_frame_is_encoded_once_for_all_trackers(tmp_path: Path, models: list[ColourSegmenter]) -> None:
    write_davis(tmp_path / "davis16", frames=6)
    write_davis(tmp_path / "multi", ("goat",), frames=5, year=2017)
    words = [str(tmp_path), "--out", str(tmp_path / "out"), "--experiments", "no_memory", "no_gate"]
    assert ablation.main(words) == 0
    assert [model.encoded for model in models] == [11]
    rows = read_rows(tmp_path / "out" / "ablation.csv")
    assert [row["option"] for row in rows] == ["default", "no_memory", "no_gate"]
    assert float(rows[0]["difference"]) == float(rows[0]["difference multi"]) == 0
    for row in rows:
        assert float(row["difference"]) == pytest.approx(float(row["J&F"]) - float(rows[0]["J&F"]), abs=2e-6)
        assert 0 < float(row["tracker ms"]) < float(row["total ms"])
    assert (tmp_path / "out" / "ablation.md").read_text().count("\n") == 5


def test_another_model_is_loaded_and_encodes_for_itself(tmp_path: Path, models: list[ColourSegmenter]) -> None:
    write_davis(tmp_path / "davis16", frames=4)
    words = [str(tmp_path), "--out", str(tmp_path / "out"), "--experiments", "input_512", "no_background_filter"]
    assert ablation.main(words) == 0
    assert [model.encoded for model in models] == [4, 4]
    assert read_rows(tmp_path / "out" / "ablation.csv")[0]["J&F multi"] == "", "a set that is absent has no figures"


def test_the_figures_are_those_of_an_evaluation(tmp_path: Path, models: list[ColourSegmenter]) -> None:
    write_davis(tmp_path / "davis16", ("bear", "goat"), frames=6)
    assert ablation.main([str(tmp_path), "--out", str(tmp_path / "out"), "--experiments"]) == 0
    assert models[0].encoded == 12
    config = EvaluateConfig()
    sequences = read_dataset(tmp_path / "davis16", 2016, "dev")
    for sequence in sequences:
        folder = tmp_path / "masks" / sequence.name
        run_sequence(sequence, ColourSegmenter(), config.tracker, config.batch_size, folder, lambda: None)
    j, f = overall(score_results(sequences, tmp_path / "masks"))
    (row,) = read_rows(tmp_path / "out" / "ablation.csv")
    assert (float(row["J"]), float(row["F"])) == pytest.approx((j.mean, f.mean), abs=1e-6)


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ablation.main([str(tmp_path)]) == 2
    assert ablation.main([str(tmp_path), "--frames", "2"]) == 2
    write_davis(tmp_path / "davis16", frames=3)
    assert ablation.main([str(tmp_path), "--experiments", "no_such"]) == 2
    lines = capsys.readouterr().err.strip().split("\n")
    assert len(lines) == 3
    assert all(line.startswith("error: ") for line in lines)
