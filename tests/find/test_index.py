"""The index on disk: what goes in comes out, an interruption costs no more than the last source, a limit holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fakes import ColourSegmenter, square_clip

from vos.errors import VosError
from vos.find.index import BYTES, LINES, EncodingIndex, packed
from vos.find.pictures import Source


def sources(folder: Path, count: int) -> list[Source]:
    paths = [folder / f"{k}.jpg" for k in range(count)]
    for path in paths:
        path.write_text("a photo")
    return [Source(path, False) for path in paths]


def features(value: int) -> np.ndarray:
    return np.full((3, 2, 4), value, np.int8)


def test_what_was_seen_comes_back(tmp_path: Path) -> None:
    one, other = sources(tmp_path, 2)
    with EncodingIndex(tmp_path / "index", "nano", 1.0) as index:
        index.add(one, [None], [features(5)])
        index.add(other, [0.0, 2.5], [features(7), features(9)])
        assert index.size == 3 * 24
    again = EncodingIndex(tmp_path / "index", "nano", 1.0)
    entry = again.get(other)
    assert entry is not None
    assert entry.times == (0.0, 2.5)
    seen = again.features(entry)
    assert isinstance(seen, np.memmap)
    assert [int(each.max()) for each in seen] == [7, 9]


def test_another_model_or_file_is_seen_anew(tmp_path: Path) -> None:
    (one,) = sources(tmp_path, 1)
    with EncodingIndex(tmp_path / "index", "nano", 1.0) as index:
        index.add(one, [None], [features(5)])
    assert EncodingIndex(tmp_path / "index", "vit_t", 1.0).get(one) is None
    one.path.write_text("another photo")
    assert EncodingIndex(tmp_path / "index", "nano", 1.0).get(one) is None


@pytest.mark.parametrize("cut", [BYTES, LINES])
def test_an_interruption_costs_the_last_source_alone(cut: str, tmp_path: Path) -> None:
    one, other = sources(tmp_path, 2)
    with EncodingIndex(tmp_path / "index", "nano", 1.0) as index:
        index.add(one, [None], [features(5)])
        index.add(other, [None], [features(7)])
    path = tmp_path / "index" / cut
    path.write_bytes(path.read_bytes()[:-9])
    with EncodingIndex(tmp_path / "index", "nano", 1.0) as again:
        assert again.get(other) is None
        entry = again.get(one)
        assert entry is not None
        again.add(other, [None], [features(8)])
        assert int(again.features(entry).min()) == 5
        added = again.get(other)
        assert added is not None
        assert int(again.features(added).max()) == 8


def test_a_limit_holds(tmp_path: Path) -> None:
    with EncodingIndex(tmp_path / "index", "nano", 30e-9) as index:
        for each in sources(tmp_path, 2):
            assert not index.is_full
            index.add(each, [None], [features(1)])
        assert index.is_full


def test_a_file_that_is_gone_is_one_line(tmp_path: Path) -> None:
    (one,) = sources(tmp_path, 1)
    with EncodingIndex(tmp_path / "index", "nano", 1.0) as index:
        index.add(one, [None], [features(5)])
        one.path.unlink()
        with pytest.raises(VosError, match=r"0\.jpg cannot be read"):
            index.get(one)


def test_eight_bits_keep_directions() -> None:
    (embedding,) = ColourSegmenter().encode([square_clip(1)[0]])
    kept = torch.from_numpy(packed(embedding)).float().flatten(1)
    rows, columns = embedding.geometry.image_grid_size
    assert packed(embedding).shape[1:] == (rows, columns)
    seen = embedding.features[:, :rows, :columns].flatten(1)
    cosine = torch.cosine_similarity(kept, seen, dim=0)[seen.norm(dim=0) > 1e-3]
    assert len(cosine) > 0
    assert float(cosine.min()) > 0.999
