"""Files of prompts: read as meant; whatever else they hold is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import square_mask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vos.errors import VosError
from vos.io.masks.label_map import write_label_map
from vos.io.prompts.file import read_prompt_file
from vos.structures import LabelMap

SIZE = (48, 64)


def written(folder: Path, content: object) -> Path:
    path = folder / "first.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def one(**known: object) -> dict[str, object]:
    """A file of one object."""
    return {"frames": [{"frame": 0, "objects": [{"id": 1, **known}]}]}


def test_objects_and_frames_prompts_and_masks_mixed(tmp_path: Path) -> None:
    write_label_map(tmp_path / "ball.png", square_mask(4, object_id=7))
    both = square_mask(4, object_id=2).labels.copy()
    both[:4, :4] = 3
    write_label_map(tmp_path / "both.png", LabelMap(both, (2, 3)))
    content = {
        "frames": [
            {"frame": 30, "objects": [{"id": 3, "mask": "both.png"}, {"id": 9, "scribble": [[5, 6], [9, 6]]}]},
            {
                "frame": 0,
                "objects": [
                    {
                        "id": 5,
                        "name": "rex",
                        "box": [8, 16, 10, 20],
                        "points": [[9, 20, 1], [40, 3, 0]],
                        "candidate": 2,
                    },
                    {"id": 2, "mask": "ball.png"},
                    {"id": 1, "points": [3, 4], "negative_scribble": [[20, 20]]},
                ],
            },
        ]
    }
    found = read_prompt_file(written(tmp_path, content), SIZE)
    assert list(found.frames) == [0, 30]
    rex, ball, clicked = found.frames[0]
    assert rex.box is not None
    assert (rex.object_id, rex.name, rex.candidate, rex.box.tolist()) == (5, "rex", 1, [8, 16, 18, 36])
    assert (rex.points.tolist(), rex.labels.tolist()) == ([[9, 20], [40, 3]], [1, 0])
    assert (ball.object_id, ball.name, len(ball.points)) == (2, "", 0)
    np.testing.assert_array_equal(ball.mask, square_mask(4).labels > 0)
    assert (clicked.points.tolist(), clicked.labels.tolist()) == ([[3, 4], [20, 20]], [1, 0])
    three, nine = found.frames[30]
    assert three.mask is not None
    assert (three.mask.sum(), three.mask[:4, :4].sum()) == (16, 16), "the object that has the id"
    assert nine.labels.tolist() == [1, 1]
    assert found.files == (tmp_path / "both.png", tmp_path / "ball.png")
    assert found.describe() == (
        "frame 0: 5 = rex (box and 2 clicks), 2 (mask, 256 px), 1 (2 clicks); frame 30: 3 (mask, 16 px), 9 (2 clicks)"
    )


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff" + json.dumps(one(points=[3, 4])))
    assert read_prompt_file(path, SIZE).frames[0][0].points.tolist() == [[3, 4]]


FRAME = '{"frame": 0, "objects": [{"id": 1, "points": [3, 4]}]}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no JSON: Expecting value"),
        ("{", "is no JSON: Expecting property name"),
        ('{"frames": ' + "[" * 100_000, "is nested too deeply|is no JSON"),
        ('{"frames": [{"frame": NaN, "objects": []}]}', "is no JSON: NaN is no number"),
        ('{"frames": [{"frame": -Infinity, "objects": []}]}', "is no JSON: -Infinity is no number"),
        ('{"frames": [{"frame": ' + "1" * 5000 + ', "objects": []}]}', "first.json"),
        ('{"frames": [{"frame": 1e999, "objects": [1]}]}', r"frames\[0\].frame=inf is no frame number"),
        ('{"frames": [' + FRAME + "," + FRAME + "]}", r"frames\[1\].frame=0 is there twice"),
        ('{"frames": [], "frames": []}', '"frames" is there twice in one object'),
        ([], r"first.json: \[\] is not understood; write {frames}"),
        ({}, 'first.json has no "frames"'),
        ({"frames": []}, r"frames=\[\] is no list of at least one entry"),
        ({"frames": {"0": []}}, r'frames={"0": \[\]} is no list'),
        ({"frames": ["ab"]}, r'frames\[0\]: "ab" is not understood; write {frame, objects}'),
        (
            {"frames": [{"frame": 0, "object": []}]},
            r'frames\[0\] has "object", which is not understood; did you mean objects',
        ),
        ({"frames": [{"frame": 0}]}, r'frames\[0\] has no "objects"'),
        ({"frames": [{"frame": True, "objects": [1]}]}, "frame=true is no frame number"),
        ({"frames": [{"frame": -1, "objects": [1]}]}, "frame=-1 is no frame number"),
        ({"frames": [{"frame": 0.0, "objects": [1]}]}, "frame=0.0 is no frame number"),
        ({"frames": [{"frame": 0, "objects": [1]}]}, r"frames\[0\].objects\[0\]: 1 is not understood"),
        ({"frames": [{"frame": 0, "objects": [{"points": [3, 4]}]}]}, r'objects\[0\] has no "id"'),
        ({"frames": [{"frame": 0, "objects": [{"id": 1, "points": [3, 4]}] * 2}]}, "id=1 is there twice in one frame"),
        (one(), "shows nothing; give it one of points, box"),
        (one(id=0, points=[3, 4]), "id=0 is no id; ids are whole numbers from 1 to 255"),
        (one(id="1", points=[3, 4]), 'id="1" is no id'),
        (one(id=256, points=[3, 4]), "id=256 is no id"),
        (one(pionts=[3, 4]), r'objects\[0\] has "pionts", which is not understood; did you mean points'),
        (one(id=None, points=[3, 4]), "id=null is no id"),
        (one(name="é" * 99, points=None), "points=null is not"),
        (one(name=5, points=[3, 4]), "name=5 is no name"),
        (one(name=" ", points=[3, 4]), 'name=" " is no name'),
        (one(points=[64, 4]), r"frames\[0\].objects\[0\].points=\[64, 4\] is not \[x, y\] inside the frame, 64 x 48"),
        (one(points=[[3, 4], [3, 48]]), r"objects\[0\].points\[1\]=\[3, 48\] is not"),
        (one(points={"x": 3}), 'points={"x": 3} is not'),
        (one(points=[[3, 4, 1], [3, 4, 0]]), r"objects\[0\]: the click at \[3, 4\] is on the object and not on it"),
        (one(points=[[3, 4, 0]]), r"objects\[0\]: all clicks are beside the object"),
        (one(negative_scribble=[[3, 4]]), r"objects\[0\]: all clicks are beside the object"),
        (
            one(box=[3, 4, 0, 5]),
            r"objects\[0\].box=\[3, 4, 0, 5\] holds no pixel; its last two numbers",
        ),
        (
            one(box=[60, 4, 5, 5]),
            r"box=.* over the edge of the frame .*: from \(60, 4\) to \(65, 9\); the last",
        ),
        (one(box=[64, 4, 5, 5]), r"box=.* is not \[x, y, width, height\] inside the frame of 64 x 48 pixels"),
        (one(box=[3, 4, 5]), r"box=.* is not \[x, y, width, height\] inside"),
        (one(box=None), "box=null is no box"),
        (one(box=[3, 4, 5, 5], candidate=4), r"objects\[0\].candidate=4 is no candidate"),
        (one(scribble=[3, 4]), r"scribble\[0\]=3 is not \[x, y\]"),
        (one(mask="none.png"), r'mask="none.png": there is no such file in'),
        (one(mask=""), 'mask="": there is no such file'),
        (one(mask="a\0b"), r"there is no such file"),
        (one(mask="\ud800"), "mask=.*: there is no such file"),
        (one(mask="x" * 5000), r"there is no such file"),
        (one(mask=5), "mask=5: there is no such file"),
        (one(mask="none.png", points=[3, 4]), "has a mask and points; a mask says all"),
        (
            {
                "frames": [
                    {"frame": k, "objects": [{"id": 1, "name": name, "points": [3, 4]}]}
                    for k, name in enumerate(["rex", "max"])
                ]
            },
            'object 1 is called "rex", in frame 1 "max"; give it one name',
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(VosError, match=message) as caught:
        read_prompt_file(written(tmp_path, content), SIZE)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="there is no such file"):
        read_prompt_file(tmp_path / "first.json", SIZE)
    with pytest.raises(VosError, match="is no file, but a folder; give a JSON file"):
        read_prompt_file(tmp_path, SIZE)
    path = tmp_path / "first.json"
    path.write_bytes(b"\xff\xfe\xfd{}")
    with pytest.raises(VosError, match="is no text, and so no JSON; write it as in"):
        read_prompt_file(path, SIZE)
    with path.open("wb") as file:
        file.truncate(20 << 20)
    with pytest.raises(VosError, match="has more than 16 MB"):
        read_prompt_file(path, SIZE)
    write_label_map(
        tmp_path / "both.png", LabelMap(np.arange(64, dtype=np.uint8).reshape(1, 64).repeat(48, 0) % 3, (1, 2))
    )
    content = {"frames": [{"frame": 0, "objects": [{"id": 5, "mask": "both.png"}]}]}
    with pytest.raises(VosError, match=r"mask=both\.png holds the ids 1, 2, and not 5"):
        read_prompt_file(written(tmp_path, content), SIZE)


numbers = st.integers(-5, 70) | st.floats(-5, 70) | st.sampled_from([0, 1, 10**30, 1e300, True])
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
points = st.lists(numbers, min_size=1, max_size=4) | st.lists(st.lists(numbers, min_size=1, max_size=4), max_size=5)
objects = st.fixed_dictionaries(
    {"id": st.integers(-1, 4) | values},
    optional={
        "name": st.text(max_size=5) | values,
        "box": st.lists(numbers, min_size=3, max_size=5) | values,
        "points": points | values,
        "scribble": points | values,
        "negative_scribble": points | values,
        "candidate": st.integers(0, 4) | values,
        "mask": st.sampled_from(["ball.png", "none.png", ".", "../"]) | values,
        "odd": values,
    },
)
frames = st.fixed_dictionaries(
    {"frame": st.integers(-1, 3) | values, "objects": st.lists(objects, max_size=3) | values}
)
files = st.fixed_dictionaries({"frames": st.lists(frames, max_size=3) | values}) | values


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files)
def test_whatever_is_in_a_file_it_is_prompts_or_one_line(tmp_path: Path, content: object) -> None:
    if not (tmp_path / "ball.png").exists():
        write_label_map(tmp_path / "ball.png", square_mask(4))
    try:
        found = read_prompt_file(written(tmp_path, content), SIZE)
    except VosError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 600 + 2 * len(str(tmp_path))
        return
    assert found.frames
    for index, shown in found.frames.items():
        assert index >= 0
        assert len({each.object_id for each in shown}) == len(shown) > 0
        for each in shown:
            assert 1 <= each.object_id <= 255
            if each.mask is not None:
                assert each.mask.shape == SIZE
                continue
            assert each.box is not None or (each.labels == 1).any()
            assert ((each.points >= 0) & (each.points < (64, 48))).all()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_bytes_a_file_holds_it_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "first.json"
    path.write_bytes(content)
    with pytest.raises(VosError) as caught:
        read_prompt_file(path, SIZE)
    assert "\n" not in str(caught.value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_half_a_file_is_one_line(tmp_path: Path, data: st.DataObject) -> None:
    whole = json.dumps(one(points=[[3, 4, 1], [5, 6, 0]], box=[1, 1, 20, 20], name="rex"))
    with pytest.raises(VosError, match="is no JSON"):
        read_prompt_file(written(tmp_path, whole[: data.draw(st.integers(0, len(whole) - 1))]), SIZE)
