"""What the options of a video give to follow, and what earlier runs have left of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vos.cli.config import RunConfig
from vos.cli.options import paths
from vos.io.frames import FrameSource
from vos.io.masks.reference import ReferenceMasks
from vos.io.sole_writer import RESUME
from vos.io.written import NOTES
from vos.video.names import object_names
from vos.video.reference import Reference, in_order, read_given
from vos.video.resume import ResumeState


@dataclass(frozen=True)
class Given:
    """What to follow.

    Attributes:
        references: as given.
        names: of objects that have one, by object id.
        original_ids: by object id, where the masks' ids were renumbered.
    """

    references: list[Reference]
    names: dict[int, str]
    original_ids: dict[int, int]


def given_by(config: RunConfig, source: FrameSource) -> Given:
    """Reads what the options give to follow in ``source``, and says what was understood of masks.

    Raises:
        VosError: it cannot be read, does not fit the video, or names what is not there.
    """
    original_ids: dict[int, int] = {}

    def on_masks(masks: ReferenceMasks) -> None:
        print(f"ref_mask: {masks.describe()}")
        original_ids.update(masks.original_ids)

    references = read_given(
        source.size,
        config.ref_frame,
        first=source.first,
        masks=paths(config.ref_mask),
        box=config.ref_box,
        point=config.ref_point,
        concepts=paths(config.concept),
        on_masks=on_masks,
    )
    return Given(references, object_names(references, config.object_names, original_ids), original_ids)


def resume_state(config: RunConfig, source: FrameSource, given: Given, folder: Path, mark: str) -> ResumeState:
    """Opens what an interrupted run of the same options has left, or a complete one with other references."""
    shown = [(source.position(each.frame_index), each.digest()) for each in in_order(given.references)]
    resume = ResumeState(folder / NOTES / RESUME, "" if config.overwrite else mark, shown)
    if resume.is_damaged:
        print("what an interrupted run has left is damaged; beginning again")
    if resume.resumed and resume.is_corrected:
        print(f"{resume.resumed} frames stay as they were tracked; the other masks change what follows")
    elif resume.resumed:
        print(f"going on after {resume.resumed} frames of an earlier run")
    return resume
