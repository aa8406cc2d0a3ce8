"""Concept files from anywhere: whatever is wrong with one is said in a line, and a damaged one is never taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import ColourSegmenter, square_clip, square_mask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vos.concept.concept import Concept
from vos.concept.file import CONCEPT
from vos.errors import VosError
from vos.photos.segmenter import PhotoSegmenter

Tensors = dict[str, torch.Tensor]
About = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("concept") / "rex.concept"
    images, masks = square_clip(2), [square_mask(index).labels for index in range(2)]
    Concept.from_images(images, masks, name="rex", model=ColourSegmenter()).save(path)
    return path.read_bytes()


def rewritten(path: Path, whole: bytes, change: Callable[[About, Tensors], object]) -> Path:
    """A file in which something is changed, without the hash that would tell."""
    path.write_bytes(whole)
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()[CONCEPT.key])
    del about["hash"]
    tensors = load_file(path)
    change(about, tensors)
    save_file(tensors, path, metadata={CONCEPT.key: json.dumps(about)})
    return path


def geometry(**values: object) -> Callable[[About, Tensors], object]:
    return lambda about, tensors: about["views"][0]["geometry"].update(values)


def tensor(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[About, Tensors], object]:
    return lambda about, tensors: tensors.update({f"view0.{name}": change(tensors[f"view0.{name}"]).contiguous()})


def filled(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda values: torch.full_like(values, value)


ODD: dict[str, Callable[[About, Tensors], object]] = {
    "stride 0": geometry(grid_stride=0),
    "logit stride 0": geometry(logit_stride=0),
    "stride below 0": geometry(grid_stride=-16, logit_stride=-4),
    "strides that do not divide": geometry(logit_stride=3),
    "sizes beyond memory": geometry(original_size=[10**9, 10**9]),
    "sizes as text": geometry(original_size=["a", "b"]),
    "size of three": geometry(original_size=[48, 64, 3]),
    "size as a float": geometry(original_size=[48.5, 64]),
    "another option of the geometry": geometry(colour="red"),
    "features as integers": tensor("features", lambda t: t.long()),
    "features as doubles": tensor("features", lambda t: t.double()),
    "features without a dimension": tensor("features", lambda t: t[0]),
    "no channel": tensor("features", lambda t: t[:0]),
    "features of another grid": tensor("features", lambda t: t[:, :1]),
    "a channel less in one view": tensor("features", lambda t: t[1:]),
    "not a number": tensor("features", filled(float("nan"))),
    "coverage above 1": tensor("coverage", filled(2.0)),
    "coverage below 0": tensor("coverage", filled(-1.0)),
    "coverage without an end": tensor("coverage", filled(float("inf"))),
    "no coverage": tensor("coverage", filled(0.0)),
    "cells as numbers": tensor("published_cells", lambda t: t.float()),
    "no cells": tensor("published_cells", lambda t: t & False),
    "moments of zeros": tensor("moments0", filled(0.0)),
    "moments that cannot be fitted": tensor("moments0", lambda t: -t),
    "moments not a matrix": tensor("moments0", lambda t: t[0]),
    "moments without the first": lambda about, tensors: tensors.pop("view0.moments0"),
    "moments that begin at the second": lambda a, tensors: tensors.update(
        {"view0.moments1": tensors.pop("view0.moments0")}
    ),
    "thumbnail of floats": tensor("thumbnail", lambda t: t.float()),
    "thumbnail without alpha": tensor("thumbnail", lambda t: t[..., :3]),
    "picture of floats": tensor("picture", lambda t: t.float()),
    "picture that is no picture": tensor("picture", lambda t: t[:40]),
    "weights of four": lambda about, tensors: tensors.update(weights=torch.ones(4)),
    "weights that are no numbers": lambda about, tensors: tensors.update(weights=torch.full((3,), float("nan"))),
    "no tensors": lambda about, tensors: tensors.clear(),
    "no views": lambda about, tensors: about.pop("views"),
    "views as text": lambda about, tensors: about.update(views="abc"),
    "more views than tensors": lambda about, tensors: about.update(views=about["views"] * 2),
    "no name": lambda about, tensors: about.update(name=None),
    "name as a list": lambda about, tensors: about.update(name=["rex"]),
    "area without a number": lambda about, tensors: about["views"][0].update(area=float("nan")),
    "area beyond floats": lambda about, tensors: about["views"][0].update(area=10**400),
    "no check": lambda about, tensors: about["views"][0].pop("audit"),
    "findings as numbers": lambda about, tensors: about["views"][0]["audit"].update(findings=[1]),
    "format as text": lambda about, tensors: about.update(format="two"),
    "format of a list": lambda about, tensors: about.update(format=[2]),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_files_are_one_line(kind: str, whole: bytes, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "rex.concept", whole, ODD[kind])
    with pytest.raises(VosError, match=r"rex\.concept is no concept file, or a damaged one"):
        Concept.load(path)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "1", '"x"', "{}", "[" * 100_000, '{"format": 2}', '{"format": 2, "views": [{}]}']
)
def test_odd_metadata_is_one_line(text: str, tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "rex.concept", metadata={CONCEPT.key: text})
    with pytest.raises(VosError, match=r"rex\.concept is no concept file, or a damaged one"):
        Concept.load(tmp_path / "rex.concept")


def test_files_of_before_the_hash_are_read(whole: bytes, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "old.concept", whole, lambda about, tensors: None)
    assert b"hash" in whole
    assert b"hash" not in path.read_bytes()
    assert Concept.load(path).name == "rex"


def test_names_fit_into_a_line_and_a_file_name(whole: bytes, tmp_path: Path) -> None:
    odd = "a\nb\x1b[31m\ud800"
    path = rewritten(tmp_path / "rex.concept", whole, lambda about, tensors: about.update(name=odd + "x" * 9000))
    name = Concept.load(path).name
    assert name.isprintable()
    assert name.startswith("a?b?[31m?x")
    assert len(name) == 500


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_flipped_bit_goes_unseen(data: st.DataObject, whole: bytes, tmp_path: Path) -> None:
    content = bytearray(whole)
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "bad.concept").write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) - 1]))])
    with pytest.raises(VosError):
        Concept.load(tmp_path / "bad.concept")


def test_features_of_another_model_are_refused_at_the_first_image(whole: bytes, tmp_path: Path) -> None:
    def fewer_channels(about: About, tensors: Tensors) -> None:
        for name in ("view0.features", "view1.features"):
            tensors[name] = tensors[name][:2].contiguous()

    concept = Concept.load(rewritten(tmp_path / "rex.concept", whole, fewer_channels))
    with pytest.raises(VosError, match="concept rex is damaged: its features are not those of colour"):
        PhotoSegmenter(ColourSegmenter()).segment(square_clip(1)[0], [concept])
