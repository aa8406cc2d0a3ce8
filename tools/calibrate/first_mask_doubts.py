"""Fits when a first mask is called doubtful, and measures what each kind of doubt is worth.

    python tools/calibrate/first_mask_doubts.py DATA [--sets photo_dev]

DATA and the sets are those of ``benchmarks/clicks.py``. Its simulated user shows each object by one, two and three
clicks, and by its box. A mask is wrong if its IoU is below .7. For the two rules of ``vos/concept/first_mask_check.py``
with thresholds (``OF_ONE_CLICK`` and ``LEAST_IOU``; ``RIVAL`` and ``AGREEMENT``) those are printed that tell wrong from
right best: the share of wrong ones that are doubted, less the share of right ones. Each set is also judged by
thresholds that were fitted to the others. The constants are changed by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from clicks import SETS, Sample, shown_by
from measures.clicks import Click, innermost, iou, next_click

from vos.concept import first_mask_check as rules
from vos.concept.first_mask_check import check_first_mask
from vos.geometry import mask_box
from vos.persam.first_mask import FirstMask, first_mask
from vos.sam.config import ModelConfig
from vos.sam.device import set_threads
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, ObjectPrompt

WRONG, CLICKS = 0.7, 3
LEAST_IOUS = tuple(np.arange(0.4, 0.91, 0.05).round(2))
RIVALS, AGREEMENTS = (0.0, 0.05, 0.1, 0.15, 0.2), (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Judged:
    """A first mask: how it was shown, whether it is right, and what there is to doubt it by.

    Attributes:
        group: the set.
        shown: "1", "2" or "3" clicks, or "box".
        wrong: whether its IoU is below :data:`WRONG`.
        quality: predicted IoU.
        others: of each other candidate how far its predicted IoU is below, and the two masks' IoU.
        kinds: of the doubts that are told today.
    """

    group: str
    shown: str
    wrong: bool
    quality: float
    others: tuple[tuple[float, float], ...]
    kinds: frozenset[str]

    def unsure(self, least: float) -> bool:
        """Whether the model is less sure than ``least``."""
        return self.quality < least

    def rivalled(self, rival: float, agreement: float) -> bool:
        """Whether another candidate is as likely, to ``rival``, and another mask: an IoU below ``agreement``."""
        return any(gap <= rival and same < agreement for gap, same in self.others)


def judge(group: str, samples: Sequence[Sample], model: Segmenter) -> Iterator[Judged]:
    """Shows the objects of a set, and judges the masks that come of it; empty ones are an error of their own."""
    photo, embedding = "", None
    for sample in samples:
        if sample.photo != photo or embedding is None:
            photo, (embedding,) = sample.photo, model.encode([sample.rgb])
        clicks, last = [Click(*innermost(sample.truth), True)], None
        for count in range(1, CLICKS + 1):
            last = first_mask(model, sample.rgb, embedding, shown_by(clicks), last)
            yield from _judged(group, str(count), shown_by(clicks), last, sample, embedding)
            click = next_click(last.mask, sample.truth)
            if click is None:
                break
            clicks.append(click)
        box = ObjectPrompt(1, box=mask_box(sample.truth))
        yield from _judged(group, "box", box, first_mask(model, sample.rgb, embedding, box), sample, embedding)


def _judged(
    group: str, shown: str, prompt: ObjectPrompt, found: FirstMask, sample: Sample, embedding: ImageEmbedding
) -> Iterator[Judged]:
    if found.mask.any():
        others = tuple(
            (found.quality - float(found.predicted_iou[k]), iou(mask, found.mask))
            for k, mask in enumerate(found.candidates)
            if k != found.chosen and mask.any()
        )
        kinds = frozenset(issue.kind for issue in check_first_mask(prompt, found, embedding))
        yield Judged(group, shown, iou(found.mask, sample.truth) < WRONG, found.quality, others, kinds)


Doubt = Callable[[Judged], bool]
Thresholds = tuple[float, float, float, float]
"""OF_ONE_CLICK, LEAST_IOU, RIVAL, AGREEMENT."""


def doubt_by(thresholds: Thresholds) -> Doubt:
    """Makes the two rules of thresholds."""
    of_one_click, least, rival, agreement = thresholds
    return lambda mask: mask.unsure(of_one_click if mask.shown == "1" else least) or mask.rivalled(rival, agreement)


def worth(masks: Sequence[Judged], doubt: Doubt) -> tuple[float, float]:
    """Measures the shares of wrong and of right masks that are doubted."""
    doubted, wrong = (np.array([rule(mask) for mask in masks]) for rule in (doubt, lambda mask: mask.wrong))
    caught, alarmed = (float(doubted[of].mean()) if of.any() else 0.0 for of in (wrong, ~wrong))
    return caught, alarmed


def fit(masks: Sequence[Judged]) -> Thresholds:
    """Finds what the model has to be sure of, then RIVAL and AGREEMENT beside it, that tell wrong from right best."""

    def gain(masks: Sequence[Judged], doubt: Doubt) -> float:
        caught, alarmed = worth(masks, doubt)
        return caught - alarmed

    def least(masks: Sequence[Judged]) -> float:
        return float(max(LEAST_IOUS, key=lambda value: gain(masks, lambda mask: mask.unsure(value))))

    one, more = (least([mask for mask in masks if (mask.shown == "1") == single]) for single in (True, False))
    return max(
        ((one, more, rival, agreement) for rival, agreement in product(RIVALS, AGREEMENTS)),
        key=lambda thresholds: gain(masks, doubt_by(thresholds)),
    )


def report(masks: Sequence[Judged]) -> Iterator[str]:
    """Says what was fitted, what it is worth, and what each kind of doubt of today is."""

    def told(masks: Sequence[Judged], thresholds: Thresholds) -> str:
        caught, alarmed = worth(masks, doubt_by(thresholds))
        return f"{caught:.2f} of wrong, {alarmed:.2f} of right masks doubted by {thresholds}"

    today = (rules.OF_ONE_CLICK, rules.LEAST_IOU, rules.RIVAL, rules.AGREEMENT)
    yield f"{len(masks)} masks, {np.mean([mask.wrong for mask in masks]):.2f} of them wrong"
    yield f"today: {told(masks, today)}"
    yield f"fitted: {told(masks, fit(masks))}"
    groups = list(dict.fromkeys(mask.group for mask in masks))
    for group in groups if len(groups) > 1 else ():
        others = [mask for mask in masks if mask.group != group]
        yield f"{group}, fitted to the others: {told([mask for mask in masks if mask.group == group], fit(others))}"
    for shown in ("1", "2", "3", "box"):
        own = [mask for mask in masks if mask.shown == shown]
        yield f"{shown}: {np.mean([mask.wrong for mask in own]):.2f} wrong; by {told(own, today)}"
        for kind in sorted({kind for mask in own for kind in mask.kinds}):
            hit = [mask.wrong for mask in own if kind in mask.kinds]
            yield f"  {kind}: told of {len(hit)} of {len(own)}, {np.mean(hit):.2f} of them wrong"


def main() -> None:
    """Judges the sets that are named, and prints the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help=f"folder that holds {', '.join(SETS)}")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    arguments = parser.parse_args()
    set_threads(None, embedded=False)
    model = load_model(ModelConfig()).for_objects(1)
    masks = [mask for name in arguments.sets for mask in judge(name, list(SETS[name](arguments.data)), model)]
    print(*report(masks), sep="\n")


if __name__ == "__main__":
    main()
