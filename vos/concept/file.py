"""Concept files: safetensors with the references' features, and as metadata what they belong to."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vos.concept.reference_check import Issue, ReferenceCheck
from vos.concept.reference_view import ReferenceView
from vos.errors import VosError
from vos.geometry import Geometry
from vos.io.atomic import atomic_path

FORMAT = 2  # of the file; raised when its meaning changes
KEY = "vos.concept"  # the metadata entry that holds everything, as JSON


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
        VosError: the place cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    views = []
    for number, view in enumerate(concept.views):
        prefix = f"view{number}."
        tensors[prefix + "features"] = view.features.contiguous()
        tensors[prefix + "coverage"] = view.coverage.contiguous()
        tensors |= {f"{prefix}moments{k}": each.contiguous() for k, each in enumerate(view.moments)}
        tensors[prefix + "published_cells"] = view.published_cells.contiguous()
        tensors[prefix + "thumbnail"] = torch.from_numpy(view.thumbnail)
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
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={KEY: json.dumps(about)}))


def read_concept(path: str | Path) -> ConceptFile:
    """Reads a concept; whether it fits a model is checked where the two meet (``Concept.check_model``).

    Raises:
        VosError: missing, damaged, no concept file, or of a later version.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise VosError(f"{path} is missing; make it with python -m vos.concept ref_image= ref_mask= out={path}")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        if about["format"] == FORMAT:
            views = tuple(_view(about["views"][k], tensors, f"view{k}.") for k in range(len(about["views"])))
            if not views:
                raise ValueError("no reference")
            name, model, sha256 = str(about["name"]), str(about["model"]), str(about["sha256"])
            return ConceptFile(name, model, sha256, views, _weights(tensors))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise VosError(
            f"{path} is no concept file, or a damaged one; make it again with python -m vos.concept"
        ) from error
    raise VosError(f"{path} has format {about['format']}, this version reads {FORMAT}; make the concept again")


def _weights(tensors: dict[str, torch.Tensor]) -> torch.Tensor | None:
    weights = tensors.get("weights")
    if weights is not None and tuple(weights.shape) != (3,):
        raise ValueError("weights must be (3,)")
    return weights


def _view(about: dict[str, Any], tensors: dict[str, torch.Tensor], prefix: str) -> ReferenceView:
    sizes: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in about["geometry"].items()
    }
    geometry = Geometry(**sizes)
    features, coverage = tensors[prefix + "features"], tensors[prefix + "coverage"]
    cells, thumbnail = tensors[prefix + "published_cells"], tensors[prefix + "thumbnail"]
    grid = geometry.grid_size
    if tuple(features.shape[1:]) != grid or tuple(coverage.shape) != grid or tuple(cells.shape) != grid:
        raise ValueError("tensors do not cover the grid")
    if not bool((coverage > 0).any()) or not bool(cells.any()) or not bool(torch.isfinite(features).all()):
        raise ValueError("no object in it")
    issues = tuple(Issue(str(f["kind"]), str(f["message"])) for f in about["audit"]["findings"])
    return ReferenceView(
        features=features,
        coverage=coverage,
        moments=_moments(tensors, prefix),
        published_cells=cells,
        geometry=geometry,
        area=float(about["area"]),
        check=ReferenceCheck(issues, float(about["audit"]["quality"])),
        thumbnail=np.asarray(thumbnail.numpy(), dtype=np.uint8),
    )


def _moments(tensors: dict[str, torch.Tensor], prefix: str) -> tuple[torch.Tensor, ...]:
    """The target model's moments of a view, coarse to fine."""
    names = sorted(name for name in tensors if name.startswith(f"{prefix}moments"))
    moments = tuple(tensors[name] for name in names)
    if any(m.ndim != 2 or m.shape[1] != m.shape[0] + 1 or not bool(torch.isfinite(m).all()) for m in moments):
        raise ValueError("moments are no matrices (C + 1, C + 2)")
    return moments
