"""Encodings on the disk are bit for bit what was encoded, and take no more room than they may."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fakes import ColourSegmenter, square_clip

from vos.sam.nano.network import NanoNetwork, NanoWeights
from vos.sam.nano.segmenter import NanoSegmenter
from vos.session.encodings import EncodingCache
from vos.structures import ImageEmbedding


def tensors(embedding: ImageEmbedding) -> list[torch.Tensor]:
    return [embedding.features, *embedding.levels]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch", [1, 3])
def test_an_encoding_is_read_as_it_was_made(tmp_path: Path, precision: str, batch: int) -> None:
    model = NanoSegmenter(NanoWeights(NanoNetwork()), precision=precision, input_size=128)
    images = square_clip(batch)
    made = EncodingCache(tmp_path, 1 << 30, 9).encode(model, images)
    cache = EncodingCache(tmp_path, 1 << 30, 9)
    model.encode = None  # type: ignore[assignment, method-assign]
    read = cache.encode(model, images)
    assert len(read) == batch
    for one, other in zip(made, read):
        assert one.geometry == other.geometry
        for a, b in zip(tensors(one), tensors(other), strict=True):
            assert (a.dtype, a.stride(), a.shape) == (b.dtype, b.stride(), b.shape)
            assert torch.equal(a, b)


def test_another_model_or_picture_is_encoded_anew(tmp_path: Path) -> None:
    model, cache = ColourSegmenter(), EncodingCache(tmp_path, 1 << 30, 9)
    images = square_clip(3)
    for batch in ([images[0]], [images[1]], images, [images[0]]):
        cache.encode(model, batch)
    assert model.encoded == 5
    model.checkpoint_sha256 = "1" * 64
    cache.encode(model, [images[0]])
    assert model.encoded == 6


def test_the_disk_is_bounded(tmp_path: Path) -> None:
    model, images = ColourSegmenter(), square_clip(30)
    cache = EncodingCache(tmp_path, 1 << 30, 9)
    cache.encode(model, images[:1])
    limit = 10 * cache.size + 1
    cache = EncodingCache(tmp_path, limit, 60)
    for _ in range(3):
        for image in images:
            cache.encode(model, [image])
            assert sum(path.stat().st_size for path in tmp_path.iterdir()) == cache.size <= limit
    assert model.encoded == 30 + 20 + 20, "a third is found in every round"
    for _ in range(9):
        before = model.encoded
        for image in images[15:25]:
            cache.encode(model, [image])
    assert model.encoded == before, "what is not used any more gives way"
    assert cache.size <= limit
    smaller = EncodingCache(tmp_path, limit // 3, 60)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == smaller.size <= limit // 3
    none = EncodingCache(tmp_path / "none", 0, 9)
    none.encode(model, images[:1])
    assert list((tmp_path / "none").glob("*")) == []


def test_what_is_damaged_is_encoded_again(tmp_path: Path) -> None:
    model, image = ColourSegmenter(), square_clip(1)[0]
    made = EncodingCache(tmp_path, 1 << 30, 9).encode(model, [image])[0]
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:-3] + b"abc", bytes(len(whole))):
        path.write_bytes(damaged)
        again = EncodingCache(tmp_path, 1 << 30, 9).encode(model, [image])[0]
        assert all(map(torch.equal, tensors(made), tensors(again)))
        assert path.read_bytes() == whole
    assert model.encoded == 5


def test_what_a_killed_process_left_goes_away(tmp_path: Path) -> None:
    (tmp_path / ".0123.0123abcd.partial.encoding").write_bytes(b"half")
    (tmp_path / "yours.txt").write_bytes(b"")
    EncodingCache(tmp_path, 1 << 30, 9)
    assert [path.name for path in tmp_path.iterdir()] == ["yours.txt"]
