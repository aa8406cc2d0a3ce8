"""Measures how far SAM's numbers are from float32 on this machine, with your own checkpoint and frames.

    python tools/check_precision.py CHECKPOINT FRAMES [--model vit_b] [--points 4]
    python tools/check_precision.py --model vit_t

CHECKPOINT is a file of weights, FRAMES a folder of pictures. Without them: seeded random weights and noise, which tell
about the arithmetic and nothing about objects. The reference is PyTorch in float32. For every other engine and
precision that runs here the table has the relative error (norm of the difference by the norm of the reference, the
largest of all pictures) of image embeddings and of low-res logits, the share of mask cells that change sides, and
seconds of the last picture. It measures a distance; whether masks are better or worse only annotations can tell
(``vos.evaluate``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from seeded_weights import seeded_state  # noqa: E402

from vos.errors import VosError  # noqa: E402
from vos.io.images import is_image, read_image  # noqa: E402
from vos.sam.config import ModelConfig  # noqa: E402
from vos.sam.official.network import SAM_NAMES, SamNetwork  # noqa: E402
from vos.sam.prompting import Prompt  # noqa: E402
from vos.sam.registry import load_model  # noqa: E402
from vos.sam.segmenter import Segmenter  # noqa: E402

CANDIDATES = (("torch", "bfloat16"), ("openvino", "float32"), ("openvino", "bfloat16"))
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Response:
    """What a model gives for one picture: features (256, 64, 64), logits (N, 3, 256, 256), seconds for both."""

    features: torch.Tensor
    logits: torch.Tensor
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?", type=Path, help="file of weights; none: seeded weights")
    parser.add_argument("frames", nargs="?", type=Path, help="folder of pictures; none: noise")
    parser.add_argument("--model", default="vit_b", choices=SAM_NAMES)
    parser.add_argument("--points", type=int, default=4, help="clicks on each picture, one object each (default 4)")
    options = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if options.checkpoint is None:
                torch.hub.set_dir(folder)  # nobody will want these conversions again
            checkpoint = options.checkpoint or _seeded_weights(options.model, Path(folder))
            report(checkpoint, options.frames, options.model, max(1, options.points))
    except VosError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def report(checkpoint: Path, frames: Path | None, name: str, points: int) -> None:
    """Runs every engine and precision on every picture and prints how far they are from the reference."""
    images = _pictures(frames)
    wanted = _responses(_model(name, checkpoint, "torch", "float32"), images, points)
    print(f"{'engine':<10} {'precision':<10} {'embeddings':>11} {'logits':>11} {'cells':>8} {'seconds':>8}")
    print(f"{'torch':<10} {'float32':<10} {'reference':>11} {'reference':>11} {'':>8} {wanted[-1].seconds:>8.2f}")
    for engine, precision in CANDIDATES:
        try:
            model = _model(name, checkpoint, engine, precision)
        except VosError as error:
            print(f"{engine:<10} {precision:<10} {error}")
            continue
        found = _responses(model, images, points)
        pairs = list(zip(found, wanted))
        features = max(_distance(one.features, other.features) for one, other in pairs)
        logits = max(_distance(one.logits, other.logits) for one, other in pairs)
        cells = max(float(((one.logits > 0) != (other.logits > 0)).float().mean()) for one, other in pairs)
        seconds = found[-1].seconds
        print(
            f"{engine:<10} {precision:<10} {features:>11.2e} {logits:>11.2e} {cells:>8.3%} {seconds:>8.2f}", flush=True
        )


def _model(name: str, checkpoint: Path, engine: str, precision: str) -> Segmenter:
    return load_model(ModelConfig(name), checkpoint, "cpu", precision, engine)


def _responses(model: Segmenter, images: Sequence[Image], points: int) -> list[Response]:
    """Encodes each picture and decodes a row of clicks on it; a first round warms up."""
    found: list[Response] = []
    for image in (images[0], *images):
        begin = time.perf_counter()
        (embedding,) = model.encode([image])
        height, width = image.shape[:2]
        at = [((k + 0.5) * width / points, height / 2) for k in range(points)]
        prompts = [Prompt.from_points(np.array([point], np.float32)) for point in at]
        logits = model.decode(embedding, prompts).logits
        found.append(Response(embedding.features, logits, time.perf_counter() - begin))
    return found[1:]


def _distance(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def _pictures(folder: Path | None) -> list[Image]:
    """The pictures of a folder, or two of noise.

    Raises:
        VosError: there are none.
    """
    if folder is None:
        return list(np.random.default_rng(0).integers(0, 256, (2, 480, 854, 3), dtype=np.uint8))
    paths = sorted(filter(is_image, folder.iterdir())) if folder.is_dir() else []
    if not paths:
        raise VosError(f"{folder} is no folder of pictures; give one with some frames")
    return [read_image(path) for path in paths]


def _seeded_weights(name: str, folder: Path) -> Path:
    """Writes random weights, the same on every machine."""
    shapes = SamNetwork.blank(name).state_dict()
    path = folder / f"{name}.safetensors"
    save_file(seeded_state(shapes, 7), path)
    return path


if __name__ == "__main__":
    sys.exit(main())
