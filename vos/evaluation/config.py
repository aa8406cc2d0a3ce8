"""The options of ``python -m vos.evaluate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from vos.errors import VosError
from vos.limits import Checked, Limits
from vos.photos.config import MethodConfig
from vos.sam.config import ModelConfig, RuntimeConfig
from vos.tracking.config import TrackerConfig


@dataclass
class DatasetConfig(Checked):
    """Where a data set in DAVIS layout is, and how its masks are read."""

    GROUP = "dataset."
    LIMITS: ClassVar[Limits] = {(2016, 2017): "year"}

    name: str = "davis2017"  # davis2016 | davis2017 | youtubevos | perseg
    year: int = 2017  # 2016: everything non-zero is one object; 2017: palette ids, 255 = void
    root: str | None = None  # folder that holds JPEGImages and Annotations (perseg: Images, Annotations)
    resolution: str | None = "480p"  # folder in JPEGImages and Annotations; None = sequences are there (youtubevos)


@dataclass
class EvaluateConfig(RuntimeConfig):
    """``python -m vos.evaluate``: all sequences of a data set, run and scored."""

    LIMITS: ClassVar[Limits] = {(1, 256): "workers"}
    MAIN: ClassVar[str] = (
        "dataset dataset.root split sequences results output_dir overwrite workers tracker method model "
        "model.input_size checkpoint experiment device precision threads batch_size log_file"
    )

    split: str | None = None  # list in ImageSets/<year>, without .txt; None = val, without ImageSets all sequences
    sequences: list[str] | None = None  # only these sequences of the split (perseg: objects); None = all
    results: str | None = None  # folder of masks <sequence>/00000.png to score; None = run the tracker (perseg: method)
    output_dir: str | None = None  # where results are written; None = outputs/<data set>-<split>
    workers: int | None = None  # processes that score, more = sooner done; None = as many as are worth it
    overwrite: bool = False  # redo finished sequences
    checkpoint: str | None = None  # weights file; None = the model's own
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    method: MethodConfig = field(default_factory=MethodConfig)  # perseg
    experiment: str | None = None  # a file of conf/experiment: options that differ from the default

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, name in (("split", self.split or "all"), ("dataset.name", self.dataset.name)):
            if Path(name).name != name or "\\" in name:  # results are named after it
                raise VosError(f"{option}={name} is no plain name; give that of a list or a data set, without a folder")
