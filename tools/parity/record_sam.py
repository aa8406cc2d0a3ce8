"""Records what the public implementation computes with seeded weights, for tests/sam/test_parity.py.

Needs the public code of Personalize-SAM (`per_segment_anything`, which holds SAM, MobileSAM's encoder and PerSAM's
guided decoder) on PYTHONPATH, with its own requirements torchvision and timm. Nothing else here needs them.

    PYTHONPATH=Personalize-SAM python tools/parity/record_sam.py vit_t vit_b

vit_h needs 10 GB of memory. "vit_h_2_blocks" is vit_h's width with one windowed and one global block.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "sam")]

import parity_cases as cases  # noqa: E402
from seeded_weights import seeded_state  # noqa: E402


def build(name: str) -> Any:
    """The public model with seeded weights."""
    from per_segment_anything import sam_model_registry
    from per_segment_anything.build_sam import _build_sam

    if name == "vit_h_2_blocks":
        model = _build_sam(1280, 2, 16, [1])
    else:
        model = sam_model_registry[name]()
    model.load_state_dict(seeded_state(model.state_dict(), cases.SEED), assign=True)
    return model.eval()  # again after loading: MobileSAM's attention caches its biases on this call


def record(name: str) -> dict[str, np.ndarray]:
    """Samples of the features, and per case of the logits, with every predicted IoU."""
    from per_segment_anything import SamPredictor

    predictor = SamPredictor(build(name))
    with torch.no_grad():
        predictor.set_image(cases.image())
    step = cases.FEATURE_STEP
    recorded = {"features": predictor.features[0].numpy()[::step, ::step, ::step]}
    first = None
    for case in cases.CASES:
        _, iou, logits, _ = predictor.predict(
            point_coords=np.array([point[:2] for point in case.points]) if case.points else None,
            point_labels=np.array([point[2] for point in case.points]) if case.points else None,
            box=np.array(case.box)[None] if case.box else None,
            mask_input=first if case.mask else None,
            attn_sim=torch.from_numpy(cases.attention())[None, None] if case.attention else None,
            target_embedding=torch.from_numpy(cases.embedding())[None] if case.embedding else None,
            multimask_output=case.multimask,
        )
        first = logits if first is None else first
        recorded[f"{case.name}.logits"] = logits[:, :: cases.LOGIT_STEP, :: cases.LOGIT_STEP]
        recorded[f"{case.name}.iou"] = iou
        print(f"{name} {case.name}: logits std {logits.std():.3f}, foreground {np.mean(logits > 0):.2f}, iou {iou}")
    return recorded


def main() -> None:
    """Writes tests/sam/parity/<name>.npz per name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="vit_t, vit_b, vit_l, vit_h or vit_h_2_blocks")
    for name in parser.parse_args().names:
        np.savez_compressed(ROOT / "tests" / "sam" / "parity" / f"{name}.npz", **record(name))


if __name__ == "__main__":
    main()
