"""Cores are shared between the operations that run side by side, and only those that this process may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch

from vos.sam.device import BFLOAT16_CAPABILITIES, free_cores, has_bfloat16, resolve_precision, set_threads


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    yield
    torch.set_num_threads(threads)
    sys.setswitchinterval(interval)


def test_the_embedded_model_leaves_room_for_as_much_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.sam.device.available_cores", lambda: 6)
    set_threads(None, embedded=True)
    assert torch.get_num_threads() == 3
    assert free_cores(torch.device("cpu")) == 2
    assert free_cores(torch.device("cuda")) == 1
    set_threads(1, embedded=True)
    assert free_cores(torch.device("cpu")) == 6


def test_one_core_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.sam.device.available_cores", lambda: 1)
    set_threads(None, embedded=True)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(2)
    assert free_cores(torch.device("cpu")) == 1


def test_sam_keeps_the_threads_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.sam.device.available_cores", lambda: 64)
    torch.set_num_threads(2)
    set_threads(None, embedded=False)
    assert torch.get_num_threads() == 2


@pytest.fixture
def capabilities(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    """What the processor says of itself; nothing, until a test puts something in."""
    faked: dict[str, bool] = {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: faked)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    has_bfloat16.cache_clear()
    yield faked
    has_bfloat16.cache_clear()


@pytest.mark.parametrize("name", ["amx_bf16", "avx512_bf16", "bf16"])
def test_the_embedded_model_takes_bfloat16_where_the_processor_has_it(name: str, capabilities: dict[str, bool]) -> None:
    capabilities |= {name: True}
    cpu = torch.device("cpu")
    assert resolve_precision("auto", cpu) == "bfloat16"
    assert resolve_precision("float32", cpu) == "float32"


@pytest.mark.parametrize(
    "faked", [{}, {"avx2": True, "avx512_f": True, "avx512_vnni": True}, {"bf16": False, "neon": True}]
)
def test_without_it_auto_is_float32(faked: dict[str, bool], capabilities: dict[str, bool]) -> None:
    capabilities |= faked
    assert resolve_precision("auto", torch.device("cpu")) == "float32"


def test_a_processor_whose_bfloat16_pytorch_cannot_use_counts_as_one_without(
    capabilities: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    capabilities |= {"bf16": True}  # a Mac, whose PyTorch comes without oneDNN
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert resolve_precision("auto", torch.device("cpu")) == "float32"


def test_the_names_are_those_that_pytorch_gives() -> None:
    known = torch.cpu.get_capabilities()
    names = BFLOAT16_CAPABILITIES[:2] if known["architecture"] == "x86_64" else BFLOAT16_CAPABILITIES[2:]
    assert all(name in known for name in names)
