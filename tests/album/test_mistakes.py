"""Albums on real machines: broken photos, interruptions, second runs, bad input."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fakes import ColourSegmenter, Program
from PIL import Image
from red_album import picture, table

from vos.cli import album as program
from vos.io.sole_writer import sole_writer


def test_broken_photo_is_reported_and_skipped(
    album: Program, album_words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "my photos"
    whole = (photos / "a 10.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "text.png").write_text("no picture")
    assert album(*album_words) == 3
    output = capsys.readouterr()
    reported = [line for line in output.err.replace("\r", "\n").splitlines() if "skipped" in line]
    assert len(reported) == 2
    assert "cut.jpg" in reported[0]
    assert "Traceback" not in output.err
    assert "2 broken" in output.out
    rows = table()
    assert len(rows) == 8
    assert "cut.jpg" not in rows
    broken = json.loads(Path("outputs/my-photos/album.json").read_text())["broken"]
    assert [one["photo"] for one in broken] == ["cut.jpg", "text.png"]
    (photos / "cut.jpg").write_bytes(whole)
    (photos / "text.png").unlink()
    assert album(*album_words) == 0
    assert "cut.jpg" in table()


def test_second_run_does_only_what_is_missing(
    album: Program, album_words: list[str], album_model: ColourSegmenter, tmp_path: Path
) -> None:
    def encoded(*more: str) -> int:
        before = album_model.encoded
        assert album(*album_words, *more) == 0
        return album_model.encoded - before - 1  # the reference

    assert encoded() == 8
    first = {
        path: path.read_bytes() for path in Path("outputs").rglob("*.*") if path.is_file() and ".vos" not in path.parts
    }
    assert encoded() == 0
    assert {path: path.read_bytes() for path in first} == first
    Path("outputs/my-photos/masks/a 2.png").unlink()
    assert encoded() == 1
    Image.fromarray(picture(70)).save(tmp_path / "my photos" / "new.png")
    Image.fromarray(picture(60)).save(tmp_path / "my photos" / "a 2.png")  # another photo of an old name
    assert encoded() == 2
    assert int(table()["a 2.png"]["x"]) == pytest.approx(60, abs=3)
    overlay = Path("outputs/my-photos/overlay/new.jpg").stat().st_mtime_ns
    assert encoded("output=[masks,overlay,cutout]") == 9
    assert Path("outputs/my-photos/overlay/new.jpg").stat().st_mtime_ns == overlay  # the cut-out alone was missing
    assert encoded("output=[masks,overlay,cutout]") == 0
    assert encoded("threshold=0.3") == 9
    assert encoded("threshold=0.3", "overwrite=true") == 9
    (tmp_path / "my photos" / "new.png").unlink()
    assert encoded("threshold=0.3") == 0
    assert "new.png" not in table()


def test_ctrl_c_leaves_what_is_finished_and_says_how_much(
    album: Program, album_words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert album(*album_words, "output_dir=whole") == 0
    capsys.readouterr()
    work, count = program.PhotoSegmenter.segment_embedding, []

    def interrupted(*arguments: Any) -> Any:
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return work(*arguments)

    monkeypatch.setattr(program.PhotoSegmenter, "segment_embedding", interrupted)
    assert album(*album_words, "--json") == 130
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["frames"]) == ("interrupted", 3)
    assert said["error"] == "3 photos are finished; run the same command again to go on"
    assert len(table()) == 3
    assert len(list(Path("outputs/my-photos/masks").rglob("*.png"))) == 3
    assert not [path for path in Path("outputs").rglob("*") if "partial" in path.name]
    with Path("outputs/my-photos/.vos/records.jsonl").open("a") as file:
        file.write('{"photo": "a 10.jpg", "ident')  # a power failure
    assert album(*album_words) == 0
    assert Path("outputs/my-photos/album.csv").read_bytes() == Path("whole/album.csv").read_bytes()
    assert len(count) == 4 + 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"images": None}, "there are no photos"),
        ({"images": "/nowhere"}, "/nowhere: no images found"),
        ({"ref_image": None, "ref_mask": None}, "there is no reference"),
        ({"ref_mask": None}, "1 photos in ref_image= but 0 masks"),
        ({"ref_mask": "/nowhere.png"}, "/nowhere.png is missing"),
        ({"output": "[masks,movie]"}, "choose from masks, overlay, cutout, white, blur, composite"),
        ({"output": "composite", "background": "/nowhere.jpg"}, "background=/nowhere.jpg is not there"),
        ({"dreambooth.size": "600"}, "choose 512, 768, 1024"),
        ({"dreambooth.background": "pink"}, "background pink is not understood"),
        ({"threshold": "2"}, "threshold=2.0 is outside of 0..1"),
        ({"instances": "some"}, "choose one or all"),
        ({"method": "magic"}, "choose one of p2sam, persam"),
        ({"name": "[a,b]"}, "2 names in name= but 1 objects"),
        ({"concept": "/nowhere.concept"}, "/nowhere.concept"),
        ({"image": "x"}, "did you mean"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    album: Program,
    album_words: list[str],
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str | None],
    said: str,
) -> None:
    options = {**dict(word.split("=", 1) for word in album_words), **changed}
    assert album(*(f"{key}={value}" for key, value in options.items() if value is not None)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error
    assert not list(Path.cwd().iterdir())


def test_full_disk_ends_the_run(
    album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "out").mkdir()
    (tmp_path / "elsewhere" / "out" / "masks").write_text("a file where a folder should be")
    assert album(*album_words, "output_dir=out") == 2
    assert "choose another output_dir" in capsys.readouterr().err


def test_results_inside_the_album_are_no_photos(album: Program, album_words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "my photos" / "results"
    assert album(*album_words, f"output_dir={folder}") == 0
    assert album(*album_words, f"output_dir={folder}") == 0
    assert len(table(str(folder))) == 8


def test_one_run_at_a_time_and_nothing_of_a_killed_one(
    album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("outputs/my-photos")
    with sole_writer(folder, []):
        assert album(*album_words) == 2
        assert "being written by another run" in capsys.readouterr().err
        assert [p.name for p in folder.iterdir()] == [".vos"]
    left = [folder / "masks/trip/.a 2.0123abcd.partial.png", folder / ".contact_sheet.0123abcd.partial.png"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert album(*album_words) == 0
    assert not [p for p in folder.rglob("*") if ".partial" in p.name or p.name == "lock"]
    (folder / ".vos/thumbnails/.1.0123abcd.partial.jpg").write_bytes(b"half")
    assert album(*album_words) == 0
    assert not list(folder.rglob(".*.partial*"))


def test_names_that_are_no_utf8_stop_nothing(
    album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    photos, odd, hurt = tmp_path / "my photos", os.fsdecode(b"caf\xe9.png"), os.fsdecode(b"hurt\xff.png")
    Image.fromarray(picture(40)).save(photos / odd)
    (photos / hurt).write_bytes(b"no picture")
    assert album(*album_words, "output=[masks,dreambooth]") == 3
    assert "hurt\\udcff.png" in capsys.readouterr().err
    assert int(table()["caf\\udce9.png"]["x"]) == pytest.approx(40, abs=3)
    report = json.loads(Path("outputs/my-photos/album.json").read_text())
    assert odd in [photo["photo"] for photo in report["photos"]]  # JSON gives the very name back
    assert len(report["photos"]) == 9
    assert Path("outputs/my-photos/masks", odd).is_file()
    assert Path("outputs/my-photos/contact_sheet.png").is_file()
    (photos / hurt).unlink()
    assert album(*album_words, "output=[masks,dreambooth]") == 0
    assert "all 9 photos are finished already" in capsys.readouterr().out


def test_results_of_a_deleted_photo_go_with_it(
    album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = [*album_words, "output=[masks,cutout,dreambooth]"]
    assert album(*words) == 0
    results = Path("outputs/my-photos")
    mine = results / "cutout" / "trip" / "turned.png"
    mine.write_bytes(b"worked over by hand")
    for name in ("a 10.jpg", "trip/turned.jpg"):
        (tmp_path / "my photos" / name).unlink()
    assert album(*album_words, "output=[masks,dreambooth]") == 0
    assert "removed the results of 2 photos that are gone: a 10.jpg, trip/turned.jpg" in capsys.readouterr().out
    left = sorted(path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file())
    assert [name for name in left if "a 10" in name or "turned" in name] == ["cutout/trip/turned.png"]
    assert mine.read_bytes() == b"worked over by hand"
    assert album(*album_words, "output=[masks,dreambooth]") == 0
    assert "removed" not in capsys.readouterr().out


def test_results_of_another_album_in_the_same_folder_stay(
    album: Program, album_words: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(tmp_path / "my photos" / "a 10.jpg", other / "only here.jpg")
    assert album(*album_words, "output_dir=both") == 0
    kept = sorted(Path("both/masks").rglob("*.png"))
    assert album(f"images={other}", *album_words[1:], "output_dir=both") == 0
    assert set(kept) < set(Path("both/masks").rglob("*.png"))


def test_a_mask_that_a_power_failure_emptied_is_written_again(album: Program, album_words: list[str]) -> None:
    assert album(*album_words) == 0
    mask = next(Path("outputs/my-photos/masks").glob("*.png"))
    content = mask.read_bytes()
    mask.write_bytes(b"")
    assert album(*album_words) == 0
    assert mask.read_bytes() == content


def test_foreign_training_pictures_are_noticed_before_the_work(
    album: Program, album_words: list[str], album_model: ColourSegmenter
) -> None:
    mine = Path("out/dreambooth/train/metadata.jsonl")
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert album(*album_words, "output_dir=out") == 2
    assert mine.read_text() == "mine"
    assert album_model.encoded <= 1, "the reference"


def test_results_of_photos_that_a_pattern_leaves_out_stay(
    album: Program, album_words: list[str], tmp_path: Path
) -> None:
    photos = tmp_path / "my photos"
    assert album(f"images={photos}/a*", *album_words[1:]) == 0
    assert album(f"images={photos}/n*", *album_words[1:]) == 0
    assert len(list(Path("outputs/my-photos/masks").glob("*.png"))) == 3


def test_an_earlier_run_beside_the_photos_is_left_out(
    album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    photos = tmp_path / "my photos"
    assert album(*album_words, f"output_dir={photos / 'try1'}") == 0
    assert album(*album_words, f"output_dir={photos / 'try2'}") == 0
    assert len(table(str(photos / "try2"))) == 8
    said = capsys.readouterr().out
    assert "left out: 17 in earlier results" in said
    report = json.loads((photos / "try2" / "album.json").read_text())
    assert report["left_out"] == {"in earlier results": 17}


@pytest.mark.parametrize("name", ["records.jsonl", "thumbnails/nothing.jpg"])
def test_a_damaged_note_is_not_believed(name: str, album: Program, album_words: list[str]) -> None:
    assert album(*album_words) == 0
    results = [Path("outputs/my-photos", each) for each in ("album.json", "album.csv", "contact_sheet.png")]
    before = [path.read_bytes() for path in results]
    path = Path("outputs/my-photos/.vos", name)
    content = bytearray(path.read_bytes())
    content[content.index(b"96") if name.endswith("jsonl") else len(content) // 2] ^= 1  # "size": [96, ...
    path.write_bytes(content)
    assert album(*album_words) == 0
    assert [path.read_bytes() for path in results] == before
