"""The report on the embedded model: hand-made numbers, clicks where they belong, one small run from end to end."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import nano_report
import numpy as np
import pytest
import torch
from fakes import ColourSegmenter, DecoderCall, RedTracker
from measures import videos
from measures.calibration import area_under_curve, expected_calibration_error, reliability
from measures.clicks import Click, choose_regions, click_through, innermost, measure_clicks, next_click
from measures.tables import Pairs, Sample, Settings, Table, long_rows, markdown
from square_davis import write_davis
from training.photos import PhotoPool

from vos.sam.prompting import MaskCandidates
from vos.structures import Frame, ImageEmbedding, LabelMap, Presence, TrackedFrame


def write_segments(root: Path, names: Sequence[str], readable: Sequence[str]) -> Path:
    """Photos with a red disc (1), a blue square (2) and a speck (3); only the readable ones have files."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    labels = np.zeros((90, 120), np.uint8)
    cv2.circle(labels, (35, 45), 22, 1, -1)
    cv2.rectangle(labels, (70, 20), (105, 70), 2, -1)
    labels[2:4, 2:4] = 3
    rgb = np.full((90, 120, 3), 60, np.uint8)
    rgb[labels == 1], rgb[labels == 2] = (220, 30, 30), (30, 30, 220)
    for name in readable:
        cv2.imwrite(str(root / "images" / f"{name}.webp"), rgb[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])
        cv2.imwrite(str(root / "labels" / f"{name}_0.png"), labels)
    (root / "index.csv").write_text("\n".join(["id", *names]) + "\n")
    return root


def test_calibration_error_is_the_weighted_distance_over_the_bins() -> None:
    predicted, true = np.array([0.95, 0.91, 0.15, 1.0]), np.array([0.85, 0.75, 0.35, 0.8])
    last, first = reliability(predicted, true)[::-1]
    assert (last.low, last.masks, first.masks) == (0.9, 3, 1), "a predicted IoU of 1 belongs to the last bin"
    expected = (3 * abs((0.95 + 0.91 + 1.0) / 3 - 0.8) + abs(0.15 - 0.35)) / 4
    assert expected_calibration_error(predicted, true) == pytest.approx(expected)
    assert expected_calibration_error(true, true) == pytest.approx(0)


def test_errors_within_a_bin_that_cancel_out_do_not_count() -> None:
    assert expected_calibration_error(np.array([0.55, 0.55]), np.array([0.35, 0.75])) == pytest.approx(0)


def test_area_under_the_curve_counts_pairs_and_halves_ties() -> None:
    assert area_under_curve(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == pytest.approx(3.5 / 4)
    assert area_under_curve(np.array([0.1]), np.array([0.2, 0.3])) == 0


def test_the_innermost_point_keeps_away_from_the_edge_of_the_picture_too() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:31, 0:21] = True
    assert innermost(mask) == (10, 20)


def test_the_next_click_lies_in_the_middle_of_the_largest_wrong_part() -> None:
    truth, mask = np.zeros((2, 60, 80), bool)
    truth[10:41, 10:31] = True
    mask[10:41, 10:31] = True
    assert next_click(mask, truth) is None
    mask[10:15, 10:15] = False  # missing: 25 pixels
    assert next_click(mask, truth) == Click(12, 12, True)
    mask[50:55, 50:61] = True  # surplus: 55 pixels
    click = next_click(mask, truth)
    assert click is not None
    assert not click.on_object
    assert click.y == 52
    assert 52 <= click.x <= 58


class HalfSegmenter(ColourSegmenter):
    """Responds to the first click with the left half of the picture."""

    def respond(self, call: DecoderCall) -> MaskCandidates:
        count = len(call.prompts)
        logits = torch.full((count, call.candidates, *call.embedding.geometry.logit_size), -5.0)
        logits[:, -1, :, : logits.shape[-1] // 2] = 5.0
        quality = torch.tensor([0.1, 0.2, 0.7] if call.multimask else [0.4])
        return MaskCandidates(logits, quality.repeat(count, 1))


def test_each_click_goes_with_all_clicks_and_the_mask_before() -> None:
    model, truth = HalfSegmenter(), np.zeros((64, 96), bool)
    truth[8:40, 40:90] = True
    (embedding,) = model.encode([np.zeros((64, 96, 3), np.uint8)])
    (session,) = click_through(model, embedding, [truth])
    assert [call.multimask for call in model.calls] == [True, False, False]
    first, second, third = (call.prompts[0] for call in model.calls)
    assert first.mask_logits is None
    assert len(first.points) == 1
    assert second.mask_logits is not None
    left = second.mask_logits[:, : second.mask_logits.shape[1] // 2]
    assert bool((left > 0).all()), "the best of three candidates is handed back"
    assert second.labels.tolist() == [1, 0], "the surplus left half is larger than the missing part"
    assert len(third.points) == 3
    assert session.predicted == pytest.approx([0.7, 0.4, 0.4])
    half = np.zeros_like(truth)
    half[:, :48] = True
    assert session.ious[0] == pytest.approx((truth & half).sum() / (truth | half).sum(), abs=0.02)


def test_a_region_without_mistakes_keeps_its_mask() -> None:
    model = HalfSegmenter()
    truth = np.zeros((64, 96), bool)
    truth[:, :48] = True
    (embedding,) = model.encode([np.zeros((64, 96, 3), np.uint8)])
    (session,) = click_through(model, embedding, [truth])
    assert len(model.calls) == 1
    assert session.ious == [1, 1, 1]
    assert len(session.clicks) == 1


def test_regions_are_seeded_of_a_fitting_size_and_as_many_of_each_source(tmp_path: Path) -> None:
    names = [*(f"coco_{k}" for k in range(8)), "bsds_0", "bsds_1"]
    pool = PhotoPool(write_segments(tmp_path, names, names))
    chosen = choose_regions(pool, 6, seed=0)
    assert [region.source for region in chosen] == ["bsds"] * 3 + ["coco"] * 3
    assert {region.label for region in choose_regions(pool, 100, seed=0)} == {1, 2}, "the speck is too small"
    assert chosen == choose_regions(pool, 6, seed=0)
    assert any(chosen != choose_regions(pool, 6, seed) for seed in range(1, 4))


def test_only_held_out_photos_are_clicked_on(tmp_path: Path) -> None:
    names = [f"coco_{k}" for k in range(11)]
    write_segments(tmp_path / "segments", names, ["coco_0", "coco_10"])  # the others cannot be read
    settings = Settings(tmp_path, tmp_path / "results", sample=Sample(regions=4))
    table, pairs = measure_clicks(settings, ColourSegmenter())
    name, regions, *ious = table.rows[-1]
    assert (name, regions) == ("all", 4)
    assert min(ious) > 0.8
    assert [len(own.true) for own in pairs] == [12, 4]


class CountingTracker(RedTracker):
    """Surer by 0.1 with every frame; frame 3 is absent."""

    def _next(self, call: str, embedding: ImageEmbedding, frame: Frame, given: LabelMap | None) -> TrackedFrame:
        tracked = super()._next(call, embedding, frame, given)
        if frame.index == 3:
            return TrackedFrame(torch.full_like(tracked.logits, -32), torch.tensor([0.05]), (Presence.ABSENT,))
        return TrackedFrame(tracked.logits, torch.tensor([frame.index / 10]), tracked.presence, given)


def test_predicted_iou_is_compared_on_the_same_frame_and_only_where_there_is_a_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_davis(tmp_path / "davis16", frames=6)
    monkeypatch.setattr(videos, "make_tracker", lambda config, model: CountingTracker())
    table, pairs = videos.measure_set(Settings(tmp_path, tmp_path / "results"), "davis16", ColourSegmenter())
    assert pairs is not None
    assert pairs.predicted == pytest.approx([0.1, 0.2, 0.4])
    assert pairs.true.min() > 0.4
    assert table.rows[0][0] == "bear"
    assert table.rows[-1][0] == "mean"
    assert table.rows[-1][2] == pytest.approx(pairs.true.sum() / 4), "the absent frame counts in J"


def test_tables_become_markdown_and_long_rows() -> None:
    table = Table("t", "A title", ("item", "share", "count"), [["a", 0.12345, 1234], ["b", None, 5]], "A note.")
    assert markdown(table).split("\n")[:5] == [
        "## A title", "", "| item | share | count |", "| --- | --- | --- |", "| a | 0.123 | 1,234 |",
    ]  # fmt: skip
    assert long_rows([table]) == [("t", "a", "share", 0.12345), ("t", "a", "count", 1234), ("t", "b", "count", 5)]


def test_a_quick_report_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_davis(tmp_path / "davis16", ("bear", "goat"), frames=8)
    write_segments(tmp_path / "segments", ["coco_0", "coco_1"], ["coco_0"])
    out = tmp_path / "out"
    assert nano_report.main([str(tmp_path), "--quick", "--input-size", "64", "--out", str(out)]) == 0
    text = (out / "report.md").read_text()
    assert "has no multi/" in text
    assert "has no perseg_mini/" in text
    assert "not the model's figures" in text
    with (out / "report.csv").open(newline="") as file:
        figures = {(row["table"], row["item"], row["measure"]): float(row["value"]) for row in csv.DictReader(file)}
    assert 0 <= figures["davis16", "mean", "J&F"] <= 1
    assert figures["davis16", "goat", "ms whole"] > 0
    assert figures["clicks", "all", "regions"] == 2
    assert figures["weights", "nano.safetensors", "bytes"] > 1e6
    assert 0 <= figures["presence", "all", "AUC"] <= 1
    assert 0 <= figures["calibration", "clicks, 1 to 3", "ECE"] <= 1
    assert cv2.imread(str(out / "reliability.png")) is not None
    assert sorted(path.name for path in out.iterdir()) == ["reliability.png", "report.csv", "report.md"]


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nano_report.main([str(tmp_path / "nowhere")]) == 2
    assert nano_report.main([str(tmp_path), "--weights", str(tmp_path / "none.safetensors")]) == 2
    lines = capsys.readouterr().err.strip().split("\n")
    assert len(lines) == 2
    assert all(line.startswith("error: ") for line in lines)


def test_nothing_measured_still_draws(tmp_path: Path) -> None:
    nano_report.draw_reliability([Pairs("none", np.zeros(0), np.zeros(0))], tmp_path / "empty.png")
    assert cv2.imread(str(tmp_path / "empty.png")) is not None
