"""Files of weights: found, verified, read safely, and refused with one clear line."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from seeded_weights import build_sam

from vos.errors import VosError
from vos.sam import weights as checkpoints
from vos.sam.config import ModelConfig
from vos.sam.nano.network import NanoNetwork
from vos.sam.official.segmenter import SamSegmenter
from vos.sam.registry import load_model
from vos.sam.weights import PUBLIC_CHECKPOINTS, PublicCheckpoint, local_checkpoint, public_checkpoint


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's hub."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Tensors of a MobileSAM file: the model's, and the classifier that nobody uses."""
    state = dict(build_sam("vit_t", seed=3).network.state_dict())
    return {**state, "image_encoder.norm_head.weight": torch.ones(320), "image_encoder.head.bias": torch.ones(1000)}


def published(content: bytes) -> PublicCheckpoint:
    """A table entry for some bytes, at an address where nobody listens."""
    return PublicCheckpoint("vit_t", "http://127.0.0.1:9/some.pt", len(content), hashlib.sha256(content).hexdigest())


def error_of(path: Path, name: str = "vit_t") -> str:
    """The one line that loading this file gives."""
    with pytest.raises(VosError) as caught:
        load_model(ModelConfig(name), str(path), "cpu")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_table_is_complete() -> None:
    assert set(PUBLIC_CHECKPOINTS) == {"vit_h", "vit_l", "vit_b", "vit_t"}
    for name, checkpoint in PUBLIC_CHECKPOINTS.items():
        assert checkpoint.name == name
        assert len(bytes.fromhex(checkpoint.sha256)) == 32
        assert checkpoint.url.startswith("https://")


def test_offline_says_what_to_fetch_and_where_to_put_it(monkeypatch: pytest.MonkeyPatch, hub: Path) -> None:
    real = PUBLIC_CHECKPOINTS["vit_b"]
    nowhere = dataclasses.replace(real, url="http://127.0.0.1:9/sam_vit_b_01ec64.pth")
    monkeypatch.setitem(PUBLIC_CHECKPOINTS, "vit_b", nowhere)
    with pytest.raises(VosError) as caught:
        load_model(ModelConfig("vit_b"), None, "cpu")
    line = str(caught.value)
    assert "\n" not in line
    for part in (nowhere.url, real.sha256, str(hub / "sam_vit_b_01ec64.pth"), "checkpoint="):
        assert part in line


def test_file_in_the_cache_is_used_without_a_network(hub: Path) -> None:
    (hub / "some.pt").write_bytes(b"weights")
    found = public_checkpoint(published(b"weights"))
    assert found.path == hub / "some.pt"
    assert found.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_another_file_in_the_cache_is_refused_and_kept(hub: Path) -> None:
    (hub / "some.pt").write_bytes(b"truncat")
    with pytest.raises(VosError, match=f"expected {hashlib.sha256(b'weights').hexdigest()}"):
        public_checkpoint(published(b"weights"))
    assert (hub / "some.pt").exists()


def test_hash_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "LARGE", 0)
    path = tmp_path / "own.pth"
    path.write_bytes(b"one")
    first = local_checkpoint(path).sha256
    hashed = []
    real = checkpoints.sha256_of
    monkeypatch.setattr(checkpoints, "sha256_of", lambda p, progress: hashed.append(p) or real(p))
    assert local_checkpoint(path).sha256 == first
    assert hashed == []
    times = path.stat()
    path.write_bytes(b"two")  # same size, and the old times put back
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert local_checkpoint(path).sha256 == hashlib.sha256(b"two").hexdigest()
    assert hashed == [path]


def test_small_files_leave_nothing_in_the_cache(tmp_path: Path, hub: Path) -> None:
    (tmp_path / "own.pth").write_bytes(b"one")
    assert local_checkpoint(tmp_path / "own.pth").sha256 == hashlib.sha256(b"one").hexdigest()
    assert list(hub.iterdir()) == []


def test_broken_table_of_hashes_is_no_error(tmp_path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "LARGE", 0)
    (hub / "vos_sha256.json").write_text("[1")
    (tmp_path / "own.pth").write_bytes(b"one")
    assert local_checkpoint(tmp_path / "own.pth").sha256 == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_own_file_loads_with_its_hash(tmp_path: Path, weights: dict[str, torch.Tensor], suffix: str) -> None:
    path = tmp_path / f"own{suffix}"
    save = torch.save if suffix == ".pth" else safetensors.torch.save_file
    save({name: tensor.clone() for name, tensor in weights.items()}, path)
    model = load_model(ModelConfig("vit_t"), str(path), "cpu", engine="torch")  # OpenVINO would take the weights over
    assert isinstance(model, SamSegmenter)
    assert (model.name, model.checkpoint_name) == ("vit_t", path.name)
    assert model.checkpoint_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert not model.network.training


def test_half_precision_file_runs_in_float32(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    torch.save({name: t.half() if t.is_floating_point() else t for name, t in weights.items()}, tmp_path / "half.pth")
    model = load_model(ModelConfig("vit_t"), str(tmp_path / "half.pth"), "cpu", engine="torch")
    assert isinstance(model, SamSegmenter)
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}


SPOILED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "NaN or infinite": lambda tensor: tensor.index_fill(0, torch.tensor([0]), float("nan")) if tensor.ndim else tensor,
    "infinite": lambda tensor: torch.full_like(tensor, float("inf")),
    "nothing but zeros": torch.zeros_like,
    "of type int32": torch.Tensor.int,
}


@pytest.mark.parametrize("what", SPOILED)
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, weights: dict[str, torch.Tensor], what: str) -> None:
    path = tmp_path / "spoiled.pth"
    torch.save({name: SPOILED[what](t) if t.is_floating_point() else t for name, t in weights.items()}, path)
    assert what in error_of(path)


@pytest.mark.parametrize("what", SPOILED)
def test_so_are_those_of_the_embedded_model(tmp_path: Path, what: str) -> None:
    network = NanoNetwork()
    state = {**network.state_dict(), **{f"prompter.{name}": t for name, t in network.decoder.state_dict().items()}}
    spoiled = {
        name: SPOILED[what](tensor)
        for name, tensor in state.items()
        if name.startswith("prompter.") and tensor.is_floating_point()
    }
    safetensors.torch.save_file(
        {name: t.clone() for name, t in (state | spoiled).items()}, tmp_path / "own.safetensors"
    )
    with pytest.raises(VosError, match=what):
        load_model(ModelConfig("nano"), str(tmp_path / "own.safetensors"), "cpu")


def test_missing_file() -> None:
    with pytest.raises(VosError, match=r"no such checkpoint: nowhere\.pth"):
        load_model(ModelConfig("vit_b"), "nowhere.pth", "cpu")


def test_truncated_file(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    torch.save(weights, tmp_path / "cut.pth")
    content = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    assert "no readable file of weights" in error_of(tmp_path / "cut.pth")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", pickle.dumps([1, 2], 2)])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_are_no_checkpoints(tmp_path: Path, content: bytes, suffix: str) -> None:
    (tmp_path / f"odd{suffix}").write_bytes(content)
    error_of(tmp_path / f"odd{suffix}")


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    torch.save({"image_encoder.pos_embed": Bomb()}, tmp_path / "bomb.pth")
    error_of(tmp_path / "bomb.pth")
    assert not (tmp_path / "exploded").exists()


def test_checkpoint_of_another_size_is_named(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    torch.save(weights, tmp_path / "tiny.pth")
    assert "use model=vit_t" in error_of(tmp_path / "tiny.pth", "vit_b")


def test_missing_surplus_and_misshapen_tensors_are_counted(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    state = dict(weights)
    del state["mask_decoder.iou_token.weight"]
    state["extra"] = torch.ones(1)
    state["mask_decoder.mask_tokens.weight"] = torch.ones(3, 256)
    torch.save(state, tmp_path / "odd.pth")
    line = error_of(tmp_path / "odd.pth")
    assert "1 tensors missing (first mask_decoder.iou_token.weight)" in line
    assert "1 tensors too many (first extra)" in line
    assert "1 tensors of another shape (first mask_decoder.mask_tokens.weight)" in line


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(VosError, match="vit_x is unknown; use one of nano, vit_t, vit_b, vit_l, vit_h"):
        load_model(ModelConfig("vit_x"), None, "cpu")
    with pytest.raises(VosError, match="input_size=512"):
        load_model(ModelConfig("vit_t", input_size=512), None, "cpu")
    with pytest.raises(VosError, match="device=gpu"):
        load_model(ModelConfig("vit_t"), None, "gpu")
    with pytest.raises(VosError, match="precision=fp8"):
        load_model(ModelConfig("vit_t"), None, "cpu", "fp8")
