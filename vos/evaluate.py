"""``python -m vos.evaluate``: runs the tracker or a photo method over a data set, or takes existing masks; scores them.

The processes that score import this module again, so it imports nothing heavy before it is asked to.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.evaluate dataset=davis2017 dataset.root=DAVIS split=val     runs the tracker and scores its masks
python -m vos.evaluate dataset.root=DAVIS results=FOLDER                  scores FOLDER/<sequence>/00000.png
python -m vos.evaluate dataset=perseg dataset.root=PerSeg method=p2sam    photos: mIoU, bIoU and mAcc
python -m vos.evaluate -m dataset.root=DAVIS tracker.memory.momentum=0.8,0.9     compares settings in one table
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "evaluate",
        USAGE,
        schema=lambda: import_module("vos.evaluation.config").EvaluateConfig,
        work=lambda: import_module("vos.cli.evaluation").evaluate_all,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
