"""The bench of speed: what is chosen, that a second command goes on, what its page says; the published code by path."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
import speed
from timing import case as cases
from timing.case import Case, chosen

from docs import speed_page

REFERENCE = """
import os
from PIL import Image
import numpy as np
from torchvision.transforms.functional import resize
from timm.models.layers import to_2tuple
from per_segment_anything import SamPredictor, sam_model_registry
from eval_video import eval_davis_result

def main(args):
    model = sam_model_registry["vit_h"](checkpoint="sam.pth").cuda()
    predictor = SamPredictor(model)
    folder = args.davis_path + "/JPEGImages/480p/clip/"
    for index, name in enumerate(sorted(os.listdir(folder))):
        predictor.set_image(np.array(Image.open(folder + name)))
        if index == 0:  # a second object
            predictor.set_image(np.array(Image.open(folder + name)))
    eval_davis_result(args.output_path, args.davis_path)
"""
PACKAGE = """
import time, torch
sam_model_registry = {"vit_t": lambda: torch.nn.Linear(2, 1)}
class SamPredictor:
    def __init__(self, model): pass
    def set_image(self, image): time.sleep(0.05)
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips of three frames."""
    monkeypatch.setattr(cases, "FRAMES", {"nano": 3, "vit_t": 3, "vit_b": 3})


def test_cases_are_chosen_by_the_beginnings_of_their_names() -> None:
    assert [str(case) for case in chosen(["vit_t-1"])] == ["vit_t-1-480p", "vit_t-1-1080p"]  # not vit_t-10
    assert len(chosen([])) == 18
    assert Case("nano", 1, 480).contenders == ["float32", "bfloat16"]
    with pytest.raises(SystemExit, match="no case begins with vit_x"):
        chosen(["vit_x"])


@pytest.mark.usefixtures("small")
def test_the_published_code_is_run_as_it_stands_and_timed(tmp_path: Path) -> None:
    import torch

    reference = tmp_path / "public"
    (reference / "per_segment_anything").mkdir(parents=True)
    (reference / "persam_video.py").write_text(REFERENCE)
    (reference / "per_segment_anything/__init__.py").write_text(PACKAGE)
    torch.save(torch.nn.Linear(2, 1).state_dict(), tmp_path / "vit_t.pth")
    row = speed.measure(Case("vit_t", 2, 480), reference, tmp_path, "published")
    assert row["frames"] == 2
    assert 0.05 < row["frame"] < 0.2
    assert row["memory"] > 50


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="no other system says how busy it is")
def test_what_others_use_of_the_machine_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = speed.busy()
    assert before > 0
    readings = iter([before, before + 100.0])
    monkeypatch.setattr(speed, "busy", lambda: next(readings))
    ended = speed.run([sys.executable, "-c", "print('a'); print('b')"], tmp_path)
    assert ended.said == "b"
    assert ended.others > 1


def test_a_second_command_goes_on_and_writes_medians(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = iter(
        [(0.3, 0.0), (0.1, 0.0), (5.0, 0.5), (0.2, 0.0)]
    )  # seconds of a frame, others' share: the third is lost
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(speed, "ROOT", tmp_path)
    monkeypatch.setattr(speed, "commit", lambda: "abc")
    monkeypatch.setattr(speed, "floors", lambda *_: None)
    monkeypatch.setattr(speed, "WAYS", {"float32": []})
    monkeypatch.setattr(cases, "WAYS", {"float32": []})
    about = {"learn": 1.0, "before": 2.0, "memory": 3.0}
    monkeypatch.setattr(speed, "measure", lambda *_: {**dict(zip(("frame", "others"), next(runs))), **about})
    words = ["--cases", "nano-1-480p", "--out", str(tmp_path / "out"), "--write"]
    speed.main([*words, "--turns", "2"])
    speed.main([*words, "--turns", "3"])
    speed.main([*words, "--turns", "3"])
    said = capsys.readouterr().out
    assert (said.count(" MiB"), said.count("not kept")) == (4, 1)
    (row,) = csv.DictReader((tmp_path / "docs/speed.csv").open())
    assert (row["frame"], row["least"], row["most"], row["turns"]) == ("0.2000", "0.1000", "0.3000", "3")
    monkeypatch.setattr(speed, "commit", lambda: "def")  # another commit is measured anew
    speed.main([*words, "--turns", "2", "--minutes", "0"])
    assert "the time is up" in capsys.readouterr().out
    assert len((tmp_path / "out/speed.jsonl").read_text().splitlines()) == 3


def test_the_page_says_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    about = {"least": 1, "most": 9, "learn": 0.0, "before": 2, "memory": 900.4, "turns": 3}
    about |= {"commit": "abc", "machine": "one core", "day": "2026-11-30"}
    rows = [
        {"case": "vit_t-1-480p", "contender": "published", "frame": 4.0, **about},
        {"case": "vit_t-1-480p", "contender": "bfloat16", "frame": 0.8, **about},
    ]
    speed.write(rows, tmp_path / "speed.csv")
    speed.write([{**rows[1], "frame": 0.5}], tmp_path / "speed.csv")  # replaces its older row only
    page = speed_page.page(tmp_path / "speed.csv")
    assert "| 1 object, 854x480 | published | 4.000 (1.000 to 9.000) |  |" in page
    assert "| 1 object, 854x480 | vos, bfloat16 | 0.500 (1.000 to 9.000) | 8.0x |" in page
    speed.write([{**rows[1], "commit": "def"}], tmp_path / "speed.csv")  # not in turns with the published code's
    assert "x |" not in speed_page.page(tmp_path / "speed.csv")
    left = page.partition("## Not measured")[2]
    assert "vit_t-1-480p float32" in left
    assert "vit_t-1-480p bfloat16" not in left
    speed.write([], tmp_path / "none.csv")
    assert ", ".join(map(str, chosen([]))) in speed_page.page(tmp_path / "none.csv")  # every case has its place


def test_the_floor_counts_what_is_multiplied() -> None:
    import torch
    from timing.floor import Work, encoder_work

    with torch.device("meta"), Work() as work:
        torch.empty(8, 16) @ torch.empty(16, 32)
        torch.empty(8, 16) + 1
    assert work.done == [(2 * 8 * 16 * 32, 8 * 16 + 16 * 32 + 8 * 32)]
    assert sum(flops for flops, _ in encoder_work("vit_t")) == pytest.approx(77.5e9, rel=0.02)
