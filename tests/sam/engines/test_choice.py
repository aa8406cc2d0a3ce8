"""Which engine is taken, and what is said where it cannot be."""

from __future__ import annotations

import pytest
import torch

from vos.errors import VosError
from vos.sam.engines import choice
from vos.sam.engines.choice import resolve_engine

CPU = torch.device("cpu")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO is there, and computes in bfloat16 as the processor does."""
    monkeypatch.setattr(choice, "_why_not", lambda device, is_sam: "" if is_sam else "reason")
    monkeypatch.setattr(choice, "_has_bfloat16", lambda: True)
    monkeypatch.setattr("vos.sam.device.has_bfloat16", lambda: True)


@pytest.mark.parametrize(
    ("engine", "precision", "is_sam", "taken"),
    [
        ("auto", "auto", True, ("openvino", "bfloat16")),
        ("auto", "float32", True, ("openvino", "float32")),
        ("openvino", "auto", True, ("openvino", "bfloat16")),
        ("torch", "auto", True, ("torch", "bfloat16")),
        ("torch", "float32", True, ("torch", "float32")),
        ("auto", "auto", False, ("torch", "bfloat16")),
    ],
)
@pytest.mark.usefixtures("installed")
def test_engine_and_precision(engine: str, precision: str, is_sam: bool, taken: tuple[str, str]) -> None:
    assert resolve_engine(engine, precision, CPU, is_sam) == taken


@pytest.mark.usefixtures("installed")
def test_processor_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.sam.device.has_bfloat16", lambda: False)
    assert resolve_engine("auto", "auto", CPU, True) == ("openvino", "float32")


@pytest.mark.usefixtures("installed")
def test_bfloat16_that_only_pytorch_has_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_has_bfloat16", lambda: False)
    assert resolve_engine("auto", "auto", CPU, True) == ("torch", "bfloat16")
    assert resolve_engine("openvino", "auto", CPU, True) == ("openvino", "float32")
    with pytest.raises(VosError, match="use precision=float32"):
        resolve_engine("openvino", "bfloat16", CPU, True)


def test_the_embedded_model_waits_for_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded() -> None:
        pytest.fail("OpenVINO is loaded")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(choice, "core", loaded)
    assert resolve_engine("auto", "bfloat16", CPU, False) == ("torch", "bfloat16")


def test_without_the_library_auto_is_pytorch_and_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert resolve_engine("auto", "float32", CPU, True) == ("torch", "float32")
    with pytest.raises(VosError, match=r"pip install 'vos\[openvino\]'"):
        resolve_engine("openvino", "float32", CPU, True)


def test_a_library_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("libopenvino.so: cannot open shared object file")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(choice, "core", broken)
    assert resolve_engine("auto", "float32", CPU, True) == ("torch", "float32")
    with pytest.raises(VosError, match="does not load"):
        resolve_engine("openvino", "float32", CPU, True)


@pytest.mark.parametrize(
    ("engine", "device", "is_sam", "said"),
    [
        ("openvino", "cpu", False, "it computes SAM alone"),
        ("openvino", "cuda:1", True, "not for cuda:1"),
        ("onnx", "cpu", True, "engine=onnx is unknown; use auto, torch or openvino"),
    ],
)
def test_what_cannot_be_is_one_line(engine: str, device: str, is_sam: bool, said: str) -> None:
    with pytest.raises(VosError, match=said):
        resolve_engine(engine, "float32", torch.device(device), is_sam)
