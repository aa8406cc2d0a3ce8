"""``python -m vos.concept``: makes a concept file from reference photos, and says what is wrong with them."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from vos.cli.program import leave, program

USAGE = """
python -m vos.concept ref_image=dog.jpg ref_mask=dog.png out=rex.concept
python -m vos.concept ref_image=[a.jpg,b.jpg] ref_mask=[a.png,b.png] out=rex.concept     two views of one object
python -m vos.concept ref_image=pets.jpg ref_mask=pets.png ref_id=2 out=tom.concept      one of several in a mask
python -m vos.album images=photos/ concept=rex.concept                                   what it is good for
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "concept",
        USAGE,
        schema=lambda: import_module("vos.cli.config").ConceptConfig,
        work=lambda: import_module("vos.cli.concept").run_all,
    )


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
