"""Further masks through the program: corrections after a run, and objects that come late."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from fakes import FRAMES, SIZE, ColourSegmenter, Program, square_clip, square_mask
from PIL import Image

import vos
from vos.io.masks.label_map import read_label_map, write_label_map
from vos.structures import LabelMap

VIDEO = "video=my clip (1).mp4"
CORRECTED = ("ref_mask=[mask 0.png,mask 9.png]", "ref_frame=[0,9]")
OUTPUTS = "output=[masks,overlay,matte,rle]"
GREEN = (slice(60, 80), slice(80, 104))


def tree(folder: Path) -> dict[str, bytes]:
    """All results but the summary, which holds timings."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and ".vos" not in p.parts and p.name != "summary.json")
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_a_correction_tracks_no_more_than_it_can_change(
    program: Program, models: list[ColourSegmenter], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(VIDEO, "ref_mask=mask 0.png", OUTPUTS, "output_dir=out") == 0
    capsys.readouterr()
    assert program(VIDEO, *CORRECTED, OUTPUTS, "output_dir=out") == 0
    told = capsys.readouterr().out
    assert "9 frames stay as they were tracked" in told
    assert "\n12 frames (11 tracked in this run) at " in told
    assert models[-1].encoded == 3 + 8, "forward the frames 9, 10, 11, and back from 9 to 1"
    assert program(VIDEO, *CORRECTED, OUTPUTS, "output_dir=fresh") == 0
    assert models[-1].encoded == 12 + 8
    assert tree(Path("out")) == tree(Path("fresh"))
    np.testing.assert_array_equal(read_label_map("out/masks/00009.png").labels, square_mask(9, SIZE, 3).labels)
    # It may be taken back, and what was tracked is written in other ways without tracking it again.
    assert program(VIDEO, "ref_mask=mask 0.png", OUTPUTS, "output_dir=out") == 0
    assert models[-1].encoded == 3
    assert program(VIDEO, "ref_mask=mask 0.png", "output=[matte]", "output_dir=out", "matte.format=webm") == 0
    assert models[-1].encoded == 0
    assert "\n12 frames, none of them tracked again\n" in capsys.readouterr().out
    assert program(VIDEO, "ref_mask=mask 0.png", "output=[matte]", "output_dir=out", "overwrite=true") == 0
    assert models[-1].encoded == FRAMES


def test_frames_between_masks_are_tracked_forward_alone_on_demand(
    program: Program, models: list[ColourSegmenter]
) -> None:
    assert program(VIDEO, *CORRECTED, "output=[masks]", "output_dir=out", "both_sides=false") == 0
    assert models[-1].encoded == FRAMES


@pytest.fixture
def two(program: Program) -> Program:
    """The program in a folder with "frames", a red square that moves and a green one that rests, and their masks."""
    Path("frames").mkdir()
    for index, image in enumerate(square_clip(FRAMES, SIZE)):
        image[GREEN] = (20, 200, 30)
        Image.fromarray(image).save(f"frames/{index:05d}.png")
    return program


def green(labels: npt.NDArray[np.uint8], object_id: int) -> float:
    """IoU of an object with the green square."""
    truth = np.zeros(SIZE, bool)
    truth[GREEN] = True
    return float(((labels == object_id) & truth).sum() / ((labels == object_id) | truth).sum())


def late_mask(red: int, other: int) -> LabelMap:
    """The mask of frame 6, with the green square."""
    labels = square_mask(6, SIZE, red).labels.copy()
    labels[GREEN] = other
    return LabelMap(labels, tuple(sorted({red, other})))


@pytest.mark.parametrize("both_sides", ["true", "false"])
@pytest.mark.parametrize("add_backward", [False, True])
def test_an_object_that_is_shown_late_is_followed_from_there_and_on_demand_before(
    two: Program, add_backward: bool, both_sides: str
) -> None:
    write_label_map(Path("first.png"), square_mask(3, SIZE, 7))
    write_label_map(Path("late.png"), late_mask(7, 4))
    words = ["ref_mask=[late.png,first.png]", "ref_frame=[6,3]", "output=[masks,rle]", f"both_sides={both_sides}"]
    assert two("video=frames", *words, "output_dir=out", f"add_backward={str(add_backward).lower()}") == 0
    for index in range(FRAMES):
        result = read_label_map(f"out/masks/{index:05d}.png")
        assert green(result.labels, 4) > 0.7 if add_backward or index >= 6 else green(result.labels, 4) == 0
        truth = square_mask(index, SIZE).labels > 0
        assert ((result.labels == 7) & truth).sum() / ((result.labels == 7) | truth).sum() > 0.6
    rows = json.loads(Path("out/summary.json").read_text())["frames"]
    assert rows[0]["objects"]["4"]["presence"] == ("present" if add_backward else "absent")
    assert rows[2]["objects"]["7"]["presence"] == "present"


def test_an_object_is_added_to_what_was_tracked_and_taken_back(two: Program, models: list[ColourSegmenter]) -> None:
    write_label_map(Path("first.png"), square_mask(0, SIZE, 7))
    write_label_map(Path("late.png"), late_mask(7, 4))
    alone = ["video=frames", "ref_mask=first.png", "output=[masks,rle,matte]"]
    both = ["video=frames", "ref_mask=[first.png,late.png]", "ref_frame=[0,6]", "output=[masks,rle,matte]"]
    assert two(*alone, "output_dir=out") == 0
    for more in ("add_backward=false", "add_backward=true"):
        assert two(*both, more, f"output_dir={more}") == 0
    assert two(*both, "output_dir=out") == 0
    assert models[-1].encoded == 6 + 5, "forward from frame 6 on, and back to frame 1"
    assert tree(Path("out")) == tree(Path("add_backward=false"))
    assert two(*alone, "output_dir=out") == 0
    assert models[-1].encoded == 6
    assert two(*alone, "output_dir=fresh") == 0
    assert tree(Path("out")) == tree(Path("fresh"))


def test_late_ids_are_the_masks_own_also_above_255_and_in_masks_of_0_and_255(two: Program) -> None:
    Image.fromarray(square_mask(0, SIZE).labels * np.uint16(300)).save("first.png")
    Image.fromarray(late_mask(1, 2).labels.astype(np.uint16) * np.uint16(300)).save("late.png")
    words = ["ref_mask=[first.png,late.png]", "ref_frame=[0,6]", "output=[masks]"]
    assert two("video=frames", *words, "output_dir=out", "object_names={600: ball}") == 0
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["original_ids"] == {"1": 300, "2": 600}
    assert summary["object_names"] == {"1": "object_1", "2": "ball"}
    assert green(read_label_map("out/masks/00009.png").labels, 2) > 0.7
    # A mask of 0 and 255 shows object 1: so in a label map that follows.
    Image.fromarray(square_mask(0, SIZE).labels * np.uint8(255)).save("white.png")
    Image.fromarray(late_mask(1, 2).labels).save("ids.png")
    words = ["ref_mask=[white.png,ids.png]", "ref_frame=[0,6]", "output=[masks]", "output_dir=white"]
    assert two("video=frames", *words, "add_backward=true") == 0
    for index in (2, 9):
        labels = read_label_map(f"white/masks/{index:05d}.png").labels
        assert green(labels, 2) > 0.7
        assert (labels[square_mask(index, SIZE).labels > 0] == 1).mean() > 0.6


@pytest.mark.parametrize("part", [{}, {"start": 4, "end": "00:00.44"}])
@pytest.mark.parametrize("both_sides", [True, False])
def test_python_gives_the_same_masks(program: Program, both_sides: bool, part: dict[str, object]) -> None:
    given = {"ref_mask": "[mask 9.png,mask 5.png]", "ref_frame": "[9,5]", "both_sides": str(both_sides).lower(), **part}
    assert program(VIDEO, *(f"{k}={v}" for k, v in given.items()), "output=[masks]", "output_dir=out") == 0
    masks = {5: "mask 5.png", 9: "mask 9.png"}
    options = {"both_sides": both_sides}
    results = list(vos.track("my clip (1).mp4", masks, model=ColourSegmenter(), options=options, **part))  # type: ignore[arg-type]
    assert [r.name for r in results] == sorted(path.stem for path in Path("out/masks").iterdir())
    for result in results:
        np.testing.assert_array_equal(result.labels, read_label_map(f"out/masks/{result.name}.png").labels)
