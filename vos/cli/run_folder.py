"""What a run of ``python -m vos.run`` writes into its folder, and how it has the folder for itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vos.cli.config import RunConfig
from vos.cli.first_masks import PICTURE as REFERENCES
from vos.cli.given import Given
from vos.cli.options import paths
from vos.cli.timeline import PICTURE
from vos.io.earlier import Earlier
from vos.io.frames import full_name, place_of, refuse_among_frames
from vos.io.sole_writer import sole_writer
from vos.io.writers.choice import FILES, REPORT, SUMMARY, TO_CHECK, inputs_of, output_paths
from vos.io.written import Written


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        config: all options.
        path: where it is.
    """

    config: RunConfig
    path: Path

    @cached_property
    def outputs(self) -> dict[str, Path]:
        """File or folder of each output that is asked for."""
        return output_paths(self.config.output, self.path, self.config, self.config.keep)

    @property
    def summary(self) -> Path:
        """What says that a run is finished."""
        return self.path / SUMMARY

    @cached_property
    def made(self) -> tuple[Path, ...]:
        """All that a run makes; the summary last."""
        return (*self.outputs.values(), *(self.path / name for name in self._report), self.summary)

    def is_finished(self, earlier: Earlier) -> bool:
        """Tells whether all is there as a run with the same fingerprint wrote it."""
        has_all = earlier.has(self.outputs) and all(path.exists() for path in self.made)
        return not self.config.overwrite and has_all and self._has_own_report()

    def say_what_lacks(self, earlier: Earlier) -> None:
        """Says why the results of an earlier run are not finished."""
        for name, count in earlier.lacking.items():
            if name in self.outputs:
                print(f"{self.outputs[name]} lacks {count} file{'s' * (count > 1)}; it is written anew")

    def say_what_convert_lacks(self, earlier: Earlier) -> None:
        """Says that soft masks alone are kept, of which nothing can be made."""
        if self.config.keep and not {"masks", "rle"} & {*self.outputs, *earlier.whole}:
            print("keep=alpha without output=masks: vos.convert needs masks, too; add them")

    def sole_writer(
        self, video: str, given: Given, is_preview: bool = False, stale: Sequence[str] = ()
    ) -> AbstractContextManager[AbstractContextManager[list[str]]]:
        """Is :func:`vos.io.sole_writer.sole_writer` for this run, or for its preview.

        Args:
            video: file, folder or address.
            given: what shows the objects.
            is_preview: only the references are shown.
            stale: what an earlier run left here that is no result of this one.
        """
        refuse_among_frames(self.path, video)
        has_prompts = any(each.prompts for each in given.references)
        others = [REFERENCES] * (is_preview or has_prompts) + [PICTURE] * self.config.profile
        others += [] if is_preview else [SUMMARY, *self._report]
        return sole_writer(
            self.path,
            (*FILES, PICTURE),
            source=full_name(video),
            targets=[*(() if is_preview else self.outputs.values()), *(self.path / name for name in others)],
            inputs=self._inputs(place_of(video), given),
            is_chosen=self.config.output_dir is not None,
            stale=stale,
        )

    @property
    def _report(self) -> tuple[str, ...]:
        return (REPORT, TO_CHECK) if self.config.report else ()

    def _has_own_report(self) -> bool:
        """Tells whether runs of vos wrote the report; results that were copied without their notes may have any."""
        written = Written(self.path)
        return not written.holds(self.summary) or all(written.holds(self.path / name) for name in self._report)

    def _inputs(self, frames: Path | None, given: Given) -> list[tuple[str, Path]]:
        config = self.config
        weights = {"checkpoint": [config.checkpoint or ""], "prompt_checkpoint": [config.prompt_checkpoint or ""]}
        named = {"ref_mask": config.ref_mask, "concept": config.concept, **weights}
        files = [(option, path) for option, names in named.items() for path in paths(names) if path.name]
        files += [*(("prompts", path) for path in given.prompt_files), *inputs_of(config.output, config)]
        return files if frames is None else [("video", frames), *files]
