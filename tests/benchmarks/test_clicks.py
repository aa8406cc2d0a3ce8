"""The bench of clicks: whom it clicks, what it counts, which rows it keeps."""

from __future__ import annotations

import csv
from pathlib import Path

import clicks as bench
import numpy as np
import pytest
from fakes import ColourSegmenter, square_clip, square_mask

from docs import clicks_page
from vos.structures import ObjectPrompt

TRUTH = np.zeros((40, 60), np.bool_)
TRUTH[10:20, 10:40] = True


def test_the_user_clicks_what_is_wrong_until_nothing_is() -> None:
    masks = [np.zeros_like(TRUTH), TRUTH | (np.arange(40) >= 30)[:, None], TRUTH]
    asked: list[ObjectPrompt] = []

    def ask(shown: ObjectPrompt, state: object) -> bench.Answer:
        assert state == (len(asked) or None), "each answer is told of the last"
        asked.append(shown)
        return bench.Answer(masks[len(asked) - 1], len(asked))

    ious = bench.click_through(ask, TRUTH, 5)
    assert ious == pytest.approx([0, 300 / 900, 1, 1, 1])
    assert [shown.labels.tolist() for shown in asked] == [[1], [1, 1], [1, 1, 0]]
    assert all(TRUTH[int(y), int(x)] for x, y in asked[2].points[:2])
    assert asked[2].points[2][1] >= 30, "in what is surplus"


def test_what_is_never_reached_counts_as_all_clicks() -> None:
    ious = np.full((2, bench.CLICKS), 0.5)
    ious[0, 3:] = 0.87
    figures = bench.figures_of(ious, [0.2, 0.4])
    assert figures["clicks to 0.85"] == (4 + bench.CLICKS) / 2
    assert figures["clicks to 0.90"] == bench.CLICKS
    assert (figures["box"], figures["above 0.8 at 3"]) == (pytest.approx(0.3), 0)
    assert figures["4"] == pytest.approx((0.87 + 0.5) / 2)


@pytest.mark.parametrize("way", bench.ANSWERS)
def test_a_set_is_measured_each_photo_encoded_once(way: str) -> None:
    model, (rgb,) = ColourSegmenter(), square_clip(1)
    truth = square_mask(0).labels > 0
    samples = [bench.Sample("one", rgb, truth), bench.Sample("one", rgb, truth)]
    figures = bench.measure(samples, model, bench.ANSWERS[way])
    assert model.encoded == 1
    assert figures["1"] > 0.7
    assert figures["box"] > 0.7


def test_fresh_figures_take_the_place_of_old_ones_and_the_page_shows_them(tmp_path: Path) -> None:
    def row(figure: str, value: str) -> dict[str, str]:
        return dict(zip(bench.COLUMNS, ("davis16", "fed-back", figure, value, "9", "abc")))

    table = bench.merged([row("1", "0.1"), row("box", "0.2")], "")
    table = bench.merged([row("1", "0.7")], table)
    assert {r["figure"]: r["value"] for r in csv.DictReader(table.splitlines())} == {"1": "0.7", "box": "0.2"}
    (tmp_path / "clicks.csv").write_text(table)
    assert "## davis16: 9 objects" in clicks_page.page(tmp_path / "clicks.csv")
    assert "| 0.700 |" in clicks_page.page(tmp_path / "clicks.csv")
