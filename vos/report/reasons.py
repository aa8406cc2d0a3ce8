"""Why a frame may be wrong, in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from vos.report.signs import Signs

NOTHING = "nothing stands out"

# From which values on a sign is worth a word; others from the least on.
NAMED_FROM = {"fell": 0.05, "shrank": 0.1, "grew": 0.1, "deformed": 0.1, "changed": 0.4, "apart": 0.02, "coloured": 0.2}

_WORDS: dict[str, Callable[[Signs], str]] = {
    "unsure": lambda signs: f"predicted IoU is {1 - signs.unsure:.2f}",
    "fell": lambda signs: f"predicted IoU fell from {1 - signs.unsure + signs.fell:.2f} to {1 - signs.unsure:.2f}",
    "absent": lambda signs: "it is not found",
    "missed": lambda signs: f"it has not been found for {round(math.exp(signs.missed)) - 1} frames",
    "lost": lambda signs: "it is lost here",
    "rejected": lambda signs: f"something that may be it was not taken for it (predicted IoU {signs.rejected:.2f})",
    "large": lambda signs: "it was large just before it went",
    "inside": lambda signs: "it was well inside the picture before it went",
    "coloured": lambda signs: "it is not found, but its colours are in the picture",
    "found_again": lambda signs: "it is found again here",
    "shrank": lambda signs: f"the area fell by {1 - math.exp(-signs.shrank):.0%}",
    "grew": lambda signs: f"the area grew by {math.exp(signs.grew) - 1:.0%}",
    "deformed": lambda signs: f"the shape changed: IoU with the mask before, moved along, is {1 - signs.deformed:.2f}",
    "dwindled": lambda signs: f"it has {math.exp(-signs.dwindled):.0%} of its first area",
    "tiny": lambda signs: "it is small",
    "strange": lambda signs: "its colours are not those it had first",
    "background": lambda signs: f"{signs.background:.0%} of the mask has colours of the surroundings",
    "apart": lambda signs: f"{signs.apart:.0%} of the mask lies apart from the rest",
    "mixed": lambda signs: "it has touched an object that looks like it",
    "changed": lambda signs: "the picture changed at once, as at a cut",
}


def why(names: Sequence[str], signs: Signs) -> str:
    """Says what signs mean, the strongest first.

    Args:
        names: of the signs.
        signs: of the object in the frame.
    """
    told = [name for name in names if not (name == "unsure" and "fell" in names)]  # which says how low it is, too
    return "; ".join(_WORDS[name](signs).replace("%", " %") for name in told) or NOTHING
