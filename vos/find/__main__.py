"""``python -m vos.find``: searches an archive of photos and videos for concepts."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.find concept=rex.concept images=archive/                          every photo in it, nested folders too
python -m vos.find concept=rex.concept images=archive/ videos='**/*.mp4'        and key frames of videos, with times
python -m vos.find concept=[rex.concept,tom.concept] videos=footage/            several concepts in one pass
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "find",
        USAGE,
        schema=lambda: import_module("vos.cli.config").FindConfig,
        work=lambda: import_module("vos.cli.find").run_all,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
