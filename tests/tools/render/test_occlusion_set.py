"""The occlusion set: repeatable, its masks exact, and every kind of clip does what its name says."""

from __future__ import annotations

import csv
import sys
from dataclasses import astuple, replace
from pathlib import Path

import cv2
import numpy as np
import occlusion_set as tool
import pytest
from occlusion_clips.kinds import FRAMES, KINDS, make_clip
from occlusion_clips.stage import finished
from PIL import Image

from vos.errors import VosError
from vos.evaluation.davis import read_dataset

SIZE = 72, 128
EVERY = 3  # frames, to be quick


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set, the first clip of each kind, every third frame."""
    folder = tmp_path_factory.mktemp("set")
    tool.make_set(folder, SIZE, clips=1, seed=0, every=EVERY)
    return folder


def labels(folder: Path, kind: str) -> np.ndarray:
    """(T, H, W)."""
    paths = sorted((folder / "Annotations" / "480p" / f"{kind}-0").iterdir())
    return np.stack([np.array(Image.open(path)) for path in paths])


def areas(folder: Path, kind: str, label: int = 1) -> np.ndarray:
    """Pixels per frame."""
    return (labels(folder, kind) == label).sum(axis=(1, 2))


def events(folder: Path, kind: str) -> list[tuple[int, int, int]]:
    """Object, frame_lost, frame_back."""
    with (folder / "events.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["clip"] == f"{kind}-0"]
    return [(int(row["object"]), int(row["frame_lost"]), int(row["frame_back"])) for row in rows]


def test_the_set_has_the_layout_of_davis_and_every_kind(folder: Path) -> None:
    sequences = read_dataset(folder, 2017, "occlusion")
    assert [sequence.name for sequence in sequences] == [f"{kind}-0" for kind in KINDS]
    for sequence in sequences:
        assert len(sequence.images()) == FRAMES / EVERY
        assert len(sequence.objects()) == (2 if sequence.name.startswith("crossing_twins") else 1)
        with Image.open(sequence.annotations[0]) as mask, Image.open(sequence.images()[0]) as image:
            assert mask.mode == "P"
            assert mask.size == image.size == SIZE[::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_events_agree_with_the_masks(folder: Path, kind: str) -> None:
    found = events(folder, kind)
    assert bool(found) == (kind not in ("leaving_twin", "split_by_poles"))
    for label, lost, back in found:
        area = areas(folder, kind, label)
        assert area[lost - 1] > 0
        assert area[lost] == 0
        usual = np.median(area[area > 0])
        assert area[back] >= 0.25 * usual
        assert (area[lost:back] < 0.25 * usual).all()
        assert area[0] > 0.7 * usual  # what is to be followed is in full view


def test_long_occlusions_last() -> None:
    film = make_clip("long_occlusion", 1, 0).film((45, 80), np.random.default_rng(0))
    area = [int(labels.sum()) for _, labels in film]
    (event,) = tool.find_events("long_occlusion-1", 1, area)
    assert area[event.frame_lost : event.frame_back].count(0) >= 15
    assert len(area) == FRAMES


def test_what_leaves_the_frame_goes_through_its_edge_and_returns_through_another(folder: Path) -> None:
    maps = labels(folder, "exit_and_return") == 1
    ((_, lost, back),) = events(folder, "exit_and_return")
    left, right = (maps[:, :, column].any(axis=1) for column in (0, -1))
    assert left[lost - 1] != right[lost - 1]
    assert left[lost - 1] == right[back]


def test_twins_change_sides(folder: Path) -> None:
    maps = labels(folder, "crossing_twins")
    x = [[float((maps[frame] == label).nonzero()[1].mean()) for label in (1, 2)] for frame in (0, -1)]
    assert abs(x[0][0] - x[0][1]) > 0.25 * SIZE[1]
    assert (x[0][0] < x[0][1]) != (x[1][0] < x[1][1])
    first, second = (areas(folder, "crossing_twins", label)[0] for label in (1, 2))
    assert 0.6 < first / second < 1.7


@pytest.mark.parametrize("number", range(3))
def test_a_twin_is_hidden_at_first_and_goes_away(number: int) -> None:
    clip = make_clip("leaving_twin", number, 0)
    ((_, shot),) = clip.shots
    seen = [replace(actor, label=label) for label, actor in enumerate(shot.actors, start=1)]
    shown = replace(clip, shots=((0, replace(shot, actors=seen)),))
    film = [labels for _, labels in shown.film((90, 160), np.random.default_rng(0), 13)]
    areas = [[int((labels == label).sum()) for label in (1, 2)] for labels in film]
    assert areas[0][1] < 0.08 * areas[0][0]
    assert areas[-1][1] > 0.5 * areas[-1][0] > 0
    x = [float((film[-1] == label).nonzero()[1].mean()) for label in (1, 2)]
    assert abs(x[0] - x[1]) > 0.25 * 160


@pytest.mark.parametrize("number", range(3))
def test_poles_part_what_walks_behind_them(number: int) -> None:
    film = make_clip("split_by_poles", number, 0).film((180, 320), np.random.default_rng(0), 4)
    masks = [(labels == 1).astype(np.uint8) for _, labels in film]
    areas = [int(mask.sum()) for mask in masks]
    assert min(areas) > 0.5 * areas[0] > 0
    large = [sum(cv2.connectedComponentsWithStats(mask)[2][1:, cv2.CC_STAT_AREA] > 0.1 * areas[0]) for mask in masks]
    assert large[0] == large[-1] == 1
    assert max(large) >= 2


def test_the_cut_shows_another_place_for_twenty_frames(folder: Path) -> None:
    area = areas(folder, "scene_cut")
    assert (area == 0).nonzero()[0].tolist() == list(range(6, 13))  # frames 18 to 36 by threes
    paths = sorted((folder / "JPEGImages" / "480p" / "scene_cut-0").iterdir())
    before, cut, again = (np.array(Image.open(paths[frame])).astype(float) for frame in (5, 6, 13))
    assert np.abs(before - cut).mean() > 2 * np.abs(before - again).mean() > 2.0  # other place; other light


def test_small_means_one_percent(folder: Path) -> None:
    area = areas(folder, "small")
    assert 0.007 < np.median(area[area > 0]) / np.prod(SIZE) < 0.014
    assert len(events(folder, "small")) == 1


@pytest.mark.parametrize("number", range(3))
def test_fast_means_more_than_its_own_size_per_frame(number: int) -> None:
    (actor,) = make_clip("fast", number, 0).shots[0][1].actors
    places = np.array([actor.path(frame) for frame in range(FRAMES)])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert np.median(steps) > actor.length
    assert steps.min() > 0.7 * actor.length  # a chord, where the path bends


def test_what_is_fast_is_out_of_sight_for_a_short_time(folder: Path) -> None:
    assert all(back - lost <= 2 for _, lost, back in events(folder, "fast"))


def test_it_is_blurred_when_it_goes_and_when_it_returns(folder: Path) -> None:
    paths = sorted((folder / "JPEGImages" / "480p" / "heavy_blur-0").iterdir())
    ((_, lost, back),) = events(folder, "heavy_blur")

    def sharpness(frame: int) -> float:
        gray = np.array(Image.open(paths[frame]).convert("L").resize((64, 36), Image.Resampling.BOX)).astype(float)
        return float(np.abs(np.diff(gray, axis=1)).mean())

    assert max(sharpness(lost - 1), sharpness(back)) < 0.9 * min(sharpness(0), sharpness(len(paths) - 1))


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_bytes(folder: Path, tmp_path: Path) -> None:
    kind = "exit_and_return"
    again = tool.write_clip(tmp_path / "again", kind, 0, SIZE, seed=0, every=EVERY)
    assert [astuple(event)[1:] for event in again] == events(folder, kind)
    for name in ("JPEGImages", "Annotations"):
        for path in sorted((folder / name / "480p" / f"{kind}-0").iterdir()):
            assert path.read_bytes() == (tmp_path / "again" / name / "480p" / f"{kind}-0" / path.name).read_bytes()
    first = next(iter(make_clip(kind, 0, 1).film(SIZE, np.random.default_rng(0))))
    assert not np.array_equal(first[1], labels(folder, kind)[0])


def test_a_pixel_belongs_to_the_object_that_gives_half_its_light() -> None:
    cover = np.array([[[0.49, 0.5, 0.2]], [[0.3, 0.1, 0.8]]], np.float32)
    _, map_ = finished(np.zeros((1, 3, 3), np.float32), cover, np.random.default_rng(0))
    assert map_.tolist() == [[0, 1, 2]]


def test_events_need_a_quarter_of_the_usual_area() -> None:
    found = tool.find_events("clip", 2, [*[100] * 6, 40, 0, 0, 10, 0, 24, 25, 100, 100, 0, 0, 20])
    assert [astuple(event) for event in found] == [("clip", 2, 7, 12)]  # usual: the median of what is visible, 100
    assert tool.find_events("clip", 1, [0, 0, 50, 50]) == []


def test_a_wrong_size_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.read_size("480x270") == (270, 480)
    for size in ("480", "10x10", "480x270x3", "99999x300"):
        with pytest.raises(VosError, match="480x270"):
            tool.read_size(size)
    monkeypatch.setattr(sys, "argv", ["occlusion_set", "nowhere", "--size", "big"])
    assert tool.main() == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("error: --size big")
    assert not Path("nowhere").exists()
