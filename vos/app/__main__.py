"""``python -m vos.app``: a page to click on, in the browser."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from vos.cli.program import leave, program
from vos.errors import VosError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vos.cli.compose import Run
    from vos.cli.config import AppConfig
    from vos.cli.outcome import Outcome

USAGE = """
python -m vos.app                                  a page in the browser; clips of this folder, or dropped ones
python -m vos.app clip.mp4                         begins with a clip
python -m vos.app clip.mp4 port=9000 open=false    another port; opens no browser
python -m vos.app host=0.0.0.0                     for other computers, too; the address that is printed has a token
"""


def main() -> int:
    """Does what the command line says; returns the exit code."""
    return program(
        "app",
        USAGE,
        schema=lambda: import_module("vos.cli.config").AppConfig,
        work=_serve,
        needs_words=False,
    )


def _serve() -> Callable[[Sequence[Run[AppConfig]]], Outcome]:
    try:
        from vos.app.serve import serve
    except ImportError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise VosError("the page needs other packages: pip install 'vos[app]'") from error
    return serve


start = partial(leave, main)  # the console script

if __name__ == "__main__":
    start()
