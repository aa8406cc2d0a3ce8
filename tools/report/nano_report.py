"""Writes a report on the embedded model: masks in videos and photos, clicks, calibration, presence, size.

    python tools/report/nano_report.py DATA [--out docs/nano] [--weights FILE] [--quick]

DATA holds davis16 and multi (DAVIS layout, split dev), perseg_mini (PerSeg layout) and segments (the training photos,
of which every tenth is held out); what is absent is skipped. Into ``--out`` go ``report.md``, ``report.csv`` and
``reliability.png``. All of it takes some eight minutes on two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import tempfile
from importlib import resources
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "train"))  # clicks are measured on its held-out photos
from measures.albums import measure_methods, measure_presence
from measures.calibration import calibration_tables, draw_reliability
from measures.clicks import measure_clicks
from measures.tables import QUICK, Cell, Pairs, Sample, Settings, Table, long_rows, markdown
from measures.videos import SETS, measure_set
from safetensors.torch import load

from vos.cli.program import exit_code
from vos.errors import VosError
from vos.evaluation.report import csv_table, write_file
from vos.sam.config import ModelConfig
from vos.sam.device import set_threads
from vos.sam.registry import load_model

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")  # saved with the weights, but not trained


def parse_arguments(words: list[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with davis16, multi, perseg_mini and segments")
    parser.add_argument("--out", type=Path, default=None, help="where the report is written; none = docs/nano")
    parser.add_argument("--weights", type=Path, default=None, help="safetensors file; none = the packaged weights")
    parser.add_argument("--input-size", type=int, default=None, help="longer side of the model input, pixels")
    parser.add_argument("--results", type=Path, default=None, help="keep the masks in this folder")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of torch; none = as in vos.run")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of regions")
    parser.add_argument("--quick", action="store_true", help="a small part of the data, into outputs/nano-quick")
    options = parser.parse_args(words)
    if options.out is None:  # a quick look must not replace the figures
        options.out = Path("outputs/nano-quick" if options.quick else "docs/nano")
    return options


def measure(settings: Settings) -> tuple[list[Table], list[Pairs]]:
    """Every measurement, in the order of the report."""
    model = load_model(ModelConfig(input_size=settings.input_size), settings.weights)
    tables, pairs = [describe_weights(settings.weights)], []
    for name in SETS:
        table, own = measure_set(settings, name, model)
        tables.append(table)
        pairs += [] if own is None else [own]
    tables.append(measure_methods(settings))
    table, clicked = measure_clicks(settings, model)
    pairs += clicked
    return [*tables, table, *calibration_tables(pairs), measure_presence(settings)], pairs


def describe_weights(path: Path | None) -> Table:
    """Bytes and parameters of a weights file; of the packaged one where ``path`` is None."""
    source = resources.files("vos.weights") / "nano.safetensors" if path is None else path
    data = source.read_bytes()
    shapes = {name: value.shape for name, value in load(data).items()}
    count = sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(BUFFERS))
    rows: list[list[Cell]] = [[source.name, len(data), count]]
    note = f"SHA-256 of the file: `{hashlib.sha256(data).hexdigest()}`"
    return Table("weights", "Weights", ("file", "bytes", "parameters"), rows, note)


def write_report(tables: list[Table], pairs: list[Pairs], folder: Path, quick: bool) -> None:
    """Writes ``report.md``, ``report.csv`` and ``reliability.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_reliability(pairs, folder / "reliability.png")
    head = "# The embedded model, measured\n\nWritten by `make nano-report DATA=folder`.\n"
    if quick:
        head += "\n**A quick look at a small part of the data: not the model's figures.**\n"
    shown = [markdown(table) for table in tables if table.name != "reliability"]
    place = next(index for index, table in enumerate(tables) if table.name == "calibration")
    shown[place] += "\n![True over predicted IoU](reliability.png)\n"
    write_file(folder / "report.md", "\n".join([head, *shown]))
    write_file(folder / "report.csv", csv_table(("table", "item", "measure", "value"), long_rows(tables), digits=6))


def main(words: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = parse_arguments(words)

    def report() -> None:
        if not options.data.is_dir():
            raise VosError(f"data folder {options.data} does not exist; it holds davis16, multi, perseg_mini, segments")
        set_threads(options.threads, embedded=True)
        with tempfile.TemporaryDirectory(prefix="nano-report-") as scratch:
            settings = Settings(
                data=options.data,
                results=options.results or Path(scratch),
                weights=options.weights,
                input_size=options.input_size,
                sample=QUICK if options.quick else Sample(),
                seed=options.seed,
            )
            tables, pairs = measure(settings)
        write_report(tables, pairs, options.out, options.quick)
        print((options.out / "report.md").read_text(encoding="utf-8"))
        print(f"report: {options.out / 'report.md'}, report.csv, reliability.png")

    return exit_code(report)


if __name__ == "__main__":
    sys.exit(main())
