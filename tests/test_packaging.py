"""What pip and make rely on: declared dependencies, package data, self-documenting targets."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import vos

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "Pillow", "hydra": "hydra-core"}  # by import name
EXTRAS = {"decord", "pillow_heif"}  # by import name; without them one line names the extra
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


def test_a_wheel_holds_configs_and_weights(tmp_path: Path) -> None:
    """Built from a copy without the network, by the setuptools that is installed."""
    pytest.importorskip("setuptools")
    listing = [
        "git",
        "ls-files",
        "-co",
        "--exclude-standard",
        "vos",
        "conf",
        "README.md",
        "LICENSE",
        "NOTICE",
        "setup.cfg",
        "pyproject.toml",
    ]
    listed = subprocess.check_output(listing, cwd=ROOT, text=True).splitlines()
    files = [name for name in listed if (ROOT / name).is_file()]
    copy = tmp_path / "source"
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    build = "from setuptools.build_meta import build_wheel; import sys; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("vos/")}
    expected = {name for name in files if name.startswith("vos/")}
    assert packed == expected | {f"vos/{name}" for name in files if name.startswith("conf/")}


def test_console_scripts_exist() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = [line.split(" = ")[1] for line in config["options.entry_points"]["console_scripts"].split("\n") if line]
    assert "vos.run:main" in scripts
    for script in scripts:
        module, _, function = script.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
