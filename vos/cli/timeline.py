"""Draws what every thread did when: the whole run, and the first seconds of tracking from near."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vos.cli.profile import CLOSE_UP, MAIN, Profile
from vos.io.atomic import atomic_path
from vos.stages import StageTimes

PICTURE = "profile.png"

WIDTH, LEFT, LANE, GAP, TITLE = 1280, 90, 28, 8, 34  # pixels
INK, PAPER, FAINT = (40, 40, 40), (255, 255, 255), (238, 238, 238)
COLOURS = (
    (150, 150, 150),
    (196, 160, 120),
    (86, 180, 233),
    (0, 114, 178),
    (204, 121, 167),
    (213, 94, 0),
    (240, 190, 40),
    (0, 158, 115),
)
FIRST_LANES = ("read", "encode", MAIN)  # in the order of a frame's way; others follow
TICKS = 8  # of an axis, at most

Span = tuple[str, str, float, float, float]  # lane, stage, begin and end in seconds, share of it that was work


@contextmanager
def profiled(profile: Profile | None, folder: Path) -> Iterator[StageTimes]:
    """Gives what measures the stages of a run; in the end shows its profile: the table, and a picture in ``folder``.

    Args:
        profile: of the run, which begins to work now; None = it is only measured.
        folder: of its results.

    Raises:
        VosError: the picture cannot be written.
    """
    if profile is None:
        yield StageTimes()
        return
    profile.mark("load")
    yield StageTimes(profile.on_block)
    draw_timeline(profile, folder / PICTURE)
    print(f"{profile.table()}\n{folder / PICTURE}")


def draw_timeline(profile: Profile, path: Path) -> None:
    """Writes a picture with one lane for each thread and one colour for each stage.

    Args:
        profile: of the run.
        path: of the PNG.

    Raises:
        VosError: it cannot be written.
    """
    names = sorted({lane for lane, _ in profile.busy})
    lanes = [lane for lane in FIRST_LANES if lane in names] + [lane for lane in names if lane not in FIRST_LANES]
    panel = TITLE + len(lanes) * (LANE + GAP) + TITLE
    image = Image.new("RGB", (WIDTH, 2 * panel + TITLE), PAPER)
    canvas = ImageDraw.Draw(image)
    canvas.font = ImageFont.load_default(14)
    colours = {stage: COLOURS[k % len(COLOURS)] for k, stage in enumerate(profile.in_order())}
    whole, begin = profile.seconds, profile.tracking
    _panel(canvas, 0, f"the whole run, {whole:.1f} s", lanes, colours, (0.0, whole), _binned(profile))
    title = f"{CLOSE_UP:.0f} s of it, from the first frame that is tracked"
    near = ((block.lane, block.stage, block.begin, block.end, 1.0) for block in profile.close_up)
    _panel(canvas, panel, title, lanes, colours, (begin, begin + CLOSE_UP), near)
    _legend(canvas, 2 * panel, colours)
    with atomic_path(path) as temporary:
        image.save(temporary)


def _binned(profile: Profile) -> Iterator[Span]:
    for (lane, stage), bins in profile.busy.items():
        for k, seconds in enumerate(bins):
            if seconds:
                yield lane, stage, k * profile.width, (k + 1) * profile.width, min(1.0, seconds / profile.width)


def _panel(
    canvas: ImageDraw.ImageDraw,
    top: int,
    title: str,
    lanes: list[str],
    colours: dict[str, tuple[int, int, int]],
    between: tuple[float, float],
    spans: Iterator[Span],
) -> None:
    """Draws lanes over an axis of seconds; spans that are work in part are lower, and stand on each other."""
    begin, end = between
    scale, tops = (WIDTH - LEFT - GAP) / (end - begin), {}
    canvas.text((GAP, top + GAP), title, INK)
    for k, lane in enumerate(lanes):
        tops[lane] = top + TITLE + k * (LANE + GAP)
        canvas.text((GAP, tops[lane] + GAP), lane, INK)
        canvas.rectangle((LEFT, tops[lane], WIDTH - GAP, tops[lane] + LANE), FAINT)
    filled: dict[tuple[str, float], float] = {}
    for lane, stage, first, last, share in spans:
        if last <= begin or first >= end:
            continue
        below = filled.get((lane, first), 0.0) if share < 1 else 0.0
        filled[lane, first] = below + share
        left, right = (LEFT + (min(max(x, begin), end) - begin) * scale for x in (first, last))
        bottom = tops[lane] + LANE * (1 - below)
        box = (left, max(bottom - LANE * share, tops[lane]), max(left, right - 1), max(bottom, tops[lane]))
        canvas.rectangle(box, colours[stage])
    _axis(canvas, top + TITLE + len(lanes) * (LANE + GAP), between, scale)


def _axis(canvas: ImageDraw.ImageDraw, top: int, between: tuple[float, float], scale: float) -> None:
    begin, end = between
    step = next(s * 10**p for p in range(-3, 9) for s in (1, 2, 5) if (end - begin) / (s * 10**p) <= TICKS)
    tick = int(begin / step) + (begin % step > 0)
    while tick * step <= end:
        x = LEFT + (tick * step - begin) * scale
        canvas.line((x, top - GAP, x, top), INK)
        canvas.text((x, top), f"{tick * step:g} s", INK, anchor="ra" if x > WIDTH - LEFT else "la")
        tick += 1


def _legend(canvas: ImageDraw.ImageDraw, top: int, colours: dict[str, tuple[int, int, int]]) -> None:
    x = LEFT
    for stage, colour in colours.items():
        canvas.rectangle((x, top, x + 14, top + 14), colour)
        canvas.text((x + 20, top), stage, INK)
        x += 110
