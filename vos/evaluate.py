"""``python -m vos.evaluate``: runs the tracker or a photo method over a data set, or takes existing masks; scores them.

The processes that score import this module again, so it imports nothing heavy before it is asked to.
"""

from __future__ import annotations

import sys

USAGE = """
python -m vos.evaluate dataset=davis2017 dataset.root=DAVIS split=val     runs the tracker and scores its masks
python -m vos.evaluate dataset.root=DAVIS results=FOLDER                  scores FOLDER/<sequence>/00000.png
python -m vos.evaluate dataset=perseg dataset.root=PerSeg method=p2sam    photos: mIoU, bIoU and mAcc
python -m vos.evaluate -m dataset.root=DAVIS tracker.memory.momentum=0.8,0.9     compares settings in one table
"""


def main() -> int:
    """The command line; returns the exit code: 0, 2 after a user's error, 130 after Ctrl-C."""
    from vos.cli.compose import compose
    from vos.cli.exit_code import exit_code
    from vos.cli.options import help_text
    from vos.evaluation.config import EvaluateConfig

    words = sys.argv[1:]
    if any(word in ("-h", "--help") for word in words):
        return exit_code(lambda: print(help_text(EvaluateConfig, USAGE), flush=True))
    from vos.cli.evaluation import evaluate_all  # torch and the models: not for help

    return exit_code(lambda: evaluate_all(compose(words, "evaluate", EvaluateConfig)))


if __name__ == "__main__":
    sys.exit(main())
