"""The options of every command, composed of the groups that stand beside what they configure.

conf/*.yaml only selects and overrides. The comment beside a field is its help. An option that takes several values is a
list here; on the command line one value needs no brackets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from vos.album.config import DreamboothConfig
from vos.io.config import OutputConfig, SoftMaskConfig
from vos.limits import Limits, ProgramConfig
from vos.photos.config import MethodConfig
from vos.sam.config import ModelConfig, RuntimeConfig
from vos.tracking.config import TrackerConfig
from vos.video.config import VideoConfig


@dataclass
class ClickOptions:
    """What shows one object instead of a mask."""

    LIMITS: ClassVar[Limits] = {(1, 3): "ref_candidate"}

    ref_box: list[float] | None = None  # instead of a mask: [x, y, width, height], pixels; may go with ref_point
    ref_point: list[Any] | None = None  # instead of a mask: [x, y], pixels, or several clicks: [[x, y], [x, y]]
    ref_point_label: list[int] | None = None  # of each click: 1 = on the object, 0 = not on it; None = all are on it
    ref_candidate: int | None = None  # 1 | 2 | 3, which of the model's masks (preview=true shows them); None = the best


@dataclass
class RunConfig(ClickOptions, OutputConfig, VideoConfig):
    """``python -m vos.run``: one video."""

    MAIN: ClassVar[str] = (
        "video ref_mask ref_box ref_point prompts preview concept ref_frame start end every object_names output "
        "output_dir overwrite model model.input_size prompt_model tracker device"
    )

    video: str | None = None  # file, folder of images, camera:0, stream URL, or file elsewhere: https://..., s3://...
    ref_mask: list[str] | None = None  # mask image of the objects to follow, or a list of them
    prompts: str | None = None  # instead of a mask: JSON file of boxes, points, scribbles, masks; see docs/prompts.md
    preview: bool = False  # only show what is understood of prompts and masks: reference.png; nothing is followed
    concept: list[str] | None = None  # instead of a mask: file of python -m vos.concept; of several, ids 1, 2, ...
    ref_frame: list[int] | None = None  # frame of the mask, as the clip counts from 0; one per mask; None = the first
    object_names: Any = None  # what the objects are called, {1: rex, 2: ball}; None = as their concept, or object_1
    output: list[str] = field(default_factory=lambda: ["masks", "overlay"])  # also matte, rle, or of docs/forms.md
    keep: list[str] = field(default_factory=list)  # [alpha]: soft masks, lossless, so that mattes can be made later
    output_dir: str | None = None  # folder of the results, or s3://...; None = outputs/<name, hyphens for blanks>
    report: bool = True  # also write report.html and frames_to_check.png: which frames to look at first, and why
    overwrite: bool = False  # redo a finished run
    profile: bool = False  # show where time and memory went: a table, and profile.png with what every thread did when
    experiment: str | None = None  # a file of conf/experiment: options that differ from the default


@dataclass
class BatchConfig(RunConfig):
    """``python -m vos.batch``: many videos. What it does not say itself it hands to the run of each clip."""

    MAIN: ClassVar[str] = (
        "manifest inputs workers shard executor ref_mask ref_box ref_point prompts concept ref_frame output "
        "output_dir overwrite model tracker device log_file"
    )
    OWN: ClassVar[tuple[str, ...]] = ("manifest", "inputs", "workers", "shard", "executor")

    manifest: str | None = (
        None  # table of the clips, also s3://...: .csv, .jsonl or .parquet, a row each, options as columns
    )
    inputs: str | None = (
        None  # instead of a table: folder or pattern of videos, 'footage/**/*.mp4' or 's3://bucket/**/*.mp4'
    )
    workers: Any = "auto"  # processes; auto = one per core, with SAM's models one per four cores
    executor: str = "processes"  # processes | ray, actors on a Ray cluster that is there, one per core of workers=
    shard: str | None = None  # 3/16 = this machine's sixteenth, counted from 0; auto or auto/16 = as its scheduler says


@dataclass
class ConvertConfig(OutputConfig, ProgramConfig):
    """``python -m vos.convert``: other forms of results that are there."""

    MAIN: ClassVar[str] = "results output output_dir video matte.format log_file"
    BARE: ClassVar[str] = "results"

    results: list[str] | None = None  # folder of a run's results, or a list of them; the name results= may be left out
    output: list[str] = field(default_factory=lambda: ["coco"])  # as of python -m vos.run; see docs/forms.md
    output_dir: str | None = None  # where they are written, of one folder; None = into the folder itself
    video: str | None = None  # where the video is now, for outputs with pictures; None = where it was


@dataclass
class AppConfig(RuntimeConfig):
    """``python -m vos.app``: the page to click on."""

    LIMITS: ClassVar[Limits] = {(0, 65535): "port", (0.001, 1000): "upload_limit"}
    MAIN: ClassVar[str] = "video folder port open host upload_limit model prompt_model device threads log_file"
    BARE: ClassVar[str] = "video"

    video: list[str] | None = None  # clip to begin with, a file or a folder of images; the name video= may be left out
    folder: str | None = None  # whose files the page opens, and where it writes; None = the clip's, or the current one
    port: int = 8765  # that the page listens at; 0 = any that is free
    host: str | None = None  # address for other computers, 0.0.0.0 = all of this one's; None = this computer alone
    open: bool = True  # open the page in the browser
    upload_limit: float = 4.0  # gigabytes that a file from the browser may have
    prompt_model: str | None = None  # which model answers boxes and points, e.g. vit_t; None = the one that follows
    prompt_checkpoint: str | None = None  # weights file of prompt_model; None = the model's own
    checkpoint: str | None = None  # weights file; None = the model's own
    model: ModelConfig = field(default_factory=ModelConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)


@dataclass
class ConceptConfig(ClickOptions, RuntimeConfig):
    """``python -m vos.concept``: a concept file from reference photos."""

    LIMITS: ClassVar[Limits] = {(1, 2**31 - 1): "ref_id"}
    MAIN: ClassVar[str] = (
        "ref_image ref_mask ref_box ref_point ref_id out name finetune model model.input_size checkpoint device "
        "precision threads log_file"
    )

    ref_image: list[str] | None = None  # photo of the object, or a list of photos
    ref_mask: list[str] | None = None  # its mask, one per photo
    ref_id: int | None = None  # which id of the masks is the object; None = they hold only one
    out: str | None = None  # the file to write, e.g. rex.concept
    name: str | None = None  # what the object is called; None = the file's name
    finetune: bool = True  # also tune PerSAM-F's mask weights, for method=persam_f
    checkpoint: str | None = None  # weights file; None = the model's own
    model: ModelConfig = field(default_factory=ModelConfig)


@dataclass
class AlbumConfig(ClickOptions, RuntimeConfig):
    """``python -m vos.album``: photos in which the objects are looked for."""

    LIMITS: ClassVar[Limits] = {(0, 1): "threshold max_false_alarms"}
    MAIN: ClassVar[str] = (
        "images ref_image ref_mask ref_box ref_point concept name instances threshold max_false_alarms output "
        "output_dir overwrite dreambooth.size dreambooth.background method model checkpoint device threads"
    )

    images: str | None = None  # folder (nested ones included), pattern such as 'photos/**/*.jpg', or one photo
    ref_image: list[str] | None = None  # photo of the object, or a list of photos of it
    ref_mask: list[str] | None = None  # its mask, one per photo; each id in them is a concept of its own
    concept: list[str] | None = None  # concept file, or a list of them; besides or instead of ref_image
    name: list[str] | None = None  # what the objects of ref_image are called, one per id; None = the file's name
    instances: str = "one"  # one | all, objects of a kind in a photo
    threshold: float | None = None  # score below which an object is absent, 0..1; more = fewer found; None: as below
    max_false_alarms: float | None = (
        None  # share of photos without it that may count as found; None = 0.02; less = surer
    )
    output: list[str] = field(default_factory=lambda: ["masks", "overlay"])  # cutout white blur composite dreambooth
    background: str = "blur"  # of output=composite: blur | white | gray | black | '#rrggbb' | a picture
    output_dir: str | None = None  # where results are written; None = outputs/<album folder, hyphens for blanks>
    overwrite: bool = False  # redo finished photos
    profile: bool = False  # show where time and memory went: a table, and profile.png with what every thread did when
    checkpoint: str | None = None  # weights file; None = the model's own
    matte: SoftMaskConfig = field(default_factory=SoftMaskConfig)
    dreambooth: DreamboothConfig = field(default_factory=DreamboothConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)


@dataclass
class FindConfig(RuntimeConfig):
    """``python -m vos.find``: an archive of photos and videos in which concepts are looked for."""

    LIMITS: ClassVar[Limits] = {
        (0, 1): "threshold max_false_alarms",
        (1, 10**9): "patience",
        (0, 10**6): "index_limit",
    }
    MAIN: ClassVar[str] = (
        "concept images videos patience max_false_alarms threshold index_limit output_dir method model checkpoint "
        "device threads"
    )

    concept: list[str] | None = None  # concept file, or a list of them, made by python -m vos.concept
    images: list[str] | None = None  # folder of photos (nested ones included), pattern, or a list of them
    videos: list[str] | None = None  # videos whose key frames are searched, likewise
    patience: int = 50  # pictures in a row without it after which the search ends, the likeliest first; more = surer
    max_false_alarms: float | None = None  # share of pictures without it that may count as found; None = 0.02
    threshold: float | None = None  # instead: score below which it is absent, 0..1
    index_limit: float = 10.0  # gigabytes that encodings may take on disk; what is beyond is encoded in each search
    output_dir: str | None = None  # where results and the index are written; None = outputs/find
    checkpoint: str | None = None  # weights file; None = the model's own
    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
