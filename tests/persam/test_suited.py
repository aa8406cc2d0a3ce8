"""What an option's None stands for."""

from __future__ import annotations

import pytest
from fakes import ColourSegmenter

from vos.persam.suited import Suited, chosen, suited


class MapReader(ColourSegmenter):
    """A model whose decoder reads similarity maps, as the embedded one."""

    guidance_fields = frozenset({"maps"})


# Which model, choice and guidance -> reads_maps, points, box, refine_steps, crop_refinement
EXPECTED = [
    (MapReader, "tracker=persam", True, Suited(True, 0, False, 0, True)),
    (MapReader, "tracker=persam", False, Suited(False, 1, True, 2, True)),
    (MapReader, "method=p2sam", True, Suited(True, 0, False, 0, True)),
    (MapReader, "method=persam", True, Suited(True, 0, False, 2, True)),
    (ColourSegmenter, "tracker=persam", True, Suited(False, 1, True, 2, False)),
    (ColourSegmenter, "tracker=published", True, Suited(False, 2, True, 2, False)),
    (ColourSegmenter, "tracker=published with finetune", True, Suited(False, 1, True, 2, False)),
]


@pytest.mark.parametrize(("model", "choice", "guidance", "expected"), EXPECTED)
def test_what_suits_a_model(model: type[ColourSegmenter], choice: str, guidance: bool, expected: Suited) -> None:
    assert suited(model(), choice, guidance) == expected


def test_an_option_that_is_given_wins_even_where_it_is_nothing() -> None:
    assert [chosen(None, 2), chosen(0, 2)] == [2, 0]
