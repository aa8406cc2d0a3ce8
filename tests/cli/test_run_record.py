"""A run is gone on with only where everything that its results depend on is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import ColourSegmenter

import vos.cli.run_record
from vos.cli.config import AlbumConfig, RunConfig
from vos.cli.run_record import (
    album_fingerprint,
    davis_fingerprint,
    paths,
    perseg_fingerprint,
    run_fingerprint,
)
from vos.evaluation.config import DatasetConfig, EvaluateConfig
from vos.io.config import FinishConfig
from vos.sam.config import ModelConfig
from vos.sam.segmenter import Segmenter, model_record

MODEL = ColourSegmenter()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "mask.png"):
        Path(name).write_text("first")
    return tmp_path


def test_where_and_as_what_a_video_is_written_does_not_count_and_all_else_does(files: Path) -> None:
    config = RunConfig(video="clip.mp4", ref_mask=["mask.png"])
    first = run_fingerprint(config, MODEL)
    assert run_fingerprint(replace(config, output_dir="out", overwrite=True), MODEL) == first
    assert run_fingerprint(replace(config, output=["rle"], keep=["alpha"], finish=FinishConfig(grow=3)), MODEL) == first
    others = {first, run_fingerprint(replace(config, object_names={1: "rex"}), MODEL)}
    others.add(run_fingerprint(replace(config, model=ModelConfig(input_size=512)), MODEL))
    Path("mask.png").write_text("other")
    others.add(run_fingerprint(config, MODEL))
    Path("clip.mp4").write_text("longer clip")
    others.add(run_fingerprint(config, MODEL))
    assert len(others) == 5


def test_other_weights_for_clicks_begin_again_what_was_clicked_and_nothing_else(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = RunConfig(video="clip.mp4")
    clicked, masked = (run_fingerprint(config, MODEL, is_prompted=prompted) for prompted in (True, False))
    monkeypatch.setattr("vos.cli.run_record.click_weights_sha256", lambda: "of another file")
    assert run_fingerprint(config, MODEL, is_prompted=True) != clicked
    assert run_fingerprint(config, MODEL, is_prompted=False) == masked


def test_pictures_of_a_pattern_count(files: Path) -> None:
    config = RunConfig(video="*.png", ref_mask=["mask.png"])
    prints = {run_fingerprint(config, MODEL)}
    Path("more.png").write_text("one more")
    prints.add(run_fingerprint(config, MODEL))
    Path("more.png").write_text("another one")
    prints.add(run_fingerprint(config, MODEL))
    assert len(prints) == 3
    assert run_fingerprint(config, MODEL) in prints


PRINTS: dict[str, Callable[[Any, Segmenter], str]] = {
    "run": lambda config, model: run_fingerprint(RunConfig(video="clip.mp4"), model),
    "davis": lambda config, model: davis_fingerprint(config, model, [Path("mask.png")]),
    "perseg": lambda config, model: perseg_fingerprint(config, model, [Path("mask.png")]),
    "album": lambda config, model: album_fingerprint(AlbumConfig(), model, 0.5, [{"name": "rex"}]),
}


@pytest.mark.parametrize("kind", PRINTS)
def test_engine_precision_and_version_count_in_every_fingerprint(
    files: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EvaluateConfig(dataset=DatasetConfig(root="."))
    prints = {PRINTS[kind](config, MODEL)}
    for attribute, value in (("precision", "bfloat16"), ("engine", "openvino 2026.4"), ("engine", "openvino 2026.5")):
        model = ColourSegmenter()
        setattr(model, attribute, value)
        assert model_record(model)[attribute] == value
        prints.add(PRINTS[kind](config, model))
    assert len(prints) == 4
    assert PRINTS[kind](replace(config, output_dir="out", workers=3), MODEL) in prints
    monkeypatch.setattr(vos.cli.run_record, "__version__", "99")
    assert PRINTS[kind](config, MODEL) not in prints


def test_an_objects_own_files_count(files: Path) -> None:
    first = PRINTS["perseg"](EvaluateConfig(), MODEL)
    Path("mask.png").write_text("another mask")
    assert PRINTS["perseg"](EvaluateConfig(), MODEL) != first


def test_an_option_may_hold_one_path_several_or_none() -> None:
    assert paths(None) == []
    assert paths(["a.png", "b.png"]) == [Path("a.png"), Path("b.png")]
