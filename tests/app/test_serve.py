"""``python -m vos.app``: its words, what it prints, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra vos[app] is not installed")
pytest.importorskip("uvicorn", reason="the extra vos[app] is not installed")
from vos.app.__main__ import main

Capture = pytest.CaptureFixture[str]


def fails(monkeypatch: pytest.MonkeyPatch, capsys: Capture, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["vos-app", "open=false", *words])
    assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_mistakes_are_one_line(clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(clip.parent)
    (clip.parent / "other").mkdir()
    assert "video none.mp4: there is no such file" in fails(monkeypatch, capsys, "none.mp4")
    assert "does not lie in folder=other" in fails(monkeypatch, capsys, clip.name, "folder=other")
    assert "folder=none is no folder" in fails(monkeypatch, capsys, "folder=none")
    assert "name one" in fails(monkeypatch, capsys, clip.name, clip.name)
    assert "port=70000 is outside of 0..65535" in fails(monkeypatch, capsys, "port=70000")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = fails(monkeypatch, capsys, f"port={port}")
    assert f"cannot listen at host=127.0.0.1 port={port}" in line
    assert line.endswith("port=0 takes a free one")


def test_without_its_packages_one_line_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    for name in [name for name in sys.modules if name.startswith("vos.app.s")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert fails(monkeypatch, capsys).endswith("pip install 'vos[app]'")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_a_signal_and_leaves_nothing(clip: Path, tmp_path: Path, word: signal.Signals) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    words = [sys.executable, "-m", "vos.app", str(clip), "port=0", "open=false", "host=127.0.0.1"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(kept)}
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        address, _, token = url.partition("/?token=")
        assert len(token) > 16
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        connection.request("GET", "/api/hello")
        assert connection.getresponse().status == 403  # without the token
        connection.close()
        assert [path.name[:8] for path in kept.iterdir()] == ["vos-app-"]
        process.send_signal(word)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")
    assert list(kept.iterdir()) == []
