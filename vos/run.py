"""``python -m vos.run``: follows the objects of one mask through a video."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.run video=clip.mp4 ref_mask=frame0.png                 masks and an overlay, in outputs/clip/
python -m vos.run video=clip.mp4 ref_box=[120,80,60,90]              the model makes the mask from a box
python -m vos.run video=clip.mp4 ref_mask=m.png ref_frame=120        both directions from a later frame
python -m vos.run video=frames/ ref_mask=m.png output=[masks,matte]  a folder of images; a soft matte
python -m vos.run -m video=clip.mp4 ref_mask=m.png tracker=persam,published      one run for each value
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "run",
        USAGE,
        schema=lambda: import_module("vos.cli.config").RunConfig,
        work=lambda: import_module("vos.cli.video").run_all,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
