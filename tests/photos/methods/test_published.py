"""method=persam_published goes the published way, stage by stage, and PerSAM-F's weights are the published ones.

parity/*.npz was recorded from persam.py and persam_f.py by `tools/parity/record_photos.py`: weights of
`seeded_weights`, on a CPU in float32. vit_b is compared on the reference photo itself, to encode it only once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import parity_photos
import pytest
from fakes import DecoderCall, FakeSegmenter
from seeded_weights import build_sam

from vos.concept.concept import Concept
from vos.geometry import SizeHW
from vos.persam.persam_f import FinetuneConfig
from vos.persam.published import similarity_pixels
from vos.persam.similarity import similarity
from vos.photos.methods.published import PublishedMethod
from vos.photos.methods.registry import make_method
from vos.photos.segmenter import PhotoSegmenter
from vos.sam.official.segmenter import SamSegmenter
from vos.sam.prompting import MaskCandidates
from vos.structures import ImageEmbedding, Presence

RECORDED = Path(__file__).parent / "parity"
TOLERANCE = 2e-3  # of the recorded values' standard deviation: three calls feed on each other in float32


class Recorder(FakeSegmenter):
    """A real model that keeps what its decoder returns, too; encodes each image once."""

    def __init__(self, model: SamSegmenter) -> None:
        super().__init__()
        self.model = model
        self.name, self.device = model.name, model.device
        self.checkpoint_name, self.checkpoint_sha256 = model.checkpoint_name, model.checkpoint_sha256
        self.guidance_fields = model.guidance_fields
        self.responses: list[MaskCandidates] = []
        self.encoded: dict[bytes, ImageEmbedding] = {}

    def geometry(self, original_size: SizeHW):  # type: ignore[no-untyped-def]
        return self.model.geometry(original_size)

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        for image in images:
            if image.tobytes() not in self.encoded:
                self.encoded[image.tobytes()] = self.model.encode([image])[0]
        return [self.encoded[image.tobytes()] for image in images]

    def respond(self, call: DecoderCall) -> MaskCandidates:
        self.responses.append(self.model.decode(call.embedding, call.prompts, call.guidance, call.multimask))
        return self.responses[-1]


@pytest.fixture(scope="module")
def vit_t() -> Recorder:
    return Recorder(build_sam("vit_t", parity_photos.SEED))


def run(model: Recorder, number: int) -> dict[str, npt.NDArray[np.generic]]:
    """The stages of one photo, as the recording tool keeps them."""
    photos, mask = parity_photos.photos()
    concept = Concept.from_image(photos[0], mask, model=model)
    model.calls.clear()
    model.responses.clear()
    result = PhotoSegmenter(model, "persam_published").segment(photos[number], [concept])[0]
    assert result.presence is Presence.PRESENT
    method = make_method(model, concept, PhotoSegmenter(model, "persam_published").config)
    assert isinstance(method, PublishedMethod)
    embedding = model.encode([photos[number]])[0]
    found = similarity(embedding.features, [method.target])
    guidance = model.calls[0].guidance
    assert guidance is not None
    assert guidance.attention is not None
    assert guidance.embedding is not None
    return parity_photos.stages(
        similarity=similarity_pixels(found, embedding.geometry).numpy(),
        points=model.calls[0].prompts[0].points,
        attention=guidance.attention.numpy().ravel(),
        embedding=guidance.embedding.numpy().ravel(),
        logits=[response.logits[0].numpy() for response in model.responses],
        predicted_iou=[response.predicted_iou[0].numpy() for response in model.responses],
        mask=result.mask,
    )


def compare(ours: dict[str, npt.NDArray[np.generic]], recorded: dict[str, npt.NDArray[np.generic]]) -> None:
    assert ours.keys() == recorded.keys()
    np.testing.assert_array_equal(ours["points"], recorded["points"])
    for name in ours.keys() - {"points", "mask"}:
        assert ours[name].shape == recorded[name].shape, name
        assert np.abs(ours[name] - recorded[name]).max() <= TOLERANCE * max(float(recorded[name].std()), 0.1), name
    assert iou(ours["mask"], recorded["mask"]) >= 0.99


def iou(ours: npt.NDArray[np.generic], recorded: npt.NDArray[np.generic]) -> float:
    a, b = np.unpackbits(ours.astype(np.uint8)), np.unpackbits(recorded.astype(np.uint8))
    return float((a & b).sum() / max(1, (a | b).sum()))


def record_of(model: str, number: int) -> dict[str, npt.NDArray[np.generic]]:
    recorded = np.load(RECORDED / f"{model}.npz")
    return {name[2:]: recorded[name] for name in recorded.files if name.startswith(f"{number}.")}


@pytest.mark.parametrize("number", [0, 1])
def test_vit_t_goes_the_published_way_on_landscape_and_portrait(vit_t: Recorder, number: int) -> None:
    compare(run(vit_t, number), record_of("vit_t", number))


def test_vit_b_goes_the_published_way() -> None:
    compare(run(Recorder(build_sam("vit_b", parity_photos.SEED)), 0), record_of("vit_b", 0))


def test_tuned_weights_are_the_published_ones(vit_t: Recorder) -> None:
    recorded = np.load(RECORDED / "vit_t.npz")
    photos, mask = parity_photos.photos()
    options = FinetuneConfig(steps=parity_photos.FINETUNE_STEPS, learning_rate=1e-3, exact=True)
    vit_t.calls.clear()
    concept = Concept.from_image(photos[0], mask, model=vit_t, finetune=options)
    assert len(vit_t.calls) == 1  # the reference is decoded once, however many steps
    np.testing.assert_array_equal(vit_t.calls[0].prompts[0].points, recorded["f.points"])
    assert concept.weights is not None
    np.testing.assert_allclose(concept.weights.numpy(), recorded["f.weights"], atol=1e-6)
    found = PhotoSegmenter(vit_t, "persam_f", threshold=0.0).segment(photos[0], [concept])[0]
    assert iou(np.packbits(found.mask), recorded["f.mask"]) >= 0.95  # boxes are taken on the low-res grid here
