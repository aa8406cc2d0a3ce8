"""Every option of every command with values that nobody should give: one line, or a run that works."""

from __future__ import annotations

import random
import types
import typing
from typing import Any

from faulting import scene
from faulting.bench import Bench
from faulting.fault import Fault
from faulting.judge import Verdict
from faulting.kinds import Choice, Kind

VALUES = (
    "abc", "nan", "inf", "-inf", "-1", "0", "0.5", "1e9", "100000", "100000000000000000000", "", "''", "null",
    "true",
    "[]", "[1,2]", "[[1,2],[3,4]]", "[nan,1,2,3]", "{}", "{a:1}", "${x}", "${oc.env:HOME}", "a,b", "../x", "~",
    "-", "é", "1_0",
)  # fmt: skip
PROMPTS = ("prompts", "ref_box", "ref_point", "ref_point_label", "ref_candidate")
NUMBERS = {"nan": "nan", "inf": "inf", "-inf": "-inf"}
# Of a run: with these, masks of fewer frames or of another place may be right.
OTHER_RESULTS = {"output", "output_dir", "ref_frame", "video", "preview", "start", "end", "every", *PROMPTS}
MEMORY = 12 << 30  # bytes of address space: what asks for more is told so, and does not swap the machine


def all_options() -> dict[tuple[str, str], Any]:
    """Every (command, option) that there is with its type, config groups included."""
    from vos.cli.config import AlbumConfig, ConceptConfig, RunConfig
    from vos.evaluation.config import EvaluateConfig
    from vos.option_names import options

    schemas = {"run": RunConfig, "album": AlbumConfig, "concept": ConceptConfig, "evaluate": EvaluateConfig}
    return {(command, name): hint for command, schema in schemas.items() for name, hint in options(schema)}


def is_numeric(hint: Any) -> bool:
    """Whether an option holds a number."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return any(part in (int, float) or part == list[float] for part in parts)


def words_of(bench: Bench, command: str, option: str) -> list[str]:
    """Lays what a command needs, and gives its words without those that the option replaces."""
    if command == "run":
        bench.lay("clip.mp4")
        bench.lay("m0.png")
        words = ["video=clip.mp4", "ref_mask=m0.png", "output_dir=o", "output=[masks]"]
        if option in (*PROMPTS, "concept"):
            words.remove("ref_mask=m0.png")
        words += ["ref_point=[20,20]"] * (option in PROMPTS[3:])
    elif command == "evaluate":
        bench.lay("davis")
        words = ["dataset.root=davis", "split=val", "output_dir=o", "workers=1"]
    else:
        bench.lay("ref.png")
        bench.lay("m0.png")
        shown = "ref_mask=m0.png" if option not in PROMPTS else "ref_point=[20,20]" if option in PROMPTS[3:] else ""
        words = list(filter(None, ["ref_image=ref.png", shown]))
        if command == "album":
            bench.lay("photos")
            words += ["images=photos", "output_dir=o"]
        else:
            words += ["out=o/rex.concept"]
    return [word for word in words if word.partition("=")[0] != option]


def attempt(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """One odd value."""
    (command, option), value = choice["option"], choice["value"]
    words = [*words_of(bench, command, option), f"{option}={value}"]
    outcome = bench.run(command, words, Fault(limits={"AS": MEMORY}, environ={"HOME": str(bench.place)}))

    def problem() -> str | None:
        if value in NUMBERS and is_numeric(OPTIONS[command, option]):
            return f"{option}={value} was taken for a number"
        written = [path for path in bench.place.rglob("*") if str(path.relative_to(bench.place)) not in bench.users]
        if not [path for path in written if path.is_file()]:
            return "nothing was written"
        if command == "run" and option not in OTHER_RESULTS:
            return bench.masks_problem(frames=scene.FRAMES, least=-1)
        return None

    return bench.judge(outcome, problem, warning_excuses=True)


OPTIONS = all_options()
KINDS = (Kind("odd options", 340, {"option": tuple(OPTIONS), "value": VALUES}, attempt),)
