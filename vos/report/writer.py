"""The report of a run: ``report.html``, and the contact sheet ``frames_to_check.png``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from vos.io.contact_sheet import Tile, draw_page
from vos.io.writers.base import Writer
from vos.io.writers.choice import TO_CHECK
from vos.report.moments import Moment, Previews
from vos.report.page import picture_values, render
from vos.report.review import Review
from vos.report.timeline import HEIGHT, WIDTH, Series, line, points_each, spans
from vos.structures import PRESENCES, SegmentedFrame

COLUMNS = 4  # of the sheet


class ReportWriter(Writer):
    """Writes a page about a run, and beside it a sheet of the moments to look at first.

    Args:
        path: of the page.
        review: has seen each result before.
        about: the run, as ``summary.json`` tells it.
    """

    def __init__(self, path: str | Path, review: Review, about: Mapping[str, Any]) -> None:
        super().__init__(path)
        self.review, self.about = review, about
        self._previews, self._series = Previews(), dict[int, Series]()
        self._names: dict[int, str] = {}
        self._ends: list[str] = []  # times of the first and the latest frame

    def _write(self, segmented: SegmentedFrame) -> None:
        doubts = self.review.latest.doubts
        for k, object_id in enumerate(segmented.label_map.object_ids):
            series = self._series.setdefault(object_id, Series(self.frames_written))
            score = float(segmented.predicted_iou[k])
            series.add(score, doubts.get(object_id, 0.0), segmented.presence[k])
            self._names[object_id] = segmented.name_of(object_id)
        self._previews.add(self.frames_written, segmented)
        self._ends = [*self._ends[:1], f"{segmented.frame.time:.2f} s"]

    def _finish(self) -> None:
        moments = self.review.moments()
        self._temporary(self.path).write_text(self._page(moments), encoding="utf-8")
        tiles = [_tile(each) for each in moments]
        empty = [Tile(picture, "nothing to check", time) for time, picture in self._previews.pictures()[:1]]
        page = draw_page(tiles or empty, f"{_name(self.about)}: frames to look at first", COLUMNS)
        Image.fromarray(page).save(self._temporary(self.path.with_name(TO_CHECK)))

    def _page(self, moments: Sequence[Moment]) -> str:
        count = self.frames_written
        last, most = max(1, count - 1), points_each(len(self._series))
        marks = {object_id: list[float]() for object_id in self._series}
        for each in moments:
            marks[each.check.object_id].append(round(WIDTH * each.check.order / last, 1))
        return render(
            "run.html",
            title=f"Report: {_name(self.about)}",
            facts=[_count(count, "frame"), _count(len(self._series), "object"), f"{' to '.join(self._ends)}"],
            moments=[_moment(each) for each in moments],
            previews=[{**picture_values(picture), "time": time} for time, picture in self._previews.pictures()],
            objects=[
                {
                    "name": self._names[object_id],
                    "about": _about(series),
                    "marks": marks[object_id],
                    "predicted": line(series.scores, most),
                    "doubt": line(series.doubts, most, max),
                    "spans": list(spans(series.presences, most)),
                }
                for object_id, series in sorted(self._series.items())
            ],
            width=WIDTH,
            height=HEIGHT,
            begin=self._ends[0],
            end=self._ends[-1],
            made=_made(self.about),
            options=list(_flat(self.about.get("config") or {})),
        )


def _name(about: Mapping[str, Any]) -> str:
    return str(about["clip"]["name"])


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _tile(moment: Moment) -> Tile:
    """Begins with the frame's number, as ``ref_frame=`` takes it."""
    check = moment.check
    return Tile(moment.picture, f"frame {check.index} · {check.time:.2f} s", check.object_name, note=check.reason)


def _moment(moment: Moment) -> dict[str, Any]:
    check = moment.check
    return {
        **picture_values(moment.picture),
        "name": check.name,
        "time": f"{check.time:.2f} s",
        "object": check.object_name,
        "reason": check.reason,
        "doubt": f"{check.doubt:.0%}".replace("%", " %"),
    }


def _about(series: Series) -> str:
    """Says in a line how an object fares; the picture of it shows no more."""
    told = []
    for number, presence in enumerate(PRESENCES):
        frames = series.presences.tobytes().count(number)
        if frames:
            told.append(f"{presence.value} in {_count(frames, 'frame')}")
    seen = [score for score, number in zip(series.scores, series.presences) if number != PRESENCES.index(PRESENCES[-1])]
    return ", ".join([*told, f"predicted IoU {min(seen):.2f} to {max(seen):.2f}"] if seen else told)


def _made(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    model, video, versions = about["model"], about["video"], about["versions"]
    return [
        (
            "video",
            f"{_shown(video['path'])}, {video['size'][1]}x{video['size'][0]}, {video['fps']:g} frames per second",
        ),
        ("model", f"{model['name']}, {model['checkpoint']} (SHA-256 {model['sha256'][:12]}…)"),
        ("computed by", f"{model['engine']} in {model['precision']}, on {model['device']}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("tracker", str((about.get("config") or {}).get("tracker", {}).get("name", ""))),
    ]


def _shown(text: str) -> str:
    """Leaves out of addresses who has logged in: reports are handed on."""
    return re.sub(r"//[^/@\s]+@", "//", text)


def _flat(options: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Lists options with their full names."""
    rows = []
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{before}{name}.")
        else:
            rows.append((f"{before}{name}", "" if value is None else _shown(str(value))))
    return rows
