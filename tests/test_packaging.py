"""What pip and make rely on: declared dependencies, package data, self-documenting targets."""

from __future__ import annotations

import ast
import configparser
import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

import vos

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "Pillow", "hydra": "hydra-core"}  # by import name
EXTRAS = {
    "OpenEXR",
    "decord",
    "mmh3",
    "openvino",
    "pillow_heif",
    "pyarrow",
    "ray",
    "starlette",
    "supervision",
    "uvicorn",
}  # by import name; without them one line names the extra
TRANSITIVE = {"omegaconf"}  # part of Hydra's own interface


def declared(section: str, key: str) -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = [line.strip() for line in config[section][key].splitlines()]
    return {re.split(r"[<>=;\s]", line)[0].lower() for line in lines if line and not line.startswith("#")}


def third_party(folder: str) -> set[str]:
    """Distributions imported at the top level or in functions of a folder's modules, optional ones left out."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    names -= set(sys.stdlib_module_names) | {"vos"} | EXTRAS
    return {DISTRIBUTIONS.get(name, name.replace("_", "-")).lower() for name in names}


def test_every_import_of_the_package_is_declared() -> None:
    assert third_party("vos") - TRANSITIVE - declared("options", "install_requires") == set()


def test_the_version_is_said_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", vos.__version__)
    assert "version = attr: vos.__version__" in (ROOT / "setup.cfg").read_text()


def test_make_help_names_every_target() -> None:
    text = subprocess.check_output(["make", "-s", "-C", str(ROOT), "help"], text=True)
    phony = re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert [name for name in phony if f"make {name}" not in text] == []


def test_the_list_of_packages_is_complete() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "vos").rglob("__init__.py")}
    expected = {".".join(folder.parts) for folder in folders} | {"vos.conf"}
    assert set(config["options"]["packages"].split()) == expected
    assert config["options"]["package_dir"].split() == ["vos.conf", "=", "conf"]


def test_torch_is_pinned_to_a_version_that_the_metadata_admits() -> None:
    (pinned,) = re.findall(r"^torch==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    (low, high) = re.findall(r"^    torch>=([\d.]+),<([\d.]+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)[0]
    numbers = [tuple(map(int, version.split("."))) for version in (low, pinned, high)]
    assert numbers == sorted(numbers)


@dataclass(frozen=True)
class Built:
    """What a user can install from: a copy of the checkout, its sdist, and wheels made of these."""

    checkout: Path
    sdist: Path
    wheel: Path  # of the unpacked sdist
    editable: Path  # of the checkout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built without the network, by the setuptools that is installed."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("built")
    for name in sources():
        (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "checkout" / name)
    sdist = build("sdist", folder / "checkout", folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    wheel = build("wheel", unpacked, folder / "wheel")
    return Built(folder / "checkout", sdist, wheel, build("editable", folder / "checkout", folder / "editable"))


def sources() -> list[str]:
    """Files of the checkout that are tracked or could be, as names relative to it."""
    listing = ["git", "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def build(kind: str, source: Path, folder: Path) -> Path:
    """Calls setuptools as pip does, in ``source``; returns the file that it leaves in ``folder``."""
    folder.mkdir(exist_ok=True)
    code = f"import sys; from setuptools.build_meta import build_{kind} as build; build(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return made


def test_a_wheel_made_of_the_sdist_holds_code_configs_weights_and_licence(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("vos/")}
        rest = {PurePosixPath(name).name for name in archive.namelist()} - {PurePosixPath(n).name for n in packed}
    files = sources()
    expected = {name for name in files if name.startswith("vos/")}
    assert packed == expected | {f"vos/{name}" for name in files if name.startswith("conf/")}
    assert rest >= {"LICENSE", "NOTICE", "METADATA", "entry_points.txt"}


def test_the_sdist_holds_what_make_needs(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    left_out = {name for name in sources() if name not in packed}
    assert {name for name in left_out if not name.startswith(".")} == set()


# What `python -m vos.run --help` is, after a line that says where vos was found.
PROBE = """
import runpy, site, sys
# An environment that vos is installed in has a finder of its own, a module of the same name as the one under test.
sys.meta_path[:] = [finder for finder in sys.meta_path if "Editable" not in repr(finder)]
for name in [name for name in sys.modules if name.startswith("__editable___vos")]:
    del sys.modules[name]
sys.path.insert(0, sys.argv[1])
site.addsitedir(sys.argv[1])
import vos
print(vos.__file__)
from vos.cli.options import config_folder
print(config_folder())
sys.argv = ["vos.run", "--help"]
runpy.run_module("vos.run", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["checkout", "wheel", "editable"])
def test_every_form_of_it_runs_from_any_folder(form: str, built: Built, tmp_path: Path) -> None:
    """The wheel is that of the sdist."""
    target = source = built.checkout.resolve()
    if form != "checkout":
        target = tmp_path.resolve() / "site"
        with zipfile.ZipFile(getattr(built, form)) as archive:
            archive.extractall(target)
    (tmp_path / "elsewhere").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if form == "checkout":
        environment["PYTHONPATH"] = str(target)
    command = [sys.executable, "-c", PROBE, str(target)]
    done = subprocess.run(
        command, cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    package, conf, *text = done.stdout.splitlines()
    assert Path(package).is_relative_to(target if form == "wheel" else source)
    assert Path(conf).is_relative_to(target if form == "wheel" else source)
    assert any(line.startswith("  tracker=persam ") for line in text)


def test_console_scripts_exist() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = [line.split(" = ")[1] for line in config["options.entry_points"]["console_scripts"].split("\n") if line]
    programs = {
        "vos.run",
        "vos.batch.__main__",
        "vos.convert",
        "vos.evaluate",
        "vos.album.__main__",
        "vos.concept.__main__",
        "vos.app.__main__",
        "vos.find.__main__",
    }
    assert set(scripts) == {f"{program}:start" for program in programs}
    for script in scripts:
        module, _, function = script.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
