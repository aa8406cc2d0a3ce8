"""Concept files: what goes in comes out, what does not belong is refused in one line; and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes import ColourSegmenter, square_clip, square_mask
from PIL import Image
from safetensors.torch import load_file, save_file

from vos.cli import concept as program
from vos.cli.config import ConceptConfig
from vos.concept.concept import Concept
from vos.concept.file import CONCEPT
from vos.errors import VosError


@pytest.fixture
def model() -> ColourSegmenter:
    return ColourSegmenter()


@pytest.fixture
def concept(model: ColourSegmenter) -> Concept:
    images = square_clip(2)
    masks = [square_mask(index).labels for index in range(2)]
    made = Concept.from_images(images, masks, name="rex", model=model)
    return Concept(made.name, made.model_name, made.checkpoint_sha256, made.views, torch.tensor([0.5, 0.3, 0.2]))


def test_file_gives_back_every_bit(concept: Concept, tmp_path: Path) -> None:
    concept.save(tmp_path / "rex.concept")
    assert [path.name for path in tmp_path.iterdir()] == ["rex.concept"]  # nothing half-written beside it
    other = Concept.load(tmp_path / "rex.concept")
    assert (other.name, other.model_name, other.checkpoint_sha256) == ("rex", "colour", "0" * 64)
    assert other.weights is not None
    assert concept.weights is not None
    assert torch.equal(other.weights, concept.weights)
    for ours, theirs in zip(concept.views, other.views):
        assert torch.equal(ours.features, theirs.features)
        assert torch.equal(ours.coverage, theirs.coverage)
        assert torch.equal(ours.published_cells, theirs.published_cells)
        assert (ours.thumbnail == theirs.thumbnail).all()
        assert (ours.geometry, ours.area, ours.check) == (theirs.geometry, theirs.area, theirs.check)
    a, b = concept.target(), other.target()
    assert torch.equal(a.direction, b.direction)
    assert torch.equal(a.foreground, b.foreground)


def test_same_concept_same_bytes(concept: Concept, tmp_path: Path) -> None:
    contents = set()
    for number in range(8):
        concept.save(tmp_path / f"{number}.concept")
        contents.add((tmp_path / f"{number}.concept").read_bytes())
    assert len(contents) == 1


def test_another_model_or_other_weights_are_refused(concept: Concept, model: ColourSegmenter) -> None:
    concept.check_model(model)
    model.checkpoint_sha256 = "1" * 64
    with pytest.raises(VosError, match="other weights of colour"):
        concept.check_model(model)
    model.name = "vit_b"
    with pytest.raises(VosError, match="model=colour, not vit_b"):
        concept.check_model(model)


def test_another_model_sees_the_pictures_anew(concept: Concept, model: ColourSegmenter, tmp_path: Path) -> None:
    concept.save(tmp_path / "rex.concept")
    loaded = Concept.load(tmp_path / "rex.concept")
    assert loaded.fitted(model) is loaded
    model.checkpoint_sha256 = "1" * 64
    again = loaded.fitted(model)
    again.check_model(model)
    assert (again.name, len(again.views)) == (concept.name, len(concept.views))
    assert float(again.target().direction @ concept.target().direction) > 0.98
    for ours, theirs in zip(concept.views, loaded.views):
        assert ours.picture is not None
        assert theirs.picture is not None
        assert (ours.picture == theirs.picture).all()


def test_a_file_without_pictures_is_of_one_model(concept: Concept, model: ColourSegmenter, tmp_path: Path) -> None:
    """As those of 0.3.0 are."""
    old = replace(concept, views=tuple(replace(view, picture=None) for view in concept.views))
    old.save(tmp_path / "rex.concept")
    loaded = Concept.load(tmp_path / "rex.concept")
    assert loaded.fitted(model) is loaded
    model.checkpoint_sha256 = "1" * 64
    with pytest.raises(VosError, match="make the concept again"):
        loaded.fitted(model)


def tampered(path: Path, **changes: object) -> None:
    """Rewrites a concept file with other metadata."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()[CONCEPT.key])
    save_file(load_file(path), path, metadata={CONCEPT.key: json.dumps({**about, **changes})})


def test_damaged_or_foreign_files_are_one_line(concept: Concept, tmp_path: Path) -> None:
    path = tmp_path / "rex.concept"
    with pytest.raises(VosError, match="is missing"):
        Concept.load(path)
    concept.save(path)
    whole = path.read_bytes()
    for content in (b"", b"not a concept", whole[: len(whole) // 2], b"\xff" * 64):
        path.write_bytes(content)
        with pytest.raises(VosError, match=r"no concept file|missing"):
            Concept.load(path)
    path.write_bytes(whole)
    tampered(path, format=3)
    with pytest.raises(VosError, match="has format 3"):
        Concept.load(path)
    path.write_bytes(whole)
    tampered(path, views=[])
    with pytest.raises(VosError, match="no concept file"):
        Concept.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(VosError, match="no concept file"):
        Concept.load(path)
    path.write_bytes(whole)
    tensors = load_file(path)
    tensors["view0.features"] = tensors["view0.features"][:, :1].contiguous()
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(VosError, match="no concept file"):
        Concept.load(path)


def test_bad_references_are_named(model: ColourSegmenter, tmp_path: Path) -> None:
    image, mask = square_clip(1)[0], square_mask(0).labels
    with pytest.raises(VosError, match="no object"):
        Concept.from_image(image, np.zeros_like(mask), model=model)
    with pytest.raises(VosError, match="no object 7"):
        Concept.from_image(image, mask, model=model, object_id=7)
    with pytest.raises(VosError, match="height x width"):
        Concept.from_image(image, mask[:-1], model=model)
    with pytest.raises(VosError, match="uint8 array"):
        Concept.from_image(image.astype(np.float32), mask, model=model)  # type: ignore[arg-type]
    with pytest.raises(VosError, match="one mask per photo"):
        Concept.from_images([image], [], model=model)
    with pytest.raises(VosError, match="missing"):
        Concept.from_image(tmp_path / "rex.jpg", mask, model=model)


def write_reference(folder: Path, ids: tuple[int, ...] = (1,)) -> None:
    Image.fromarray(square_clip(1)[0]).save(folder / "rex.png")
    labels = square_mask(0).labels.copy()
    for number, object_id in enumerate(ids[1:], start=1):
        labels[40:44, 4 * number : 4 * number + 3] = object_id
    Image.fromarray(labels).save(folder / "rex_mask.png")


def test_command_line_writes_a_file_and_prints_its_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, model: ColourSegmenter
) -> None:
    monkeypatch.setattr(program, "load_photo_model", lambda *_: model)
    write_reference(tmp_path)
    config = ConceptConfig(
        ref_image=[str(tmp_path / "rex.png")],
        ref_mask=[str(tmp_path / "rex_mask.png")],
        out=str(tmp_path / "rex.concept"),
        finetune=False,
    )
    made = program.run(config)
    said = capsys.readouterr()
    assert "quality" in said.out
    assert "small" in said.err  # a square of 16 pixels covers one cell
    assert "rex.concept" in said.out
    assert Concept.load(tmp_path / "rex.concept").name == made.name == "rex"


def test_clicks_stand_for_the_mask_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, model: ColourSegmenter
) -> None:
    monkeypatch.setattr(program, "load_photo_model", lambda *_: model)
    write_reference(tmp_path)
    files, out = {"ref_image": [str(tmp_path / "rex.png")]}, str(tmp_path / "rex.concept")
    made = program.run(ConceptConfig(**files, ref_point=[15, 23], ref_box=[8, 16, 16, 16], out=out, finetune=False))
    assert made.views[0].area == pytest.approx(256, rel=0.3)
    said = capsys.readouterr()
    assert "ref_box and ref_point: " in said.out
    assert "rex.png: it covers only" in said.err
    with pytest.raises(VosError, match="given for 2"):
        program.run(ConceptConfig(ref_image=files["ref_image"] * 2, ref_point=[15, 23], out=out))
    with pytest.raises(VosError, match=r"ref_point=\[64, 23\] is not"):
        program.run(ConceptConfig(**files, ref_point=[64, 23], out=out))


def test_command_line_needs_one_object(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: ColourSegmenter) -> None:
    monkeypatch.setattr(program, "load_photo_model", lambda *_: model)
    write_reference(tmp_path, ids=(1, 4))
    files = {"ref_image": [str(tmp_path / "rex.png")], "ref_mask": [str(tmp_path / "rex_mask.png")]}
    out = str(tmp_path / "rex.concept")
    with pytest.raises(VosError, match="ids 1, 4; choose one with ref_id="):
        program.run(ConceptConfig(**files, out=out))
    with pytest.raises(VosError, match="ref_id=3"):
        program.run(ConceptConfig(**files, out=out, ref_id=3))
    assert program.run(ConceptConfig(**files, out=out, ref_id=4, finetune=False)).views[0].area == 12
    with Image.open(tmp_path / "rex_mask.png") as image:  # two objects whose numbers need 16 bits
        labels = np.asarray(image).astype(np.uint16)
    Image.fromarray(np.where(labels, labels + 1000, 0).astype(np.uint16)).save(tmp_path / "rex_mask.png")
    assert program.run(ConceptConfig(**files, out=out, ref_id=1004, finetune=False)).views[0].area == 12
    with pytest.raises(VosError, match="ids 1001, 1004; choose one with ref_id="):
        program.run(ConceptConfig(**files, out=out))
    with pytest.raises(VosError, match="out="):
        program.run(ConceptConfig(**files))
    with pytest.raises(VosError, match="ref_mask="):
        program.run(ConceptConfig(ref_image=files["ref_image"], out=out))
    with pytest.raises(VosError, match="one per photo"):
        program.run(ConceptConfig(ref_image=files["ref_image"] * 2, ref_mask=files["ref_mask"], out=out))


def test_users_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    words = [f"ref_image={tmp_path}/none.jpg", f"ref_mask={tmp_path}/none.png", f"out={tmp_path}/x.concept"]
    done = subprocess.run(
        [sys.executable, "-m", "vos.concept", *words], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
