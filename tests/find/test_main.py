"""``python -m vos.find`` over photos and videos: what it finds, that the next search encodes nothing, and mistakes."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import ColourSegmenter, Program
from PIL import Image
from red_album import make_album, picture, truth

from vos.concept.concept import Concept


def write_video(path: Path, pictures: list[np.ndarray], each: int) -> None:
    """Each picture for ``each`` frames of 25 a second, with a key frame at its beginning."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": str(each), "sc_threshold": "0", "bf": "0"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for rgb in pictures:
            for _ in range(each):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    from vos.cli import find as program

    model = ColourSegmenter()
    monkeypatch.setattr(program, "load_photo_model", lambda *_: model)
    return model


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ColourSegmenter) -> Program:
    from vos.find import __main__ as program

    make_album(tmp_path)
    Concept.from_image(picture(32), truth(32), name="rex", model=model).save(tmp_path / "rex.concept")
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "clip.mp4", [picture(None), picture(64), picture(None)], 25)
    (tmp_path / "videos" / "notes.txt").write_text("no video")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["find", *words])
        return program.main()

    return call


def rows() -> list[dict[str, str]]:
    with Path("outputs/find/rex.csv").open(newline="") as file:
        return list(csv.DictReader(file))


WORDS = ("concept=rex.concept", "images=my photos", "videos=videos")


def test_photos_and_moments_of_videos_are_found(find: Program) -> None:
    assert find(*WORDS) == 0
    found = rows()
    names = {Path(row["file"]).name for row in found}
    assert {"a 10.jpg", "a 2.png", "clip.mp4"} <= names
    assert "nothing.png" not in names
    (moment,) = [row for row in found if row["file"].endswith("clip.mp4")]
    assert float(moment["time"]) == pytest.approx(1.0)
    assert abs(int(moment["x"]) - 64) <= 4
    assert [float(row["score"]) for row in found] == sorted((float(row["score"]) for row in found), reverse=True)
    assert Image.open("outputs/find/rex.png").width > 256
    told = json.loads(Path("outputs/find/rex.json").read_text())
    assert len(told["found"]) == len(found)
    assert told["scores"] == "not calibrated"


def test_the_next_search_encodes_nothing_in_its_pass(
    find: Program, model: ColourSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find(*WORDS) == 0
    first, encode, encoded = rows(), model.encode, []
    monkeypatch.setattr(model, "encode", lambda images: encoded.append(len(images)) or encode(images))
    assert find(*WORDS, "patience=1") == 0
    searched = json.loads(Path("outputs/find/rex.json").read_text())["searched"]
    assert len(encoded) <= 2 * searched  # full searches and crops alone
    assert rows()[0]["file"] == first[0]["file"]


def test_a_broken_file_is_named_and_the_rest_searched(find: Program, capsys: pytest.CaptureFixture[str]) -> None:
    Path("my photos", "bad.jpg").write_bytes(b"\xff\xd8 no photo")
    assert find(*WORDS) == 3
    assert "bad.jpg" in capsys.readouterr().err
    assert len(rows()) >= 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("images=my photos",), "there is no concept"),
        (("concept=rex.concept",), "nothing to search"),
        (("concept=none.concept", "images=my photos"), "none.concept is missing"),
        (("concept=rex.concept", "videos=none/*.mp4"), "videos=none/*.mp4 finds nothing"),
        ((*WORDS, "patience=0"), "patience=0"),
        ((*WORDS, "max_false_alarms=0.02"), "was not calibrated"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], message: str, find: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find(*words) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert message in line
    assert not Path("outputs/find/rex.csv").exists()
