"""What all programs share: their help, and from errors to exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vos
from vos.cli.program import exit_code
from vos.errors import VosError

PROGRAMS = ("run", "evaluate", "album", "concept")


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
