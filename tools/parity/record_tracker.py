"""Records what the published video scripts compute with seeded weights, for tests/tracking/test_published.py.

Needs the public code of Personalize-SAM (persam_video.py, persam_video_f.py) on PYTHONPATH, with its requirements
torchvision and timm. Nothing else here needs them; no CUDA device either.

    PYTHONPATH=Personalize-SAM python tools/parity/record_tracker.py
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "tracking")]

import parity_clip  # noqa: E402
from seeded_weights import seeded_state  # noqa: E402

FINETUNE_STEPS = 60


def run_public(
    frames: list[npt.NDArray[np.uint8]],
    first: npt.NDArray[np.uint8],
    model: str = "vit_t",
    seed: int = parity_clip.SEED,
    finetune_steps: int = 0,
) -> tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.float32]]]:
    """Runs the published script on frames whose first mask is given.

    Returns:
        Labels uint8 (T, H, W), and with ``finetune_steps`` the weights (3,) of each object.
    """
    for unused in ("eval_video",):
        sys.modules[unused] = types.ModuleType(unused)
        sys.modules[unused].eval_davis_result = lambda *_: None  # type: ignore[attr-defined]
    script = importlib.import_module("persam_video_f" if finetune_steps else "persam_video")

    def build(checkpoint: str) -> Any:
        from per_segment_anything import sam_model_registry

        network = sam_model_registry[model]()
        network.load_state_dict(seeded_state(network.state_dict(), seed), assign=True)
        return network.eval()  # again after loading: MobileSAM's attention caches its biases on this call

    tuned: list[Any] = []
    with tempfile.TemporaryDirectory() as name, mock.patch.object(torch.nn.Module, "cuda", lambda self: self):
        root = Path(name)
        _write_davis(root, frames, first)
        options = {
            "output_path": str(root / "out"),
            "davis_path": str(root),
            "dataset_set": "2017",
            "exp": 215,
            "threshold": 10,
        }
        options |= {"eval": False, "box_prompt": True, "large": True, "center": True, "topk": 2}
        patches = [
            mock.patch.object(torch.Tensor, "cuda", lambda self: self),
            mock.patch.object(script, "sam_model_registry", {"vit_h": build}),
        ]
        if finetune_steps:
            options |= {"topk": 1, "lr": 4e-4, "epoch": finetune_steps}
            original = script.Mask_Weights
            patches.append(mock.patch.object(script, "Mask_Weights", lambda: tuned.append(original()) or tuned[-1]))  # noqa: PT008 - called anew each time
        for patch in patches:
            patch.start()
        try:
            script.main(argparse.Namespace(**options))
        finally:
            for patch in patches:
                patch.stop()
        results = [np.array(Image.open(root / "out" / "clip" / f"{t:05d}.png")) for t in range(1, len(frames))]
    weights = [m.weights.detach().numpy()[:, 0] for m in tuned]
    return np.stack([first, *results]), [np.array([np.float32(1) - w.sum(), *w], np.float32) for w in weights]


def _write_davis(root: Path, frames: list[npt.NDArray[np.uint8]], first: npt.NDArray[np.uint8]) -> None:
    for kind, sequence in (("JPEGImages", "clip"), ("Annotations", "clip"), ("Annotations", "bike-packing")):
        (root / kind / "480p" / sequence).mkdir(parents=True)
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2017" / "val.txt").write_text("clip\n")
    for t, frame in enumerate(frames):
        with (root / "JPEGImages" / "480p" / "clip" / f"{t:05d}.jpg").open("wb") as file:
            Image.fromarray(frame).save(file, format="PNG")  # lossless; Pillow looks at the content, not at the name
    mask = Image.fromarray(first)
    mask.putpalette([v for i in range(256) for v in (i, i, i)])
    mask.save(root / "Annotations" / "480p" / "clip" / "00000.png")
    mask.save(root / "Annotations" / "480p" / "bike-packing" / "00000.png")


def main() -> None:
    """Writes tests/tracking/parity/clip.npz."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    frames, first = parity_clip.clip()
    plain, _ = run_public(frames, first)
    fused, weights = run_public(frames, first, finetune_steps=FINETUNE_STEPS)
    target = ROOT / "tests" / "tracking" / "parity"
    target.mkdir(exist_ok=True)
    np.savez_compressed(target / "clip.npz", persam=plain, persam_f=fused, weights=weights, steps=FINETUNE_STEPS)
    for label, maps in (("persam", plain), ("persam_f", fused)):
        print(label, [np.bincount(m.ravel(), minlength=4).tolist() for m in maps])
    print("weights", weights)


if __name__ == "__main__":
    main()
