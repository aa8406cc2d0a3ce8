"""Every kind of fault notices a program that does it wrong, and its material is what it says."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import av
import faults
import numpy as np
import pytest
from faulting import film, scene, server
from faulting.bench import Bench
from faulting.judge import LOST, RIGHT, SILENT, TRACEBACK
from faulting.kinds import batches, damage, films, kills, limits, network, odd_masks, stores, videos
from faulting.material import HARMS, Material, cut
from PIL import Image
from planted import fail, idle, planted

KINDS = {kind.name: kind for kind in faults.all_kinds()}
ASIDE = {"downloads", "Ctrl-C at the start"}  # these start processes of their own


@pytest.mark.parametrize("name", sorted(KINDS.keys() - ASIDE))
@pytest.mark.parametrize("main", [fail, idle])
def test_every_kind_notices_a_program_that_fails_or_does_nothing(
    name: str, main: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, rng = KINDS[name], random.Random(3)
    left_alone = kills.Reference({"masks/00000.png": "x"}, 0.1, 3)
    for module in (kills, damage, limits):
        monkeypatch.setattr(module, "reference", lambda bench, job: left_alone)
    for module in (batches, stores):
        monkeypatch.setattr(module, "expected", lambda bench: dict.fromkeys(batches.NAMES, left_alone.digest))
    program = planted(main, tmp_path, monkeypatch)
    program._main = dict.fromkeys(("run", "convert", "album", "concept", "evaluate", "batch"), main)
    material = Material(tmp_path / "material", lambda folder: (folder / "rex.concept").write_text("x") and None)
    bench = Bench(program, material, tmp_path / "attempt")
    for _ in range(3):
        bench.begin(tmp_path / "attempt")
        choice = kind.draw(rng) | ({"when": "before"} if name == "files in the way" else {})
        assert kind.attempt(bench, choice, rng).verdict in (SILENT, TRACEBACK)


def test_a_download_that_leaves_a_wrong_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(url: str, target: Path, *rest: object) -> None:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"wrong")

    monkeypatch.setattr("vos.download.download", wrong)
    program = planted(lambda: 0, tmp_path, monkeypatch)
    bench = Bench(program, Material(tmp_path / "material"), tmp_path / "attempt")
    choice = {"way": "whole", "content": "right", "before": "nothing", "processes": 1}
    assert network.attempt_download(bench, choice, random.Random(0)).verdict == LOST


def one_mask() -> int:
    Path("o/masks").mkdir(parents=True)
    Image.new("L", (scene.WIDTH, scene.HEIGHT)).save("o/masks/00000.png")
    return 0


@pytest.mark.parametrize(("option", "expected"), [("every", RIGHT), ("threads", SILENT)])
def test_fewer_masks_are_right_where_the_option_asks_for_fewer(
    option: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(planted(one_mask, tmp_path, monkeypatch), Material(tmp_path / "material"), tmp_path / "attempt")
    choice = {"option": ("run", option), "value": "100000"}
    assert KINDS["odd options"].attempt(bench, choice, random.Random(0)).verdict == expected


def test_the_server_serves_as_it_is_told() -> None:
    data = bytes(range(256)) * 40

    def get(way: str, start: int = 0) -> bytes:
        with server.serving(data, way, 0.5, "x.bin") as url:
            request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
            with urllib.request.urlopen(request, timeout=5) as response:
                return bytes(response.read())

    assert get("whole") == get("no ranges", 100) == get("no length") == data
    assert get("whole", 100) == data[100:]
    assert get("too short") == data[: len(data) // 2]
    with pytest.raises(http.client.IncompleteRead):
        get("cut")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get("404")


def test_nobody_is_left_of_a_server() -> None:
    with server.serving(b"x", "silent", 0.5, "x") as url:
        address = urllib.parse.urlsplit(url)
        line = socket.create_connection((address.hostname, address.port), timeout=5)
        line.sendall(b"GET /x HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
    with line, contextlib.suppress(ConnectionResetError):
        assert line.recv(1) == b""  # whoever would answer has gone


def test_films_are_what_they_say(tmp_path: Path) -> None:
    white = np.full((1, 1, 3), 255, np.uint8)
    assert film.encoded_light(white, "PQ") == pytest.approx(0.581, abs=2e-3)  # 203 nits, ITU-R BT.2408
    assert film.encoded_light(white, "HLG") == pytest.approx(0.75, abs=5e-3)
    for transfer, code in film.TRANSFERS.items():
        film.make_hdr(tmp_path / "hdr.mkv", transfer, film.HDR_FILMS["hdr.mkv"])
        with av.open(str(tmp_path / "hdr.mkv")) as file:
            assert file.streams.video[0].codec_context.color_trc == code
            assert sum(1 for _ in file.decode(video=0)) == scene.FRAMES
    film.make_fields(tmp_path / "fields.mkv", "top first", film.FIELD_FILMS["fields.mkv"])
    with av.open(str(tmp_path / "fields.mkv")) as file:
        assert all(frame.interlaced_frame for frame in file.decode(video=0))
    assert films.combing(film.woven(1, "top first")) > 10 * films.combing(film.plain(1, 2)) + 1
    film.make_alpha(tmp_path / "alpha.mov", film.ALPHA_FILMS["alpha.mov"])
    with av.open(str(tmp_path / "alpha.mov")) as file:
        assert next(file.decode(video=0)).to_ndarray(format="rgba")[0, -1, 3] == 0


def test_material_says_how_many_frames_it_has(tmp_path: Path) -> None:
    material = Material(tmp_path)
    assert len(list(material.get("frames").iterdir())) == scene.FRAMES
    assert material.get("m3.png").stat().st_mtime == material.get("frames").stat().st_mtime
    with Image.open(material.get("m3.png")) as mask:
        assert mask.size == (scene.WIDTH, scene.HEIGHT)
    with pytest.raises(KeyError):
        material.get("nothing")
    assert set(videos.CLIPS) >= {"h264.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi", "h264.ts", "anim.gif"}


@pytest.mark.parametrize("harm", HARMS)
def test_every_harm_changes_a_file(harm: str) -> None:
    data = bytes(range(1, 256)) * 8
    assert cut(data, harm, 0.4, 1) != data
    assert cut(data, harm, 0.4, 1) == cut(data, harm, 0.4, 1)


@pytest.mark.parametrize("notation", list(odd_masks.DRAWN))
def test_a_mask_shows_as_many_objects_as_it_says(notation: str) -> None:
    count = 1 if notation in odd_masks.ONE_OBJECT else 3
    mask = odd_masks.DRAWN[notation][0](scene.labels(count), count, random.Random(0))
    if notation not in ("sideways by EXIF", "soft edges"):
        pixels = [mask.getpixel((box[1] + 11, box[0] + 11)) for box in scene.boxes(count)]
        assert len(set(pixels)) == count
        assert mask.getpixel((0, 0)) not in pixels
    assert mask.size in ((scene.WIDTH, scene.HEIGHT), (scene.HEIGHT, scene.WIDTH))
