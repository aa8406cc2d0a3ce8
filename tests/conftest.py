"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import av
import pytest
from fakes import FRAMES, SIZE, ColourSegmenter, Program, square_clip, square_mask
from red_album import make_album


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that read the shared test material as ``data``."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test data, which is not in the repository; tests that need it skip where it is not named."""
    named = os.environ.get("VOS_DATA")
    if named is None:
        pytest.skip("set VOS_DATA to the folder that holds davis16, multi, perseg_mini and clips")
    if not Path(named).is_dir():
        pytest.fail(f"VOS_DATA={named} is no folder; give the one that holds davis16, multi, perseg_mini and clips")
    return Path(named)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video with blanks and brackets in its name, in a folder of its own that is also the working directory."""
    from vos.io.masks.label_map import write_label_map

    path = tmp_path / "my clip (1).mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for image in square_clip(FRAMES, SIZE):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    for index in (0, 5, 9):
        write_label_map(tmp_path / f"mask {index}.png", square_mask(index, SIZE, object_id=3))
    return path


@pytest.fixture
def models() -> list[ColourSegmenter]:
    """The models that the program loaded, in order."""
    return []


@pytest.fixture
def program(clip: Path, models: list[ColourSegmenter], monkeypatch: pytest.MonkeyPatch) -> Program:
    """``python -m vos.run`` with a small model, in the folder of the clip."""
    import vos.cli.video
    import vos.run
    import vos.video.build
    import vos.video.direction

    def load_model(*_: object, **__: object) -> ColourSegmenter:
        models.append(ColourSegmenter())
        return models[-1]

    monkeypatch.chdir(clip.parent)
    for module in (vos.cli.video, vos.video.build):
        monkeypatch.setattr(module, "load_model", load_model)
    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["vos-run", *words])
        return vos.run.main()

    return call


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch) -> Program:
    """``python -m vos.convert``."""
    import vos.convert

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["vos-convert", *words])
        return vos.convert.main()

    return call


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """``python -m vos.evaluate``, from an empty folder."""
    import vos.evaluate

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def call(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["vos-evaluate", *map(str, words)])
        return vos.evaluate.main()

    return call


@pytest.fixture
def album_words(tmp_path: Path) -> list[str]:
    """The words that name an album and its reference."""
    return make_album(tmp_path)


@pytest.fixture
def album_model(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    """The model that the album program loads."""
    from vos.cli import album as program

    model = ColourSegmenter()
    monkeypatch.setattr(program, "load_photo_model", lambda *_: model)
    return model


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, album_model: ColourSegmenter) -> Program:
    """``python -m vos.album`` with a small model, from an empty folder beside the album."""
    from vos.album import __main__ as program

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def call(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["album", *map(str, words)])
        return program.main()

    return call
