"""Models that users bring under a name of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from fakes import SIZE, ColourSegmenter, square_clip, square_mask

import vos
from vos.sam import own_models
from vos.sam.config import ModelConfig
from vos.sam.registry import load_model


class Mine(ColourSegmenter):
    name = "mine"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    own_models._loaders.clear()


def test_a_registered_model_is_loaded_once_and_used_by_name() -> None:
    devices: list[torch.device] = []

    def loader(device: torch.device) -> Mine:
        devices.append(device)
        return Mine()

    vos.register_model("mine", loader)
    assert devices == []
    model = load_model(ModelConfig("mine", memory_limit=1.0), device="cpu")
    assert (type(model), model.memory_limit) == (Mine, 1.0)
    pictures = square_clip(4, SIZE)
    results = list(vos.track(pictures, square_mask(0, SIZE).labels, model="mine", device="cpu"))
    assert results[3][1].presence == "present"
    assert devices == [torch.device("cpu")]
    concept = vos.Concept.from_image(pictures[0], square_mask(0, SIZE).labels, model=model)
    assert vos.segment(pictures[1], concept, threshold=0).mask.any()


@pytest.mark.parametrize("name", ["nano", "vit_b", "my model", "", "a/b", None])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(vos.VosError, match="is no name for a model of your own"):
        vos.register_model(name, lambda device: Mine())


def test_mistakes_are_one_line() -> None:
    vos.register_model("yours", lambda device: Mine())
    with pytest.raises(vos.VosError, match="the loader of model=yours gave one of name=mine"):
        load_model(ModelConfig("yours"), device="cpu")
    vos.register_model("yours", lambda device: "model")  # type: ignore[arg-type, return-value]
    with pytest.raises(vos.VosError, match=r"gave a str; return a vos.Segmenter"):
        load_model(ModelConfig("yours"), device="cpu")
    with pytest.raises(vos.VosError, match="the loader of model=yours is 5; give a function of a device"):
        vos.register_model("yours", 5)  # type: ignore[arg-type]
    with pytest.raises(vos.VosError, match=r"checkpoint=a\.pth: the loader of model=yours brings its own"):
        load_model(ModelConfig("yours"), "a.pth", device="cpu")
    with pytest.raises(vos.VosError, match="engine=openvino: it computes SAM alone"):
        load_model(ModelConfig("yours"), device="cpu", engine="openvino")
    with pytest.raises(vos.VosError, match=r"model=other is unknown; use one of nano, .*, yours"):
        load_model(ModelConfig("other"), device="cpu")
