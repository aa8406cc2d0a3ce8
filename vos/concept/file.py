"""Concept files: safetensors with the references' features, and as metadata what they belong to."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from vos.concept.reference_check import Issue, ReferenceCheck
from vos.concept.reference_view import PICTURE_SIDE, ReferenceView
from vos.errors import VosError
from vos.geometry import Geometry
from vos.io.tensor_file import TensorFile
from vos.persam.target_model import RIDGE

FORMAT = 2  # of the file; raised when its meaning changes
CONCEPT = TensorFile("vos.concept", "concept file")
KEYS = {"format", "name", "model", "sha256", "views"}  # of its JSON; and "hash", which files of before 0.4.0 have not
MAX_SIDE = 1 << 17  # pixels
MAX_TEXT = 500


class ConceptFile(NamedTuple):
    """What a file holds: the fields of :class:`vos.concept.concept.Concept`, in their order."""

    name: str
    model_name: str
    checkpoint_sha256: str
    views: tuple[ReferenceView, ...]
    weights: torch.Tensor | None


def write_concept(path: str | Path, concept: ConceptFile) -> None:
    """Writes a concept; the file appears under its name only when it is complete.

    Raises:
        VosError: the place cannot be written, or holds something that is no concept file.
    """
    path = Path(path).expanduser()
    tensors: dict[str, torch.Tensor] = {}
    views = []
    for number, view in enumerate(concept.views):
        prefix = f"view{number}."
        tensors[prefix + "features"] = view.features.contiguous()
        tensors[prefix + "coverage"] = view.coverage.contiguous()
        tensors |= {f"{prefix}moments{k}": each.contiguous() for k, each in enumerate(view.moments)}
        tensors[prefix + "published_cells"] = view.published_cells.contiguous()
        tensors[prefix + "thumbnail"] = torch.from_numpy(view.thumbnail)
        if view.picture is not None:
            tensors[prefix + "picture"] = _packed(view.picture)
        # The keys are the file format's, older than the names here.
        issues = [asdict(issue) for issue in view.check.issues]
        check = {"findings": issues, "quality": view.check.quality}
        views.append({"geometry": asdict(view.geometry), "area": view.area, "audit": check})
    if concept.weights is not None:
        tensors["weights"] = concept.weights.contiguous()
    about = {
        "format": FORMAT,
        "name": concept.name,
        "model": concept.model_name,
        "sha256": concept.checkpoint_sha256,
        "views": views,
    }
    CONCEPT.write(path, json.dumps({**about, "hash": _digest(about, tensors)}), tensors)


def read_concept(path: str | Path) -> ConceptFile:
    """Reads a concept; whether it fits a model is checked where the two meet (``Concept.check_model``).

    The file may come from anyone: nothing in it is believed before it is checked.

    Raises:
        VosError: missing, damaged, no concept file, or of a later version.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise VosError(f"{path} is missing; make it with python -m vos.concept ref_image= ref_mask= out={path}")
    try:
        about, tensors = CONCEPT.read(path)
        if about["format"] == FORMAT:
            told = about.pop("hash", None)
            _require(set(about) == KEYS and told in (None, _digest(about, tensors)), "damaged")
            return _contents(about, tensors)
        version = int(about["format"])
    except Exception as error:  # an odd file can make any of its readers raise anything
        raise VosError(
            f"{path} is no concept file, or a damaged one; make it again with python -m vos.concept"
        ) from error
    raise VosError(f"{path} has format {version}, this version reads {FORMAT}; make the concept again")


def _digest(about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Hashes all that a file says."""
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _contents(about: dict[str, Any], tensors: Mapping[str, torch.Tensor]) -> ConceptFile:
    views = tuple(_view(view, tensors, f"view{k}.") for k, view in enumerate(about["views"]))
    _require(len(views) > 0, "no reference")
    shapes = {(view.features.shape[0], *(moments.shape for moments in view.moments)) for view in views}
    _require(len(shapes) == 1, "views of several models")
    weights = tensors.get("weights")
    if weights is not None:
        _require_numbers(weights, (3,))
    return ConceptFile(
        _printable(about["name"]), _printable(about["model"]), _printable(about["sha256"]), views, weights
    )


def _view(about: dict[str, Any], tensors: Mapping[str, torch.Tensor], prefix: str) -> ReferenceView:
    geometry = _geometry(about["geometry"])
    features, coverage = tensors[prefix + "features"], tensors[prefix + "coverage"]
    cells, thumbnail = tensors[prefix + "published_cells"], tensors[prefix + "thumbnail"]
    _require_numbers(features, (features.shape[0], *geometry.grid_size))
    _require(features.shape[0] > 0, "no features")
    _require_numbers(coverage, geometry.grid_size)
    _require(bool((coverage >= 0).all() & (coverage <= 1).all() & (coverage > 0).any()), "no coverage")
    _require(cells.dtype == torch.bool and tuple(cells.shape) == geometry.grid_size and bool(cells.any()), "no cells")
    _require(thumbnail.dtype == torch.uint8 and thumbnail.ndim == 3 and thumbnail.shape[2] == 4, "no thumbnail")
    area, quality = float(about["area"]), float(about["audit"]["quality"])
    _require(0 < area <= math.prod(geometry.original_size) and 0 <= quality <= 1, "no area or quality")
    issues = tuple(Issue(_printable(f["kind"]), _printable(f["message"])) for f in about["audit"]["findings"])
    return ReferenceView(
        features=features,
        coverage=coverage,
        moments=_moments(tensors, prefix),
        published_cells=cells,
        geometry=geometry,
        area=area,
        check=ReferenceCheck(issues, quality),
        thumbnail=np.asarray(thumbnail.numpy(), dtype=np.uint8),
        picture=_unpacked(tensors[prefix + "picture"]) if prefix + "picture" in tensors else None,
    )


def _packed(picture: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Packs a picture (H, W, 4) without loss, as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)


def _unpacked(packed: torch.Tensor) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(packed.numpy().tobytes()), formats=("PNG",)) as image:
        _require(image.mode == "RGBA" and max(image.size) <= PICTURE_SIDE, "no picture")
        picture = np.array(image)
    _require(bool(picture[..., 3].any()), "no mask")
    return picture


def _geometry(about: dict[str, Any]) -> Geometry:
    sizes: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in about.items()}
    numbers = [n for value in sizes.values() for n in (value if isinstance(value, tuple) else (value,))]
    _require(all(type(n) is int and 0 < n <= MAX_SIDE for n in numbers), "sizes are no positive numbers")
    geometry = Geometry(**sizes)
    _require(geometry.grid_stride % geometry.logit_stride == 0, "strides do not divide each other")
    _require(all(side % geometry.grid_stride == 0 for side in geometry.padded_size), "padding is no whole cells")
    return geometry


def _moments(tensors: Mapping[str, torch.Tensor], prefix: str) -> tuple[torch.Tensor, ...]:
    """Reads the target model's moments of a view, coarse to fine; a model can be fitted to each of them."""
    count = sum(name.startswith(f"{prefix}moments") for name in tensors)
    moments = tuple(tensors[f"{prefix}moments{k}"] for k in range(count))
    for each in moments:
        _require_numbers(each, (each.shape[0], each.shape[0] + 1))
        second = each[:, :-1].double()
        ridge = RIDGE * second.diagonal().mean() * torch.eye(len(second), dtype=torch.float64)
        _require(torch.allclose(second, second.T, atol=1e-3 * float(second.abs().max())), "moments are not symmetric")
        _require(int(torch.linalg.cholesky_ex(second + ridge).info) == 0, "moments are not positive")
    return moments


def _require_numbers(tensor: torch.Tensor, shape: tuple[int, ...]) -> None:
    _require(tensor.dtype == torch.float32 and tuple(tensor.shape) == shape, f"no float32 of shape {shape}")
    _require(bool(torch.isfinite(tensor).all()), "not finite")


def _require(fulfilled: bool, why_not: str) -> None:
    if not fulfilled:
        raise ValueError(why_not)


def _printable(text: object) -> str:
    """Returns text that fits into messages, tables and names of files."""
    _require(isinstance(text, str), "no text")
    return "".join(c if c.isprintable() else "?" for c in str(text)[:MAX_TEXT])
