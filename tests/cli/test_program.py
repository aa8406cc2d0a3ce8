"""What all programs share: their help, and from errors to exit codes."""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import vos
from vos.cli.config import RunConfig
from vos.cli.outcome import Outcome
from vos.cli.program import exit_code, program
from vos.errors import VosError
from vos.progress import Progress

PROGRAMS = ("run", "batch", "convert", "evaluate", "album", "concept", "find", "app")


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_loads_neither_torch_nor_opencv(name: str) -> None:
    code = (
        f"import runpy, sys; sys.argv = ['vos', '--help']\n"
        f"try: runpy.run_module('vos.{name}', run_name='__main__')\n"
        "except SystemExit as error: print(error.code, [m for m in ('torch', 'cv2', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "\nOptions (name=default):\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "error: there is not enough memory"),
        (RuntimeError("Symlink loop from 'x'"), "error: Symlink loop from 'x'; a link leads to itself"),
        (ImportError("x.so: failed to map segment"), "error: there is not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you"),
            "error: there is not enough memory",
        ),
        (RuntimeError("can't start new thread"), "error: the system allows no further thread"),
        (KeyboardInterrupt("7 frames are kept"), "interrupted: 7 frames are kept"),
        (KeyboardInterrupt(), "interrupted: run the same command again to go on"),
    ],
)
def test_what_users_can_mend_is_one_line(error: BaseException, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    assert exit_code(fail) == (130 if isinstance(error, KeyboardInterrupt) else 2)
    told = capsys.readouterr().err
    assert told.startswith(line)
    assert told.count("\n") == 1


def test_ctrl_c_behind_another_error_is_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise UnboundLocalError("f")

    assert exit_code(fail) == 130
    assert capsys.readouterr().err == "interrupted: run the same command again to go on\n"


LEAVING = """
import os, signal, sys
from vos.cli.program import leave
import atexit
atexit.register(os.kill, os.getpid(), signal.SIGINT)
leave(lambda: 3)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_ctrl_c_while_python_is_left_changes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("name", PROGRAMS)
def test_ctrl_c_while_modules_load_is_one_line(name: str) -> None:
    words = [sys.executable, "-X", "importtime", "-m", f"vos.{name}", "video=x.mp4"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.endswith(" hydra.errors\n"):
                process.send_signal(signal.SIGINT)
                break
        told = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.returncode, told) == (130, ["interrupted: run the same command again to go on\n"])


def test_a_mistake_of_the_programs_own_is_not_hidden() -> None:
    def fail() -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        exit_code(fail)


WORK = """
import os, sys
from pathlib import Path
from vos.cli.config import RunConfig
from vos.cli.program import exit_code, program

def work():
    print("Ünïcødé 日本語", flush=True)
    print("last words")
    Path("done").touch()

sys.exit(exit_code(work))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("stdout", ["closed", "full", "left", "ascii"])
def test_words_that_nobody_can_read_cost_no_result(stdout: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    target = {"full": os.open("/dev/full", os.O_WRONLY), "left": writer}.get(stdout, subprocess.PIPE)
    command = [sys.executable, "-c", WORK]
    if stdout == "closed":
        command = ["sh", "-c", 'exec "$0" "$@" >&-', *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        command, stdout=target, stderr=subprocess.PIPE, cwd=tmp_path, env=environment, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "done").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("is_closed", [True, False])
def test_json_that_nobody_can_read_is_an_error(is_closed: bool, tmp_path: Path) -> None:
    work = WORK.replace("sys.exit(exit_code(work))", "import vos.run; vos.run.start()")
    command = ["sh", "-c", f'exec "$0" "$@" >{"&-" if is_closed else "/dev/full"}', sys.executable, "-c", work]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command += ["--json", "video=none.mp4"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, text=True, check=False)
    first, second = done.stderr.splitlines()
    assert (done.returncode, first) == (2, "error: video none.mp4 does not exist; " + first.partition("; ")[2])
    why = "it is closed" if is_closed else "No space left on device"
    assert second == f"error: the JSON of --json could not be written to stdout ({why})"


def test_garbage_is_collected_but_while_modules_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vos", "video=x.mp4"])
    seen = []

    def work() -> Callable[[object], Outcome]:
        seen.append(gc.isenabled())
        return lambda runs: seen.append(gc.isenabled()) or Outcome()

    try:
        assert program("run", "", schema=lambda: RunConfig, work=work) == 0
        assert seen == [False, True]
        assert gc.get_freeze_count() > 0
        monkeypatch.setattr(sys, "argv", ["vos", "vido=x.mp4"])
        assert program("run", "", schema=lambda: RunConfig, work=work) == 2
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_warnings_are_lines_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with Progress("clip", 2, "frame") as progress:
            progress.update()
            logging.getLogger("vos.io.readers").warning("cut.avi is not complete")

    assert exit_code(work) == 0
    assert "warning: cut.avi is not complete" in re.split(r"[\r\n]+", capsys.readouterr().err)
    assert not logging.getLogger("vos").handlers, "the library's users have their own"


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException) -> None:
        raise error

    assert exit_code(lambda: None) == 0
    assert exit_code(lambda: 3) == 3
    assert exit_code(lambda: fail(VosError("no such\nthing"))) == 2
    assert capsys.readouterr().err == "error: no such thing\n"
    assert exit_code(lambda: fail(KeyboardInterrupt())) == 130


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_says_its_version(name: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", f"vos.{name}", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"vos {vos.__version__}\n"
