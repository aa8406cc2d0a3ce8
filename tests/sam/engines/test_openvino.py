"""OpenVINO gives what PyTorch gives, from networks that are converted once and kept."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import parity_cases as cases
import pytest
import torch
from seeded_weights import build_sam
from test_parity import as_guidance, as_prompt

from vos.download import sha256_of
from vos.sam.engines.conversion import cache_folder
from vos.sam.engines.graphs import DecoderGraph
from vos.sam.engines.kept import is_whole
from vos.sam.official.segmenter import SamSegmenter
from vos.sam.prompting import Guidance, Prompt
from vos.structures import ImageEmbedding

pytest.importorskip("openvino")
TOLERANCE = 1e-4  # float32 sums in another order


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache folder of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        yield cache_folder()


@pytest.fixture(scope="module")
def reference() -> SamSegmenter:
    """PyTorch in float32."""
    return seeded()


@pytest.fixture(scope="module")
def embedding(reference: SamSegmenter) -> ImageEmbedding:
    """Of one image, by PyTorch."""
    return reference.encode([cases.image()])[0]


@functools.cache
def seeded() -> SamSegmenter:
    """Random weights; not at import, where every collection would wait for them."""
    return build_sam("vit_t", cases.SEED)


def by_openvino(precision: str = "float32", sha256: str = "") -> SamSegmenter:
    """The same weights computed by OpenVINO; ``sha256`` lets it use the cache."""
    network = copy.deepcopy(seeded().network)  # whose encoder is let go once it is converted
    return SamSegmenter("vit_t", network, "cpu", precision, "seeded", sha256, "openvino")


@pytest.fixture(scope="module")
def model(cache: Path) -> SamSegmenter:
    """OpenVINO in float32."""
    return by_openvino(sha256="ab")


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Relative to the norm of what is wanted."""
    assert found.shape == wanted.shape
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.slow
def test_encoder_equals_pytorchs(model: SamSegmenter, embedding: ImageEmbedding) -> None:
    images = [cases.image(), cases.image()[::-1].copy()]
    first, second = model.encode(images)
    assert error(first.features, embedding.features) < TOLERANCE
    assert torch.equal(model.encode(images[1:])[0].features, second.features), "depends on its batch"
    assert first.geometry == embedding.geometry


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_decoder_equals_pytorchs(
    model: SamSegmenter, reference: SamSegmenter, embedding: ImageEmbedding, case: cases.Case
) -> None:
    earlier = reference.decode(embedding, [as_prompt(cases.CASES[0], None)], multimask=False).logits[0, 0]
    prompts, guidance = [as_prompt(case, earlier)], as_guidance(case)
    found = model.decode(embedding, prompts, guidance, case.multimask)
    wanted = reference.decode(embedding, prompts, guidance, case.multimask)
    assert error(found.logits, wanted.logits) < TOLERANCE
    assert error(found.predicted_iou, wanted.predicted_iou) < TOLERANCE


def test_objects_with_prompts_of_all_structures_in_one_call(
    model: SamSegmenter, reference: SamSegmenter, embedding: ImageEmbedding
) -> None:
    points = np.array([[200, 140], [30, 250], [99, 99], [1, 1]], np.float32)
    mask = torch.linspace(-4, 4, 256 * 256).view(256, 256)
    box = np.array([40, 20, 300, 260], np.float32)
    prompts = [Prompt.from_points(points[:count]) for count in (1, 2, 4, 2, 1)]
    prompts += [Prompt.empty(box, mask), Prompt.empty(), Prompt.empty(None, mask), Prompt.empty(box, -mask)]
    guidance = Guidance(
        torch.rand(len(prompts), 4096, generator=torch.Generator().manual_seed(1)), torch.ones(len(prompts), 256)
    )
    for given in (None, guidance):
        found, wanted = (one.decode(embedding, prompts, given) for one in (model, reference))
        assert error(found.logits, wanted.logits) < TOLERANCE
        assert error(found.predicted_iou, wanted.predicted_iou) < TOLERANCE


def test_bfloat16_is_near(reference: SamSegmenter, embedding: ImageEmbedding, cache: Path) -> None:
    rough = by_openvino("bfloat16", "ab")
    assert rough.precision == "bfloat16"
    assert rough.engine.startswith("openvino 20")
    prompts = [as_prompt(cases.CASES[0], None)]
    assert error(rough.encode([cases.image()])[0].features, embedding.features) < 0.03
    assert error(rough.decode(embedding, prompts).logits, reference.decode(embedding, prompts).logits) < 0.05


def test_graph_for_conversion_needs_no_library(reference: SamSegmenter, embedding: ImageEmbedding) -> None:
    """The decoder with fewer products is the published one, in PyTorch too."""
    prompt = as_prompt(cases.CASES[1], None)
    points = torch.from_numpy(embedding.geometry.points_to_input(prompt.points[None])), torch.ones(1, 1, dtype=int)
    sparse, _ = reference.network.prompt_encoder(points=points, boxes=None, masks=None)
    rest = torch.zeros(1, 256), torch.ones(1, 1, 256, 256), torch.ones(1, 4096), torch.zeros(2), torch.tensor([1, 2, 3])
    logits, _ = DecoderGraph(reference.network)(embedding.features[None], sparse, *rest)
    assert error(logits, reference.decode(embedding, [prompt]).logits) < TOLERANCE


@pytest.mark.slow
def test_conversions_are_kept_and_damaged_ones_made_again(
    cache: Path, model: SamSegmenter, embedding: ImageEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [as_prompt(cases.CASES[1], None)]
    wanted = model.decode(embedding, prompts).logits
    (folder,) = cache.glob("vit_t_decoder-*")
    weights = folder / "model.bin"
    content = weights.read_bytes()
    for damage in (content[: len(content) // 2], content[:-4] + b"oops", b""):
        weights.unlink()
        weights.write_bytes(damage)
        assert torch.equal(by_openvino(sha256="ab").decode(embedding, prompts).logits, wanted)
        assert weights.read_bytes() == content
    assert not list(cache.glob("*.partial"))
    monkeypatch.setattr("vos.sam.engines.conversion._convert", None)  # what is kept is not converted again
    assert torch.equal(by_openvino(sha256="ab").decode(embedding, prompts).logits, wanted)


def test_other_weights_and_other_versions_are_kept_apart(
    cache: Path, model: SamSegmenter, embedding: ImageEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [as_prompt(cases.CASES[1], None)]
    model.decode(embedding, prompts)
    before = len(list(cache.glob("vit_t_decoder-*")))
    by_openvino(sha256="cd").decode(embedding, prompts)
    monkeypatch.setattr("vos.sam.engines.conversion.CONVERSION", 99)
    by_openvino(sha256="ab").decode(embedding, prompts)
    assert len(list(cache.glob("vit_t_decoder-*"))) == before + 2


def test_without_a_folder_that_can_be_written_it_is_converted_each_time(
    embedding: ImageEmbedding,
    reference: SamSegmenter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "hub").write_text("no folder")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    prompts = [as_prompt(cases.CASES[1], None)]
    found = by_openvino(sha256="ab").decode(embedding, prompts).logits
    assert error(found, reference.decode(embedding, prompts).logits) < TOLERANCE
    (line,) = caplog.messages
    assert "cannot keep vit_t_decoder for OpenVINO" in line


@pytest.mark.slow
def test_what_was_compiled_is_kept_and_damage_is_made_good(
    model: SamSegmenter, embedding: ImageEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [as_prompt(cases.CASES[1], None)]
    wanted = model.decode(embedding, prompts).logits
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    by_openvino(sha256="ab").decode(embedding, prompts)
    (folder,) = cache_folder().glob("vit_t_decoder_compiled-*")
    blob = folder / "model.blob"
    content = blob.read_bytes()
    for damage in (b"of another version", content[: len(content) // 2], b""):
        blob.write_bytes(damage)
        is_told_whole = damage == b"of another version"
        if is_told_whole:
            (folder / "sha256").write_text(f"{sha256_of(blob)}  model.blob\n")
        assert torch.equal(by_openvino(sha256="ab").decode(embedding, prompts).logits, wanted)
        assert is_told_whole or is_whole(folder)
    with monkeypatch.context() as patch:
        patch.setattr("openvino.Core.compile_model", None)  # what is kept is not compiled again
        assert torch.equal(by_openvino(sha256="ab").decode(embedding, prompts).logits, wanted)
