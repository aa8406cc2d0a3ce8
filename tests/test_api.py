"""The Python API as its docstring shows it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from fakes import square_clip, square_mask

import vos
from vos.sam.nano.network import NanoNetwork, NanoWeights
from vos.sam.nano.segmenter import NanoSegmenter


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, vos; assert 'torch' not in sys.modules and 'numpy' not in sys.modules; vos.segment; "
        "assert 'torch' in sys.modules and 'hydra' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_five_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    model = NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    monkeypatch.setattr("vos.concept.concept.cached_model", lambda name="nano": model)
    monkeypatch.setattr("vos.photos.segmenter.cached_model", lambda name="nano": model)
    image, mask = square_clip(1)[0], square_mask(0).labels
    concept = vos.Concept.from_image(image, mask)
    result = vos.segment(image, concept)
    assert isinstance(result, vos.PhotoResult)
    assert result.presence in ("present", "absent")
    assert 0 <= result.score <= 1
    assert result.mask.dtype == np.bool_
    assert result.alpha.dtype == np.uint8
    assert result.mask.shape == result.alpha.shape == image.shape[:2]


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        _ = vos.segmnt  # type: ignore[attr-defined]
    assert {"Concept", "PhotoResult", "VosError", "segment"} <= set(vos.__all__)
    for name in vos.__all__:
        assert getattr(vos, name) is not None
