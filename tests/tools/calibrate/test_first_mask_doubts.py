"""Thresholds of doubts are those that tell wrong from right first masks; each kind of doubt is counted."""

from __future__ import annotations

import numpy as np
import pytest
from calibrate.first_mask_doubts import Judged, doubt_by, fit, judge, report, worth
from clicks import Sample
from fakes import ColourSegmenter, square_clip, square_mask


def judged(wrong: bool, quality: float, *others: tuple[float, float], shown: str = "1", group: str = "a") -> Judged:
    return Judged(group, shown, wrong, quality, others, frozenset({"unsure"} if quality < 0.6 else ()))


MASKS = [
    *(judged(True, quality) for quality in (0.3, 0.5, 0.6)),
    *(judged(False, quality) for quality in (0.68, 0.8, 0.9)),
    judged(True, 0.9, (0.08, 0.35)),  # told by nothing but another candidate
    judged(False, 0.9, (0.08, 0.65)),
    judged(False, 0.9, (0.18, 0.2)),
]


CORRECTED = [judged(True, 0.75, shown="2"), judged(False, 0.85, shown="box")]


def test_thresholds_part_wrong_masks_from_right_ones() -> None:
    masks = [*MASKS, *CORRECTED]
    assert fit(masks) == (0.65, 0.8, 0.1, 0.4)
    assert worth(masks, doubt_by((0.65, 0.8, 0.1, 0.4))) == (1.0, 0.0)
    assert worth(MASKS, lambda mask: mask.unsure(0.85)) == (0.75, 0.4)


def test_the_report_judges_each_set_by_the_others_and_counts_kinds() -> None:
    masks = [*MASKS, *CORRECTED, judged(True, 0.75, shown="3"), judged(False, 0.85, shown="3")]
    masks += [judged(each.wrong, each.quality, *each.others, shown=each.shown, group="b") for each in masks]
    lines = list(report(masks))
    assert "b, fitted to the others: 1.00 of wrong, 0.00 of right masks doubted by (0.65, 0.8, 0.1, 0.4)" in lines
    assert "  unsure: told of 4 of 18, 1.00 of them wrong" in lines


def test_objects_are_shown_by_clicks_and_by_their_box() -> None:
    (rgb,), truth = square_clip(1), square_mask(0).labels > 0
    masks = list(judge("set", [Sample("photo", rgb, truth)], ColourSegmenter()))
    assert [mask.shown for mask in masks] in (["1", "box"], ["1", "2", "box"], ["1", "2", "3", "box"])
    assert not any(mask.wrong for mask in masks)
    assert masks[0].quality == pytest.approx(0.9)
    assert len(masks[0].others) == 2
    assert np.isfinite(masks[0].others).all()
