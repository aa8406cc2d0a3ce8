"""Files elsewhere are copied once, within bounds, and what goes wrong is one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from clips import encode_clip
from fakes import square_clip
from stores import FaultyStore, faulty_store, web_server

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.remote import copied, file_name, is_remote, local_copy, look_up


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the copies, empty."""
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("vos.io.remote._copies", {})
    monkeypatch.setattr("vos.download._ATTEMPTS", 2)
    monkeypatch.setattr("vos.download.time.sleep", lambda seconds: None)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of eight frames."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    encode_clip(path, square_clip(8, (96, 128)))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "remote"),
    [("s3://b/a.mp4", True), ("GS://b/a.mp4", True), ("memory://a", True), ("https://h/a.mp4", True),
     ("rtsp://h/a", False), ("camera:0", False), ("file:///a.mp4", False), ("a.mp4", False), ("c:/a.mp4", False)],
)  # fmt: skip
def test_addresses_of_files_are_told_from_streams(name: str, remote: bool) -> None:
    assert is_remote(name) is remote


def test_a_file_on_a_web_server_is_read_both_ways_and_sent_once(clip: bytes) -> None:
    with web_server({"/a%20b.mp4": clip}) as (root, handler):
        for _ in range(2):
            with open_frames(f"{root}/a%20b.mp4") as source:
                assert not source.is_live
                assert (source.path, source.files[0].name) == (f"{root}/a%20b.mp4", "a b.mp4")
                assert [frame.index for frame in source.reversed_frames(7)] == list(range(8))[::-1]
    assert handler.asked == ["bytes=0-0", "all", "bytes=0-0"]


def test_what_a_server_sends_only_whole_is_live(clip: bytes) -> None:
    with web_server({"/a.mp4": clip}, "whole") as (root, _), open_frames(f"{root}/a.mp4") as source:
        assert source.is_live
        assert len(list(source)) == 8


def test_a_file_that_is_too_large_is_live(clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOS_CACHE_GB", "1e-6")
    with web_server({"/a.mp4": clip}) as (root, _), open_frames(f"{root}/a.mp4") as source:
        assert source.is_live


def test_a_connection_that_breaks_again_and_again_is_one_line(clip: bytes) -> None:
    with web_server({"/a.mp4": clip * 9}, "cut") as (root, _), pytest.raises(VosError) as raised:
        open_frames(f"{root}/a.mp4")
    assert str(raised.value) == f"{root}/a.mp4 cannot be copied: the connection broke 2 times; run again to continue"


def test_a_server_that_says_nothing_is_one_line(clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.io.remote.TIMEOUT", 0.2)
    monkeypatch.setattr("vos.io.readers.live.TIMEOUT", 0.2)
    with web_server({}, "silent") as (root, _), pytest.raises(VosError, match="cannot be read as a video"):
        open_frames(f"{root}/a.mp4")


def test_a_file_in_a_store_is_copied_again_only_when_it_has_changed(clip: bytes) -> None:
    with faulty_store() as store:
        store.pipe("/b/a.mp4", clip)
        with open_frames("faulty://b/a.mp4") as source:
            (first,) = source.files
            stamp = first.stat()
        store.pipe("/b/a.mp4", clip + b"x")
        with open_frames("faulty://b/a.mp4") as source:
            assert source.files[0] != first
        assert first.read_bytes() == clip
        assert stamp.st_mtime_ns != source.files[0].stat().st_mtime_ns


def test_copies_that_are_not_in_use_make_room_for_others(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOS_CACHE_GB", "25e-9")
    with faulty_store() as store:
        for name in "abc":
            store.pipe(f"/{name}", name.encode() * 10)
        a, b, c = (look_up(f"faulty://{name}") for name in "abc")
        assert a is not None and b is not None and c is not None  # noqa: PT018
        with copied(a) as first:
            os.utime(first.parent, (1, 1))  # longest ago, but in use
            with copied(b) as second, copied(c) as third:
                assert first.exists()
                assert third.read_bytes() == b"c" * 10
            assert second.exists()  # both were in use
        with copied(a), copied(b):
            pass
        local_copy("faulty://c")
        store.pipe("/d", b"d" * 25)
        assert local_copy("faulty://d").read_bytes() == b"d" * 25
    assert len(list(cache.glob("*/d"))) == len(list(cache.glob("*/[a-d]"))) == 1


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("faulty://b/none.mp4", "faulty://b/none.mp4 does not exist (/b/none.mp4)"),
        ("faulty://b", "faulty://b is no file; give the address of one"),
        ("faulty://b/large.mp4", "faulty://b/large.mp4 has 0.0 GB, but copies may take 0.0; set VOS_CACHE_GB higher"),
        ("faulty://b/empty.mp4", "is empty (0 bytes)"),
    ],
)
def test_what_a_store_has_not_is_one_line(url: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOS_CACHE_GB", "1e-6")
    with faulty_store() as store, pytest.raises(VosError) as raised:
        store.pipe("/b/large.mp4", bytes(2000))
        store.pipe("/b/empty.mp4", b"")
        open_frames(url)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_store_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.io.stores.STALL", 0.1)
    with faulty_store(), pytest.raises(VosError, match="has not answered for 0 seconds; try again later"):
        FaultyStore.stalls = True
        look_up("faulty://b/a.mp4")


def test_a_missing_package_is_named() -> None:
    pytest.importorskip("fsspec")
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(VosError, match="s3://b/a needs one more package; run: pip install s3fs"):
            look_up("s3://b/a")


@pytest.mark.parametrize(
    ("url", "name"), [("https://h/a%20b.mp4?x=1", "a b.mp4"), ("https://h/", "file"), ("s3://b/x:y.mp4", "x-y.mp4")]
)
def test_copies_have_the_names_of_their_files(url: str, name: str) -> None:
    assert file_name(url) == name
