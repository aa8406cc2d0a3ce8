"""Imports go one way, heavy or intrusive packages stay in their rooms, and importing changes nothing."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vos"

# Rooms from the ground up, one line a layer: a room imports itself and the layers below its own. A file at the root of
# the package is a room, and so is a folder, with its entry point (``__main__``) on the top floor. Imports in functions
# and under TYPE_CHECKING count like all others.
LAYERS = (
    ("errors", "geometry"),
    ("limits", "option_names"),
    ("structures", "stages", "progress"),
    ("download", "matting"),
    ("io", "sam"),
    ("persam",),
    ("adaptation", "concept"),
    ("tracking", "photos"),
    ("video", "album", "batch", "report", "find"),
    ("api",),
    ("session",),
    ("evaluation",),
    ("cli",),
    ("app",),
    ("run", "convert", "evaluate", "__main__"),
)
FLOOR = {room: floor for floor, rooms in enumerate(LAYERS) for room in rooms}
DATA = {"weights"}  # no code but an empty __init__
# Third-party package -> where in vos/ it may be imported.
KEPT_IN: dict[str, set[str]] = {
    "av": {"io"},
    "decord": {"io"},
    "pycocotools": {"io"},
    "segment_anything": {"sam"},
    "OpenEXR": {"io"},
    "mmh3": {"io"},
    "openvino": {"sam"},
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "matplotlib": {"evaluation"},
    "fsspec": {"io"},
    "tqdm": {"progress"},
    "jinja2": {"report"},
    "starlette": {"app"},
    "uvicorn": {"app"},
}
# These load neither torch nor what loads it: every process that scores imports them.
LIGHT = ("davis", "split_list", "jf", "scoring", "perseg", "published", "report")


def name_of(path: Path) -> str:
    """The dotted name of a module in the package, or in tools/ and benchmarks/, which are on the path themselves."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "vos" else parts[1:]).removesuffix(".__init__")


def modules() -> Iterator[tuple[Path, str]]:
    """Every module of the package with its room; the package's own ``__init__`` has none."""
    for path in sorted(PACKAGE.rglob("*.py")):
        first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if first not in DATA and first != "__init__":
            yield path, "__main__" if path.name == "__main__.py" else first


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it, submodules in full; import_module of a literal counts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            folders = [root.joinpath(*node.module.split(".")) for root in (ROOT, ROOT / "tools", ROOT / "benchmarks")]
            for alias in node.names:
                is_module = any((f / f"{alias.name}.py").exists() or (f / alias.name).is_dir() for f in folders)
                yield f"{node.module}.{alias.name}" if is_module or node.module == "vos" else node.module
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def wrong_ways(sources: Iterator[tuple[Path, str]] | None = None) -> list[str]:
    """Imports that do not go down, and rooms that nobody has listed."""
    wrong = []
    for path, room in modules() if sources is None else sources:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in FLOOR or own not in FLOOR:
            wrong.append(f"{path.relative_to(ROOT)} is in no layer")
            continue
        for name in imports(path):
            package, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if package != "vos" or target in ("", "__version__", own):
                continue
            if target not in FLOOR or FLOOR[target] >= FLOOR[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    return wrong


def import_graph() -> dict[str, set[str]]:
    """Every module of vos/, tools/ and benchmarks/ with the modules among them that it imports."""
    folders = (PACKAGE, ROOT / "tools", ROOT / "benchmarks")
    named = {name_of(path): path for folder in folders for path in sorted(folder.rglob("*.py"))}
    graph = {name: {other for other in imports(path) if other in named} - {name} for name, path in named.items()}
    # The package itself imports nothing before it is asked for a name, so that "import vos" is no circle.
    return {name: others - {"vos"} for name, others in graph.items()}


def test_imports_only_go_down() -> None:
    assert wrong_ways() == []


def test_contributing_shows_these_layers() -> None:
    block = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Layers")[2].split("```\n")[1]
    rows = [re.split(r" {9,}", line)[0].split() for line in block.splitlines()]
    shown = [{"__main__" if name.endswith(".__main__") else name for name in row} for row in rows]
    assert shown == [set(rooms) for rooms in LAYERS]


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        list(graphlib.TopologicalSorter(import_graph()).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_names_that_the_package_hands_out_exist() -> None:
    """They are imported by name, which no graph of imports shows."""
    import vos

    known = {name_of(path) for path, _ in modules()}
    assert set(vos._HOMES.values()) <= known
    assert {name for name in vos.__all__ if name != "__version__"} == set(vos._HOMES)


def test_tools_and_benchmarks_import_what_is_there() -> None:
    known = {name_of(path) for path in PACKAGE.rglob("*.py")}
    missing = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in ("tools", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in imports(path)
        if name.startswith("vos.") and name not in known and name != "vos.__version__"
    ]
    assert missing == []


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


@pytest.mark.parametrize("name", LIGHT)
def test_scoring_imports_no_torch(name: str) -> None:
    code = f"import sys, vos.evaluation.{name}; print([m for m in ('torch', 'hydra') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    allowed = {"vos.errors", *(f"vos.evaluation.{other}" for other in LIGHT)}
    others = {one for one in imports(PACKAGE / "evaluation" / f"{name}.py") if one.startswith("vos.")} - allowed
    assert {one.split(".")[1] for one in others} <= {"io", "structures", "stages"}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout that the checks look at instead of ours."""
    for folder in ("vos/io", "tools", "benchmarks"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "vos")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from vos.tracking.merge import merge", "imports vos.tracking.merge"),
        ("def f():\n    from vos import tracking", "imports vos.tracking"),
        ("if TYPE_CHECKING:\n    import vos.run", "imports vos.run"),
        ("import_module('vos.cli.config')", "imports vos.cli.config"),
        ("importlib.import_module('vos.unlisted')", "imports vos.unlisted"),
    ],
)
def test_an_import_that_goes_up_is_named(elsewhere: Path, line: str, said: str) -> None:
    (elsewhere / "vos/io/bad.py").write_text(line)
    assert wrong_ways() == [f"vos/io/bad.py {said}"]


def test_what_is_in_no_layer_is_named(elsewhere: Path) -> None:
    (elsewhere / "vos/utils.py").touch()
    (elsewhere / "vos/odds").mkdir()
    (elsewhere / "vos/odds/__main__.py").touch()
    assert wrong_ways() == ["vos/odds/__main__.py is in no layer", "vos/utils.py is in no layer"]


def test_a_package_out_of_its_room_is_named(elsewhere: Path) -> None:
    (elsewhere / "vos/io/bad.py").write_text("import hydra")
    with pytest.raises(AssertionError, match=r"bad\.py imports hydra"):
        test_third_party_packages_stay_in_their_rooms()


@pytest.mark.parametrize("folder", ["vos/io", "tools", "benchmarks"])
def test_a_circle_is_named(elsewhere: Path, folder: str) -> None:
    prefix = "vos.io." if folder == "vos/io" else ""
    (elsewhere / folder / "hen.py").write_text(f"def f():\n    from {prefix}egg import shell")
    (elsewhere / folder / "egg.py").write_text(f"if TYPE_CHECKING:\n    import {prefix}hen")
    with pytest.raises(pytest.fail.Exception, match=r"hen -> .*egg|egg -> .*hen"):
        test_no_module_imports_itself_by_way_of_others()


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
