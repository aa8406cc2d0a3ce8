"""Cut and damaged videos are noticed, whatever their container; intact ones are not called damaged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import pytest
from video_formats import FORMATS

from vos.io.frames import open_frames
from vos.io.readers.base import Damage

TENTH = Fraction(1, 10)
DROPPED = [Fraction(n, 10) for n in range(23) if n not in (7, 8, 15)]  # as cameras drop frames
AVI: dict[str, Any] = {"codec": "mpeg4", "time_base": TENTH}
INTACT: dict[str, dict[str, Any]] = {
    **FORMATS,
    "live.webm": {"codec": "libvpx", "container_options": {"live": "1"}},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "late start.mp4": {"times": [Fraction(n, 10) for n in range(30, 50)], "audio_seconds": 5.0},
    "dropped frames.mkv": {"times": DROPPED},
    "dropped frames.mp4": {"times": DROPPED},
    "dropped frames.flv": {"times": DROPPED},
    "dropped frames.avi": {"times": DROPPED, **AVI},
    "dropped frames.wmv": {"times": DROPPED, "codec": "wmv2"},
    "longer sound.mkv": {"audio_seconds": 4.0},
    "longer sound.flv": {"audio_seconds": 4.0},
    "longer sound.wmv": {"codec": "wmv2", "audio_seconds": 4.0, "audio_codec": "wmav2"},
    "shorter sound.mkv": {"audio_seconds": 1.0},
    "mp3.avi": {**AVI, "audio_seconds": 2.0, "audio_codec": "libmp3lame"},
    "a.flv": {},
    "a.wmv": {"codec": "wmv2"},
    "a.mxf": {"codec": "mpeg2video", "fps": 25, "time_base": Fraction(1, 25)},
    "a.apng": {"codec": "apng", "pixel_format": "rgb24"},
    "a.mpg": {"codec": "mpeg1video", "fps": 25, "time_base": Fraction(1, 25)},
}
# Containers that promise something, and each group of pictures short, so that damage ends somewhere.
PROMISING: dict[str, dict[str, Any]] = {
    "a.mkv": {"options": {"g": "4", "bf": "0"}},
    "sound.mkv": {"options": {"g": "4", "bf": "0"}, "audio_seconds": 2.0},
    "a.webm": {"codec": "libvpx-vp9", "options": {"g": "4"}},
    "a.avi": {**AVI, "options": {"g": "4"}},
    "raw.avi": {"codec": "rawvideo", "pixel_format": "bgr24", "time_base": TENTH},
    "a.flv": {"options": {"g": "4", "bf": "0"}},
    "a.wmv": {"codec": "wmv2", "options": {"g": "4", "qmin": "1", "qmax": "1"}, "size": (480, 640)},
    "a.gif": {"codec": "gif", "pixel_format": "rgb8"},
    "a.mxf": {**INTACT["a.mxf"], "options": {"g": "4"}},
    "a.apng": INTACT["a.apng"],
    "a.mp4": {"options": {"g": "4", "bf": "0"}, "container_options": {"movflags": "faststart"}},
}


@pytest.mark.parametrize("name", INTACT)
def test_intact_files_give_no_warning(name: str, make_clip: Any, caplog: pytest.LogCaptureFixture) -> None:
    with open_frames(str(make_clip(name, **INTACT[name]))) as source:
        assert len(list(source)) == 20
        assert len(list(source.frames(5))) == 15
        assert source.damage == Damage()
    assert not caplog.records


def test_frames_that_an_edit_list_cuts_away_are_not_missing(
    make_clip: Any, number_of: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip("whole.mp4", options={"g": "30", "bf": "2"})
    with av.open(str(clip)) as source, av.open(str(tmp_path / "cut.mp4"), "w") as output:
        track = output.add_stream_from_template(source.streams.video[0])
        shift = round(Fraction(5, 10) / source.streams.video[0].time_base)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, track
                output.mux(packet)
    with open_frames(str(tmp_path / "cut.mp4")) as result:
        assert [number_of(f.rgb) for f in result] == list(range(20))[-len(list(result)) :]
        assert result.damage == Damage()
    assert not caplog.records


def place_of(path: Path, packet: int) -> int:
    """Where in a file a packet of its video begins, bytes; about, in containers that do not tell."""
    with av.open(str(path)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    return places[packet] if None not in places else path.stat().st_size * packet // len(places)


@pytest.mark.parametrize("kept", [9, 17])
@pytest.mark.parametrize("name", PROMISING)
def test_a_cut_file_is_told_with_how_much_is_missing(
    name: str, kept: int, make_clip: Any, number_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_clip(name, **PROMISING[name])
    path.write_bytes(path.read_bytes()[: place_of(path, kept)])
    with open_frames(str(path)) as source:
        numbers = [number_of(f.rgb) for f in source]
        list(source)
        damage = source.damage
    assert numbers[:-1] == list(range(len(numbers) - 1))
    assert kept - 3 < len(numbers) <= kept + 1
    if name != "a.gif":  # which has an end mark, and does not say how much is before it
        assert len(numbers) + damage.missing + damage.damaged >= 20
        assert len(numbers) + damage.missing <= 20
    assert [str(path) in r.getMessage() and "missing" in r.getMessage() for r in caplog.records] == [True]


def test_a_transport_stream_that_ends_within_a_packet_is_told(make_clip: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = make_clip("a.ts", time_base=Fraction(1, 90_000))
    content = path.read_bytes()
    for size, missing in ((len(content), 0), (len(content) // 376 * 188 + 100, 1)):
        path.write_bytes(content[:size])
        with open_frames(str(path)) as source:
            assert list(source)
            assert source.damage.missing == missing
    assert ["missing" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    "name", set(PROMISING) - {"a.apng", "raw.avi"}
)  # whose frames depend on nothing but themselves
@pytest.mark.parametrize("harm", ["zeros", "hole"])
def test_a_part_lost_in_the_middle_is_told(
    name: str, harm: str, make_clip: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_clip(name, **{"size": (96, 128), **PROMISING[name]})
    data = path.read_bytes()
    start, end = round(len(data) * 0.5), round(len(data) * 0.7)
    path.write_bytes(data[:start] + (bytes(end - start) if harm == "zeros" else b"") + data[end:])
    with open_frames(str(path)) as source:
        count = len(list(source))
        assert source.damage
    assert count > 0
    assert len(caplog.records) == 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[[Path, float], str]]:
    """``server(path, share)`` is the URL of a file of which only that share comes, against its Content-Length."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, share, name = self.path.split("/")
            data = (tmp_path / name).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: int(len(data) * float(share))])
            self.close_connection = True

        def log_message(self, *about: Any) -> None: ...

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield lambda path, share: f"http://127.0.0.1:{serving.server_port}/{share}/{path.name}"
    serving.shutdown()
    serving.server_close()


@pytest.mark.parametrize(("name", "options"), [("a.flv", {}), ("a.ts", {"time_base": Fraction(1, 90_000)})])
def test_a_connection_that_ends_early_is_told(
    name: str, options: dict[str, Any], make_clip: Any, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_clip(name, options={"bf": "0"}, **options)
    with open_frames(server(path, 1)) as source:
        assert len(list(source)) == 20
        assert not source.damage
    assert not caplog.records
    with open_frames(server(path, 0.8)) as source:
        assert 3 < len(list(source)) < 20
        assert source.damage.missing
    assert len(caplog.records) == 1
