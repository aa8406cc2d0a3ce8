"""What the options of a video give to follow, and what earlier runs have left of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vos.cli.config import RunConfig
from vos.cli.options import paths
from vos.io.frames import FrameSource
from vos.io.masks.reference import ReferenceMasks
from vos.io.prompts.file import GivenPrompts
from vos.io.sole_writer import RESUME
from vos.io.written import NOTES
from vos.video.names import object_names
from vos.video.reference import Clicked, Reference, in_order, read_given
from vos.video.resume import ResumeState


@dataclass(frozen=True)
class Given:
    """What to follow.

    Attributes:
        references: as given.
        names: of objects that have one, by object id.
        original_ids: by object id, where the masks' ids were renumbered.
        prompt_files: the file of prompts and the masks that it names.
    """

    references: list[Reference]
    names: dict[int, str]
    original_ids: dict[int, int]
    prompt_files: list[Path]

    @property
    def is_prompted(self) -> bool:
        """Whether a model has to make masks of clicks or boxes."""
        return any(prompt.mask is None for reference in self.references for prompt in reference.prompts)

    def about(self) -> dict[str, dict[int, int]]:
        """Gives what belongs into ``summary.json``."""
        return {"original_ids": self.original_ids} if self.original_ids else {}


def given_by(config: RunConfig, source: FrameSource) -> Given:
    """Reads what the options give to follow in ``source``, and says what was understood of masks and prompts.

    Raises:
        VosError: it cannot be read, does not fit the video, or names what is not there.
    """
    original_ids: dict[int, int] = {}
    prompts, prompt_files = None if config.prompts is None else paths([config.prompts])[0], list[Path]()

    def on_masks(masks: ReferenceMasks) -> None:
        print(f"ref_mask: {masks.describe()}")
        original_ids.update(masks.original_ids)

    def on_prompts(shown: GivenPrompts) -> None:
        print(f"prompts: {shown.describe()}")
        prompt_files.extend(path for path in (prompts, *shown.files) if path is not None)

    references = read_given(
        source.size,
        config.ref_frame,
        first=source.first,
        masks=paths(config.ref_mask),
        clicked=Clicked(config.ref_point, config.ref_point_label, config.ref_box, config.ref_candidate),
        concepts=paths(config.concept),
        prompts=prompts,
        on_masks=on_masks,
        on_prompts=on_prompts,
    )
    names = object_names(references, config.object_names, original_ids)
    return Given(references, names, original_ids, prompt_files)


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
