"""From code values to light, and where the primaries lie."""

from __future__ import annotations

import numpy as np
import pytest

from vos.io.colour_space import chromaticities, to_linear


@pytest.mark.parametrize(
    ("transfer", "half", "dark"),
    [
        (1, 0.2615, 10 / 255 / 4.5),  # BT.709
        (6, 0.2615, 10 / 255 / 4.5),
        (14, 0.2615, 10 / 255 / 4.5),
        (2, 0.2615, 10 / 255 / 4.5),  # not stated
        (13, 0.2158, 10 / 255 / 12.92),  # sRGB
        (4, 0.2195, (10 / 255) ** 2.2),
        (5, 0.1448, (10 / 255) ** 2.8),
        (8, 128 / 255, 10 / 255),  # linear
    ],
)
def test_light(transfer: int, half: float, dark: float) -> None:
    codes = np.array([[0, 255, 128, 10]], np.uint8)
    light = to_linear(codes, transfer)
    assert light.dtype == np.float32
    np.testing.assert_allclose(light, [[0, 1, half, dark]], atol=1e-3)
    assert (np.diff(to_linear(np.arange(256).astype(np.uint8), transfer)) > 0).all()


def test_chromaticities() -> None:
    assert chromaticities(9)[:2] == (0.708, 0.292)
    assert chromaticities(2) == chromaticities(1) == (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
