"""Pictures in linear light as OpenEXR files: colours and alpha in layers, and who is where as Cryptomatte."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.colour_space import chromaticities, to_linear
from vos.io.config import ExrConfig, OutputConfig
from vos.io.forms.found import names_in
from vos.io.forms.pictures import SequenceWriter
from vos.io.hdr import to_light
from vos.io.readers.base import FrameSource
from vos.io.render import union_alpha
from vos.matting.foreground import decontaminated
from vos.structures import Frame, SegmentedFrame

CRYPTOMATTE = "cryptoObject"  # name of that layer; its channels are cryptoObject00.R and so on
RANKS = 6  # objects that a pixel can be shared by; two fit into a layer

Channels = dict[str, "npt.NDArray[np.float16] | npt.NDArray[np.float32]"]


class ExrWriter(SequenceWriter):
    """Writes OpenEXR files: R, G, B, A of all objects together, and a layer of the same for each object.

    Colours are linear light with the source's primaries, multiplied by alpha, in half floats.

    Args:
        path: the folder.
        clip: what is said of the clip.
        config: how results are written.
        source: where the frames come from.
    """

    suffix: ClassVar[str] = ".exr"

    def __init__(self, path: str | Path, clip: Clip, config: OutputConfig, source: FrameSource) -> None:
        super().__init__(path, clip, config, source)
        self._openexr = required(config.exr)

    def _save(self, path: Path, segmented: SegmentedFrame) -> None:
        header: dict[str, Any] = {
            "type": self._openexr.scanlineimage,
            "compression": getattr(self._openexr, f"{self.config.exr.compression.upper()}_COMPRESSION"),
            "chromaticities": chromaticities(self.source.colour_space.primaries),
            "pixelAspectRatio": float(self.source.sample_aspect or 1),
        }
        alphas, names = _alphas(segmented), layer_names(names_in(segmented, self.clip))
        channels = self._layer("", segmented.frame, union_alpha(segmented))
        for name, alpha in zip(names, alphas):
            channels |= self._layer(f"{name}.", segmented.frame, alpha)
        if self.config.exr.cryptomatte:
            header |= cryptomatte_header(names)
            channels |= cryptomatte_channels(names, alphas)
        try:
            self._openexr.File(header, channels).write(str(path))
        except RuntimeError as error:
            text = " ".join(str(error).split())
            raise VosError(f"cannot write {self.path} ({text}); choose another output_dir") from error

    def _layer(self, name: str, frame: Frame, alpha: npt.NDArray[np.uint8]) -> Channels:
        is_cleaned = self.config.matte.decontaminate
        if frame.hdr is not None and self.source.hdr is not None:
            light = to_light(decontaminated(frame.hdr, alpha) if is_cleaned else frame.hdr, self.source.hdr)
        else:
            rgb = decontaminated(frame.rgb, alpha) if is_cleaned else frame.rgb
            light = to_linear(rgb, self.source.colour_space.transfer)
        share = alpha.astype(np.float32) / np.float32(255)
        planes = [*(light[..., k] * share for k in range(3)), share]
        return {f"{name}{sign}": plane.astype(np.float16) for sign, plane in zip("RGBA", planes)}


def required(exr: ExrConfig) -> Any:
    """Imports what EXR files are written with, and returns the module OpenEXR.

    Raises:
        VosError: it is not installed.
    """
    try:
        if exr.cryptomatte:
            import_module("mmh3")
        return import_module("OpenEXR")
    except ImportError as error:
        raise VosError("output=exr needs more packages: pip install 'vos[exr]'") from error


def layer_names(names: Mapping[int, str]) -> list[str]:
    """Makes names of layers, all different, of objects' names by their ids: letters, digits, - and _."""
    plain = [re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") for name in names.values()]
    taken = re.compile(rf"|object_\d+|{CRYPTOMATTE}.*")  # nothing, and what others are called
    is_free = [plain.count(name) == 1 and not taken.fullmatch(name) for name in plain]
    return [name if free else f"object_{i}" for name, free, i in zip(plain, is_free, names)]


def cryptomatte_header(names: Sequence[str]) -> dict[str, str]:
    """Makes the attributes of a Cryptomatte layer (specification 1.2): how names are hashed, and the hash of each."""
    place = f"cryptomatte/{_bits(CRYPTOMATTE):08x}"[: len("cryptomatte/") + 7]
    return {
        f"{place}/name": CRYPTOMATTE,
        f"{place}/hash": "MurmurHash3_32",
        f"{place}/conversion": "uint32_to_float32",
        f"{place}/manifest": json.dumps({name: f"{_bits(name):08x}" for name in names}, separators=(",", ":")),
    }


def cryptomatte_channels(names: Sequence[str], alphas: npt.NDArray[np.uint8]) -> Channels:
    """Makes pairs of id and coverage for each pixel, the largest first, float32 (H, W) each.

    Args:
        names: of N objects.
        alphas: their soft masks, uint8 (N, H, W).
    """
    ids = np.array([_bits(name) for name in names], np.uint32).view(np.float32)
    order = np.argsort(255 - alphas, axis=0, kind="stable")[:RANKS]
    channels: Channels = {}
    for rank in range(2 * max(1, math.ceil(len(order) / 2))):
        coverage = found = np.zeros(alphas.shape[1:], np.float32)
        if rank < len(order):
            alpha = np.take_along_axis(alphas, order[rank][None], axis=0)[0]
            coverage = alpha.astype(np.float32) / np.float32(255)
            found = np.where(alpha > 0, ids[order[rank]], np.float32(0))
        place, signs = f"{CRYPTOMATTE}{rank // 2:02d}", (("R", "G"), ("B", "A"))[rank % 2]
        channels |= {f"{place}.{sign}": plane for sign, plane in zip(signs, (found, coverage))}
    return channels


def _bits(name: str) -> int:
    """Hashes a name; the exponent is changed where the bits would be no usual float."""
    hashed: int = import_module("mmh3").hash(name.encode(), 0, signed=False)
    return hashed ^ (1 << 23) if (hashed >> 23) & 255 in (0, 255) else hashed


def _alphas(segmented: SegmentedFrame) -> npt.NDArray[np.uint8]:
    if segmented.alpha is not None:
        return segmented.alpha
    return np.asarray(segmented.label_map.masks() * np.uint8(255), np.uint8)
