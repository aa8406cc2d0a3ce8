"""Results are lines that only grow, whoever was killed in the middle of one."""

from __future__ import annotations

import json
from pathlib import Path

from vos.batch.results import BEGINNING, DONE, FAILED, ClipResult, append_line, figures_of


def test_a_line_holds_what_there_is_to_say() -> None:
    result = ClipResult("list.csv:2", "a\n.mp4", "out/a", FAILED, error="no frame")
    assert "\n" not in result.line()
    assert result.line().startswith(BEGINNING)
    known = json.loads(result.line())
    assert known == {"row": "list.csv:2", "video": "a\n.mp4", "output_dir": "out/a", "state": "failed",
                     "frames": 0, "error": "no frame"}  # fmt: skip


def test_figures_are_those_of_the_frames() -> None:
    seen = {"predicted_iou": 0.9, "presence": "present"}, {"predicted_iou": 0.6, "presence": "uncertain"}
    gone = {"predicted_iou": 0.3, "presence": "absent"}
    frames = [{"objects": {"1": seen[0], "2": gone}}, {"objects": {"1": seen[1], "2": gone}}]
    worst = [{"index": 7, "object": 1}, {"index": 3, "object": 1}, {"index": 7, "object": 2}]
    assert figures_of({"frames": frames, "frames_to_check": worst}) == {
        "mean_predicted_iou": 0.75, "share_absent": 0.5, "frames_to_check": (7, 3)}  # fmt: skip
    assert figures_of({"frames": []}) == {"mean_predicted_iou": None, "share_absent": None, "frames_to_check": ()}


def test_what_was_cut_off_spoils_no_later_line(tmp_path: Path) -> None:
    record, line = tmp_path / "new" / "results.jsonl", ClipResult("list.csv:2", "a.mp4", "a", DONE).line()
    append_line(record, line)
    with record.open("a") as file:
        file.write(line[:20])
    append_line(record, line)
    append_line(record, line)
    whole = record.read_text().splitlines()
    assert whole == [line, line[:20], line, line]
