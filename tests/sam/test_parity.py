"""Features, logits and predicted IoUs equal the public implementation's.

The numbers in parity/*.npz were computed by the public code (`per_segment_anything` of Personalize-SAM) with weights of
`seeded_weights` at seed `parity_cases.SEED`, on a CPU in float32, by `tools/parity/record_sam.py`. The two
large models take minutes and up to 6 GB: set VOS_SLOW=1 to compare them too.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import parity_cases as cases
import pytest
import torch
from seeded_weights import build_sam, seeded_state

from vos.sam.official.segmenter import SamSegmenter
from vos.sam.official.vit import VitImageEncoder, VitSize
from vos.sam.prompting import Guidance, Prompt

RECORDED = Path(__file__).parent / "parity"
TOLERANCE = 1e-4  # of the recorded values' standard deviation; float32 sums in another order

slow = pytest.mark.skipif(not os.environ.get("VOS_SLOW"), reason="large model; set VOS_SLOW=1")


def assert_close(actual: np.ndarray, recorded: np.ndarray) -> None:
    """Equal to float32 accuracy, on the scale of the recorded values."""
    assert actual.shape == recorded.shape
    assert np.abs(actual - recorded).max() <= TOLERANCE * max(recorded.std(), 0.1)


def as_prompt(case: cases.Case, first: torch.Tensor | None) -> Prompt:
    """A case as a prompt; ``first`` is the first case's logits."""
    return Prompt(
        points=np.array([point[:2] for point in case.points], np.float32).reshape(-1, 2),
        labels=np.array([point[2] for point in case.points], np.int64),
        box=None if case.box is None else np.array(case.box, np.float32),
        mask_logits=first if case.mask else None,
    )


def as_guidance(case: cases.Case) -> Guidance | None:
    """A case's guidance of one object, or None."""
    if not (case.attention or case.embedding):
        return None
    attention = torch.from_numpy(cases.attention()) if case.attention else None
    return Guidance(attention, torch.from_numpy(cases.embedding()) if case.embedding else None)


def compare(model: SamSegmenter, recorded: dict[str, np.ndarray]) -> None:
    """Runs every case and compares it with the record."""
    embedding = model.encode([cases.image()])[0]
    step = cases.FEATURE_STEP
    assert_close(embedding.features[::step, ::step, ::step].numpy(), recorded["features"])
    first = None
    for case in cases.CASES:
        response = model.decode(embedding, [as_prompt(case, first)], as_guidance(case), case.multimask)
        first = response.logits[0, 0] if first is None else first
        logits = response.logits[0, :, :: cases.LOGIT_STEP, :: cases.LOGIT_STEP]
        assert_close(logits.numpy(), recorded[f"{case.name}.logits"])
        assert_close(response.predicted_iou[0].numpy(), recorded[f"{case.name}.iou"])


@pytest.mark.parametrize(
    "name", ["vit_t", "vit_b", pytest.param("vit_l", marks=slow), pytest.param("vit_h", marks=slow)]
)
def test_model_equals_public_code(name: str) -> None:
    compare(build_sam(name, cases.SEED), dict(np.load(RECORDED / f"{name}.npz")))


def test_vit_h_width_equals_public_code_at_depth_two() -> None:
    with torch.device("meta"):
        encoder = VitImageEncoder(VitSize(1280, 2, 16, (1,)))
    encoder.load_state_dict(seeded_state(encoder.state_dict(), cases.SEED, "image_encoder."), assign=True)
    model = build_sam("vit_t")
    model.network.image_encoder = encoder
    features = model.encode([cases.image()])[0].features
    step = cases.FEATURE_STEP
    assert_close(features[::step, ::step, ::step].numpy(), np.load(RECORDED / "vit_h_2_blocks.npz")["features"])
