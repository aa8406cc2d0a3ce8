"""SAM behind the interface: geometry, padding, prompts of every kind in one batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from seeded_weights import build_sam, seeded_uniform

from vos.sam.official.segmenter import SamSegmenter
from vos.sam.prompting import Guidance, Prompt
from vos.structures import ImageEmbedding

MODEL = build_sam("vit_t", seed=5)


@pytest.fixture(scope="module")
def model() -> SamSegmenter:
    """MobileSAM with random weights."""
    return MODEL


@pytest.fixture(scope="module")
def embedding() -> ImageEmbedding:
    """Random features of a wide image."""
    features = torch.from_numpy(seeded_uniform("features", (256, 64, 64)))
    return ImageEmbedding(features, MODEL.geometry((200, 500)))


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def prompt(*points: tuple[float, float, int], box: tuple[float, ...] | None = None, mask: int | None = None) -> Prompt:
    """A prompt from (x, y, label) points."""
    return Prompt(
        points=np.array([point[:2] for point in points], np.float32).reshape(-1, 2),
        labels=np.array([point[2] for point in points], np.int64),
        box=None if box is None else np.array(box, np.float32),
        mask_logits=None if mask is None else torch.from_numpy(4 * seeded_uniform(f"mask {mask}", (256, 256))),
    )


PROMPTS = (
    prompt((100, 50, 1)),
    prompt((30, 40, 1), (200, 150, 0)),
    prompt((300, 20, 1)),
    prompt(box=(10, 20, 300, 180)),
    prompt((100, 50, 1), box=(10, 20, 300, 180), mask=1),
    prompt((10, 60, 0), mask=2),
    prompt(mask=1),
    prompt(),
    prompt(),
    prompt((490, 190, 1), (1, 2, 1)),
    prompt((100, 90, 1), box=(0, 0, 499, 199), mask=3),
)


@pytest.mark.parametrize(
    ("original", "resized"),
    [
        ((480, 854), (576, 1024)),
        ((854, 480), (1024, 576)),
        ((1080, 1920), (576, 1024)),
        ((1024, 1024), (1024, 1024)),
        ((301, 417), (739, 1024)),
        ((427, 640), (683, 1024)),  # 683.2
        ((321, 481), (683, 1024)),  # 683.38
        ((375, 500), (768, 1024)),
        ((1, 4000), (1, 1024)),  # the public code fails with a height of 0
        ((1, 1), (1024, 1024)),
    ],
)
def test_geometry(model: SamSegmenter, original: tuple[int, int], resized: tuple[int, int]) -> None:
    geometry = model.geometry(original)
    assert geometry.input_size == resized
    assert (geometry.padded_size, geometry.grid_size, geometry.logit_size) == ((1024, 1024), (64, 64), (256, 256))


@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
def test_longer_side_is_1024_and_corners_stay_inside(height: int, width: int) -> None:
    geometry = MODEL.geometry((height, width))
    assert max(geometry.input_size) == 1024
    corner = geometry.points_to_input(np.array([[width, height]], np.float32))[0]
    np.testing.assert_allclose(corner, geometry.input_size[::-1], rtol=1e-6)


def test_model_input_is_normalised_then_padded_with_zeros(model: SamSegmenter) -> None:
    white = np.full((100, 50, 3), 255, np.uint8)
    (pixels,) = model._model_inputs([white], model.geometry((100, 50)))
    assert pixels.shape == (3, 1024, 1024)
    expected = (255 - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])
    np.testing.assert_allclose(pixels[:, 1023, 511], expected, rtol=1e-6)
    assert not pixels[:, :, 512:].any()


def test_images_in_a_batch_equal_single_ones(model: SamSegmenter) -> None:
    images = [picture(120, 90, seed) for seed in range(2)]
    batch = model.encode(images)
    assert [each.features.shape for each in batch] == [(256, 64, 64)] * 2
    assert batch[0].geometry == model.geometry((120, 90))
    single = model.encode(images[1:])[0]
    torch.testing.assert_close(batch[1].features, single.features, rtol=0, atol=1e-4)
    assert (batch[0].features - single.features).abs().max() > 0.1
    assert model.encode([]) == []


def test_images_of_other_kinds_are_refused(model: SamSegmenter) -> None:
    for bad in ([picture(8, 8), picture(8, 9)], [picture(8, 8)[..., 0]], [picture(8, 8) / 255.0]):
        with pytest.raises(ValueError, match="images must be uint8"):
            model.encode(bad)


@pytest.mark.parametrize("multimask", [True, False])
def test_mixed_prompts_in_one_batch_equal_single_calls(
    model: SamSegmenter, embedding: ImageEmbedding, multimask: bool
) -> None:
    guidance = Guidance(
        attention=torch.from_numpy(seeded_uniform("attention", (len(PROMPTS), 4096)) / 2 + 0.5),
        embedding=torch.from_numpy(seeded_uniform("embedding", (len(PROMPTS), 256))),
    )
    together = model.decode(embedding, PROMPTS, guidance, multimask)
    count = 3 if multimask else 1
    assert together.logits.shape == (len(PROMPTS), count, 256, 256)
    for row, each in enumerate(PROMPTS):
        alone = Guidance(guidance.attention[row : row + 1], guidance.embedding[row : row + 1])
        single = model.decode(embedding, [each], alone, multimask)
        torch.testing.assert_close(together.logits[row], single.logits[0], rtol=0, atol=1e-4)
        torch.testing.assert_close(together.predicted_iou[row], single.predicted_iou[0], rtol=0, atol=1e-4)


def test_every_part_of_a_prompt_is_heard(model: SamSegmenter, embedding: ImageEmbedding) -> None:
    base = prompt((100, 50, 1), box=(10, 20, 300, 180), mask=1)
    others = (
        prompt((101, 50, 1), box=(10, 20, 300, 180), mask=1),
        prompt((100, 50, 0), box=(10, 20, 300, 180), mask=1),
        prompt((100, 50, 1), box=(10, 20, 300, 150), mask=1),
        prompt((100, 50, 1), box=(10, 20, 300, 180), mask=2),
    )
    responses = model.decode(embedding, [base, *others]).logits
    for row in range(1, 5):
        assert (responses[row] - responses[0]).abs().max() > 1e-3, row


def test_guidance_is_heard_and_maps_are_not(model: SamSegmenter, embedding: ImageEmbedding) -> None:
    plain = model.decode(embedding, PROMPTS[:1]).logits
    maps = model.decode(embedding, PROMPTS[:1], Guidance(maps=torch.rand(1, 5, 64, 64))).logits
    assert torch.equal(plain, maps)
    for guidance in (Guidance(attention=torch.rand(1, 4096)), Guidance(embedding=torch.rand(1, 256))):
        assert (model.decode(embedding, PROMPTS[:1], guidance).logits - plain).abs().max() > 1e-3


def test_no_prompts_give_no_candidates(model: SamSegmenter, embedding: ImageEmbedding) -> None:
    assert model.decode(embedding, []).logits.shape == (0, 3, 256, 256)


def test_wrong_shapes_are_refused(model: SamSegmenter, embedding: ImageEmbedding) -> None:
    with pytest.raises(ValueError, match=r"guidance.attention must be \(1, 4096\)"):
        model.decode(embedding, PROMPTS[:1], Guidance(attention=torch.rand(2, 4096)))
    with pytest.raises(ValueError, match=r"mask_logits must be \(256, 256\)"):
        model.decode(embedding, [Prompt(PROMPTS[0].points, PROMPTS[0].labels, None, torch.zeros(64, 64))])


def test_results_do_not_require_gradients_but_can_be_learnt_from(
    model: SamSegmenter, embedding: ImageEmbedding
) -> None:
    logits = model.decode(embedding, PROMPTS[:1]).logits
    assert not logits.requires_grad
    weight = torch.ones(1, requires_grad=True)
    (weight * logits).sum().backward()  # PerSAM-F does this; tensors of inference mode could not
    assert weight.grad is not None


def test_bfloat16_stays_close_and_leaves_the_decoder_in_float32() -> None:
    image = picture(60, 80)
    reference = MODEL.encode([image])[0]
    rough = SamSegmenter("vit_t", MODEL.network, "cpu", "bfloat16").encode([image])[0]
    assert rough.features.dtype == torch.float32
    similarity = torch.nn.functional.cosine_similarity(reference.features, rough.features, dim=0)
    assert similarity.mean() > 0.99
    assert not torch.equal(reference.features, rough.features)


def test_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    again = build_sam("vit_t", seed=5)
    assert torch.equal(torch.rand(3), expected)
    for name, tensor in again.network.state_dict().items():
        assert torch.equal(tensor, MODEL.network.state_dict()[name]), name
    other = build_sam("vit_t", seed=6).network.mask_decoder.iou_token.weight
    assert not torch.equal(other, MODEL.network.mask_decoder.iou_token.weight)
