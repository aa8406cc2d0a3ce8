"""Proves that a change of the code changes no byte of any result.

    python tools/parity/golden.py --against dd9d49d [--data FOLDER] [--cases demo,album] [--keep FOLDER]

runs every case of ``tools/parity/cases.py`` through the command lines of two checkouts in turns, that of the revision
and this one (as it lies here, changes that are not committed included), and compares what they write (see
``tools/parity/compare.py``). The exit status is 1 if anything differs or fails, or nothing was compared. All cases take
two to three minutes per checkout on two cores.

FOLDER of --data holds davis16 and multi (DAVIS layout) and perseg_mini (PerSeg layout); cases whose data are absent
are skipped. FOLDER of --keep keeps the old checkout, the inputs and all results; the next comparison with the same
revision does not compute the old results again. Such a folder is valid on one machine only: the bits of floats
differ between processors, so that results of one say nothing about results of another.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from parity.cases import CASES, DATA, INPUTS, Case, words  # noqa: E402
from parity.compare import compare_folders  # noqa: E402

PACKAGES = ("torch", "numpy", "av", "opencv-python-headless", "Pillow")  # versions that results depend on
SECONDS = "seconds.txt"  # beside the cached results of a case


class CaseError(Exception):
    """A command of a case failed, or cannot be run."""


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", required=True, metavar="REV", help="the revision whose results are right")
    parser.add_argument("--data", type=Path, help="folder with davis16, multi, perseg_mini; what is absent is skipped")
    parser.add_argument("--cases", default="", help=f"some of {','.join(case.name for case in CASES)}; default: all")
    parser.add_argument("--keep", type=Path, help="folder that keeps results, for the next time on this machine")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of one operation, in both (default 1)")
    parsed = parser.parse_args(arguments)
    unknown = set(filter(None, parsed.cases.split(","))) - {case.name for case in CASES}
    if unknown:
        parser.error(f"--cases: unknown: {', '.join(sorted(unknown))}")
    return parsed


def resolve(revision: str) -> str:
    """The full hash of a revision of this repository."""
    command = ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def check_out(revision: str, folder: Path) -> Path:
    """The files of a revision in ``folder/checkout``, put there unless they are there already."""
    checkout = folder / "checkout"
    if not checkout.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        archive, partial = folder / "checkout.tar", folder / "checkout.partial"
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(["git", "archive", "-o", str(archive), revision], cwd=ROOT, check=True)
        shutil.unpack_archive(archive, partial)
        partial.rename(checkout)
        archive.unlink()
    return checkout


def recipe() -> str:
    """Changes with the code that makes inputs, so that kept inputs of an earlier state of it are not used."""
    return hashlib.sha256((ROOT / "tools" / "parity" / "cases.py").read_bytes()).hexdigest()[:8]


def make_input(name: str, folder: Path, checkout: Path, data: Path | None) -> Path:
    """The folder of an input, made unless it is there already.

    Raises:
        CaseError: its data are absent.
    """
    source = (data or Path()) / DATA.get(name, "")
    if name in DATA and (data is None or not source.is_dir()):
        raise CaseError(f"skipped: there is no folder {DATA[name]} in --data")
    made = folder / name
    if not made.is_dir():
        partial = folder / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        INPUTS[name](partial, checkout, source.resolve())
        partial.rename(made)
    return made


def run_case(case: Case, checkout: Path, inputs: dict[str, Path], out: Path, threads: int) -> float:
    """Runs the commands of a case in a checkout, with results in ``out``.

    Returns:
        How many seconds it took.

    Raises:
        CaseError: a command failed.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    pools = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    environment = os.environ | pools | {"PYTHONPATH": str(checkout), "PYTHONHASHSEED": "0"}
    begin = time.perf_counter()
    for module, *options in words(case, checkout, {"out": str(out), **{k: str(path) for k, path in inputs.items()}}):
        command = [sys.executable, "-m", module, *options, f"threads={threads}"]
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
        if done.returncode:
            said = "\n".join(done.stderr.strip().splitlines()[-8:])
            raise CaseError(f"exit code {done.returncode} of {module} {' '.join(options)}\n{said}")
    return time.perf_counter() - begin


def cache_key(case: Case, checkout: Path, inputs: dict[str, Path], threads: int) -> str:
    """A name for the results of a case: its commands, its inputs' bytes, this processor, the packages, the threads."""
    places = {name: name for name in (*inputs, "out")}
    parts = [*words(case, checkout, places), processor(), platform.python_version(), threads]
    parts += [f"{package} {metadata.version(package)}" for package in PACKAGES]
    for name, folder in inputs.items():
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        parts += [
            f"{name} {file.relative_to(folder)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files
        ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def processor() -> str:
    """The processor's name and, where the system tells, what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "\n".join(sorted({line for line in lines if line.startswith(("model", "flags", "Features", "CPU"))}))


def old_results(case: Case, folder: Path, checkout: Path, inputs: dict[str, Path], threads: int) -> tuple[Path, float]:
    """The folder with the old checkout's results of a case, and the seconds they took, whenever that was."""
    cached = folder / "results" / f"{case.name}-{cache_key(case, checkout, inputs, threads)}"
    if not (cached / SECONDS).is_file():
        seconds = run_case(case, checkout, inputs, cached / "out", threads)
        (cached / SECONDS).write_text(f"{seconds}\n")
    return cached / "out", float((cached / SECONDS).read_text())


def compare_case(case: Case, work: Path, revision: str, options: argparse.Namespace) -> bool | None:
    """Runs a case in both checkouts and prints a row of the table; says whether they are equal, None where skipped."""
    old_folder = work / revision[:12]
    checkout = check_out(revision, old_folder)
    try:
        folder = old_folder / f"inputs-{recipe()}"
        inputs = {name: make_input(name, folder, checkout, options.data) for name in case.inputs}
    except CaseError as error:
        print(f"{case.name:<10} {error}", flush=True)
        return None
    try:
        old, old_seconds = old_results(case, old_folder, checkout, inputs, options.threads)
        new_seconds = run_case(case, ROOT, inputs, work / "new" / case.name, options.threads)
    except CaseError as error:
        print(f"{case.name:<10} FAILED: {error}", flush=True)
        return False
    result = compare_folders(old, work / "new" / case.name)
    wrong = [line for line in result.different if not line.partition(":")[0].endswith(case.mended)]
    equal = result.files > 0 and not wrong
    verdict = "equal" if equal else "DIFFERENT" if result.files else "NO FILES"
    first = f"   {len(wrong)} files, first {wrong[0]}" if wrong else ""
    if equal and result.different:
        first = "   but for " + ", ".join(line.partition(":")[0] for line in result.different)
    print(f"{case.name:<10} {result.files:>5}  {verdict:<9} {old_seconds:>6.1f} {new_seconds:>6.1f}{first}", flush=True)
    return equal


def main(arguments: list[str] | None = None) -> int:
    """Compares all cases; returns the exit status."""
    options = parse_arguments(arguments)
    revision = resolve(options.against)
    chosen = options.cases.split(",") if options.cases else [case.name for case in CASES]
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep.expanduser().resolve() if options.keep else Path(temporary)
        print(f"{'case':<10} {'files':>5}  {'':<9} {'old s':>6} {'new s':>6}", flush=True)
        found = [compare_case(case, work, revision, options) for case in CASES if case.name in chosen]
    print(f"{found.count(True)} cases equal, {found.count(False)} different, {found.count(None)} skipped")
    return 0 if any(found) and False not in found else 1


if __name__ == "__main__":
    sys.exit(main())
