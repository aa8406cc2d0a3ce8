"""The page's server, asked as a browser asks it, and as somebody asks who should not."""

from __future__ import annotations

import gzip
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from fakes import FRAMES, SIZE, square_mask

pytest.importorskip("starlette", reason="the extra vos[app] is not installed")
pytest.importorskip("uvicorn", reason="the extra vos[app] is not installed")
from served_page import LIMIT, Served

CLIP = "my clip (1).mp4"
ON_IT = [15, 23, 1]  # of the square in frame 0


def opened(served: Served, tab: str = "tab") -> str:
    found = served.json("POST", "/api/open", {"path": CLIP}, tab)
    return f"/api/clips/{found['id']}"


def labels(served: Served, own: str, frame: int) -> np.ndarray:
    status, content, headers = served.ask("GET", f"{own}/labels/{frame}")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    return np.frombuffer(gzip.decompress(content), np.uint8).reshape(SIZE)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1", "localhost", ""])
def test_another_name_of_this_computer_is_refused(served: Served, host: str) -> None:
    """Such as one that another site made lead here."""
    assert served.ask("GET", "/api/hello", headers={"host": host})[0] == 403
    assert served.ask("GET", "/", headers={"host": f"localhost:{served.port}"})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_sites_are_refused(served: Served, origin: str) -> None:
    assert served.ask("POST", "/api/open", {"path": CLIP}, headers={"origin": origin})[0] == 403
    assert served.ask("POST", "/api/open", {"path": CLIP}, tab="")[0] == 403  # a form of theirs has no such header
    assert served.desk.is_empty
    own = {"origin": served.url.rstrip("/")}
    assert served.ask("POST", "/api/open", {"path": CLIP}, headers=own)[0] == 200


def test_without_the_token_nothing_is_served(guarded: Served) -> None:
    for path in ("/", "/main.js", "/api/hello", "/?token=wrong", "/?token=", "/?token=secre%C3%A9"):
        assert guarded.ask("GET", path)[0] == 403
    assert guarded.ask("GET", "/", headers={"cookie": f"vos_{guarded.port}=wrong"})[0] == 403
    status, _, headers = guarded.ask("GET", "/?token=secret")
    assert (status, headers["location"]) == (303, "/")  # the token leaves the address
    assert {"HttpOnly", "SameSite=strict"} <= set(headers["set-cookie"].split("; "))
    cookie = {"cookie": headers["set-cookie"].partition(";")[0]}
    assert guarded.ask("GET", "/", headers=cookie)[0] == 200
    assert guarded.ask("GET", "/api/hello", headers={**cookie, "origin": "http://evil.example"})[0] == 403


def test_nothing_comes_from_elsewhere(served: Served) -> None:
    status, content, headers = served.ask("GET", "/")
    assert status == 200
    assert "default-src 'self'" in headers["content-security-policy"]
    assert b"http:" not in content
    assert b"https:" not in content


@pytest.mark.parametrize(
    "name",
    [
        "../secret.mp4",
        "/etc/passwd",
        "a/../../secret.mp4",
        "link.mp4",
        "linked/secret.mp4",
        "..",
        "C:/x",
        "\\\\x",
        "a\0",
    ],
)
def test_paths_stay_in_the_folder(served: Served, clip: Path, name: str) -> None:
    outside = clip.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.mp4").write_bytes(clip.read_bytes())
    (clip.parent / "link.mp4").symlink_to(outside / "secret.mp4")
    (clip.parent / "linked").symlink_to(outside)
    told = served.refusal("POST", "/api/open", {"path": name})
    assert "folder" in told
    assert served.desk.is_empty
    assert "folder" in served.refusal("GET", f"/api/files?folder={quote(name)}")
    own = opened(served)
    assert "folder" in served.refusal("POST", f"{own}/export", {"output": ["masks"], "folder": name})
    assert "folder" in served.refusal("POST", f"{own}/export", {"output": ["masks"], "folder": "."})
    secret = str(outside / "secret.mp4")
    for ground in (secret, "link.mp4", f"../{outside.name}/secret.mp4", f"file:{secret}"):
        body = {"output": ["composite"], "options": f"background='{ground}'"}
        served.refusal("POST", f"{own}/export", body)


def test_static_files_stay_in_theirs(served: Served) -> None:
    for path in ("/../server.py", "/..%2fserver.py", "/%2e%2e/server.py", "//etc/passwd"):
        assert served.ask("GET", path)[0] in (403, 404)


def test_files_are_listed(served: Served, clip: Path) -> None:
    (clip.parent / "sub").mkdir()
    (clip.parent / "sub" / "a.png").touch()
    (clip.parent / ".hidden.mp4").touch()
    listed = served.json("GET", "/api/files?folder=")["entries"]
    assert listed == [{"name": CLIP, "kind": "video"}, {"name": "sub", "kind": "pictures"}]
    assert served.json("GET", "/api/files?folder=sub")["entries"] == []


def test_a_click_is_answered(served: Served, clip: Path) -> None:
    own = opened(served)
    picture = cv2.imdecode(np.frombuffer(served.ask("GET", f"{own}/frame/3")[1], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (*SIZE, 3)
    assert picture[23, 18 + 3, 2] > 180  # the red square, three pixels on
    served.json("POST", f"{own}/objects", {})
    state = served.json("POST", f"{own}/show", {"frame": 0, "object": 1, "point": ON_IT})
    assert state["prompts"] == {"0": {"1": {"points": [ON_IT]}}}
    assert (labels(served, own, 0) == square_mask(0, SIZE).labels).mean() > 0.98
    assert served.json("POST", f"{own}/undo", {})["prompts"] == {}
    assert not labels(served, own, 0).any()
    assert served.json("POST", f"{own}/redo", {})["prompts"] == state["prompts"]


def test_a_brush_adds_and_an_eraser_takes_away(served: Served) -> None:
    own = opened(served)
    served.json("POST", f"{own}/objects", {})
    stroke = {"frame": 0, "object": 1, "stroke": [[20, 70], [60, 70]], "radius": 3, "erase": False}
    served.json("POST", f"{own}/show", stroke)
    assert labels(served, own, 0)[67:74, 20:61].all()
    rows, columns = np.nonzero(labels(served, own, 0))
    assert (rows.min() >= 65, rows.max() <= 75, columns.min() >= 15, columns.max() <= 65) == (True,) * 4
    served.json("POST", f"{own}/show", {**stroke, "stroke": [[40, 70]], "erase": True})
    assert not labels(served, own, 0)[67:74, 40].any()
    assert "nothing would be left" in served.refusal("POST", f"{own}/show", {**stroke, "radius": 90, "erase": True})


@pytest.mark.parametrize(
    "body",
    [
        {"point": [500, 3, 1]},
        {"point": [5, 3]},
        {"point": [5, 3, 7]},
        {"point": [5.5, 3, 1]},
        {"point": "x"},
        {"stroke": [], "radius": 2, "erase": False},
        {"stroke": [[1, 1]], "radius": 10**9, "erase": False},
        {"box": [1, 2, 3]},
        {"box": [1, 2, "3", 4]},
        {},
        {"frame": 99, "point": ON_IT},
        {"frame": "0", "point": ON_IT},
        {"object": 7, "point": ON_IT},
    ],
)
def test_what_no_page_sends_is_refused_in_a_line(served: Served, body: dict[str, object]) -> None:
    own = opened(served)
    served.json("POST", f"{own}/objects", {})
    assert served.refusal("POST", f"{own}/show", {"frame": 0, "object": 1, **body})
    assert served.json("GET", f"{own}/state")["prompts"] == {}


def test_a_body_that_is_too_large_or_no_json_is_refused(served: Served) -> None:
    own = opened(served)
    assert "more than" in served.refusal("POST", f"{own}/show", b" " * (2 << 20))
    assert "no request" in served.refusal("POST", f"{own}/show", b"[]")
    assert "no request" in served.refusal("POST", f"{own}/show", b"{")


def test_two_tabs_do_not_mix(served: Served) -> None:
    first, second = opened(served, "a"), opened(served, "b")
    assert first != second
    served.json("POST", f"{first}/objects", {}, "a")
    assert served.json("GET", f"{second}/state", tab="b")["objects"] == []
    work = first.rpartition("/")[2]
    assert "another tab" in served.refusal("GET", f"{first}/state", tab="b")
    assert "another tab" in served.refusal("POST", f"/api/attach/{work}", {}, "b")
    assert served.json("POST", f"/api/attach/{work}", {"take": True}, "b")["objects"]
    assert "another tab" in served.refusal("POST", f"{first}/objects", {}, "a")
    served.json("POST", f"/api/leave/{work}", {}, "b")
    assert served.json("POST", f"/api/attach/{work}", {}, "a")["objects"]  # left: no question


def test_an_upload_is_opened_and_goes_when_it_is_closed(served: Served, clip: Path) -> None:
    name = quote("../../ück (1).mp4")
    found = served.json("POST", f"/api/upload?name={name}", clip.read_bytes())
    assert (found["clip"]["name"], found["clip"]["count"]) == ("ück (1).mp4", FRAMES)
    assert list(served.desk.folder.iterdir())
    served.json("POST", f"/api/close/{found['id']}")
    assert not list(served.desk.folder.iterdir())
    assert "closed" in served.refusal("GET", f"/api/clips/{found['id']}/state")


HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.mp4", b"\0" * (LIMIT + 1), "larger than"),
        ("x.mp4", b"\0\0\0\x18ftypisom" + b"\0" * 50, "x.mp4"),
        ("x.mp4", b"", "no video"),
        ("x.txt", b"hello", "no video by its name"),
        ("x.mp4", HLS, "no video"),
        ("x.avi", b"ffconcat version 1.0\nfile /etc/passwd\n", "no video"),
        ("", b"hello", "no video"),
    ],
)
def test_a_broken_upload_is_told_and_deleted(served: Served, name: str, content: bytes, told: str) -> None:
    assert told in served.refusal("POST", f"/api/upload?name={name}", content)
    assert not list(served.desk.folder.iterdir())


def test_an_upload_of_unknown_length_is_bounded_too(served: Served) -> None:
    parts = b"".join(b"%x\r\n%s\r\n" % (50_000, b"\0" * 50_000) for _ in range(5)) + b"0\r\n\r\n"
    status, content, _ = served.ask("POST", "/api/upload?name=x.mp4", parts, headers={"transfer-encoding": "chunked"})
    assert status == 400
    assert b"larger than" in content
    assert not list(served.desk.folder.iterdir())


def test_a_broken_clip_of_the_folder_is_told(served: Served, clip: Path) -> None:
    (clip.parent / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    (clip.parent / "list.mp4").write_bytes(HLS)
    for name in ("broken.mp4", "list.mp4", "none.mp4"):
        told = served.refusal("POST", "/api/open", {"path": name})
        assert name in told
        assert "Traceback" not in told
    assert not list(served.desk.folder.iterdir())


def test_so_many_clips_at_most(served: Served) -> None:
    tabs = [f"tab {k}" for k in range(8)]
    works = [opened(served, tab) for tab in tabs]
    assert "8 clips are open" in served.refusal("POST", "/api/open", {"path": CLIP}, "one more")
    served.json("POST", f"/api/leave/{works[3].rpartition('/')[2]}", {}, tabs[3])
    opened(served, "one more")
    assert "closed" in served.refusal("GET", f"{works[3]}/state", tab=tabs[3])


def done(served: Served, own: str, what: str, order: dict[str, object]) -> dict[str, Any]:
    """Begins long work and waits for its end; returns the last state, which tells of it if it failed."""
    state = served.json("POST", f"{own}/{what}", order)
    while state["job"] is not None and not state["job"]["error"]:
        time.sleep(0.02)
        state = served.json("GET", f"{own}/state")
    return state


ALL = {"start": 0, "end": FRAMES, "direction": "both"}


def test_tracking_is_cancelled_and_gone_on_with(served: Served) -> None:
    own = opened(served)
    served.json("POST", f"{own}/objects", {})
    assert served.refusal("POST", f"{own}/track", ALL)  # nothing is shown yet
    served.json("POST", f"{own}/show", {"frame": 0, "object": 1, "point": ON_IT})
    served.json("POST", f"{own}/track", ALL)
    state = served.json("POST", f"{own}/cancel", {})
    assert state["job"] is None
    rows = done(served, own, "track", ALL)["rows"]
    assert rows["1"]["presence"] == "p" * FRAMES
    assert rows["1"]["current"] == "1" * FRAMES


def test_an_edit_stops_tracking_and_shows_what_is_old(served: Served) -> None:
    own = opened(served)
    served.json("POST", f"{own}/objects", {})
    served.json("POST", f"{own}/show", {"frame": 0, "object": 1, "point": ON_IT})
    served.json("POST", f"{own}/track", {"start": 0, "end": FRAMES, "direction": "forward"})
    state = served.json("POST", f"{own}/show", {"frame": 6, "object": 1, "point": [22, 23, 1]})
    assert state["job"] is None
    assert list(state["prompts"]) == ["0", "6"]
    assert "0" in state["rows"]["1"]["current"]


def test_a_correction_that_takes_away_begins_with_what_was_tracked(served: Served) -> None:
    own = opened(served)
    served.json("POST", f"{own}/objects", {})
    taking = {"frame": 5, "object": 1, "point": [100, 70, 0]}
    assert "click on the object first" in served.refusal("POST", f"{own}/show", taking)
    served.json("POST", f"{own}/show", {"frame": 0, "object": 1, "point": ON_IT})
    done(served, own, "track", ALL)
    before = labels(served, own, 5)
    assert (before == square_mask(5, SIZE).labels).mean() > 0.98
    assert served.json("POST", f"{own}/show", taking)["prompts"]["5"] == {"1": {}}  # a mask of its own
    assert (labels(served, own, 5) == before).mean() > 0.99  # nothing of it was where the click is
    x, y = 20, 23  # on the square
    served.json("POST", f"{own}/show", {**taking, "point": [x, y, 0]})
    assert labels(served, own, 5)[y, x] == 0


def test_results_are_written_into_a_folder_and_nothing_of_the_users_is_replaced(served: Served, clip: Path) -> None:
    own = opened(served)
    served.json("POST", f"{own}/objects", {})
    served.json("POST", f"{own}/show", {"frame": 0, "object": 1, "point": ON_IT})
    order = {"output": ["masks", "prompts"], "options": "", "folder": "out/rex", "start": 0, "end": FRAMES}
    assert "track" in done(served, own, "export", order)["job"]["error"]
    done(served, own, "track", ALL)
    assert done(served, own, "export", order)["job"] is None
    assert len(list((clip.parent / "out/rex/masks").iterdir())) == FRAMES
    assert json.loads((clip.parent / "out/rex/prompts.json").read_text())["frames"][0]["frame"] == 0
    (clip.parent / "mine").mkdir()
    (clip.parent / "mine/prompts.json").write_text('{"mine": 1}')
    assert "prompts.json" in done(served, own, "export", {**order, "folder": "mine"})["job"]["error"]
    assert (clip.parent / "mine/prompts.json").read_text() == '{"mine": 1}'
    assert "no option" in served.refusal("POST", f"{own}/export", {**order, "options": "device=cuda"})
    assert "matte.format" in done(served, own, "export", {**order, "options": "matte.format=avi"})["job"]["error"]


def test_cycles_leave_nothing(served: Served) -> None:
    for _ in range(3):
        own = opened(served)
        served.json("POST", f"{own}/objects", {})
        for frame in (0, 6):
            served.json("POST", f"{own}/show", {"frame": frame, "object": 1, "point": [15 + frame, 23, 1]})
            done(served, own, "track", ALL)
        served.json("POST", f"/api/close/{own.rpartition('/')[2]}")
    assert served.desk.is_empty
    assert not list(served.desk.folder.iterdir())
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("vos-app")] == []
