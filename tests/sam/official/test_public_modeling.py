"""segment_anything's modules are used with or without torchvision, and the package is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

WITHOUT = """
import sys
sys.modules["torchvision"] = None  # importing it fails, as where it is not installed
from seeded_weights import build_sam
build_sam("vit_t")
assert not [name for name in sys.modules if name.split(".")[0] == "segment_anything"]
try:
    import segment_anything
except ModuleNotFoundError as error:
    assert "torchvision" in str(error), error
else:
    raise AssertionError("segment_anything was replaced by something else")
"""

WITH = """
import sys
from seeded_weights import build_sam
model = build_sam("vit_t")
assert "torchvision" not in sys.modules
import segment_anything
assert segment_anything.SamPredictor.__module__ == "segment_anything.predictor"
theirs = segment_anything.modeling.MaskDecoder
assert theirs.__module__ == "segment_anything.modeling.mask_decoder"
assert sys.modules["segment_anything.modeling"].MaskDecoder is theirs
assert not isinstance(model.network.mask_decoder, theirs)
build_sam("vit_t")  # and ours still works afterwards
"""


def run(code: str, *folders: Path) -> None:
    """Runs code in a fresh interpreter that finds the given folders first."""
    path = ":".join(str(folder) for folder in (*folders, ROOT, ROOT / "tests" / "support"))
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_without_torchvision() -> None:
    run(WITHOUT)


def test_with_torchvision_and_an_ordinary_import_afterwards(tmp_path: Path) -> None:
    for name, text in {
        "__init__.py": "",
        "ops/__init__.py": "",
        "ops/boxes.py": "batched_nms = box_area = None",
        "transforms/__init__.py": "",
        "transforms/functional.py": "resize = to_pil_image = None",
    }.items():
        path = tmp_path / "torchvision" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run(WITH, tmp_path)
