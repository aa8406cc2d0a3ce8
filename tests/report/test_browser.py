"""Pages in a real browser, at the width of a desk and of a phone, light and dark. Skipped where there is none.

A folder named by VOS_SCREENSHOTS gets a picture of each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import CONTRAST, CONTRASTS, TOO_WIDE, WIDTHS, browsing, look_as, no_browser
from moving_square import ABOUT, clip
from square_davis import write_davis

from vos.evaluation.davis import read_dataset
from vos.evaluation.page import write_comparison_page, write_page
from vos.evaluation.report import RunSummary
from vos.evaluation.scoring import score_results
from vos.report.review import Review
from vos.report.writer import ReportWriter

if (reason := no_browser()) is not None:
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of a run, of an evaluation, and of several runs."""
    folder = tmp_path_factory.mktemp("pages")
    wrong = {7: {"score": 0.2, "side": 6}, 40: {"x": None, "shown": True}, 70: {"score": 0.4}}
    review = Review((0,), 120)
    with ReportWriter(folder / "report.html", review, ABOUT) as writer:
        for result in clip(120, wrong):
            review.write(result)
            writer.write(result)
    sequences = read_dataset(write_davis(folder / "DAVIS", ("bear", "goat-with-a-long-name"), 12, 2017), 2017, "dev")
    results = folder / "DAVIS" / "Annotations" / "480p"
    facts = ["DAVIS/" + "a-long-folder/" * 12, "J&F 1.000"]
    write_page(folder / "evaluation.html", sequences, score_results(sequences, results), results, facts)
    figures = {f"sequence-{number}": value for number, value in enumerate(np.linspace(0.2, 0.9, 9))}
    runs = [RunSummary(f"{k}", (("tracker.memory.momentum", f"0.{k}"),), 0.6, 0.7, 9.9, figures) for k in range(1, 9)]
    write_comparison_page(folder / "comparison.html", runs, {"1": "evaluation.html"})
    return {name: folder / f"{name}.html" for name in ("report", "evaluation", "comparison")}


def show(browser: Any, page: Path, width: int, scheme: str) -> None:
    look_as(browser, width, scheme)
    browser.get(page.as_uri())


def keep_screenshot(browser: Any, name: str) -> None:
    if folder := os.environ.get("VOS_SCREENSHOTS"):
        height = browser.execute_script("return document.documentElement.scrollHeight")
        width = browser.execute_script("return document.documentElement.clientWidth")
        metrics = {"width": width, "height": min(height, 6000), "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.save_screenshot(str(Path(folder, f"{name}.png")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "evaluation", "comparison"])
def test_a_page_fits_and_can_be_read(browser: Any, pages: dict[str, Path], name: str, width: str, scheme: str) -> None:
    show(browser, pages[name], WIDTHS[width], scheme)
    assert browser.execute_script("return window.innerWidth") == WIDTHS[width]
    assert browser.execute_script(TOO_WIDE) == []
    contrasts = browser.execute_script(CONTRASTS)
    assert len(contrasts) > 10
    assert [each for each in contrasts if each[0] < CONTRAST] == []
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[scheme]
    assert browser.execute_script("return [...document.images].filter(i => !i.naturalWidth).length") == 0
    assert [entry for entry in browser.get_log("browser") if "favicon" not in entry["message"]] == []
    keep_screenshot(browser, f"{name}-{width}-{scheme}")


def test_nothing_is_fetched(browser: Any, pages: dict[str, Path]) -> None:
    for page in pages.values():
        show(browser, page, 1280, "light")
        names = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name.slice(0, 5))")
        assert set(names) <= {"data:"}


def test_lines_are_drawn_and_dip_where_a_score_falls(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["report"], 1280, "light")
    box = browser.execute_script(
        "const b = document.querySelector('polyline.predicted').getBBox(); return [b.width, b.y + b.height]"
    )
    assert box[0] == pytest.approx(1000)
    assert box[1] == pytest.approx(100)  # where it is absent
    assert browser.execute_script("return document.querySelectorAll('.mark').length") >= 3
    strip = "return [...document.querySelectorAll('.strip rect')].map(r => r.getBoundingClientRect().width > 0)"
    assert browser.execute_script(strip) == [True, True, True]


def test_options_unfold_by_the_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["report"], 380, "light")
    assert not browser.execute_script("return document.querySelector('details').open")
    browser.find_element("css selector", "summary").send_keys("\ue007")
    assert browser.execute_script("return document.querySelector('details').open")
    assert browser.execute_script(TOO_WIDE) == []
