"""One owner per place, and what the others of an object are."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from vos.persam.overlap import others_of, resolve_overlap


@given(st.lists(st.booleans(), max_size=5), st.integers(0, 99))
def test_the_others_of_an_object_are_the_highest_of_all_the_others(there: list[bool], seed: int) -> None:
    torch.manual_seed(seed)
    masks = [torch.randn(3, 4).round() if known else None for known in there]  # rounded: with ties
    others = others_of(masks)
    for k in range(len(masks)):
        rest = [mask for number, mask in enumerate(masks) if number != k and mask is not None]
        assert (k in others) == bool(rest)
        if rest:
            assert torch.equal(others[k], torch.stack(rest).amax(dim=0))


@given(st.integers(1, 4), st.integers(0, 99))
def test_a_cell_belongs_to_one_object_at_most(count: int, seed: int) -> None:
    torch.manual_seed(seed)
    logits = torch.randn(count, 3, 4).round()
    resolved = resolve_overlap(logits)
    assert int((resolved > 0).sum(dim=0).max()) <= 1
    claimed = (logits > 0).any(dim=0)
    assert torch.equal((resolved > 0).any(dim=0), claimed)
    assert torch.equal(resolved.argmax(dim=0)[claimed], logits.argmax(dim=0)[claimed])  # a tie goes to the first
    assert torch.equal(resolved[logits <= 0], logits[logits <= 0])
