"""Writes a model's encoder and decoders to ONNX, for phones and other languages, and checks that the masks are equal.

    python tools/export.py nano OUT [--size 448x768] [--checkpoint FILE]
    python tools/export.py vit_t OUT --checkpoint mobile_sam.pt

makes OUT/encoder.onnx, decoder.onnx (clicks, boxes, an earlier mask) and guided.onnx (PerSAM's guidance), and with
openvino installed the same as .xml and .bin. docs/export.md lists inputs and outputs and has an example. Needs onnx and
onnxruntime (``pip install '.[dev]'``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from exporting.modules import modules, plain_operations  # noqa: E402

from vos.errors import VosError  # noqa: E402
from vos.sam.nano.network import GUIDANCE_CHANNELS  # noqa: E402
from vos.sam.official.network import INPUT_SIZE, SAM_NAMES  # noqa: E402

OPSET = 17
DIFFERING = 1e-4  # share of a mask's cells that may differ: those whose logit is 0 but for the last bit
POINTS = {"points": {1: "count"}, "labels": {1: "count"}}


@dataclass(frozen=True)
class Graph:
    """What becomes one file.

    Attributes:
        name: of the file.
        module: with its weights.
        inputs: examples, by name; they are what it is checked with, too.
        outputs: their names.
    """

    name: str
    module: nn.Module
    inputs: dict[str, torch.Tensor]
    outputs: Sequence[str]


def graphs(model: str, checkpoint: Path | None, size: tuple[int, int]) -> Iterator[Graph]:
    """Builds what is exported of a model: the encoder, the decoder of clicks, the guided decoder."""
    noise = torch.Generator().manual_seed(0)

    def random(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return scale * torch.randn(*shape, generator=noise)

    image = F.interpolate(torch.rand(1, 3, 12, 16, generator=noise) * 255, size=size, mode="bilinear")
    filled = torch.tensor([size[0] - 8, size[1]])
    encoder, decoder, guided = modules(model, checkpoint)
    yield Graph("encoder", encoder, {"image": image, "filled": filled}, encoder.names)
    with torch.no_grad(), plain_operations():
        levels = dict(zip(encoder.names, encoder(image, filled)))
    clicked = {
        "points": torch.tensor([[[0.5, 0.4], [0.1, 0.2], [0.2, 0.1], [0.8, 0.9]]]) * torch.tensor(size).flip(0),
        "labels": torch.tensor([[1, 0, 2, 3]]),
    }
    if model == "nano":
        del levels["embedding"]
        mask = random(1, 1, size[0] // 2, size[1] // 2, scale=4.0)
        extra = {
            "guidance": random(1, GUIDANCE_CHANNELS, *levels["level16"].shape[-2:], scale=0.3),
            "fine8": random(1, 1, *levels["level8"].shape[-2:], scale=0.3),
            "fine4": random(1, 1, *levels["level4"].shape[-2:], scale=0.3),
        }
    else:
        mask = random(1, 1, INPUT_SIZE // 4, INPUT_SIZE // 4, scale=4.0)
        extra = {"attention": random(1, (INPUT_SIZE // 16) ** 2).sigmoid(), "target": random(1, 256, scale=0.1)}
    prompts = {**levels, **clicked, "mask": mask, "has_mask": torch.ones(1)}
    yield Graph("decoder", decoder, prompts, ("logits", "predicted_iou"))
    yield Graph("guided", guided, {**prompts, **extra}, ("logits", "predicted_iou"))


def export(graph: Graph, folder: Path) -> Path:
    """Writes a graph's file and compares what it gives with what PyTorch gives.

    Raises:
        VosError: the two differ.
    """
    path = folder / f"{graph.name}.onnx"
    with torch.no_grad(), plain_operations():
        expected = [value.numpy() for value in graph.module(*graph.inputs.values())]
        # Not the exporter of torch.export: that one also needs onnxscript, and the checks pass without.
        torch.onnx.export(
            graph.module.eval(),
            tuple(graph.inputs.values()),
            path,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes={name: axes for name, axes in POINTS.items() if name in graph.inputs},
            opset_version=OPSET,
            dynamo=False,
        )
    given = {name: value.numpy() for name, value in graph.inputs.items()}
    compare(graph, expected, onnx_outputs(path, given), "ONNX Runtime")
    if find_spec("openvino") is not None:
        import openvino

        openvino.save_model(openvino.Core().read_model(path), path.with_suffix(".xml"), compress_to_fp16=False)
        compiled = openvino.compile_model(path.with_suffix(".xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = compiled(given)
        compare(graph, expected, [found[name] for name in graph.outputs], "OpenVINO")
    return path


def onnx_outputs(path: Path, given: dict[str, npt.NDArray[np.generic]]) -> list[npt.NDArray[np.float32]]:
    """Runs a file in ONNX Runtime."""
    import onnxruntime

    outputs: list[npt.NDArray[np.float32]] = onnxruntime.InferenceSession(path).run(None, given)
    return outputs


def compare(
    graph: Graph,
    expected: Sequence[npt.NDArray[np.float32]],
    found: Sequence[npt.NDArray[np.float32]],
    where: str,
) -> None:
    """Prints the greatest relative error, and for decoders the cells of the masks that differ.

    Raises:
        VosError: more of them than chance leaves, or an error above 0.1 %.
    """
    errors = [float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(expected, found)]
    said = f"{graph.name} in {where}: relative error {max(errors):.1e}"
    differing = 0.0
    if "logits" in graph.outputs:
        masks = (expected[0] > 0) != (found[0] > 0)
        differing = float(masks.mean())
        said += f", {int(masks.sum())} of {masks.size} cells of the masks differ"
    if not max(errors) < 1e-3 or differing > DIFFERING:
        raise VosError(said)
    print(said, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the words of the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=("nano", *SAM_NAMES))
    parser.add_argument("out", type=Path, help="the folder to write into")
    parser.add_argument("--checkpoint", type=Path, help="weights file; nano: its own")
    parser.add_argument("--size", default="448x768", help="height x width of nano's input, multiples of 32")
    arguments = parser.parse_args(argv)
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            parser.error(f"{package} is missing; pip install {package}")
    size = tuple(int(side) for side in arguments.size.split("x") if side.isdigit())
    if len(size) != 2 or any(side % 32 or side < 64 for side in size):
        parser.error(f"--size {arguments.size} is not HEIGHTxWIDTH, multiples of 32 from 64 on; try 448x768")
    if arguments.model != "nano":
        size = (INPUT_SIZE, INPUT_SIZE)
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        for graph in graphs(arguments.model, arguments.checkpoint, (size[0], size[1])):
            print(export(graph, arguments.out))
    except VosError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
