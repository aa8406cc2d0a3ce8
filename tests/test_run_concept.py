"""A concept file from the concept program serves the video program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FRAMES, SIZE, ColourSegmenter, Program, square_clip, square_mask
from PIL import Image

from vos.cli import concept as concept_program
from vos.cli.config import ConceptConfig
from vos.concept.concept import Concept
from vos.io.masks.label_map import read_label_map


@pytest.fixture
def concept_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The square as another photo shows it, larger than in the clip."""
    image, labels = square_clip(1, SIZE)[0], square_mask(0, SIZE).labels
    Image.fromarray(image).resize((3 * SIZE[1], 3 * SIZE[0])).save(tmp_path / "rex.png")
    Image.fromarray(labels).resize((3 * SIZE[1], 3 * SIZE[0]), Image.Resampling.NEAREST).save(tmp_path / "mask.png")
    monkeypatch.setattr(concept_program, "load_photo_model", lambda *_: ColourSegmenter())
    out = tmp_path / "rex.concept"
    files = {"ref_image": [str(tmp_path / "rex.png")], "ref_mask": [str(tmp_path / "mask.png")]}
    concept_program.run(ConceptConfig(**files, out=str(out), finetune=False))
    return out


def test_every_frame_is_searched(program: Program, concept_file: Path) -> None:
    assert program("video=my clip (1).mp4", f"concept={concept_file}", "output=masks", "output_dir=out") == 0
    for index in range(8, FRAMES):  # before, no cell of the model's grid lies inside the square
        labels = read_label_map(Path("out/masks") / f"{index:05d}.png").labels > 0
        truth = square_mask(index, SIZE).labels > 0
        assert (labels & truth).sum() / (labels | truth).sum() > 0.6
    rows = json.loads(Path("out/summary.json").read_text())["frames"]
    assert [row["objects"]["1"]["presence"] for row in rows[8:]] == ["present"] * (FRAMES - 8)


def test_mistakes_are_one_line(program: Program, concept_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        assert program("video=my clip (1).mp4", *words, "output_dir=out") == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("error: ")
        return error

    assert "belongs to a mask" in said(f"concept={concept_file}", "ref_frame=3")
    assert "exactly one of" in said(f"concept={concept_file}", "ref_mask=mask 0.png")
    assert "is missing" in said("concept=none.concept")
    assert "tracker=persam" in said(f"concept={concept_file}", "tracker=published")
    made = Concept.load(concept_file)
    views = tuple(replace(view, picture=None) for view in made.views)  # as of 0.3.0
    Concept(made.name, made.model_name, "f" * 64, views).save(concept_file)
    assert "other weights" in said(f"concept={concept_file}")
    assert not Path("out/masks").exists()
