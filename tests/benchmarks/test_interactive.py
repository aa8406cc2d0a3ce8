"""The simulated user of benchmarks/interactive.py, with a small model and in its own rooms."""

from __future__ import annotations

from pathlib import Path

import interactive
import numpy as np
import pytest
from fakes import ColourSegmenter
from square_davis import write_davis

import vos
from vos.evaluation.davis import read_dataset


@pytest.mark.parametrize("strategy", ["worst", "first"])
def test_the_user_clicks_until_it_is_good(strategy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sequence,) = read_dataset(write_davis(tmp_path, ("dog",), frames=6), 2016, "dev")
    monkeypatch.setattr(interactive, "WANTED", 2.0)
    with vos.Session(sequence.images()[0].parent, tmp_path / "work", model=ColourSegmenter()) as session:
        session.add_object()
        rows = list(interactive.User(sequence, session).work(3, interactive.STRATEGIES[strategy]))
        prompted = session.prompted
    assert [row.clicks for row in rows] == list(range(1, len(rows) + 1))
    assert all(0 < row.jf <= 1 for row in rows)
    assert (np.diff([row.seconds for row in rows]) > 0).all()
    assert prompted[0] == 0
    assert len(prompted) == 1 if strategy == "first" else len(rows) > 1
