"""``python -m vos.convert``: other forms of results that are there, without tracking again."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.convert outputs/clip output=[coco,ytvis]            beside the masks that are there
python -m vos.convert outputs/clip output=yolo video=moved.mp4    forms with pictures read the video again
python -m vos.convert outputs/a outputs/b output=mots             of several folders
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "convert",
        USAGE,
        schema=lambda: import_module("vos.cli.config").ConvertConfig,
        work=lambda: import_module("vos.cli.convert").convert_all,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
