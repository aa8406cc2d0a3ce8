from __future__ import annotations

import numpy as np

from vos.photos.result import Instance, PhotoResult
from vos.structures import Presence


def test_a_result_is_shown_in_one_line_without_its_pixels() -> None:
    mask = np.ones((480, 640), bool)
    alpha = mask.astype(np.uint8) * 255
    points, labels = np.zeros((9, 2), np.float32), np.ones(9, np.int64)
    box = np.array([0, 0, 639, 479], np.float32)
    instance = Instance(mask, alpha, 0.93, 0.9, 1.1, box, points, labels)
    shown = repr(PhotoResult("rex", Presence.PRESENT, 0.93, mask, alpha, box, (instance,)))
    assert "concept='rex'" in shown
    assert "score=0.93" in shown
    assert len(shown) < 500
    assert "True" not in shown, "no pixels"
    assert "\n" not in shown
