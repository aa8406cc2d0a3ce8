"""Concepts are made of photos as cameras store them and of masks as people draw them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fakes import ColourSegmenter, square_clip, square_mask
from PIL import Image
from red_album import SIZE, make_album, truth

from vos.concept.concept import Concept


def test_a_sideways_photo_takes_its_mask_either_way_up(tmp_path: Path) -> None:
    make_album(tmp_path)  # rex.jpg lies sideways, and rex.png was drawn on it as it is stored
    Image.fromarray(truth(32).astype(np.uint8) * 255).save(tmp_path / "upright.png")
    views = [
        Concept.from_image(tmp_path / "rex.jpg", tmp_path / mask, model=ColourSegmenter()).views[0]
        for mask in ("upright.png", "rex.png")
    ]
    assert views[0].geometry.original_size == views[1].geometry.original_size == SIZE
    assert np.array_equal(views[0].coverage, views[1].coverage)
    assert views[0].area == truth(32).sum()


def test_a_mask_in_floating_point_is_cut_at_half() -> None:
    image, mask = square_clip(1)[0], square_mask(0).labels
    shares = np.where(mask > 0, 0.9, 0.1).astype(np.float32)
    soft, hard = (Concept.from_image(image, each, model=ColourSegmenter()) for each in (shares, mask))
    assert soft.views[0].area == hard.views[0].area == np.count_nonzero(mask)
