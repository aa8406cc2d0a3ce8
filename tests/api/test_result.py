"""What a frame's result shows of itself: to supervision, to notebooks."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from fakes import SIZE, ColourSegmenter, square_clip, square_mask

import vos
from vos.io.render import preview

pytestmark = pytest.mark.usefixtures("here")


class Detections(SimpleNamespace):
    """supervision's container, as far as we fill it."""

    @classmethod
    def empty(cls) -> Detections:
        return cls(xyxy=np.empty((0, 4)))


def decoded(png: bytes | None) -> npt.NDArray[np.uint8]:
    assert png is not None
    picture: Any = cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return np.asarray(picture)


def test_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    result = next(vos.track("clip.mp4", "mask.png", names={3: "rex"}))
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(vos.VosError, match=r"pip install 'vos\[supervision\]'"):
        result.to_supervision()
    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=Detections))
    found = result.to_supervision()
    assert found.xyxy.tolist() == [[8, 16, 24, 32]]
    np.testing.assert_array_equal(found.mask, [square_mask(0, SIZE).labels > 0])
    assert (found.confidence.tolist(), found.class_id.tolist(), found.tracker_id.tolist()) == ([1.0], [3], [3])
    assert found.data["class_name"].tolist() == ["rex"]
    tracker = vos.Tracker("mask.png")
    tracker.step(square_clip(1, SIZE)[0])
    tracker.remove(3)
    assert len(tracker.step(square_clip(1, SIZE)[0]).to_supervision().xyxy) == 0


def test_previews_are_small() -> None:
    assert decoded(preview(np.zeros((3000, 2000, 3), np.uint8), ".jpg")).shape == (640, 427, 3)


def test_notebooks_show_pictures() -> None:
    picture, mask = square_clip(1, SIZE)[0], square_mask(0, SIZE).labels
    result = next(vos.track("clip.mp4", "mask.png"))
    np.testing.assert_allclose(decoded(result._repr_jpeg_()).mean((0, 1)), result.overlay().mean((0, 1)), atol=2)
    assert (result.overlay() != result.frame.rgb).any(axis=2)[20, 12]
    concept = vos.Concept.from_images([picture, picture], [mask, mask], model=ColourSegmenter())
    shown = decoded(concept._repr_png_())
    assert shown.shape == (96, 2 * 132, 3)
    assert shown[20, 12].tolist() == picture[20, 12].tolist(), "the object as it is"
    assert shown[80, 12].min() > 150, "the rest faded"
    found = vos.segment(picture, concept, model=ColourSegmenter(), threshold=0)
    np.testing.assert_array_equal(decoded(found._repr_png_())[..., 0], found.alpha)
