"""Random weights that depend on nothing but a seed and each parameter's name.

Two implementations with equal parameter names get equal weights from here, on any machine, whatever order they build
their modules in; that is what parity tests compare.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from vos.sam.official.network import SamNetwork
from vos.sam.official.segmenter import SamSegmenter

_EMBEDDING = re.compile(r"(token|tokens|embed|embeddings\.\d)\.weight$")


def seeded_uniform(name: str, shape: tuple[int, ...], seed: int = 0) -> npt.NDArray[np.float32]:
    """Uniform float32 in [-1, 1) of a shape, from PCG64's raw bits (stable across NumPy's versions)."""
    key = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16], "little")
    count = int(np.prod(shape, dtype=np.int64))
    words = np.random.PCG64(key).random_raw((count + 1) // 2).view(np.uint32)[:count]
    values: npt.NDArray[np.float32] = (
        (words >> 8).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    ).reshape(shape)
    return values


def seeded_state(shapes: Mapping[str, torch.Tensor], seed: int = 0, prefix: str = "") -> dict[str, torch.Tensor]:
    """A state dict with values scaled so that activations neither vanish nor blow up in a deep transformer.

    Args:
        shapes: a module's ``state_dict()``; only names, shapes and dtypes are read (meta tensors will do).
        seed: of the values.
        prefix: put before each name for the draw, e.g. "image_encoder." for a part of SAM.
    """
    return {name: _values(prefix + name, like, seed) for name, like in shapes.items()}


def _values(name: str, like: torch.Tensor, seed: int) -> torch.Tensor:
    shape = tuple(like.shape)
    if not like.is_floating_point():
        return torch.zeros(shape, dtype=like.dtype)  # batch norm's counter
    values = torch.from_numpy(seeded_uniform(name, shape, seed)).to(like.dtype)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 1 + 0.3 * values  # variances and the scales of normalisations
    if name.endswith(("bias", "running_mean")):
        return 0.2 * values
    if "rel_pos" in name:
        return 0.3 * values
    if name.endswith("weight") and not _EMBEDDING.search(name):
        scaled: torch.Tensor = values * float(3 / np.prod(shape[1:])) ** 0.5  # unit gain: variance 1 / fan-in
        return scaled
    return values  # embeddings, positions, attention biases, random frequencies


def build_sam(name: str, seed: int = 0) -> SamSegmenter:
    """A SAM with random weights, for tests and measurements; needs no file and leaves the global generator alone.

    Args:
        name: "vit_h", "vit_l", "vit_b" or "vit_t".
        seed: of :func:`seeded_state`.
    """
    network = SamNetwork.blank(name)
    network.load_state_dict(seeded_state(network.state_dict(), seed), assign=True)
    return SamSegmenter(name, network)
