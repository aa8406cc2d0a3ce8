"""Arrays, read by NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vos.io.clip import Clip
from vos.io.forms.arrays import NpzWriter

from .conftest import COUNT, IDS, NAMES, SIZE, Form, labels_of, result_of


def test_numpy_reads_labels_with_the_ids_of_the_reference(written: Callable[..., Form]) -> None:
    form = written("npz")
    with np.load(form.path) as data:
        assert (data["labels"].dtype, data["labels"].shape) == (np.uint16, (COUNT, *SIZE))
        own = np.zeros(256, np.uint16)
        own[list(IDS)] = list(IDS.values())
        np.testing.assert_array_equal(data["labels"], [own[labels_of(t)] for t in range(COUNT)])
        assert dict(zip(data["ids"].tolist(), data["names"].tolist())) == NAMES
        gone = np.arange(COUNT) % 3 == 2
        np.testing.assert_array_equal(data["scores"][:, 0], np.float32(0.9))
        np.testing.assert_allclose(data["scores"][:, 1], np.where(gone, 0, 0.123457))
        assert data["scores"].dtype == np.float32
        presences = data["presences"][data["presence"]]
        assert presences[:, 1].tolist() == ["absent" if one else "uncertain" for one in gone]
        assert data["indices"].tolist() == list(range(COUNT))
        assert data["frames"].tolist() == [f"{t:05d}" for t in range(COUNT)]
        np.testing.assert_allclose(data["times"], np.arange(COUNT) / 10)


def test_small_ids_stay_bytes(written: Callable[..., Form], tmp_path: object) -> None:
    form = written("csv")
    with NpzWriter(form.path.with_suffix(".npz"), Clip("a", "0" * 32)) as writer:
        for frame in form.frames:
            writer.write(result_of(frame))
    with np.load(writer.path) as data:
        assert data["labels"].dtype == np.uint8
        np.testing.assert_array_equal(data["labels"], [labels_of(t) for t in range(COUNT)])
