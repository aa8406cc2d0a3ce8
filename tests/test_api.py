"""The Python API as its docstring shows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import square_clip, square_mask

import vos
from vos.sam.nano.network import NanoNetwork, NanoWeights
from vos.sam.nano.segmenter import NanoSegmenter


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, vos; assert 'torch' not in sys.modules and 'numpy' not in sys.modules; vos.segment; "
        "assert 'torch' in sys.modules and 'hydra' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_five_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    model = NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    monkeypatch.setattr("vos.concept.concept.cached_model", lambda name="nano": model)
    monkeypatch.setattr("vos.photos.segmenter.cached_model", lambda name="nano": model)
    image, mask = square_clip(1)[0], square_mask(0).labels
    concept = vos.Concept.from_image(image, mask)
    result = vos.segment(image, concept)
    assert isinstance(result, vos.PhotoResult)
    assert result.presence in ("present", "absent")
    assert 0 <= result.score <= 1
    assert result.mask.dtype == np.bool_
    assert result.alpha.dtype == np.uint8
    assert result.mask.shape == result.alpha.shape == image.shape[:2]


def test_a_concept_is_given_itself_or_by_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    image = square_clip(1)[0]
    concept = vos.Concept.from_image(image, square_mask(0).labels, model=model)
    concept.save(tmp_path / "square.concept")
    assert len(repr(concept)) < 200, "no tensors"
    by_file = vos.segment(image, tmp_path / "square.concept", model=model)
    np.testing.assert_array_equal(by_file.alpha, vos.segment(image, concept, model=model).alpha)
    with pytest.raises(vos.VosError, match="a ndarray is no concept"):
        vos.segment(concept, image, model=model)  # type: ignore[arg-type]


def test_a_concept_is_saved_where_it_is_loaded_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    vos.Concept.from_image(square_clip(1)[0], square_mask(0).labels, model=model).save("~/square.concept")
    assert vos.Concept.load("~/square.concept").name == "object"
    assert [path.name for path in tmp_path.iterdir()] == ["square.concept"]


def test_saving_a_concept_replaces_concepts_only(tmp_path: Path) -> None:
    model = NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    concept = vos.Concept.from_image(square_clip(1)[0], square_mask(0).labels, model=model)
    mine = tmp_path / "mask.png"
    mine.write_bytes(b"mine")
    with pytest.raises(vos.VosError, match=r"mask\.png would be replaced, and is no concept file"):
        concept.save(mine)
    assert mine.read_bytes() == b"mine"
    for _ in range(2):
        concept.save(tmp_path / "square.concept")


def test_a_pipe_is_no_concept_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    concept = vos.Concept.from_image(
        square_clip(1)[0], square_mask(0).labels, model=NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    )
    with pytest.raises(vos.VosError, match="pipe would be replaced"):
        concept.save(tmp_path / "pipe")


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        _ = vos.segmnt  # type: ignore[attr-defined]
    assert {"Concept", "PhotoResult", "VosError", "segment"} <= set(vos.__all__)
    for name in vos.__all__:
        assert getattr(vos, name) is not None
