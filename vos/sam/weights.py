"""Weights: the public checkpoints, where they lie, and how a file becomes a state dict."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from vos.download import DownloadError, download, sha256_of
from vos.errors import VosError

LARGE = 100_000_000  # bytes; what is smaller is hashed in a moment
_META = "https://dl.fbaipublicfiles.com/segment_anything/"
_MOBILE = "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/"


@dataclass(frozen=True, slots=True)
class PublicCheckpoint:
    """A published file of weights.

    Attributes:
        name: of the model, e.g. "vit_b".
        url: where it is published; the last part is the file's name.
        size: bytes.
        sha256: hex digits.
    """

    name: str
    url: str
    size: int
    sha256: str

    @property
    def path(self) -> Path:
        """Where torch's hub keeps it, and we too."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rsplit("/", 1)[1]


PUBLIC_CHECKPOINTS = {
    checkpoint.name: checkpoint
    for checkpoint in (
        PublicCheckpoint("vit_h", _META + "sam_vit_h_4b8939.pth", 2564550879,
                         "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"),
        PublicCheckpoint("vit_l", _META + "sam_vit_l_0b3195.pth", 1249524607,
                         "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"),
        PublicCheckpoint("vit_b", _META + "sam_vit_b_01ec64.pth", 375042383,
                         "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"),
        PublicCheckpoint("vit_t", _MOBILE + "mobile_sam.pt", 40728226,
                         "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A file of weights on this machine, with its SHA-256."""

    path: Path
    sha256: str


def public_checkpoint(checkpoint: PublicCheckpoint) -> CheckpointFile:
    """Finds a public checkpoint in torch's hub cache, or downloads it there; verified either way.

    Raises:
        VosError: it cannot be downloaded, or the file in the cache is another one.
    """
    path = checkpoint.path
    if not path.exists():
        try:
            download(checkpoint.url, path, checkpoint.size, checkpoint.sha256)
        except DownloadError as error:
            raise VosError(
                f"cannot download the weights of {checkpoint.name}: {error}; get {checkpoint.url} ({checkpoint.size} "
                f"bytes, SHA-256 {checkpoint.sha256}) and put it at {path}, or give its place as checkpoint=FILE"
            ) from error
    found = local_checkpoint(path)
    if found.sha256 != checkpoint.sha256:
        raise VosError(
            f"{path} is not the published {path.name}: its SHA-256 is {found.sha256}, expected {checkpoint.sha256}; "
            f"delete it to download it again, or use it as it is with checkpoint={path}"
        )
    return found


def local_checkpoint(path: Path) -> CheckpointFile:
    """Finds a user's own file of weights; its hash is reported, not judged.

    Raises:
        VosError: no such file, or not readable.
    """
    if not path.is_file():
        raise VosError(f"no such checkpoint: {path}; give a .pth, .pt or .safetensors file")
    try:
        return CheckpointFile(path, remembered_sha256(path))
    except OSError as error:
        raise VosError(f"cannot read the checkpoint {path}: {error.strerror or error}") from error


def remembered_sha256(path: Path) -> str:
    """The hash; of a large file from a small table in the cache, as long as the file's size and times are the same.

    On Unix the time of the last change of status (ctime) cannot be set at will, so a replaced or edited file does not
    pass for the old one.
    """
    status = path.stat()
    if status.st_size < LARGE:
        return sha256_of(path)
    stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    table_path = Path(torch.hub.get_dir()) / "checkpoints" / "vos_sha256.json"
    try:
        table = dict(json.loads(table_path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        table = {}
    key = str(path.resolve())
    known = table.get(key)
    if isinstance(known, dict) and known.get("stamp") == stamp and isinstance(known.get("sha256"), str):
        return str(known["sha256"])
    sha256 = sha256_of(path, progress=True)
    temporary = table_path.with_name(f"{table_path.name}.{os.getpid()}.partial")
    try:
        table_path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({**table, key: {"stamp": stamp, "sha256": sha256}}, indent=1), encoding="utf-8")
        temporary.replace(table_path)
    except OSError:
        pass  # a cache that cannot be written costs time, nothing else
    return sha256


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Reads tensors by name, on the CPU; never runs code that a file may hold.

    Raises:
        VosError: truncated, not a checkpoint, or holding other things than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError,
            AttributeError, OSError) as error:  # fmt: skip
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise VosError(
            f"{path} is no readable file of weights (cut off, or more than tensors by name): {reason}; fetch it again"
        ) from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise VosError(f"{path} holds no tensors by name; give a state dict as SAM's own .pth files are")
    return state


def load_weights(network: nn.Module, state: Mapping[str, torch.Tensor], path: Path, name: str) -> None:
    """Puts a checkpoint's tensors into a network, in place of what it has.

    Args:
        network: takes the tensors as its parameters (float32).
        state: names as in the public files; MobileSAM's unused classifier is skipped.
        path: of the file, for messages.
        name: of the model, for messages.

    Raises:
        VosError: names, shapes or types differ, or numbers are none.
    """
    classifier = ("image_encoder.norm_head.", "image_encoder.head.")
    given = {key: value for key, value in state.items() if not (name == "vit_t" and key.startswith(classifier))}
    wanted = network.state_dict()
    missing = sorted(wanted.keys() - given.keys())
    surplus = sorted(given.keys() - wanted.keys())
    shapes = sorted(key for key in wanted.keys() & given.keys() if wanted[key].shape != given[key].shape)
    if missing or surplus or shapes:
        found = _recognise(state)
        hint = f"these are the weights of {found}: use model={found}" if found not in (None, name) else (
            f"give the checkpoint of a {name}"
        )  # fmt: skip
        parts = [
            f"{len(keys)} tensors {what} (first {keys[0]})"
            for keys, what in ((missing, "missing"), (surplus, "too many"), (shapes, "of another shape"))
            if keys
        ]
        raise VosError(f"{path} does not fit {name}: {', '.join(parts)}; {hint}")
    network.load_state_dict(checked_weights(wanted, given, path), assign=True)


def checked_weights(
    wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor], path: Path | str
) -> dict[str, torch.Tensor]:
    """Converts a file's tensors to float32 after a look at their numbers: wrong ones would give wrong masks silently.

    Args:
        wanted: a network's state dict.
        given: the file's; what is missing or too many is not judged here.
        path: of the file, for messages.

    Raises:
        VosError: whole numbers where the network has fractions, NaN or infinity, or nothing but zeros.
    """
    fractions = [name for name, value in wanted.items() if value.is_floating_point() and name in given]
    whole = [name for name in fractions if not given[name].is_floating_point()]
    if whole:
        raise VosError(
            f"{path} holds weights of type {str(given[whole[0]].dtype).removeprefix('torch.')} (first {whole[0]}), "
            "which have lost their fractions; save them as float32 or float16"
        )
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in given.items()}
    broken = [name for name in fractions if not bool(tensors[name].isfinite().all())]
    if broken:
        raise VosError(f"{path} holds weights that are NaN or infinite (first {broken[0]}); fetch the file again")
    if fractions and not any(bool(tensors[name].any()) for name in fractions):
        raise VosError(f"{path} holds nothing but zeros; fetch the file again")
    return tensors


def _recognise(state: Mapping[str, torch.Tensor]) -> str | None:
    """The model that a SAM checkpoint belongs to, by the encoder's width."""
    if "image_encoder.patch_embed.seq.0.c.weight" in state:
        return "vit_t"
    positions = state.get("image_encoder.pos_embed")
    width = positions.shape[-1] if positions is not None and positions.ndim else 0
    return {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}.get(width)
