"""``python -m vos.batch``: follows objects through every clip of a list or of a folder, with several processes."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.batch manifest=clips.csv                                a row per clip: video,ref_mask and other options
python -m vos.batch inputs='footage/**/*.mp4' concept=rex.concept     every clip of a pattern, with the same options
python -m vos.batch manifest=clips.jsonl workers=4 output_dir=masks   four processes
python -m vos.batch manifest=clips.csv shard=3/16                     a sixteenth of the clips, the fourth
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "batch",
        USAGE,
        schema=lambda: import_module("vos.cli.config").BatchConfig,
        work=lambda: import_module("vos.cli.batch").run_batch,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
