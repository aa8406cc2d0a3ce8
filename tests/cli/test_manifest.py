"""Tables of clips become command lines, in every form a table comes in, or one line says which row is wrong."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from stores import faulty_store

from vos.cli.compose import compose
from vos.cli.config import RunConfig
from vos.cli.manifest import ManifestClip, find_clips, read_manifest
from vos.cli.options import quoted
from vos.cli.results_place import ResultsPlace
from vos.errors import VosError

OUT = ResultsPlace(Path("out"))


def read(path: Path) -> list[ManifestClip]:
    """Reads a table."""
    return read_manifest(str(path), OUT)


def table(folder: Path, text: str, name: str = "clips.csv") -> Path:
    """Writes a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def config(words: tuple[str, ...]) -> RunConfig:
    """What the words mean to vos.run."""
    (run,) = compose(words, "run", RunConfig)
    return run.config


def test_a_row_means_what_its_words_mean_to_a_run(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "video,ref_mask,ref_box,ref_frame,output,tracker.adapt.steps,output_dir\n"
        'a b.mp4,"m,0.png",,12,"[masks,coco]",7,\n'
        '/data/c.mov,,"[1,2,3,4]",,masks,,elsewhere/c\n'
        'sub/d.mp4,"x.png, y.png",,"0,9",,,\n',
    )
    (tmp_path / "m,0.png").touch()
    first, second, third = read(path)
    assert (first.video, first.folder) == (str(tmp_path / "a b.mp4"), OUT / Path("a b"))
    one = config(first.words)
    assert one.ref_mask == [str(tmp_path / "m,0.png")]
    assert (one.ref_frame, one.output, one.tracker.adapt.steps) == ([12], ["masks", "coco"], 7)
    assert (second.video, second.folder) == ("/data/c.mov", ResultsPlace(tmp_path / "elsewhere/c"))
    assert config(second.words).ref_box == [1, 2, 3, 4]
    assert third.folder == OUT / Path("sub/d")
    assert config(third.words).ref_mask == [str(tmp_path / "x.png"), str(tmp_path / "y.png")]
    assert config(third.words).ref_frame == [0, 9]


def test_forms_of_tables_say_the_same(tmp_path: Path) -> None:
    row = {"video": "a.mp4", "ref_point": [[3, 4], [5, 6]], "ref_point_label": [1, 0], "ref_frame": None,
           "object_names": {"1": "rex"}, "concept": ["a.concept", "b.concept"], "overwrite": True}  # fmt: skip
    lines = read(table(tmp_path, f"\n{json.dumps(row)}\n\n", "clips.jsonl"))
    cells = (
        "video,ref_point,ref_point_label,ref_frame,object_names,concept,overwrite\n"
        'a.mp4,"[[3,4],[5,6]]","[1,0]",,{1: rex},"[a.concept,b.concept]",true\n'
    )
    sheet = read(table(tmp_path, f"\ufeff{cells}"))
    assert config(lines[0].words) == config(sheet[0].words)
    assert config(lines[0].words).concept == [str(tmp_path / "a.concept"), str(tmp_path / "b.concept")]
    assert config(lines[0].words).overwrite is True


@pytest.mark.parametrize("separator", [";", "\t"])
def test_separators_of_other_countries(tmp_path: Path, separator: str) -> None:
    text = separator.join(["video ", " ref_mask"]) + "\n" + separator.join(["a,b.mp4", "m.png"])
    (clip,) = read(table(tmp_path, text))
    assert clip.video == str(tmp_path / "a,b.mp4")
    assert config(clip.words).ref_mask == [str(tmp_path / "m.png")]


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="tables in Parquet need pyarrow")
    from pyarrow import parquet

    rows = [{"video": "a.mp4", "ref_frame": 3, "ref_mask": "m.png"}, {"video": "b.mp4", "ref_frame": None}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "clips.parquet")
    first, second = read(tmp_path / "clips.parquet")
    assert config(first.words).ref_frame == [3]
    assert second.words == ()


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="~"), min_size=1)


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_name_of_a_mask_arrives(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp() / "names"
    row = {"video": "a.mp4", "ref_mask": names}
    (clip,) = read(table(folder, json.dumps(row), "clips.jsonl"))
    (word,) = (quoted(word, RunConfig) for word in clip.words)
    parsed = OmegaConf.create(OverridesParser.create().parse_override(word).value())
    assert OmegaConf.to_container(parsed, resolve=True) == [str(folder / name) for name in names]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "clips.csv",
            "video,ref_musk\na.mp4,m.png\n",
            "clips.csv:2: there is no option ref_musk; did you mean ref_mask",
        ),
        ("clips.csv", "video,ref_mask\n,m.png\n", "clips.csv:2: there is no video"),
        ("clips.csv", "video,video\na,b\n", "has the column video 2 times"),
        ("clips.csv", "video,\na,b\n", "has a column without a name"),
        ("clips.csv", "video\na,b.mp4\n", "clips.csv:2: there are more cells than columns"),
        ("clips.csv", "video\n", "lists no clip"),
        ("clips.csv", "", "lists no clip"),
        ("clips.csv", 'video\n"a.mp4\n', "is no table of text"),
        ("clips.csv", "video,preview\na.mp4,true\n", "preview is no option of one clip"),
        ("clips.csv", "video\nx/a.mp4\nx/a.mp4\n", "clips.csv:2 and .*clips.csv:3 would write into one folder"),
        ("clips.jsonl", '{"video": "a.mp4"}\nnonsense\n', "clips.jsonl:2 is no JSON"),
        ("clips.jsonl", "[1]\n", "clips.jsonl:1 is no object"),
        ("clips.jsonl", '{"ref_mask": "a.png"}\n', "clips.jsonl:1: there is no video"),
        ("clips.jsonl", '{"video": 5}\n', "clips.jsonl:1: there is no video"),
        ("clips.txt", "a.mp4\n", "is of an unknown kind; give a .csv, .jsonl or .parquet file"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(VosError, match=told) as caught:
        read(table(tmp_path, text, name))
    assert "\n" not in str(caught.value)


def test_a_table_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"video\n\xff\xfe\x00")
    (tmp_path / "folder.csv").mkdir()
    for name, told in (("binary", "is no table of text"), ("folder", "cannot be read"), ("none", "No such file")):
        with pytest.raises(VosError, match=told):
            read(tmp_path / f"{name}.csv")


def test_patterns_mirror_their_folders(tmp_path: Path) -> None:
    for name in ("a/x.mp4", "a/x.mov", "b/c/y.mp4", "b/notes.txt", "z.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    folders = {clip.video.removeprefix(f"{tmp_path}/"): clip.folder for clip in find_clips(str(tmp_path), OUT)}
    assert folders == {
        "a/x.mov": OUT / Path("a/x.mov"),
        "a/x.mp4": OUT / Path("a/x.mp4"),
        "b/c/y.mp4": OUT / Path("b/c/y"),
        "z.mp4": OUT / Path("z"),
    }
    found = find_clips(f"{tmp_path}/b/**/*.mp4", OUT)
    assert [clip.folder for clip in found] == [OUT / Path("c/y")]
    with pytest.raises(VosError, match="finds no video"):
        find_clips(f"{tmp_path}/*.avi", OUT)


def test_tables_and_patterns_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOS_CACHE", str(tmp_path))
    with faulty_store() as store:
        store.pipe("/b/t/clips.csv", b"video,ref_mask\na/x.mp4,m.png\nfaulty://c/y.mp4,/m.png\n")
        for name in ("a/x.mp4", "a/d/y.mov", "a/d/y.txt"):
            store.pipe(f"/b/t/{name}", b"x")
        first, second = read_manifest("faulty://b/t/clips.csv", ResultsPlace.of("faulty://out"))
        assert (first.place, first.video) == ("faulty://b/t/clips.csv:2", "faulty://b/t/a/x.mp4")
        assert config(first.words).ref_mask == ["faulty://b/t/m.png"]
        assert (str(first.folder), str(second.folder)) == ("faulty://out/a/x", "faulty://out/y")
        assert config(second.words).ref_mask == ["/m.png"]
        for pattern in ("faulty://b/t", "faulty://b/t/**/*.m*"):
            found = find_clips(pattern, OUT)
            assert [clip.video for clip in found] == ["faulty://b/t/a/d/y.mov", "faulty://b/t/a/x.mp4"]
            assert [clip.folder for clip in found] == [OUT / Path("a/d/y"), OUT / Path("a/x")]


@pytest.mark.parametrize("folder", ["takes", "takes/a/deeper", "takes/../takes/a"])
def test_folders_within_each_other_are_refused(tmp_path: Path, folder: str) -> None:
    text = f"video,output_dir\na.mp4,takes/a\nb.mp4,{folder}\n"
    with pytest.raises(VosError, match=r"clips\.csv:[23] .*would write into"):
        read(table(tmp_path, text))


def test_a_long_table_is_read_in_no_time(tmp_path: Path) -> None:
    rows = "".join(f"d{number // 100}/{number}.mp4,m/{number}.png,0\n" for number in range(3000))
    begin = time.monotonic()
    assert len(read(table(tmp_path, f"video,ref_mask,ref_frame\n{rows}"))) == 3000
    assert time.monotonic() - begin < 20  # it took minutes when every cell looked up all options
