"""Cores are shared between the operations that run side by side, and only those that this process may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch

from vos.sam.device import free_cores, set_threads


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
