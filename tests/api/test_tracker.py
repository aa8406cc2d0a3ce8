"""Push style: the caller has the frames. Objects come, are corrected and go; a saved state goes on the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from fakes import FRAMES, SIZE, ColourSegmenter, square_clip, square_mask

import vos
from vos.structures import Presence

pytestmark = pytest.mark.usefixtures("here")
MASK = square_mask(0, SIZE, 3).labels
BOX = (8, 16, 16, 16)
GREEN = (60, 80, 16, 8)


def clip(count: int = FRAMES) -> list[npt.NDArray[np.uint8]]:
    """The moving red square, and a green one that stays."""
    pictures = square_clip(count, SIZE)
    x, y, width, height = GREEN
    for picture in pictures:
        picture[y : y + height, x : x + width] = (20, 200, 40)
    return pictures


def labels(tracker: vos.Tracker, pictures: list[npt.NDArray[np.uint8]]) -> list[bytes]:
    return [tracker.step(picture).labels.tobytes() for picture in pictures]


def share(result: vos.Result, object_id: int, box: tuple[int, int, int, int]) -> float:
    """IoU of an object with a box."""
    truth = np.zeros(SIZE, np.bool_)
    truth[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = True
    mask = result[object_id].mask
    return float((truth & mask).sum() / (truth | mask).sum())


@pytest.mark.parametrize("reference", [MASK, BOX, [(15, 23), (60, 60, 0)], "mask.png"])
def test_steps_give_what_track_gives(reference: object) -> None:
    pictures = clip()
    expected = [r.labels.tobytes() for r in vos.track(pictures, reference, options={"threads": 1})]  # type: ignore[arg-type]
    assert labels(vos.Tracker(reference), pictures) == expected  # type: ignore[arg-type]
    paired = vos.Tracker()
    first = paired.step((pictures[0], reference))
    assert [first.labels.tobytes(), *labels(paired, pictures[1:])] == expected


def test_a_concept_is_searched_from_the_first_frame_on() -> None:
    pictures = clip()
    concept = vos.Concept.from_image(pictures[0], MASK, name="rex", model=ColourSegmenter())
    tracker = vos.Tracker(concept)
    assert labels(tracker, pictures) == [r.labels.tobytes() for r in vos.track(pictures, concept)]
    assert (tracker.ids, tracker.names) == ((1,), {1: "rex"})


def test_the_model_is_the_one_that_suits_the_objects_of_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    monkeypatch.setattr(ColourSegmenter, "for_objects", lambda self, count: counts.append(count) or self)
    pictures, two = clip(), MASK.copy()
    two[80:88, 60:76] = 5
    concept = vos.Concept.from_image(pictures[0], MASK, model=ColourSegmenter())
    for reference, count in ((two, 2), (BOX, 1), ([concept] * 3, 3)):
        tracker = vos.Tracker(reference)
        tracker.step(pictures[0])
        tracker.add(GREEN)
        tracker.step(pictures[1])
        tracker.save("state.tracker")
        assert {*counts} == {count}
        counts.clear()
    assert vos.Tracker.load("state.tracker").step(pictures[2]).ids == (1, 2, 3, 4)
    assert {*counts} == {3}


def test_objects_come_are_corrected_and_go() -> None:
    pictures = clip()
    tracker = vos.Tracker(MASK)
    assert tracker.ids == ()
    assert tracker.step(pictures[0]).ids == (3,)
    green = tracker.add(GREEN, name="green")
    assert green == 4
    result = tracker.step(pictures[1])
    assert (result.ids, result[green].name) == ((3, 4), "green")
    assert share(result, green, GREEN) > 0.6
    assert result[green].score == pytest.approx(0.9)
    assert result[3].presence is Presence.PRESENT
    wrong = np.zeros(SIZE, np.bool_)
    wrong[70:80, 70:80] = True
    tracker.correct(3, wrong)
    np.testing.assert_array_equal(tracker.step(pictures[2])[3].mask, wrong)
    tracker.remove(3)
    result = tracker.step(pictures[3])
    assert result.ids == (4,)
    assert share(result, green, GREEN) > 0.6
    assert tracker.add(BOX) == 5, "an id is not used again"
    assert tracker.step(pictures[0])[5].presence is Presence.PRESENT
    tracker.remove(4)
    tracker.remove(5)
    assert tracker.step(pictures[5]).ids == ()
    assert tracker.step(pictures[0], MASK)[3].presence is Presence.PRESENT


def test_a_concept_is_added_in_mid_stream() -> None:
    pictures = clip()
    concept = vos.Concept.from_image(pictures[0], MASK, name="rex", model=ColourSegmenter())
    tracker = vos.Tracker(GREEN)
    tracker.step(pictures[0])
    rex = tracker.add(concept)
    results = [tracker.step(picture) for picture in pictures[1:5]]
    assert (rex, results[-1].ids, results[-1][rex].name) == (2, (1, 2), "rex")
    assert share(results[-1], 1, GREEN) > 0.6
    tracker = vos.Tracker()
    first = tracker.step(pictures[0], concept)
    assert (first.ids, first[1].name) == ((1,), "rex")


def test_a_saved_tracker_goes_on_with_the_same_masks() -> None:
    pictures = clip()
    tracker = vos.Tracker(MASK, names={3: "rex"}, options={"tracker.memory.interval": 1})
    labels(tracker, pictures[:5])
    tracker.add(GREEN)
    tracker.step(pictures[5])
    for _ in range(2):
        tracker.save("state.tracker")
    expected = [tracker.step(picture) for picture in pictures[6:]]
    other = vos.Tracker.load("state.tracker")
    assert (other.ids, other.index, other.names, other._config) == ((3, 4), 6, {3: "rex"}, tracker._config)
    again = [other.step(picture) for picture in pictures[6:]]
    assert repr(again) == repr(expected)
    for one, two in zip(again, expected):
        np.testing.assert_array_equal(one.labels, two.labels)
        np.testing.assert_array_equal(one.alphas, two.alphas)
    assert other.add(BOX) == 5


def test_what_is_no_saved_tracker_is_neither_read_nor_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = vos.Tracker(MASK)
    with pytest.raises(vos.VosError, match="saved between two frames"):
        tracker.save("state")
    tracker.step(clip()[0])
    with pytest.raises(vos.VosError, match=r"mask 0\.png would be replaced, and is no saved tracker"):
        tracker.save("mask 0.png")
    with pytest.raises(vos.VosError, match="none is missing"):
        vos.Tracker.load("none")
    tracker.save("state")
    data = Path("state").read_bytes()
    for damaged in (b"", data[:100], data[:-9], data.replace(b'format\\": 1', b'format\\": 9'), b"x" * 1000):
        Path("damaged").write_bytes(damaged)
        with pytest.raises(vos.VosError, match="no saved tracker of this version, or damaged"):
            vos.Tracker.load("damaged")
    monkeypatch.setattr(ColourSegmenter, "checkpoint_sha256", "1" * 64)
    with pytest.raises(vos.VosError, match="other weights of model=colour"):
        vos.Tracker.load("state")


def test_mistakes_are_one_line() -> None:
    picture = clip()[0]
    with pytest.raises(vos.VosError, match="there is nothing to follow"):
        vos.Tracker().step(picture)
    tracker = vos.Tracker(MASK)
    with pytest.raises(vos.VosError, match="step it before adding objects"):
        tracker.add(GREEN)
    with pytest.raises(vos.VosError, match="there is no object 3; followed are none yet"):
        tracker.remove(3)
    tracker.step(picture)
    with pytest.raises(vos.VosError, match="there is no object 9; followed are 3"):
        tracker.correct(9, BOX)
    with pytest.raises(vos.VosError, match="frame 1 is 48x64, but the first one is 96x128"):
        tracker.step(square_clip(1)[0])
    with pytest.raises(vos.VosError, match="frame 1 is float64"):
        tracker.step(picture / 255)
    with pytest.raises(vos.VosError, match="frame 1 is list; give uint8 arrays"):
        tracker.step([picture, MASK])
    for time in ("later", float("nan")):
        with pytest.raises(vos.VosError, match=f"time={time} is no time; give seconds"):
            tracker.step(picture, time=time)  # type: ignore[arg-type]
    with pytest.raises(vos.VosError, match=r"there is no option tracker\.memry"):
        vos.Tracker(MASK, options={"tracker.memry": 1})
    published = vos.Tracker(MASK, options={"tracker": "published"})
    published.step(picture)
    with pytest.raises(vos.VosError, match="follows the same objects from start to end"):
        published.remove(3)


def test_what_cannot_be_followed_stops_no_later_frame() -> None:
    pictures = clip()
    tracker = vos.Tracker("none.png", names={3: "rex"})
    with pytest.raises(vos.VosError, match=r"none\.png is missing"):
        tracker.step(pictures[0])
    with pytest.raises(vos.VosError, match="there is nothing to follow"):
        tracker.step(pictures[0])
    assert tracker.step(pictures[0], MASK)[3].name == "rex"
    wrong = tracker.add((500, 0, 9, 9), name="ball")
    with pytest.raises(vos.VosError, match="inside the frame"):
        tracker.step(pictures[1])
    assert (tracker.index, tracker.names) == (1, {3: "rex"})
    assert tracker.step(pictures[1]).ids == (3,)
    foreign = vos.Concept.from_image(pictures[0], MASK, model=ColourSegmenter())
    views = tuple(dataclasses.replace(view, picture=None) for view in foreign.views)  # as of 0.3.0
    tracker.add(dataclasses.replace(foreign, model_name="other", views=views), name="ball")
    with pytest.raises(vos.VosError, match="was made with model=other"):
        tracker.step(pictures[2])
    assert (tracker.ids, tracker.names) == ((3,), {3: "rex"})
    assert tracker.step(pictures[2]).ids == (3,)
    published = vos.Tracker(MASK, options={"tracker": "published"})
    published.step(pictures[0])
    published.add(GREEN)
    with pytest.raises(vos.VosError, match="follows the same objects from start to end"):
        published.step(pictures[1])
    assert published.step(pictures[1]).ids == (3,)
    assert wrong == 4


def test_what_waits_for_the_next_frame_is_corrected_and_removed_too() -> None:
    pictures = clip()
    tracker = vos.Tracker(MASK)
    tracker.step(pictures[0])
    gone, kept = tracker.add(BOX, name="ball"), tracker.add(BOX)
    tracker.remove(gone)
    tracker.correct(kept, GREEN)
    result = tracker.step(pictures[1])
    assert (result.ids, tracker.names) == ((3, kept), {})
    tracker.add(BOX, name="ball")


def test_names_differ() -> None:
    pictures = clip()
    concept = vos.Concept.from_image(pictures[0], MASK, name="rex", model=ColourSegmenter())
    tracker = vos.Tracker([concept, concept])
    assert [one.name for one in tracker.step(pictures[0]).values()] == ["rex", "rex_2"], "as in vos.track"
    for name in ("rex", "rex_2"):
        with pytest.raises(vos.VosError, match=f"is called {name} already; names must differ"):
            tracker.add(BOX, name=name)
    for name in ("", "a/b", "a\nb"):
        with pytest.raises(vos.VosError, match="visible characters"):
            tracker.add(BOX, name=name)
    tracker.add([concept, concept])
    with pytest.raises(vos.VosError, match="2 concepts are no single object"):
        tracker.step(pictures[1])
    for names in (["rex"], "rex", {"3": "rex"}):
        with pytest.raises(vos.VosError, match="write ids and names"):
            vos.Tracker(MASK, names=names)  # type: ignore[arg-type]
