"""Runs the published tracker of videos on the CPU and times it; a process of its own, called by benchmarks/speed.py.

    python benchmarks/timing/published.py REFERENCE CLIP MODEL WEIGHTS

REFERENCE is a checkout of the public code of Personalize-SAM, which is run as it stands: only where it names CUDA, its
checkpoint and its scorer is it led elsewhere. CLIP is a folder in DAVIS layout. Prints a line of JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import tempfile
import time
import types
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any
from unittest import mock

import torch
from PIL import Image

OPTIONS = {"dataset_set": "2017", "exp": 215, "threshold": 10, "topk": 2, "eval": False}
OPTIONS |= {"box_prompt": True, "large": True, "center": True}  # the script's own defaults


def module(name: str, **members: object) -> None:
    """Puts a module with these members where the script will import it from."""
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


def stand_in() -> None:
    """Stands in for the few functions of torchvision and timm that are imported, where these are not installed."""
    if find_spec("torchvision") is None:
        module("torchvision")
        module("torchvision.transforms")
        module("torchvision.ops")
        module("torchvision.ops.boxes", batched_nms=None, box_area=None)
        module(
            "torchvision.transforms.functional",
            to_pil_image=Image.fromarray,
            resize=lambda image, size: image.resize(size[::-1], Image.Resampling.BILINEAR),
        )
    if find_spec("timm") is None:
        module("timm")
        module("timm.models")
        module("timm.models.registry", register_model=lambda function: function)
        module(
            "timm.models.layers",
            DropPath=type("DropPath", (torch.nn.Identity,), {"drop_prob": 0.0}),
            to_2tuple=lambda value: value if isinstance(value, tuple) else (value, value),
            trunc_normal_=torch.nn.init.trunc_normal_,
        )


def load(network: torch.nn.Module, weights: str) -> torch.nn.Module:
    """Gives a network the weights of a file; MobileSAM's unused head may lack them.

    Raises:
        SystemExit: they are of another model.
    """
    lacks, strange = network.load_state_dict(torch.load(weights, weights_only=True, mmap=True), False, True)
    if strange or not all(name.startswith("image_encoder.") and "head." in name for name in lacks):
        raise SystemExit(f"error: {weights} has not the weights of this model: {[*lacks, *strange][:3]}")
    return network.eval()  # after loading: MobileSAM's attention caches its biases on this call


def on_cpu() -> ExitStack:
    """Lets ``.cuda()`` of modules and tensors leave them where they are."""
    stack = ExitStack()
    for kind in (torch.nn.Module, torch.Tensor):
        stack.enter_context(mock.patch.object(kind, "cuda", lambda self: self))
    return stack


def run(clip: str, model: str, weights: str) -> dict[str, float]:
    """Runs the script; returns the seconds of a frame, reading and writing included, and of all before the first."""
    begun = time.perf_counter()
    module("eval_video", eval_davis_result=lambda *_: None)
    script = importlib.import_module("persam_video")
    public = importlib.import_module("per_segment_anything")
    built, encoded = list[float](), list[float]()

    def build(checkpoint: str) -> Any:
        network = load(public.sam_model_registry[model](), weights)
        built.append(time.perf_counter())
        return network

    original = public.SamPredictor.set_image

    def set_image(self: object, image: object, *rest: object) -> Any:
        encoded.append(time.perf_counter())
        return original(self, image, *rest)

    with (
        tempfile.TemporaryDirectory() as out,
        on_cpu(),
        mock.patch.object(script, "sam_model_registry", {"vit_h": build}),
        mock.patch.object(public.SamPredictor, "set_image", set_image),
        torch.no_grad(),
    ):
        script.main(argparse.Namespace(output_path=out, davis_path=clip, **OPTIONS))
    ends = [*encoded, time.perf_counter()]
    with Image.open(f"{clip}/Annotations/480p/clip/00000.png") as mask:
        objects = mask.getextrema()[1]  # each has the first frame encoded once more
    frames = [after - before for before, after in zip(ends[objects:], ends[objects + 1 :])]
    reading = (encoded[0] - built[0]) / (len(frames) + 1)  # all frames are read before the first is encoded
    return {"frame": statistics.median(frames) + reading, "before": ends[objects] - begun, "frames": len(frames)}


def main() -> None:
    """Reads the words of the command line."""
    reference, clip, model, weights = sys.argv[1:]
    sys.path.insert(0, reference)
    stand_in()
    print(json.dumps(run(clip, model, weights)))


if __name__ == "__main__":
    main()
