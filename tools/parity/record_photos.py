"""Records what the published image scripts compute with seeded weights, for tests/photos/methods/test_published.py.

Needs the public code of Personalize-SAM (persam.py, persam_f.py) on PYTHONPATH, with its requirements torchvision and
timm. Nothing else here needs them; no CUDA device either.

    PYTHONPATH=Personalize-SAM python tools/parity/record_photos.py
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "photos" / "methods")]

import parity_photos  # noqa: E402
from seeded_weights import seeded_state  # noqa: E402

PERSEG_RED = 128


def run_public(script_name: str, model: str, photos: int) -> tuple[list[dict[str, Any]], Any]:
    """Runs a published script on the first ``photos`` photos, the first of which is the reference.

    Returns:
        Every call of its predictor (arguments, result, similarity so far), and the module of tuned weights or None.
    """
    script = importlib.import_module(script_name)
    calls: list[dict[str, Any]] = []
    tuned: list[Any] = []

    def build(checkpoint: str) -> Any:
        from per_segment_anything import sam_model_registry

        network = sam_model_registry[model]()
        network.load_state_dict(seeded_state(network.state_dict(), parity_photos.SEED), assign=True)
        return network.eval()  # again after loading: MobileSAM's attention caches its biases on this call

    predict, select = script.SamPredictor.predict, script.point_selection
    similarity: list[Any] = []

    def recorded_predict(self: Any, **arguments: Any) -> Any:
        result = predict(self, **arguments)
        calls.append({**arguments, "result": result, "similarity": similarity[-1]})
        return result

    def recorded_select(mask_sim: Any, topk: int = 1) -> Any:
        similarity.append(mask_sim.clone())
        return select(mask_sim, topk=topk)

    with _scene(photos) as root, mock.patch.object(torch.nn.Module, "cuda", lambda self: self):
        options = argparse.Namespace(
            data=str(root), outdir="out", ckpt="", ref_idx="00", sam_type="vit_h", lr=1e-3,
            train_epoch=parity_photos.FINETUNE_STEPS, log_epoch=1000,
        )  # fmt: skip
        patches = [
            mock.patch.object(torch.Tensor, "cuda", lambda self: self),
            mock.patch.object(script, "sam_model_registry", {"vit_h": build}),
            mock.patch.object(script.SamPredictor, "predict", recorded_predict),
            mock.patch.object(script, "point_selection", recorded_select),
        ]
        if hasattr(script, "Mask_Weights"):
            original = script.Mask_Weights
            patches.append(mock.patch.object(script, "Mask_Weights", lambda: tuned.append(original()) or tuned[-1]))  # noqa: PT008 - called anew each time
        for patch in patches:
            patch.start()
        try:
            folders = (f"{root}/Images/", f"{root}/Annotations/", str(root / "out"))
            getattr(script, script_name)(options, "disc", *folders)
        finally:
            for patch in patches:
                patch.stop()
    return calls, tuned[0] if tuned else None


@contextmanager
def _scene(count: int) -> Iterator[Path]:
    """The photos in PerSeg's layout."""
    photos, mask = parity_photos.photos()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for kind in ("Images", "Annotations"):
            (root / kind / "disc").mkdir(parents=True)
        for number, photo in enumerate(photos[:count]):
            with (root / "Images" / "disc" / f"{number:02d}.jpg").open("wb") as file:
                Image.fromarray(photo).save(file, format="PNG")  # lossless; OpenCV looks at the content
        palette = Image.fromarray(mask.astype(np.uint8))
        palette.putpalette([0, 0, 0, PERSEG_RED, 0, 0])
        palette.save(root / "Annotations" / "disc" / "00.png")
        yield root


def record(model: str, photos: int) -> dict[str, npt.NDArray[np.generic]]:
    """The stages of each photo, under "0." and "1."."""
    calls, _ = run_public("persam", model, photos)
    kept = {}
    for number in range(photos):
        own = calls[3 * number : 3 * number + 3]
        masks, scores, _, _ = own[-1]["result"]
        stages = parity_photos.stages(
            similarity=own[0]["similarity"].numpy(),
            points=own[0]["point_coords"],
            attention=own[0]["attn_sim"].numpy().ravel(),
            embedding=own[0]["target_embedding"].numpy().ravel(),
            logits=[call["result"][2] for call in own],
            predicted_iou=[call["result"][1] for call in own],
            mask=masks[np.argmax(scores)],
        )
        kept |= {f"{number}.{name}": value for name, value in stages.items()}
        print(model, number, "points", stages["points"].tolist(), "share", masks[np.argmax(scores)].mean(), scores)
    return kept


def record_weights(model: str) -> dict[str, npt.NDArray[np.generic]]:
    """PerSAM-F's tuned weights, its point, and the mask of the reference photo itself."""
    calls, module = run_public("persam_f", model, 1)
    free = module.weights.detach().numpy()[:, 0]
    weights = np.array([np.float32(1) - free.sum(), *free], np.float32)
    masks, scores, _, _ = calls[-1]["result"]
    print(model, "weights", weights)
    return {
        "f.weights": weights,
        "f.points": np.asarray(calls[0]["point_coords"], np.float32),
        "f.mask": np.packbits(masks[np.argmax(scores)]),
    }


def main() -> None:
    """Writes tests/photos/methods/parity/<model>.npz."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    target = ROOT / "tests" / "photos" / "methods" / "parity"
    target.mkdir(exist_ok=True)
    np.savez_compressed(target / "vit_t.npz", **record("vit_t", 2), **record_weights("vit_t"))
    np.savez_compressed(target / "vit_b.npz", **record("vit_b", 1))


if __name__ == "__main__":
    main()
