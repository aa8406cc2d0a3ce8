"""Which trackers there are, by the name that ``tracker=`` takes."""

from __future__ import annotations

from vos.errors import VosError
from vos.sam.segmenter import Segmenter
from vos.tracking.config import TrackerConfig
from vos.tracking.persam_tracker import PersamTracker
from vos.tracking.published import PublishedTracker
from vos.tracking.tracker import Tracker

TRACKERS: dict[str, type[PersamTracker] | type[PublishedTracker]] = {
    "persam": PersamTracker,
    "published": PublishedTracker,
}


def make_tracker(config: TrackerConfig, model: Segmenter) -> Tracker:
    """Makes the tracker that ``config.name`` asks for, on ``model``.

    Raises:
        VosError: there is none of that name.
    """
    if config.name not in TRACKERS:
        raise VosError(f"tracker={config.name} is unknown; choose one of {', '.join(TRACKERS)}")
    return TRACKERS[config.name](config, model)
