"""Files for phones and other languages: equal masks, and the example of the documents runs without this package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from seeded_weights import build_sam

pytest.importorskip("onnx", reason="pip install '.[dev]'")
pytest.importorskip("onnxruntime", reason="pip install '.[dev]'")

import export

from vos.errors import VosError
from vos.io.images import read_image
from vos.sam.nano.segmenter import NanoSegmenter
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter

ROOT = Path(__file__).resolve().parents[2]


def photo(folder: Path) -> Path:
    """A red disc on a gray ramp, at (150, 120), as dog.jpg in a folder."""
    rows, columns = np.mgrid[:240, :320]
    pixels = np.repeat((columns // 3 + 40)[..., None], 3, axis=2).astype(np.uint8)
    pixels[(rows - 120) ** 2 + (columns - 150) ** 2 < 50**2] = (210, 30, 40)
    Image.fromarray(pixels).save(folder / "dog.jpg", quality=95)
    return folder / "dog.jpg"


def example(folder: Path) -> np.ndarray:
    """Runs the example of docs/export.md in a folder, where vos cannot be imported; returns its mask."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/export.md").read_text(encoding="utf-8"), re.DOTALL)
    (folder / "vos.py").write_text("raise ImportError('the example needs the package')")
    elsewhere = [path for path in sys.path if path and not Path(path).resolve().is_relative_to(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *elsewhere])}
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)
    return np.asarray(Image.open(folder / "mask.png")) > 0


def best_mask(model: Segmenter, path: Path) -> np.ndarray:
    """The package's own answer to the example's click."""
    image = read_image(path)
    (embedding,) = model.encode([image])
    candidates = model.decode_prompts(embedding, [Prompt.from_points(np.array([[150, 120]], np.float32))]).best()
    return embedding.geometry.logits_to_original(candidates.logits)[0, 0].cpu().numpy() > 0


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """IoU of two masks."""
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.slow
def test_the_example_finds_what_the_package_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(["nano", str(tmp_path / "exported"), "--size", "256x320"]) == 0
    assert capsys.readouterr().out.count("ONNX Runtime: relative error") == 3
    rows, columns = np.mgrid[:240, :320]
    disc = (rows - 120) ** 2 + (columns - 150) ** 2 < 50**2
    own = best_mask(NanoSegmenter.load(precision="float32", input_size=320), photo(tmp_path))
    found = example(tmp_path)
    assert overlap(found, disc) > 0.9
    assert overlap(found, own) > 0.97


@pytest.mark.slow
def test_sam_is_exported_with_the_weights_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = build_sam("vit_t")
    torch.save(model.network.state_dict(), tmp_path / "seeded.pth")
    assert export.main(["vit_t", str(tmp_path / "exported"), "--checkpoint", str(tmp_path / "seeded.pth")]) == 0
    assert re.findall(r"(\d+) of 262144 cells of the masks differ", capsys.readouterr().out)[:2] == ["0", "0"]
    own = best_mask(model, photo(tmp_path))
    assert overlap(example(tmp_path), own) > 0.9  # random weights' masks are all outline, where resizing differs


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vit_t", "out"], "needs its weights; give --checkpoint FILE"),
        (["vit_t", "out", "--checkpoint", "none.pth"], "none.pth"),
        (["nano", "out", "--size", "450x768"], "450x768 is not HEIGHTxWIDTH"),
        (["nano", "out", "--size", "big"], "big is not HEIGHTxWIDTH"),
    ],
)
def test_a_mistake_is_one_line(
    words: Sequence[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        assert export.main(words) == 2
    except SystemExit as error:
        assert error.code == 2
    assert said in capsys.readouterr().err


def test_masks_that_differ_are_an_error() -> None:
    graph = export.Graph("decoder", torch.nn.Identity(), {}, ("logits", "predicted_iou"))
    logits, iou = np.linspace(-1, 1, 1000, dtype=np.float32), np.ones(4, np.float32)
    other = logits.copy()
    other[499:501] *= -1  # as small as they are, they are two cells of the mask
    export.compare(graph, [logits, iou], [logits, iou], "here")
    with pytest.raises(VosError, match="2 of 1000 cells"):
        export.compare(graph, [logits, iou], [other, iou], "here")
