"""The album's entry point: real files in, results as a user finds them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from fakes import ColourSegmenter, Program
from PIL import Image
from red_album import SIZE, mask, picture, table, truth
from scenes import iou

from vos.cli.compose import compose
from vos.cli.config import AlbumConfig
from vos.concept.concept import Concept
from vos.photos.config import MethodConfig


def test_finds_the_object_in_files_of_every_kind(album: Program, album_words: list[str]) -> None:
    assert album(*album_words) == 0
    rows = table()
    assert list(rows) == [
        "a 2.png", "a 10.jpg", "nothing.png", "trip/16 bit.png", "trip/a 2.webp", "trip/cmyk.jpg", "trip/gray.png",
        "trip/turned.jpg",
    ]  # fmt: skip
    where = {"a 2.png": 16, "a 10.jpg": 64, "trip/a 2.webp": 80, "trip/cmyk.jpg": 48, "trip/turned.jpg": 32}
    for name, x in where.items():
        row = rows[name]
        assert row["presence"] == "present", name
        assert row["concept"] == "rex", name
        assert [int(row[k]) for k in ("x", "y", "width", "height")] == pytest.approx([x, 32, 32, 32], abs=3), name
        assert iou(mask(f"{Path(name).with_suffix('')}.png") > 0, truth(x)) > 0.85, name
    assert rows["nothing.png"]["presence"] == "absent"
    assert rows["nothing.png"]["x"] == ""
    assert not mask("nothing.png").any()
    assert float(rows["nothing.png"]["score"]) < float(rows["a 2.png"]["score"])
    record = json.loads(Path("outputs/my-photos/album.json").read_text())
    assert record["concepts"][0]["name"] == "rex"
    assert record["model"]["sha256"] == "0" * 64
    by_name = {photo["photo"]: photo for photo in record["photos"]}
    assert by_name["trip/turned.jpg"]["size"] == list(SIZE)
    assert by_name["a 2.png"]["objects"][0]["instances"][0]["area"] == int(rows["a 2.png"]["area"])
    assert by_name["a 2.png"]["files"]["overlay"] == ["overlay/a 2.jpg"]
    assert Path("outputs/my-photos/contact_sheet.png").is_file()


def test_clicks_or_a_box_stand_for_the_mask_of_one_photo(
    album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = album_words[:2]
    assert album(*shown, "ref_point=[[48,48],[5,5]]", "ref_point_label=[1,0]") == 0
    assert "ref_point: 896 px, predicted IoU 0.90\n" in capsys.readouterr().out
    assert iou(mask("a 10.png") > 0, truth(64)) > 0.85
    assert album(*shown, "ref_point=[[48,48],[5,5]]", "ref_point_label=[1,0]") == 0
    assert "finished already" in capsys.readouterr().out
    assert album(*shown, "ref_point=[[48,50],[5,5]]", "ref_point_label=[1,0]") == 0
    assert "finished already" not in capsys.readouterr().out, "another click is another reference"
    for words, said in (
        ([*album_words, "ref_point=[48,48]"], "instead of a mask; ref_mask and ref_point given for 1"),
        ([album_words[0], "ref_box=[32,32,32,32]"], "ref_image=dog.jpg"),
        ([*shown, "ref_box=[32,32,320,32]"], "ref_box=[32.0, 32.0, 320.0, 32.0] reaches over the edge of the frame"),
        ([*shown, "ref_point_label=[1]"], "0 masks"),
        ([*album_words, "ref_candidate=2"], "ref_candidate=2 chooses among answers"),
    ):
        assert album(*words) == 2
        assert said in capsys.readouterr().err


def test_several_concepts_share_a_label_map(album: Program, album_words: list[str], tmp_path: Path) -> None:
    rgb = picture(8)
    rgb[40:72, 80:112] = (20, 210, 40)
    Image.fromarray(rgb).save(tmp_path / "my photos" / "both.png")
    Image.fromarray(rgb).save(tmp_path / "both.png")
    labels = truth(8).astype(np.uint8) + 2 * truth(80, 40).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "ids.png")
    named = [
        album_words[0],
        f"ref_image={tmp_path / 'both.png'}",
        f"ref_mask={tmp_path / 'ids.png'}",
        "name=[rex,ball]",
    ]
    assert album(*named) == 0
    found = mask("both.png")
    assert iou(found == 1, truth(8)) > 0.85
    assert iou(found == 2, truth(80, 40)) > 0.85
    sheets = sorted(path.name for path in Path("outputs/my-photos").glob("contact_sheet*"))
    assert sheets == ["contact_sheet_ball.png", "contact_sheet_rex.png"]
    with Path("outputs/my-photos/album.csv").open(newline="") as file:
        rows = {(row["photo"], row["concept"]): row for row in csv.DictReader(file)}
    assert rows["both.png", "ball"]["presence"] == rows["both.png", "rex"]["presence"] == "present"
    assert rows["a 2.png", "rex"]["presence"] == "present"
    assert rows["a 2.png", "ball"]["presence"] == "absent"


def test_concept_files_and_references_together(
    album: Program, album_words: list[str], tmp_path: Path, album_model: ColourSegmenter
) -> None:
    Concept.from_image(picture(32), truth(32), name="rex", model=album_model).save(tmp_path / "rex.concept")
    Concept.from_image(picture(32), truth(32), name="rex", model=album_model).save(tmp_path / "old rex.concept")
    assert album(album_words[0], f"concept=[{tmp_path / 'rex.concept'},{tmp_path / 'old rex.concept'}]") == 0
    record = json.loads(Path("outputs/my-photos/album.json").read_text())
    assert [(one["id"], one["name"]) for one in record["concepts"]] == [(1, "rex"), (2, "rex-2")]
    assert album(*album_words, f"concept={tmp_path / 'rex.concept'}", "output_dir=more") == 0
    names = [one["name"] for one in json.loads(Path("more/album.json").read_text())["concepts"]]
    assert names == ["rex", "rex-2"]


def test_all_instances(album: Program, album_words: list[str], tmp_path: Path) -> None:
    two = picture(8)
    two[48:80, 80:112] = (225, 30, 30)
    Image.fromarray(two).save(tmp_path / "my photos" / "two.png")
    assert album(*album_words, "instances=all") == 0
    row = table()["two.png"]
    assert int(row["instances"]) == 2
    ids = np.asarray(Image.open("outputs/my-photos/instances/two.png"))
    assert sorted(np.unique(ids)) == [0, 1, 2]
    assert len(np.unique(ids[33:60, 10:38])) == 1
    assert set(np.unique(mask("two.png"))) == {0, 1}


def test_dreambooth_pictures_and_their_metadata(album: Program, album_words: list[str]) -> None:
    options = ["output=dreambooth", "dreambooth.size=768", "dreambooth.text=a photo of sks {concept}, indoors"]
    assert album(*album_words, *options, "name=dog") == 0
    folder = Path("outputs/my-photos/dreambooth")
    rows = [json.loads(line) for line in (folder / "train/metadata.jsonl").read_text().splitlines()]
    assert [row["file_name"] for row in rows] == [
        "images/a 2.png", "images/a 10.png", "images/trip__a 2.png", "images/trip__cmyk.png", "images/trip__turned.png",
    ]  # fmt: skip
    assert {row["text"] for row in rows} == {"a photo of sks dog, indoors"}
    for row in rows:
        with Image.open(folder / "train" / row["file_name"]) as image:
            assert image.size == (768, 768)
            assert image.mode == "RGB"
            assert image.getpixel((3, 3)) == (255, 255, 255)
            red, _, blue = image.getpixel((384, 384))
            assert red > 180
            assert blue < 80
        assert Image.open(folder / "masks" / Path(row["file_name"]).name).getpixel((384, 384)) == 255
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["images", "metadata.jsonl"]
    assert not Path("outputs/my-photos/masks").exists()
    assert album(*album_words, *options, "name=dog", "dreambooth.background=transparent") == 0
    assert Image.open(folder / "train" / rows[0]["file_name"]).mode == "RGBA"


def test_outputs_of_other_options_go_and_those_of_the_same_stay(album: Program, album_words: list[str]) -> None:
    def there() -> set[str]:
        files = (path for path in Path("out").rglob("*.*") if path.is_file() and ".vos" not in path.parts)
        return {path.parts[1] for path in files if len(path.parts) > 2}

    assert album(*album_words, "output=[masks,white]", "output_dir=out") == 0
    assert album(*album_words, "output=[overlay]", "output_dir=out") == 0
    assert there() == {"masks", "white", "overlay"}
    Path("out/white/mine.jpg").write_text("mine")
    assert album(*album_words, "output=[masks]", "output_dir=out", "threshold=0.01") == 0
    assert there() == {"masks", "white"}
    assert [path.name for path in Path("out/white").rglob("*.jpg")] == ["mine.jpg"]


def test_config_agrees_with_its_dataclass() -> None:
    (one,) = compose([], "album", AlbumConfig)
    assert one.config == AlbumConfig()
    assert one.config.method == MethodConfig()


def test_sweep_writes_a_folder_for_each(album: Program, album_words: list[str]) -> None:
    assert album("-m", *album_words, "method=persam,p2sam", "output=[masks]") == 0
    folders = sorted(path.name for path in Path("outputs/my-photos").iterdir())
    assert folders == ["method=p2sam", "method=persam"]


def test_help_lists_options(album: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert album() == 0
    text = capsys.readouterr().out
    assert "dreambooth.size=" in text
    assert "method=" in text
    assert "python -m vos.album images=photos/" in text
