"""PerSAM-F for photos: large references take no longer, and say the same."""

from __future__ import annotations

import numpy as np
import torch
from fakes import DecoderCall
from scenes import ColourModel, scene

from vos.concept.concept import Concept
from vos.concept.mask_weights import TUNING_SIDE
from vos.persam.persam_f import FinetuneConfig
from vos.sam.prompting import MaskCandidates


class ThreeScales(ColourModel):
    """Its second candidate is the object; the first is too small, the third everything."""

    def respond(self, call: DecoderCall) -> MaskCandidates:
        found = super().respond(call)
        if not call.multimask:
            return found
        scales = [found.logits[:, 0] - 15, found.logits[:, 0], torch.full_like(found.logits[:, 0], 5.0)]
        return MaskCandidates(torch.stack(scales, dim=1), found.predicted_iou)


def weights(size: tuple[int, int], steps: int) -> np.ndarray:
    height, width = size
    image, labels = scene({1: (width // 4, height // 4, width // 2, 3 * height // 4)}, size)
    options = FinetuneConfig(steps=steps, learning_rate=1e-2)
    tuned = Concept.from_image(image, labels, model=ThreeScales(), finetune=options).weights
    assert tuned is not None
    return tuned.numpy()


def test_the_right_scale_gains_weight() -> None:
    tuned = weights((96, 128), 200)
    assert abs(float(tuned.sum()) - 1) < 1e-5
    assert tuned.argmax() == 1


def test_a_larger_photo_gives_the_same_weights_from_no_more_pixels(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import vos.concept.mask_weights as module

    seen = []
    tune = module.tune_weights
    monkeypatch.setattr(module, "tune_weights", lambda logits, *rest: seen.append(logits.shape) or tune(logits, *rest))
    small, large = weights((384, 512), 20), weights((1536, 2048), 20)
    assert max(seen[1][-2:]) == TUNING_SIDE
    np.testing.assert_allclose(small, large, atol=0.01)


def test_default_is_the_published_schedule() -> None:
    assert (FinetuneConfig.image(True).steps, FinetuneConfig.image(True).learning_rate) == (1000, 1e-3)
    given = FinetuneConfig(steps=7)
    assert FinetuneConfig.image(given) is given
