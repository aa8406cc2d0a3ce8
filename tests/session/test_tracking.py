"""What a session tracks is what the command line tracks, and no frame more than is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FRAMES, ColourSegmenter, Program
from sessions import corner, current, on_square, tracked

import vos

ALL = set(range(FRAMES))


def files(folder: str, pattern: str = "*/*") -> dict[str, bytes]:
    """The content of all files of a folder's outputs."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).glob(pattern))}


def in_the_first(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))


def late(session: vos.Session) -> None:
    session.prompt(5, 1, box=[13, 16, 16, 16])


def corrected(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    assert tracked(session)
    session.prompt(7, 1, points=[*on_square(7), [100, 80]], labels=[1, 0])


def two_objects(session: vos.Session) -> None:
    session.prompt(2, 1, points=on_square(2))
    assert tracked(session)
    session.add_object()
    session.prompt(6, 2, mask=corner())
    session.prompt(6, 1, points=on_square(6))


@pytest.mark.parametrize("shown", [in_the_first, late, corrected, two_objects])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_masks_are_those_of_the_command_line(
    here: Program, model: ColourSegmenter, shown: Callable[[vos.Session], None], batch_size: int
) -> None:
    with vos.Session("clip.mp4", "work", model=model, options={"batch_size": batch_size}) as session:
        session.add_object("rex")
        shown(session)
        tracked(session)
        session.export("own", ["masks", "matte", "overlay", "coco", "rle"], options={"matte.format": "webm"})
    assert here(
        "video=clip.mp4", "prompts=work/prompts.json", "output=[masks,matte,overlay,coco,rle]", "matte.format=webm",
        f"batch_size={batch_size}", "output_dir=theirs",
    ) == 0  # fmt: skip
    names = ["masks/*", "matte.webm", "overlay.mp4", "coco.json", "rle.json"]
    own = [files("own", name) for name in names]
    assert [len(each) for each in own] == [FRAMES, 1, 1, 1, 1]
    assert own == [files("theirs", name) for name in names]


def test_a_correction_tracks_what_it_changes_and_encodes_nothing(session: vos.Session, model: ColourSegmenter) -> None:
    session.prompt(0, 1, points=on_square(0))
    assert tracked(session) == list(range(FRAMES))
    session.prompt(4, 1, points=on_square(4))
    tracked(session)
    assert (current(session), model.encoded) == (ALL, FRAMES)
    session.prompt(9, 1, points=on_square(9))
    assert current(session) == {0, 1, 2, 3, 4}
    again = tracked(session)
    assert set(again) == {*range(5, FRAMES)}
    assert again[-5:] == [7, 6, 5, 10, 11], "back from the correction, then on"
    assert (current(session), model.encoded) == (ALL, FRAMES)
    assert tracked(session) == []
    fresh = session.prompts
    session.export("corrected", ["masks"])
    with vos.Session("clip.mp4", "fresh", model=ColourSegmenter()) as other:
        other.add_object("rex")
        for frame in fresh["frames"]:
            points = [click[:2] for click in frame["objects"][0]["points"]]
            other.prompt(frame["frame"], 1, points=points)
        tracked(other)
        other.export("anew", ["masks"])
    assert files("corrected", "masks/*") == files("anew", "masks/*")


def test_a_part_is_tracked_and_what_leads_to_it(session: vos.Session) -> None:
    session.prompt(4, 1, points=on_square(4))
    assert tracked(session, start=6, end=8) == [4, 5, 6, 7]
    assert tracked(session, start=2, direction="backward") == [3, 2]
    assert current(session) == {2, 3, 4, 5, 6, 7}
    assert tracked(session, direction="forward") == [8, 9, 10, 11]
    assert tracked(session) == [1, 0]
    assert tracked(session) == []
    with pytest.raises(vos.VosError, match="no frame between start=3 and end=3"):
        session.track(3, 3)
    with pytest.raises(vos.VosError, match="there is no frame 40; they have the numbers 0 to 11"):
        session.track(40)
    with pytest.raises(vos.VosError, match="direction=up is unknown; choose one of both, forward, backward"):
        session.track(direction="up")


def test_a_part_between_two_prompts_is_tracked_from_both(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    session.prompt(8, 1, points=on_square(8))
    assert tracked(session, start=5, end=6) == [*range(9), *range(7, 0, -1)]
    assert current(session) >= {5}
    joined = session.result(5)
    tracked(session)
    after = session.result(5)
    assert joined is not None
    assert after is not None
    assert (joined.labels == after.labels).all()


def test_cancelled_tracking_keeps_what_it_did_and_goes_on(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    with session.track() as tracking:
        for progress in tracking:
            if progress.done >= 4:
                break
    assert tracking.is_closed
    there = current(session)
    assert {0, 1, 2, 3} <= there < ALL or there == ALL
    rest = tracked(session)
    assert len(rest) <= FRAMES - 3
    assert current(session) == ALL


def test_while_frames_are_tracked_nothing_changes(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    tracking = session.track()
    for change in (session.undo, lambda: session.prompt(3, 1, points=on_square(3)), session.track, session.add_object):
        with pytest.raises(vos.VosError, match=r"frames are being tracked; close\(\) what track\(\) gave"):
            change()
    session.prepare(3)
    tracking.close()
    assert session.undo()


def test_closing_the_session_ends_tracking(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    tracking = session.track()
    session.close()
    assert tracking.is_closed
    with vos.Session.open("work") as again:
        assert again.objects[0].name == "rex"


def test_an_undone_correction_is_tracked_from_what_was_kept(session: vos.Session, model: ColourSegmenter) -> None:
    session.prompt(0, 1, points=on_square(0))
    tracked(session)
    session.export("before", ["masks"])
    session.prompt(6, 1, mask=corner())
    tracked(session)
    session.export("between", ["masks"])
    assert session.undo()
    assert current(session) == {0}
    tracked(session)
    session.export("after", ["masks"])
    assert files("before", "masks/*") == files("after", "masks/*") != files("between", "masks/*")
    assert session.redo()
    tracked(session)
    session.export("again", ["masks"])
    assert files("again", "masks/*") == files("between", "masks/*")
    assert model.encoded == FRAMES


def test_nothing_is_followed_before_something_is_shown(session: vos.Session) -> None:
    with pytest.raises(vos.VosError, match="there is nothing to follow yet; show an object"):
        session.track()


def test_progress_tells_what_was_found(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    seen = list(session.track())
    assert [each.frame for each in seen] == list(range(FRAMES))
    assert all(each.is_final and each.total == FRAMES and each.learned is None for each in seen)
    assert seen[-1].result is not None
    assert seen[-1].result[1].name == "rex"
    assert seen[-1].seconds_left == 0
