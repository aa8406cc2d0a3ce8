"""The album's entry point: real files in, results as a user finds them, second runs, interruptions, bad input."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import ColourSegmenter
from PIL import Image

import vos.album
from vos.albums.photos import album_name, list_album, result_names
from vos.command_line import compose
from vos.config import AlbumConfig, MethodConfig
from vos.output_folder import sole_writer
from vos.persam.concept import Concept

Main = Callable[..., int]
SIZE = (96, 128)
EXIF_ORIENTATION = 0x0112


def picture(x: int | None, y: int = 32, seed: int = 0) -> np.ndarray:
    """A red square at (x, y) on a noisy blue ramp, uint8 (H, W, 3); no square for None."""
    rng = np.random.default_rng(seed)
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[..., 2] = np.linspace(60, 160, SIZE[1]).astype(np.uint8)[None] + rng.integers(0, 8, SIZE).astype(np.uint8)
    if x is not None:
        rgb[y : y + 32, x : x + 32] = (225, 30, 30)
    return rgb


def truth(x: int, y: int = 32) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y : y + 32, x : x + 32] = True
    return mask


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    model = ColourSegmenter()
    monkeypatch.setattr(vos.album, "load_photo_model", lambda *_: model)
    return model


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ColourSegmenter) -> Main:
    """Calls ``main`` from an empty folder, with an album and its reference beside it."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def call(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["album", *map(str, words)])
        return vos.album.main()

    return call


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """An album of every kind of file, and a reference: the words that name them."""
    photos = tmp_path / "my photos"
    (photos / "trip").mkdir(parents=True)
    Image.fromarray(picture(64)).save(photos / "a 10.jpg", quality=95)
    Image.fromarray(picture(16)).save(photos / "a 2.png")
    Image.fromarray(picture(None)).save(photos / "nothing.png")
    Image.fromarray(picture(48)).convert("CMYK").save(photos / "trip" / "cmyk.jpg", quality=95)
    Image.fromarray(picture(80)).save(photos / "trip" / "a 2.webp", quality=95)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    Image.fromarray(np.rot90(picture(32))).save(photos / "trip" / "turned.jpg", exif=exif, quality=95)
    gray = picture(32)[..., 0].astype(np.uint16) * 257
    Image.fromarray(gray).save(photos / "trip" / "16 bit.png")
    Image.fromarray(picture(32)).convert("L").save(photos / "trip" / "gray.png")
    Image.fromarray(np.rot90(picture(32))).save(tmp_path / "rex.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(truth(32)).astype(np.uint8) * 255).save(tmp_path / "rex.png")  # as stored
    return [f"images={photos}", f"ref_image={tmp_path / 'rex.jpg'}", f"ref_mask={tmp_path / 'rex.png'}"]


def table(folder: str = "outputs/my-photos") -> dict[str, dict[str, str]]:
    with Path(folder, "album.csv").open(newline="") as file:
        return {row["photo"]: row for row in csv.DictReader(file)}


def mask(name: str, folder: str = "outputs/my-photos") -> np.ndarray:
    return np.asarray(Image.open(Path(folder, "masks", name)))


def iou(found: np.ndarray, expected: np.ndarray) -> float:
    return float((found & expected).sum() / (found | expected).sum())


def test_finds_the_object_in_files_of_every_kind(run: Main, words: list[str]) -> None:
    assert run(*words) == 0
    rows = table()
    assert list(rows) == [
        "a 2.png", "a 10.jpg", "nothing.png", "trip/16 bit.png", "trip/a 2.webp", "trip/cmyk.jpg", "trip/gray.png",
        "trip/turned.jpg",
    ]  # fmt: skip
    where = {"a 2.png": 16, "a 10.jpg": 64, "trip/a 2.webp": 80, "trip/cmyk.jpg": 48, "trip/turned.jpg": 32}
    for name, x in where.items():
        row = rows[name]
        assert row["presence"] == "present" and row["concept"] == "rex", name
        assert [int(row[k]) for k in ("x", "y", "width", "height")] == pytest.approx([x, 32, 32, 32], abs=3), name
        assert iou(mask(f"{Path(name).with_suffix('')}.png") > 0, truth(x)) > 0.85, name
    assert rows["nothing.png"]["presence"] == "absent" and rows["nothing.png"]["x"] == ""
    assert not mask("nothing.png").any()
    assert float(rows["nothing.png"]["score"]) < float(rows["a 2.png"]["score"])
    record = json.loads(Path("outputs/my-photos/album.json").read_text())
    assert record["concepts"][0]["name"] == "rex" and record["model"]["sha256"] == "0" * 64
    by_name = {photo["photo"]: photo for photo in record["photos"]}
    assert by_name["trip/turned.jpg"]["size"] == list(SIZE)
    assert by_name["a 2.png"]["objects"][0]["instances"][0]["area"] == int(rows["a 2.png"]["area"])
    assert by_name["a 2.png"]["files"]["overlay"] == ["overlay/a 2.jpg"]
    assert Path("outputs/my-photos/contact_sheet.png").is_file()


def test_broken_photo_is_reported_and_skipped(
    run: Main, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "my photos"
    whole = (photos / "a 10.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "text.png").write_text("no picture")
    assert run(*words) == 1
    output = capsys.readouterr()
    reported = [line for line in output.err.replace("\r", "\n").splitlines() if "skipped" in line]
    assert len(reported) == 2 and "cut.jpg" in reported[0] and "Traceback" not in output.err
    assert "2 broken" in output.out
    rows = table()
    assert len(rows) == 8 and "cut.jpg" not in rows
    broken = json.loads(Path("outputs/my-photos/album.json").read_text())["broken"]
    assert [one["photo"] for one in broken] == ["cut.jpg", "text.png"]
    (photos / "cut.jpg").write_bytes(whole)
    (photos / "text.png").unlink()
    assert run(*words) == 0 and "cut.jpg" in table()


def test_second_run_does_only_what_is_missing(
    run: Main, words: list[str], model: ColourSegmenter, tmp_path: Path
) -> None:
    def encoded(*more: str) -> int:
        before = model.encoded
        assert run(*words, *more) == 0
        return model.encoded - before - 1  # the reference

    assert encoded() == 8
    first = {path: path.read_bytes() for path in Path("outputs").rglob("*.*") if path.is_file()}
    assert encoded() == 0
    assert {path: path.read_bytes() for path in first} == first
    Path("outputs/my-photos/masks/a 2.png").unlink()
    assert encoded() == 1
    Image.fromarray(picture(70)).save(tmp_path / "my photos" / "new.png")
    Image.fromarray(picture(60)).save(tmp_path / "my photos" / "a 2.png")  # another photo of an old name
    assert encoded() == 2 and int(table()["a 2.png"]["x"]) == pytest.approx(60, abs=3)
    overlay = Path("outputs/my-photos/overlay/new.jpg").stat().st_mtime_ns
    assert encoded("output=[masks,overlay,cutout]") == 9
    assert Path("outputs/my-photos/overlay/new.jpg").stat().st_mtime_ns == overlay  # the cut-out alone was missing
    assert encoded("output=[masks,overlay,cutout]") == 0
    assert encoded("threshold=0.3") == 9 and encoded("threshold=0.3", "overwrite=true") == 9
    (tmp_path / "my photos" / "new.png").unlink()
    assert encoded("threshold=0.3") == 0 and "new.png" not in table()


def test_ctrl_c_leaves_what_is_finished(run: Main, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(*words, "output_dir=whole") == 0
    work, count = vos.album.PhotoSegmenter.segment_embedding, []

    def interrupted(*arguments: Any) -> Any:
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return work(*arguments)

    monkeypatch.setattr(vos.album.PhotoSegmenter, "segment_embedding", interrupted)
    assert run(*words) == 130
    assert len(table()) == 3 and len(list(Path("outputs/my-photos/masks").rglob("*.png"))) == 3
    assert not [path for path in Path("outputs").rglob("*") if "partial" in path.name]
    with Path("outputs/my-photos/.album/records.jsonl").open("a") as file:
        file.write('{"photo": "a 10.jpg", "ident')  # a power failure
    assert run(*words) == 0
    assert Path("outputs/my-photos/album.csv").read_bytes() == Path("whole/album.csv").read_bytes()
    assert len(count) == 4 + 5


def test_several_concepts_share_a_label_map(run: Main, words: list[str], tmp_path: Path) -> None:
    rgb = picture(8)
    rgb[40:72, 80:112] = (20, 210, 40)
    Image.fromarray(rgb).save(tmp_path / "my photos" / "both.png")
    Image.fromarray(rgb).save(tmp_path / "both.png")
    labels = truth(8).astype(np.uint8) + 2 * truth(80, 40).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "ids.png")
    album = [words[0], f"ref_image={tmp_path / 'both.png'}", f"ref_mask={tmp_path / 'ids.png'}", "name=[rex,ball]"]
    assert run(*album) == 0
    found = mask("both.png")
    assert iou(found == 1, truth(8)) > 0.85 and iou(found == 2, truth(80, 40)) > 0.85
    sheets = sorted(path.name for path in Path("outputs/my-photos").glob("contact_sheet*"))
    assert sheets == ["contact_sheet_ball.png", "contact_sheet_rex.png"]
    with Path("outputs/my-photos/album.csv").open(newline="") as file:
        rows = {(row["photo"], row["concept"]): row for row in csv.DictReader(file)}
    assert rows["both.png", "ball"]["presence"] == rows["both.png", "rex"]["presence"] == "present"
    assert rows["a 2.png", "rex"]["presence"] == "present" and rows["a 2.png", "ball"]["presence"] == "absent"


def test_concept_files_and_references_together(
    run: Main, words: list[str], tmp_path: Path, model: ColourSegmenter
) -> None:
    Concept.from_image(picture(32), truth(32), name="rex", model=model).save(tmp_path / "rex.concept")
    Concept.from_image(picture(32), truth(32), name="rex", model=model).save(tmp_path / "old rex.concept")
    assert run(words[0], f"concept=[{tmp_path / 'rex.concept'},{tmp_path / 'old rex.concept'}]") == 0
    record = json.loads(Path("outputs/my-photos/album.json").read_text())
    assert [(one["id"], one["name"]) for one in record["concepts"]] == [(1, "rex"), (2, "rex-2")]
    assert run(*words, f"concept={tmp_path / 'rex.concept'}", "output_dir=more") == 0
    names = [one["name"] for one in json.loads(Path("more/album.json").read_text())["concepts"]]
    assert names == ["rex", "rex-2"]


def test_all_instances(run: Main, words: list[str], tmp_path: Path) -> None:
    two = picture(8)
    two[48:80, 80:112] = (225, 30, 30)
    Image.fromarray(two).save(tmp_path / "my photos" / "two.png")
    assert run(*words, "instances=all") == 0
    row = table()["two.png"]
    assert int(row["instances"]) == 2
    ids = np.asarray(Image.open("outputs/my-photos/instances/two.png"))
    assert sorted(np.unique(ids)) == [0, 1, 2] and len(np.unique(ids[33:60, 10:38])) == 1
    assert set(np.unique(mask("two.png"))) == {0, 1}


def test_dreambooth_pictures_and_their_metadata(run: Main, words: list[str]) -> None:
    options = ["output=dreambooth", "dreambooth.size=768", "dreambooth.text=a photo of sks {concept}, indoors"]
    assert run(*words, *options, "name=dog") == 0
    folder = Path("outputs/my-photos/dreambooth")
    rows = [json.loads(line) for line in (folder / "train/metadata.jsonl").read_text().splitlines()]
    assert [row["file_name"] for row in rows] == [
        "images/a 2.png", "images/a 10.png", "images/trip__a 2.png", "images/trip__cmyk.png", "images/trip__turned.png",
    ]  # fmt: skip
    assert {row["text"] for row in rows} == {"a photo of sks dog, indoors"}
    for row in rows:
        with Image.open(folder / "train" / row["file_name"]) as image:
            assert image.size == (768, 768) and image.mode == "RGB"
            assert image.getpixel((3, 3)) == (255, 255, 255)
            red, _, blue = image.getpixel((384, 384))
            assert red > 180 and blue < 80
        assert Image.open(folder / "masks" / Path(row["file_name"]).name).getpixel((384, 384)) == 255
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["images", "metadata.jsonl"]
    assert not Path("outputs/my-photos/masks").exists()
    assert run(*words, *options, "name=dog", "dreambooth.background=transparent") == 0
    assert Image.open(folder / "train" / rows[0]["file_name"]).mode == "RGBA"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"images": None}, "there are no photos"),
        ({"images": "/nowhere"}, "/nowhere: no images found"),
        ({"ref_image": None, "ref_mask": None}, "there is no reference"),
        ({"ref_mask": None}, "1 photos in ref_image= but 0 masks"),
        ({"ref_mask": "/nowhere.png"}, "/nowhere.png is missing"),
        ({"output": "[masks,movie]"}, "choose from masks, overlay, cutout, white, blur, dreambooth"),
        ({"dreambooth.size": "600"}, "choose 512, 768, 1024"),
        ({"dreambooth.background": "pink"}, "background pink is not understood"),
        ({"threshold": "2"}, "threshold=2.0 is out of range"),
        ({"instances": "some"}, "choose one or all"),
        ({"method": "magic"}, "choose one of p2sam, persam"),
        ({"name": "[a,b]"}, "2 names in name= but 1 objects"),
        ({"concept": "/nowhere.concept"}, "/nowhere.concept"),
        ({"image": "x"}, "did you mean"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    run: Main, words: list[str], capsys: pytest.CaptureFixture[str], changed: dict[str, str | None], said: str
) -> None:
    options = {**dict(word.split("=", 1) for word in words), **changed}
    assert run(*(f"{key}={value}" for key, value in options.items() if value is not None)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and said in error
    assert not list(Path.cwd().iterdir())


def test_full_disk_ends_the_run(
    run: Main, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "out").mkdir()
    (tmp_path / "elsewhere" / "out" / "masks").write_text("a file where a folder should be")
    assert run(*words, "output_dir=out") == 2
    assert "choose another output_dir" in capsys.readouterr().err


def test_names_mirror_the_tree_and_stay_apart(tmp_path: Path) -> None:
    assert result_names(["a.jpg", "A.png", "b/a.jpg", "c.x.jpg"]) == ["a.jpg", "A.png", "b/a", "c.x"]
    for name in ("p/q/1.jpg", "p/q/r/1.jpg", "p/10.png", "p/2.png", "p/out/old.png", "p/.hidden/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    found = list_album(tmp_path / "p", exclude=tmp_path / "p" / "out")
    assert [photo.name for photo in found] == ["2", "10", "q/1", "q/r/1"]
    assert [photo.name for photo in list_album(tmp_path / "p" / "q" / "**" / "*.jpg")] == ["1", "r/1"]
    assert [photo.name for photo in list_album(tmp_path / "p" / "10.png")] == ["10"]
    assert album_name(tmp_path / "p") == album_name(tmp_path / "p" / "*.jpg") == "p"


def test_results_inside_the_album_are_no_photos(run: Main, words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "my photos" / "results"
    assert run(*words, f"output_dir={folder}") == 0
    assert run(*words, f"output_dir={folder}") == 0
    assert len(table(str(folder))) == 8


def test_config_agrees_with_its_dataclass() -> None:
    (one,) = compose([], "album", AlbumConfig)
    assert one.config == AlbumConfig() and one.config.method == MethodConfig()


def test_sweep_writes_a_folder_for_each(run: Main, words: list[str]) -> None:
    assert run("-m", *words, "method=persam,p2sam", "output=[masks]") == 0
    folders = sorted(path.name for path in Path("outputs/my-photos").iterdir())
    assert folders == ["method=p2sam", "method=persam"]


def test_help_lists_options(run: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    text = capsys.readouterr().out
    assert "dreambooth.text=" in text and "method=" in text and "python -m vos.album images=photos/" in text


def test_one_run_at_a_time_and_nothing_of_a_killed_one(
    run: Main, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("outputs/my-photos")
    with sole_writer(folder, []):
        assert run(*words) == 2
        assert "being written by another run" in capsys.readouterr().err
        assert [p.name for p in folder.iterdir()] == [".lock"]
    left = [folder / "masks/trip/.a 2.0123abcd.partial.png", folder / ".contact_sheet.0123abcd.partial.png"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert run(*words) == 0
    assert not [p for p in folder.rglob("*") if ".partial" in p.name or p.name == ".lock"]
