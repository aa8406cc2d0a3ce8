"""Low-res logits become pixels: argmax, soft alphas, masks that the user gave."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.structures import Frame, Geometry, LabelMap, Presence, TrackedFrame
from vos.tracking.merge import ABSENT_LOGIT, merge, resolve_overlap

GEOMETRY = Geometry((40, 60), (64, 96), (64, 96))


def frame(size: tuple[int, int] = (40, 60)) -> Frame:
    return Frame(0, "00000", 0.0, np.zeros((*size, 3), np.uint8))


def tracked(logits: torch.Tensor, given_mask: LabelMap | None = None) -> TrackedFrame:
    return TrackedFrame(logits, torch.full((len(logits),), 0.5), (Presence.PRESENT,) * len(logits), given_mask)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(0, 1000))
def test_labels_and_alphas_are_those_of_all_objects_at_once(count: int, seed: int) -> None:
    logits = 6 * torch.randn(count, *GEOMETRY.logit_size, generator=torch.Generator().manual_seed(seed))
    ids = tuple(range(3, 3 + 2 * count, 2))
    result = merge(tracked(logits), GEOMETRY, frame(), ids, with_alpha=True)

    full = GEOMETRY.logits_to_original(logits[None])[0]
    stacked = torch.cat([torch.zeros_like(full[:1]), full])
    assert (result.label_map.labels == np.array([0, *ids], np.uint8)[stacked.argmax(dim=0).numpy()]).all()
    assert result.alpha is not None
    expected = stacked.softmax(dim=0)[1:].numpy() * 255
    assert np.abs(result.alpha - expected).max() <= 0.51
    assert result.alpha.sum(axis=0, dtype=int).max() <= 255 + count


def test_absent_object_gets_no_pixel_and_no_alpha() -> None:
    logits = torch.full((2, *GEOMETRY.logit_size), ABSENT_LOGIT)
    logits[1] = 5
    result = merge(tracked(logits), GEOMETRY, frame(), (4, 9), with_alpha=True)
    assert (result.label_map.labels == 9).all()
    assert result.alpha is not None
    assert not result.alpha[0].any()


def test_given_mask_is_painted_over_the_others() -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10, 20] = 2  # a single pixel, which no low-res logits could give
    logits = torch.full((2, *GEOMETRY.logit_size), 5.0)
    result = merge(tracked(logits, LabelMap(labels, (1, 2))), GEOMETRY, frame(), (1, 2), with_alpha=True)
    assert ((result.label_map.labels == 2) == (labels == 2)).all()
    assert (result.label_map.labels[labels == 0] == 1).all()
    assert result.alpha is not None
    assert result.alpha[0][10, 20] == 0
    assert result.alpha[1].sum() == 255


def test_resolved_logits_are_positive_for_the_winner_alone() -> None:
    logits = torch.randn(5, 7, 9, generator=torch.Generator().manual_seed(0))
    logits[3] = logits[2]  # a tie goes to the first
    resolved = resolve_overlap(logits)
    assert ((resolved > 0).sum(dim=0) == (logits > 0).any(dim=0)).all()
    assert torch.equal(resolved.argmax(dim=0)[(logits > 0).any(dim=0)], logits.argmax(dim=0)[(logits > 0).any(dim=0)])
    assert torch.equal(resolved[logits <= 0], logits[logits <= 0])
