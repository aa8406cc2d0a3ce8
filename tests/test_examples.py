"""Every Python example in README and docs runs as it stands, on small rendered material."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from fakes import SIZE, ColourSegmenter, square_clip, square_mask
from PIL import Image

import vos.api.options
import vos.api.track
from docs import notebook
from vos.io.masks.label_map import write_label_map
from vos.sam import own_models
from vos.sam.segmenter import Segmenter

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {"export.md": "tests/tools/test_export.py"}  # needs exported models and another package
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "```python" in page.read_text(encoding="utf-8") and page.name not in ELSEWHERE
]


def examples(page: Path) -> str:
    """All Python of a page in one program, as somebody would try it from top to bottom; lines stay where they are."""
    lines, is_code = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        is_code = line.startswith("```python") or (is_code and not line.startswith("```"))
        lines.append("" if not is_code or line.startswith("```") else line)
    return "\n".join(lines)


def webcam() -> list[npt.NDArray[np.uint8]]:
    """What a camera shows: 640 x 480 pixels, a red square of 80 at (280, 200) to begin with."""
    large = (image.repeat(5, axis=0).repeat(5, axis=1) for image in square_clip(4, SIZE))
    return [np.roll(image, (120, 240), axis=(0, 1)) for image in large]


@pytest.fixture
def material(clip: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with all files that the examples name, a camera, and a small model in the place of all known ones."""

    def load_model(config: object, *_: object) -> Segmenter:
        name = getattr(config, "name", config)
        return own_models.load_own_model(name, ColourSegmenter.device) if name == "colours" else ColourSegmenter()

    monkeypatch.setattr(vos.api.options, "load_model", load_model)
    for name in ("vos.concept.concept.cached_model", "vos.photos.segmenter.cached_model"):
        monkeypatch.setattr(name, lambda name="colour": ColourSegmenter())
    opened = vos.api.track.open_frames
    monkeypatch.setattr(
        vos.api.track, "open_frames", lambda frames, *a: opened(iter(webcam()) if frames == "camera:0" else frames, *a)
    )
    monkeypatch.chdir(clip.parent)
    clip.rename("clip.mp4")
    write_label_map(Path("mask.png"), square_mask(0, SIZE))
    Path("mine.pth").touch()
    for name in ("dog", "beach"):
        Image.fromarray(square_clip(1, SIZE)[0]).save(f"{name}.jpg", quality=100)
    Image.fromarray(square_mask(0, SIZE).labels * np.uint8(255)).save("dog.png")
    yield
    own_models._loaders.clear()


@pytest.mark.usefixtures("material")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_run(page: Path) -> None:
    exec(compile(examples(page), str(page), "exec"), {"__name__": "example"})


@pytest.mark.usefixtures("material")
def test_the_notebook_runs_and_is_the_one_that_was_executed() -> None:
    cells = json.loads((ROOT / "docs" / "video.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == [*notebook.CELLS]
    assert all(cell["outputs"] for cell in cells if cell["cell_type"] == "code"), "executed"
    code = "\n".join(source for kind, source in notebook.CELLS if kind == "code")
    exec(compile(code, "video.ipynb", "exec"), {"__name__": "example"})


def test_a_cell_gives_what_a_notebook_would_show() -> None:
    found = notebook.execute("print('a')\nx = 2\nx + 1", {})
    assert [(one["output_type"], one.get("text") or one["data"]["text/plain"]) for one in found] == [
        ("stream", ["a\n"]),
        ("execute_result", ["3"]),
    ]
    assert notebook.execute("x = 1", {}) == []


def test_the_pages_of_python_have_examples() -> None:
    assert all((ROOT / test).is_file() for test in ELSEWHERE.values())
    assert {"README.md", "docs/api.md", "docs/own_model.md"} <= {str(page.relative_to(ROOT)) for page in PAGES}


def test_only_python_is_taken(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n```python\nx = 1\n```\nb\n```\npython -m vos.run\n```\n```python\ny = x\n```\n")
    assert examples(page).split("\n") == ["", "", "x = 1", "", "", "", "", "", "", "y = x", ""]
