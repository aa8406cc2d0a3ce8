"""``python -m vos.album``: finds the object of a reference photo in every photo of an album."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.album images=photos/ ref_image=dog.jpg ref_mask=dog.png      masks, overlays and a contact sheet,
                                                                           in outputs/photos/
python -m vos.album images='photos/**/*.jpg' concept=rex.concept           what python -m vos.concept has made
python -m vos.album images=photos/ ref_image=[a.jpg,b.jpg] ref_mask=[a.png,b.png]     two views of one object
python -m vos.album images=photos/ concept=rex.concept output=cutout,dreambooth       training pictures
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "album",
        USAGE,
        schema=lambda: import_module("vos.cli.config").AlbumConfig,
        work=lambda: import_module("vos.cli.album").run_all,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
