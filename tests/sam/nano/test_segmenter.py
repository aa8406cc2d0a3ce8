"""The embedded model behind the interface: shapes, prompts that matter, weights that load or are refused."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vos.errors import VosError
from vos.persam.window import Window, crop
from vos.sam.nano.network import INTERACTIVE_PREFIX, Decoder, NanoNetwork, NanoWeights
from vos.sam.nano.segmenter import NanoSegmenter
from vos.sam.prompting import Guidance, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

NO_POINTS = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def network() -> NanoNetwork:
    torch.manual_seed(0)
    network = NanoNetwork()
    for module in network.modules():  # batch norms that do something, so that folding them can go wrong
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


@pytest.fixture(scope="module")
def model(network: NanoNetwork) -> NanoSegmenter:
    twin = NanoNetwork()
    twin.load_state_dict(network.state_dict())
    return NanoSegmenter(NanoWeights(twin), precision="float32", input_size=128)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 83, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def embedding(model: NanoSegmenter, image: np.ndarray) -> ImageEmbedding:
    return model.encode([image])[0]


def test_longer_side_becomes_the_input_size_and_the_rest_is_padded(model: NanoSegmenter) -> None:
    geometry = model.geometry((50, 83))
    assert geometry.input_size == (77, 128)
    assert geometry.padded_size == (96, 128)
    assert model.geometry((1, 2000)).padded_size == (32, 128)


def test_batched_encoding_equals_single(model: NanoSegmenter, image: np.ndarray) -> None:
    other = image[::-1].copy()
    batched = model.encode([image, other])
    single = model.encode([other])[0]
    torch.testing.assert_close(batched[1].features, single.features, rtol=1e-4, atol=1e-4)


def test_folding_batch_norms_changes_nothing(network: NanoNetwork, model: NanoSegmenter) -> None:
    levels = tuple(torch.randn(1, c, s, s) for c, s in ((96, 4), (64, 8), (32, 16)))
    guidance, prompt = torch.rand(2, 7, 4, 4), torch.rand(2, 9, 16, 16)
    fine = (torch.rand(2, 1, 8, 8), torch.rand(2, 1, 16, 16))
    with torch.no_grad():
        expected = network.decoder(levels, guidance, fine, prompt)
        folded = model._network.decoder(levels, guidance, fine, prompt)
    torch.testing.assert_close(folded, expected, rtol=1e-4, atol=1e-4)


def test_objects_are_decoded_in_one_batch_as_they_would_be_alone(
    model: NanoSegmenter, embedding: ImageEmbedding
) -> None:
    size = embedding.geometry.logit_size
    prompts = [
        Prompt(np.float32([[40, 20]]), np.int64([1])),
        Prompt(*NO_POINTS, box=np.float32([5, 5, 40, 30])),
        Prompt(np.float32([[40, 20], [3, 3]]), np.int64([1, 0]), mask_logits=torch.randn(size)),
    ]
    together = model.decode(embedding, prompts)
    assert together.logits.shape == (3, 3, *size)
    for number, prompt in enumerate(prompts):
        alone = model.decode(embedding, [prompt])
        torch.testing.assert_close(together.logits[number], alone.logits[0], rtol=1e-3, atol=1e-4)
    assert model.decode(embedding, prompts, multimask=False).logits.shape[1] == 1


def test_windows_are_decoded_in_one_batch_as_they_would_be_alone(
    model: NanoSegmenter, embedding: ImageEmbedding
) -> None:
    windows = [crop(embedding, Window(0, 4, x, x + 4)) for x in (0, 2, 4)]
    prompts = [Prompt(*NO_POINTS, mask_logits=3 * torch.randn(32, 32)) for _ in windows]
    guidance = Guidance(maps=torch.rand(3, 5, 4, 4))
    together = model.decode_each(windows, prompts, guidance)
    one_by_one = Segmenter.decode_each(model, windows, prompts, guidance)  # of models that know no batches
    assert together.logits.std(dim=0).mean() > 0.01
    for batch in (together, one_by_one):
        for number, (window, prompt) in enumerate(zip(windows, prompts)):
            alone = model.decode(window, [prompt], Guidance(maps=guidance.maps[number : number + 1]))
            torch.testing.assert_close(batch.logits[number], alone.logits[0], rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(batch.predicted_iou[number], alone.predicted_iou[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(np.float32([[40, 20]]), np.int64([1])),
        Prompt(np.float32([[40, 20]]), np.int64([0])),
        Prompt(*NO_POINTS, box=np.float32([5, 5, 40, 30])),
        Prompt(*NO_POINTS, mask_logits=torch.full((48, 64), 3.0)),
        Prompt(*NO_POINTS, others_logits=torch.full((48, 64), 3.0)),
    ],
    ids=["positive", "negative", "box", "mask", "others"],
)
def test_every_kind_of_prompt_reaches_the_masks(
    model: NanoSegmenter, embedding: ImageEmbedding, prompt: Prompt
) -> None:
    nothing = model.decode(embedding, [Prompt(*NO_POINTS)])
    assert not torch.allclose(model.decode(embedding, [prompt]).logits, nothing.logits)


def test_guidance_reaches_the_masks_and_is_checked(model: NanoSegmenter, embedding: ImageEmbedding) -> None:
    maps = torch.rand(1, 5, *embedding.geometry.grid_size)
    guided = model.decode(embedding, [Prompt(*NO_POINTS)], Guidance(maps=maps))
    assert not torch.allclose(guided.logits, model.decode(embedding, [Prompt(*NO_POINTS)]).logits)
    with pytest.raises(ValueError, match="1 objects for 2 prompts"):
        model.decode(embedding, [Prompt(*NO_POINTS)] * 2, Guidance(maps=maps))


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_the_target_models_answer_reaches_the_masks_at_every_scale(
    model: NanoSegmenter, embedding: ImageEmbedding, scale: int
) -> None:
    height, width = embedding.geometry.grid_size
    maps = torch.zeros(1, 5, height, width)
    none = tuple(torch.zeros(1, height * cells, width * cells) for cells in (1, 2, 4))
    some = tuple(torch.ones_like(response) if k == scale else response for k, response in enumerate(none))
    prompt = [Prompt(*NO_POINTS)]
    without = model.decode(embedding, prompt, Guidance(maps=maps, responses=none)).logits
    assert not torch.allclose(model.decode(embedding, prompt, Guidance(maps=maps, responses=some)).logits, without)


def test_bfloat16_gives_nearly_the_same(network: NanoNetwork, model: NanoSegmenter, image: np.ndarray) -> None:
    copy = NanoNetwork()
    copy.load_state_dict(network.state_dict())
    fast = NanoSegmenter(NanoWeights(copy), precision="bfloat16", input_size=128)
    exact, near = model.encode([image])[0], fast.encode([image])[0]
    assert near.features.dtype == torch.float32
    cosine = torch.nn.functional.cosine_similarity(exact.features, near.features, dim=0)
    assert cosine.mean() > 0.99
    prompt = [Prompt(np.float32([[40, 20]]), np.int64([1]))]
    assert near.levels[0].dtype == torch.bfloat16
    difference = fast.decode(near, prompt).logits - model.decode(exact, prompt).logits
    assert difference.abs().mean() < 0.1 * model.decode(exact, prompt).logits.abs().mean() + 0.05


def test_the_backbone_without_gradients_is_the_one_that_was_trained(network: NanoNetwork) -> None:
    images = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        quick = network.backbone(images)
    trained = network.backbone(images)
    for a, b in zip(quick, trained):
        torch.testing.assert_close(a, b.detach(), rtol=1e-4, atol=1e-4)


def test_predicted_iou_is_a_share(model: NanoSegmenter, embedding: ImageEmbedding) -> None:
    iou = model.decode(embedding, [Prompt(np.float32([[9, 9]]), np.int64([1]))]).predicted_iou
    assert ((iou >= 0) & (iou <= 1)).all()


def test_weights_survive_the_file(network: NanoNetwork, tmp_path: Path, image: np.ndarray) -> None:
    path = tmp_path / "w.safetensors"
    state = {k: v.contiguous() for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    save_file(state, path)
    loaded = NanoSegmenter.load(path, input_size=128)
    copy = NanoNetwork()
    copy.load_state_dict(network.state_dict())
    expected = NanoSegmenter(NanoWeights(copy), input_size=128).encode([image])[0].features
    torch.testing.assert_close(loaded.encode([image])[0].features, expected)
    assert loaded.checkpoint_name == "w.safetensors"
    assert len(loaded.checkpoint_sha256) == 64


@pytest.mark.parametrize("content", [b"", b"not weights", None], ids=["empty", "garbage", "missing"])
def test_bad_weights_are_one_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VosError, match=r"bad\.safetensors"):
        NanoSegmenter.load(path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(VosError, match="model=nano"):
        NanoSegmenter.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("size", [0, 30, 500])
def test_input_size_must_fit_the_strides(network: NanoNetwork, size: int) -> None:
    with pytest.raises(VosError, match=f"input_size={size}"):
        NanoSegmenter(NanoWeights(network), input_size=size)


def test_a_video_of_one_object_is_looked_at_more_closely_unless_the_size_was_chosen(network: NanoNetwork) -> None:
    free, chosen = (
        NanoSegmenter(NanoWeights(copy.deepcopy(network))),
        NanoSegmenter(NanoWeights(network), input_size=96),
    )
    sizes = [max(free.for_objects(count).geometry((480, 854)).padded_size) for count in (1, 2, 10)]
    assert sizes[0] > sizes[1] == sizes[2] == max(free.geometry((480, 854)).padded_size)
    assert chosen.for_objects(1) is chosen
    assert chosen.for_objects(2) is chosen
    small = [free.for_objects(count).geometry((270, 480)) for count in (1, 2)]
    assert small[0] == small[1], "nothing is gained by enlarging"
    assert max(free.for_objects(1).geometry((700, 500)).padded_size) == sizes[0]
    closer = free.at_input_size(128)
    assert max(closer.for_objects(1).geometry((480, 854)).padded_size) == 128


def test_clicks_and_boxes_have_a_decoder_of_their_own(tmp_path: Path, image: np.ndarray) -> None:
    torch.manual_seed(1)
    network, other = NanoNetwork(), Decoder()
    both = network.state_dict() | {f"{INTERACTIVE_PREFIX}{name}": value for name, value in other.state_dict().items()}
    for name, state in (("one", network.state_dict()), ("both", both)):
        save_file({key: value.half().contiguous() for key, value in state.items() if value.ndim}, tmp_path / name)
    one, two = (NanoSegmenter.load(tmp_path / name, precision="float32", input_size=128) for name in ("one", "both"))
    embedding = one.encode([image])[0]
    clicked = [Prompt(np.float32([[40, 20]]), np.int64([1]))]
    guidance = Guidance(maps=torch.rand(1, 5, *embedding.geometry.grid_size))
    for known in (guidance, None):
        assert torch.equal(one.decode(embedding, clicked, known).logits, two.decode(embedding, clicked, known).logits)
    assert torch.equal(one.decode_prompts(embedding, clicked).logits, one.decode(embedding, clicked).logits)
    assert not torch.allclose(
        one.decode_prompts(embedding, clicked).logits, two.decode_prompts(embedding, clicked).logits, atol=0.01
    )
    network.decoder.load_state_dict(other.state_dict())
    swapped = NanoSegmenter(NanoWeights(network), precision="float32", input_size=128)
    torch.testing.assert_close(
        swapped.decode(embedding, clicked).logits, two.decode_prompts(embedding, clicked).logits, rtol=1e-2, atol=1e-2
    )
