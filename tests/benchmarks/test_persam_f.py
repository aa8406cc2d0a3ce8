"""The bench of PerSAM-F: the published script by path, this program, and what its page says."""

from __future__ import annotations

from pathlib import Path

import persam_f
import pytest
import speed
import torch
from timing import tuning

from docs import speed_page

SCRIPT = """
import os, sys, time, torch
from per_segment_anything import sam_model_registry

class Mask_Weights(torch.nn.Module):
    pass

def main():
    assert os.path.exists(sys.argv[2] + "/Annotations/ball/00.png") and sys.argv[3:] == ["--sam_type", "vit_t"]
    assert os.path.commonpath([os.getcwd(), sys.argv[2]]) != sys.argv[2]
    sam_model_registry["vit_t"](checkpoint="weights/mobile_sam.pt").to(device="cpu")
    weights = Mask_Weights().cuda()
    time.sleep(0.3)
    weights.train()
    time.sleep(0.1)
    weights.eval()
    print("Mask weights")
"""


def test_the_published_script_is_run_as_it_stands_and_its_loop_timed(tmp_path: Path) -> None:
    (tmp_path / "per_segment_anything").mkdir()
    (tmp_path / "persam_f.py").write_text(SCRIPT)
    (tmp_path / "per_segment_anything/__init__.py").write_text(
        "import torch\nsam_model_registry = {'vit_t': lambda: torch.nn.Linear(2, 1)}\n"
    )
    torch.save(torch.nn.Linear(2, 1).state_dict(), tmp_path / "vit_t.pth")
    row = persam_f.measure(tmp_path, tmp_path, "published")
    assert 0.1 < row["learn"] < 0.25
    assert row["frame"] > 0.4
    assert row["memory"] > 50


def test_the_tuning_of_an_album_is_timed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        from vos.concept import concept

        return concept.image_weights("model", "photo")  # type: ignore[attr-defined, call-arg, arg-type, return-value]

    monkeypatch.setattr("vos.album.__main__.main", main)
    monkeypatch.setattr("vos.concept.mask_weights.image_weights", lambda *_: 0)
    assert 0 < tuning.album(["images=a"]) < 0.1
    monkeypatch.setattr("vos.concept.mask_weights.image_weights", lambda *_: 2)
    with pytest.raises(SystemExit, match="2"):
        tuning.album(["images=a"])


def test_the_page_compares_the_whole_command_and_the_tuning(tmp_path: Path) -> None:
    about = {"least": 1, "most": 9, "before": 0, "memory": 900.4, "turns": 3}
    about |= {"commit": "abc", "machine": "one core", "day": "2026-11-30"}
    rows = [
        {"case": persam_f.CASE, "contender": "published", "frame": 100.0, "learn": "90.00", **about},
        {"case": persam_f.CASE, "contender": "bfloat16", "frame": 4.0, "learn": "0.45", **about},
    ]
    speed.write(rows, tmp_path / "speed.csv")
    page = speed_page.page(tmp_path / "speed.csv")
    assert "| published | 100.00 (1.00 to 9.00) |  | 90.00 |  | 900 | 3 turns" in page
    assert "| vos, bfloat16 | 4.00 (1.00 to 9.00) | 25x | 0.45 | 200x | 900 | 3 turns" in page
    assert "persam_f-480p float32" in page.partition("## Not measured")[2]
