"""Pages hold everything in themselves, and escape what they show."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from jinja2 import UndefinedError

from vos.report.page import picture_values, render


def test_a_picture_is_in_its_address() -> None:
    rgb = np.full((40, 60, 3), (200, 30, 30), np.uint8)
    values = picture_values(rgb)
    assert (values["width"], values["height"]) == (60, 40)
    kind, _, data = values["picture"].partition(",")
    assert kind == "data:image/jpeg;base64"
    read = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(read.astype(int) - rgb).max() < 12


def test_names_are_escaped_and_nothing_may_be_missing() -> None:
    page = render("comparison.html", title="<b>&", runs=[], rows=[])
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    with pytest.raises(UndefinedError):
        render("comparison.html", title="")
