"""Imports go one way, heavy or intrusive packages stay in their rooms, and importing changes nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vos"

# Rooms from the ground up, one line a layer: a room imports itself and the layers below its own. A file at the root of
# the package is a room, and so is a folder, with its entry point (``__main__``) on the top floor.
LAYERS = (
    ("errors", "geometry"),
    ("structures", "stages"),
    ("io", "sam"),
    ("persam",),
    ("adaptation", "concept"),
    ("tracking", "photos"),
    ("video", "album", "evaluation"),
    ("cli",),
    ("run", "evaluate", "__main__"),
)
FLOOR = {room: floor for floor, rooms in enumerate(LAYERS) for room in rooms}
DATA = {"__init__", "weights", "conf"}  # no code
# Third-party package -> where in vos/ it may be imported.
KEPT_IN: dict[str, set[str]] = {
    "av": {"io"},
    "decord": {"io"},
    "pycocotools": {"io"},
    "segment_anything": {"sam"},
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "matplotlib": {"evaluation"},
}


def modules() -> Iterator[tuple[Path, str]]:
    """Every module of the package with its room."""
    for path in sorted(PACKAGE.rglob("*.py")):
        first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if first not in DATA and path.name != "__init__.py":
            yield path, "__main__" if path.name == "__main__.py" else first


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from ([f"vos.{a.name}" for a in node.names] if node.module == "vos" else [node.module])


def test_imports_only_go_down() -> None:
    wrong = []
    for path, room in modules():
        for name in imports(path):
            package, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
            if package != "vos" or target in ("", "__version__", own):
                continue
            if target not in FLOOR or FLOOR[target] >= FLOOR[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_third_party_packages_stay_in_their_rooms() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, room in modules()
        for name in imports(path)
        if room not in KEPT_IN.get(name.partition(".")[0], {room})
    ]
    # SAM's modelling code is loaded from its file, without an import statement.
    wrong += [
        f"{path.relative_to(ROOT)} names segment_anything"
        for path, room in modules()
        if room not in KEPT_IN["segment_anything"] and "segment_anything" in path.read_text(encoding="utf-8")
    ]
    assert wrong == []


def test_the_table_fails_where_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vos" / "io").mkdir(parents=True)
    (tmp_path / "vos" / "io" / "bad.py").write_text("from vos.tracking.merge import merge\nimport hydra\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "vos")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for check in (test_imports_only_go_down, test_third_party_packages_stay_in_their_rooms):
        with pytest.raises(AssertionError, match="bad"):
            check()


def test_files_are_short() -> None:
    folders = [ROOT / name for name in ("vos", "tools", "benchmarks")]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in sources}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


IMPORT_ALL = """
import locale, logging, os, pkgutil, random, signal, sys, threading, warnings
import cv2, numpy, torch
import matplotlib

def state():
    return {
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()),
        "torch seed": torch.initial_seed(),
        "random": (random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()),
        "cv2": (cv2.getNumThreads(), cv2.ocl.useOpenCL(), cv2.useOptimized()),
        "logging": (logging.root.level, list(logging.root.handlers), logging.lastResort),
        "matplotlib": matplotlib.rcParams.copy(),
        "numpy": numpy.geterr(),
        "environ": dict(os.environ),
        "warnings": list(warnings.filters),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "threads": threading.active_count(),
        "cwd": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "argv": list(sys.argv),
    }

before = state()
import vos
names = [m.name for m in pkgutil.walk_packages(vos.__path__, "vos.") if not m.name.endswith("readers.decord")]
for name in names:
    __import__(name)
after = state()
changed = [key for key in before if before[key] != after[key]]
from hydra.core.global_hydra import GlobalHydra
assert not GlobalHydra.instance().is_initialized(), "Hydra is initialised"
assert len(names) > 30, names
assert not changed, changed
"""


def test_importing_changes_no_global_state(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_is_light() -> None:
    code = "import sys, vos; print([m for m in ('torch', 'numpy', 'cv2', 'hydra') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
