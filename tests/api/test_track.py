"""Videos in Python: the same masks as on the command line, from files, arrays and generators, and nothing left open."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from fakes import FRAMES, SIZE, ColourSegmenter, Program, square_clip, square_mask
from PIL import Image

import vos
from vos.io.masks.label_map import read_label_map
from vos.structures import LabelMap, Presence

pytestmark = pytest.mark.usefixtures("here")
MASK = square_mask(0, SIZE, 3).labels
BOX = (8, 16, 16, 16)


def digest(results: vos.Results) -> list[tuple[int, float, bytes]]:
    return [(result.index, result.time, result.labels.tobytes()) for result in results]


def iou(result: vos.Result, index: int) -> float:
    truth, found = square_mask(index, SIZE).labels > 0, result.labels > 0
    return float((truth & found).sum() / (truth | found).sum())


def test_everything_that_a_frame_says() -> None:
    results = vos.track("clip.mp4", "mask.png", names={3: "rex"})
    result = next(results)
    assert (result.index, result.name, result.time, result.ids) == (0, "00000", 0.0, (3,))
    assert result.frame.rgb.shape == (*SIZE, 3)
    np.testing.assert_array_equal(result.labels, MASK)
    one = result[3]
    assert (one.id, one.name, one.presence, one.score) == (3, "rex", Presence.PRESENT, 1.0)
    assert one.mask.dtype == np.bool_
    np.testing.assert_array_equal(one.mask, MASK == 3)
    np.testing.assert_array_equal(one.alpha, (MASK == 3) * 255)
    assert one.box is not None
    assert one.box.tolist() == [8, 16, 23, 31]
    assert repr(result[np.int64(3)]) == repr(result[3.0]) == repr(one)  # type: ignore[index]
    assert repr(result) == "Result(frame 00000 at 0.000 s: 3 'rex' present 1.00)"
    assert repr(one) == "ObjectResult(3 'rex' present, score=1.00, box=[8, 16, 23, 31])"
    later = list(results)
    assert [result.index for result in later] == list(range(1, FRAMES))
    assert min(iou(result, result.index) for result in later) > 0.6
    assert list(results) == [], "once"
    with pytest.raises(KeyError, match="no object 1; there are 3"):
        result[1]


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["ref_mask=mask 0.png"], {"reference": "mask 0.png"}),
        (["ref_mask=mask 5.png", "ref_frame=5"], {"reference": {5: "mask 5.png"}}),
        (["ref_mask=[mask 0.png,mask 9.png]", "ref_frame=[0,9]"], {"reference": {9: "mask 9.png", 0: "mask 0.png"}}),
        (["ref_box=[8,16,16,16]"], {"reference": BOX}),
        (["ref_point=[15,23]"], {"reference": (15, 23)}),
        (["ref_point=[15,23]"], {"reference": np.array([[15, 23]])}),
        (
            ["ref_mask=mask 5.png", "ref_frame=5", "start=3", "end=9"],
            {"reference": {5: "mask 5.png"}, "start": 3, "end": 9},
        ),
        (
            ["ref_mask=mask 0.png", "tracker=published"],
            {"reference": "mask 0.png", "options": {"tracker": "published"}},
        ),
    ],
)
def test_label_maps_are_those_of_the_command_line(
    here: Program, words: list[str], arguments: dict[str, object]
) -> None:
    assert here("video=my clip (1).mp4", *words, "output=masks", "output_dir=out") == 0
    results = list(vos.track("my clip (1).mp4", **arguments))  # type: ignore[arg-type]
    assert [result.name for result in results] == sorted(path.stem for path in Path("out/masks").iterdir())
    for result in results:
        np.testing.assert_array_equal(result.labels, read_label_map(f"out/masks/{result.name}.png").labels)


def test_soft_masks_are_at_hand_whenever_they_are_asked_for() -> None:
    for reference in (BOX, {5: "mask 5.png"}, {0: "mask 0.png", 9: "mask 9.png"}):
        softened = [result.alphas for result in vos.track("clip.mp4", reference)]
        at_once = [result.alphas for result in vos.track("clip.mp4", reference).with_alpha()]
        np.testing.assert_array_equal(softened, at_once)
        assert {value for soft in softened for value in np.unique(soft)} > {0, 255}


class Decord:
    """What decord's reader gives."""

    def __init__(self, pictures: list[npt.NDArray[np.uint8]]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Decord:
        return Decord([self.pictures[index]])

    def asnumpy(self) -> npt.NDArray[np.uint8]:
        return self.pictures[0]


def reused(pictures: list[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
    """A camera that always fills the same memory."""
    memory = np.empty_like(pictures[0])
    for picture in pictures:
        memory[:] = picture
        yield memory


@pytest.mark.parametrize(
    "kind",
    [list, np.stack, lambda p: torch.from_numpy(np.stack(p)), lambda p: map(torch.from_numpy, p), Decord, reused, iter],
)
def test_frames_of_every_kind(kind: Callable[[list[npt.NDArray[np.uint8]]], object]) -> None:
    pictures = square_clip(FRAMES, SIZE)
    expected = digest(vos.track(pictures, MASK))
    assert [index for index, _, _ in expected] == list(range(FRAMES))
    assert expected[5][1] == pytest.approx(5 / 24)
    assert digest(vos.track(kind(pictures), MASK)) == expected  # type: ignore[arg-type]


def test_what_can_be_read_again_is_tracked_both_ways() -> None:
    pictures = square_clip(FRAMES, SIZE)
    late = {5: square_mask(5, SIZE, 3).labels}
    results = list(vos.track(pictures, late))
    assert min(iou(result, result.index) for result in results) > 0.6
    with pytest.raises(vos.VosError, match="can be read only once, from the start; give one for frame 0"):
        vos.track(iter(pictures), late)
    corrected = vos.track(iter(pictures), {0: MASK, **late})
    np.testing.assert_array_equal([result.labels for result in corrected][5], late[5])


def test_a_reference_behind_the_last_frame_is_told() -> None:
    late = {0: MASK, 50: square_mask(5, SIZE, 3).labels}
    with pytest.warns(UserWarning, match=rf"the last frame is {FRAMES - 1}: references of \[50\] are left out"):
        assert len(digest(vos.track(iter(square_clip(FRAMES, SIZE)), late))) == FRAMES


def working() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"track", "read", "encode", "write"}


@pytest.mark.parametrize("leave", ["break", "error", "forgotten", "close", "with", "unused"])
def test_left_early_it_closes_everything(leave: str) -> None:
    results = vos.track("clip.mp4", BOX)
    closed: list[bool] = []
    results._stack.callback(lambda: closed.append(True))
    if leave == "unused":
        assert working() == set()
        del results
    elif leave == "with":
        with results:
            next(results)
            assert "track" in working()
    elif leave == "close":
        next(results)
        results.close()
        assert next(results, None) is None
    elif leave == "forgotten":
        next(results)
        del results
    else:
        with pytest.raises(ZeroDivisionError) if leave == "error" else open("mask.png", "rb"):  # noqa: PTH123
            for result in results:
                if leave == "break":
                    break
                1 / (0 * result.index)
        del results
    gc.collect()
    assert closed == [True]
    assert working() == set()


def test_an_error_of_the_generator_reaches_the_caller() -> None:
    def camera() -> Iterator[npt.NDArray[np.uint8]]:
        yield from square_clip(3, SIZE)
        raise ConnectionError("gone")

    seen = []
    with pytest.raises(ConnectionError, match="gone"):
        for result in vos.track(camera(), MASK):
            seen.append(result.index)
    assert seen == [0, 1, 2]
    assert working() == set()


def test_the_callers_threads_stay_as_they_are() -> None:
    before = torch.get_num_threads()
    for _ in vos.track("clip.mp4", BOX, options={"threads": 1}):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_a_model_of_ones_own() -> None:
    model = ColourSegmenter()
    results = list(vos.track(square_clip(3, SIZE), BOX, model=model))
    assert model.encoded == 4, "the frame of the box once more, before the others"
    assert results[0][1].score == pytest.approx(0.9)


def test_concepts_by_themselves_and_by_file() -> None:
    picture = square_clip(1, SIZE)[0]
    concept = vos.Concept.from_image(picture, MASK, name="rex", model=ColourSegmenter())
    concept.save("rex.concept")
    by_concept = list(vos.track("clip.mp4", concept))
    assert by_concept[0][1].name == "rex"
    assert digest(vos.track("clip.mp4", "rex.concept")) == [(r.index, r.time, r.labels.tobytes()) for r in by_concept]
    two = next(vos.track("clip.mp4", [concept, concept], names={2: "max"}))
    assert [one.name for one in two.values()] == ["rex", "max"]


@pytest.mark.parametrize(
    ("frames", "reference", "said"),
    [
        ("none.mp4", "mask.png", "none.mp4 does not exist"),
        ("clip.mp4", "none.png", "none.png"),
        ("clip.mp4", {}, "nothing to follow"),
        ("clip.mp4", "concept please", "concept please"),
        ("clip.mp4", [1, 2, 3, 4, 5], r"\[1, 2, 3, 4, 5\] is no reference; give a mask"),
        ("clip.mp4", object(), "is no reference"),
        ("clip.mp4", (100, 16, 60, 16), "over the edge of the frame of 128 x 96 pixels"),
        ("clip.mp4", [(5, 5), (500, 5)], "inside the frame"),
        ("clip.mp4", [(5, 5, 0)], "at least one on it"),
        ("clip.mp4", [(5, 5, 2)], r"ref_point=\[5.0, 5.0, 2.0\] ends in 2.0; give \[x, y\]"),
        ("clip.mp4", [BOX, (40, 40, 10, 10)], r"\[\(8, 16, 16, 16\), \(40, 40, 10, 10\)\] is no reference"),
        ("clip.mp4", np.array([BOX, BOX]), r"an array \(2, 4\) is no reference"),
        ("clip.mp4", ["mask.png", "mask.png"], r"\['mask.png', 'mask.png'\] is no reference"),
        ("clip.mp4", [MASK, MASK], "is no reference"),
        ("clip.mp4", MASK * 2.0, "the mask is float64 from 0.0 to 6.0; give 0..1, or ids as integers"),
        ("clip.mp4", np.full(SIZE, np.nan), "the mask is float64 from nan to nan"),
        ("clip.mp4", LabelMap(np.zeros(SIZE, np.uint8), (1,)), "no object"),
        ("clip.mp4", {-1: BOX}, "reference frame -1 is not a frame number"),
        ("clip.mp4", {0: BOX, 5: "mask 5.png"}, r"box or clicks mean object 1, but a mask shows \[3\]"),
        ("clip.mp4", np.zeros(SIZE), "no object"),
        ("clip.mp4", np.full(SIZE, 300), "the id 300; ids are from 1 to 255"),
        ("clip.mp4", np.full(SIZE, -1), "the id -1"),
        ("clip.mp4", np.full(SIZE, "x"), "give bool, integers or floating point"),
        ([], "mask.png", "the iterable is empty"),
        (5, "mask.png", "a int holds no frames; give a path"),
        (["a.png"], "mask.png", "frame 0 is str; give uint8 arrays"),
        ([np.zeros((*SIZE, 3))], MASK, r"frame 0 is float64 \(96, 128, 3\)"),
        ([np.zeros((*SIZE, 4), np.uint8)], MASK, r"frame 0 is uint8 \(96, 128, 4\)"),
    ],
)
def test_mistakes_are_one_line(frames: object, reference: object, said: str) -> None:
    with pytest.raises(vos.VosError, match=said) as caught:
        next(vos.track(frames, reference))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert working() == set()


def test_frames_of_another_size_and_masks_of_another_size_are_named() -> None:
    with pytest.raises(vos.VosError, match="frame 1 is 48x64, but the first one is 96x128"):
        list(vos.track([square_clip(1, SIZE)[0], square_clip(1)[0]], MASK))
    with pytest.raises(vos.VosError, match="the mask of frame 0 is 64x48 pixels, the frame 128x96"):
        list(vos.track("clip.mp4", square_mask(0).labels))
    with pytest.raises(vos.VosError, match="has no frame 50"):
        list(vos.track("clip.mp4", {50: MASK}))


def test_masks_are_read_as_in_files() -> None:
    for mask, ids in ((MASK > 0, (1,)), ((MASK > 0) * np.uint8(255), (1,)), (MASK / 3.0 * 0.9, (1,)), (MASK, (3,))):
        assert next(vos.track("clip.mp4", mask)).ids == ids
    drawn_on = MASK.copy()
    results = vos.track("clip.mp4", drawn_on)
    drawn_on[:] = 0
    np.testing.assert_array_equal(next(results).labels, MASK)
    void = MASK.copy()
    void[-2:] = 255
    np.testing.assert_array_equal(next(vos.track("clip.mp4", torch.from_numpy(void))).labels, MASK)


@pytest.mark.slow
def test_the_embedded_model_gives_the_bits_of_the_command_line(clip: Path, tmp_path: Path) -> None:
    """With all threads, the practice on the reference and the outlines at the frame's edges."""
    words = ["tracker.adapt.steps=4", "model.input_size=256", "output=masks"]
    command = [sys.executable, "-m", "vos.run", f"video={clip}", f"ref_mask={tmp_path / 'mask 5.png'}", "ref_frame=5"]
    subprocess.run([*command, *words, f"output_dir={tmp_path / 'out'}"], check=True, capture_output=True)
    code = (
        "import sys, vos; vos.write(vos.track(sys.argv[1], {5: sys.argv[2]}, "
        "options={'tracker.adapt.steps': 4, 'model.input_size': 256}), sys.argv[3], 'masks')"
    )
    arguments = [str(clip), str(tmp_path / "mask 5.png"), str(tmp_path / "ours")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    masks = {path.name: path.read_bytes() for path in (tmp_path / "out" / "masks").iterdir()}
    assert len(masks) == FRAMES
    assert {path.name: path.read_bytes() for path in (tmp_path / "ours" / "masks").iterdir()} == masks


def test_ids_above_255_are_numbered_anew_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(MASK.astype(np.uint16) * 1000).save("ids.png")
    results = vos.track("clip.mp4", "ids.png", names={3000: "rex"})
    assert results.about["original_ids"] == {1: 3000}
    assert next(results)[1].name == "rex"
    monkeypatch.setenv("HOME", str(Path.cwd()))
    assert next(vos.track("~/clip.mp4", "~/mask.png")).ids == (3,)
