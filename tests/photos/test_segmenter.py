"""Every method on scenes with known results: rectangles that a model finds by their colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from cautious import QUICK, REFERENCE, SIZE, CautiousColourModel, concept_of
from scenes import Box, ColourModel, iou, scene

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.photos.config import MethodConfig
from vos.photos.methods.base import Detection
from vos.photos.search import components
from vos.photos.segmenter import PhotoSegmenter, segment
from vos.sam.prompting import Prompt
from vos.structures import Presence

METHODS = ("persam", "persam_f", "p2sam")


@pytest.fixture
def model() -> CautiousColourModel:
    return CautiousColourModel()


def search(
    model: ColourModel, boxes: dict[int, Box], concepts: list[Concept], method: str | MethodConfig = "persam", **options
):  # type: ignore[no-untyped-def]
    return PhotoSegmenter(model, method, **options).segment(scene(boxes, SIZE)[0], concepts)


@pytest.mark.parametrize("method", METHODS)
def test_object_is_found_elsewhere_beside_another(model: CautiousColourModel, method: str) -> None:
    boxes: dict[int, Box] = {1: (8, 8, 40, 40), 2: (72, 40, 120, 88)}
    image, labels = scene(boxes, SIZE)
    result = segment(image, concept_of(1, model), method=method, model=model)
    assert result.presence is Presence.PRESENT
    assert iou(result.mask, labels == 1) > 0.8
    assert result.score > 0.8
    assert result.box is not None
    assert np.abs(result.box - [8, 8, 39, 39]).max() <= 4
    assert result.mask.shape == result.alpha.shape == SIZE
    assert ((result.alpha > 127) == result.mask).mean() > 0.99


@pytest.mark.parametrize("method", METHODS)
def test_absent_object_is_a_value_with_an_empty_mask(model: CautiousColourModel, method: str) -> None:
    (result,) = search(model, {2: (72, 40, 120, 88)}, [concept_of(1, model)], method)
    assert result.presence is Presence.ABSENT
    assert not result.mask.any()
    assert not result.alpha.any()
    assert result.box is None
    assert result.instances == ()
    assert result.score < 0.5


def test_threshold_decides_and_zero_never_says_absent(model: CautiousColourModel) -> None:
    concepts = [concept_of(1, model)]
    once = MethodConfig(crop_refinement=False)
    (sure,) = search(model, {1: (8, 8, 40, 40)}, concepts, once)
    (strict,) = search(model, {1: (8, 8, 40, 40)}, concepts, once, threshold=min(1.0, sure.score + 0.01))
    assert strict.presence is Presence.ABSENT
    assert strict.score == sure.score
    assert strict.candidate is not None
    assert (strict.candidate.mask == sure.mask).all()
    (never,) = search(CautiousColourModel(), {2: (8, 8, 40, 40)}, concepts, threshold=0.0)
    assert never.presence is Presence.PRESENT


def test_several_concepts_share_one_encoding_and_no_pixel(model: CautiousColourModel) -> None:
    concepts = [concept_of(1, model), concept_of(2, model), concept_of(3, model)]
    encoded = []
    encode = model.encode
    model.encode = lambda images: encoded.append(len(images)) or encode(images)  # type: ignore[method-assign, func-returns-value]
    boxes: dict[int, Box] = {1: (8, 8, 56, 56), 2: (48, 40, 104, 88)}
    results = search(model, boxes, concepts, MethodConfig(crop_refinement=False))
    assert encoded == [1]
    _, labels = scene(boxes, SIZE)
    assert [result.presence for result in results] == [Presence.PRESENT, Presence.PRESENT, Presence.ABSENT]
    for result, i in zip(results, (1, 2, 3)):
        assert iou(result.mask, labels == i) > 0.7
    assert sum(result.mask.astype(int) for result in results).max() == 1


@pytest.mark.parametrize("method", METHODS)
def test_all_instances_are_found_one_by_one(model: CautiousColourModel, method: str) -> None:
    places: list[Box] = [(8, 8, 40, 40), (72, 8, 104, 40), (40, 56, 72, 88)]
    image = scene({}, SIZE)[0]
    for box in places:
        part, labels = scene({1: box}, SIZE)
        image[labels > 0] = part[labels > 0]
    concept = concept_of(1, model)
    (result,) = PhotoSegmenter(model, method, instances="all").segment(image, [concept])
    assert len(result.instances) == 3
    assert sum(one.mask.astype(int) for one in result.instances).max() == 1
    truth = [scene({1: box}, SIZE)[1] > 0 for box in places]
    for mask in truth:
        assert max(iou(one.mask, mask) for one in result.instances) > 0.7
    assert iou(result.mask, np.logical_or.reduce(truth)) > 0.75
    assert [one.score for one in result.instances] == sorted((one.score for one in result.instances), reverse=True)


def test_number_of_instances_is_bounded(model: CautiousColourModel) -> None:
    image = scene({1: (8, 8, 24, 24)}, SIZE)[0]
    for x in range(40, 120, 32):
        image[8:24, x : x + 16] = image[12, 12]
    (result,) = PhotoSegmenter(model, MethodConfig(max_instances=2), instances="all").segment(
        image, [concept_of(1, model)]
    )
    assert len(result.instances) == 2


def test_several_references_know_more_than_one(model: CautiousColourModel) -> None:
    """The second reference shows the object in its other colour."""
    images, masks = zip(*(scene({i: REFERENCE}, SIZE) for i in (1, 2)))
    both = Concept.from_images(list(images), [mask > 0 for mask in masks], model=model)
    target = both.target()
    assert len(target.foreground) == sum(len(view.target().foreground) for view in both.views)
    cells = torch.stack([view.target().direction for view in both.views])
    assert (cells @ target.direction > 0.3).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (96, 1), (17, 300)])
@pytest.mark.parametrize("method", METHODS)
def test_extreme_shapes_do_not_fail(size: tuple[int, int], method: str) -> None:
    model = CautiousColourModel()
    image = np.full((*size, 3), 200, np.uint8)
    concept = Concept.from_image(image, np.ones(size, bool), model=model, finetune=QUICK)
    for instances in ("one", "all"):
        result = segment(image, concept, method=method, model=model, instances=instances)
        assert result.mask.shape == size
    tiny = np.zeros(SIZE, bool)
    tiny[50, 50] = True
    concept = Concept.from_image(scene({1: REFERENCE}, SIZE)[0], tiny, model=model, finetune=QUICK)
    assert np.isfinite(segment(image, concept, method=method, model=model).score)


def test_same_input_same_bytes(model: CautiousColourModel) -> None:
    concepts = [concept_of(1, model), concept_of(2, model)]
    boxes: dict[int, Box] = {1: (8, 8, 56, 56), 2: (48, 40, 104, 88)}
    for method in METHODS:
        a, b = (search(model, boxes, concepts, method) for _ in range(2))
        assert [r.alpha.tobytes() for r in a] == [r.alpha.tobytes() for r in b]
        assert [r.score for r in a] == [r.score for r in b]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sam3"}, "method=sam3 is unknown; choose one of persam, persam_f, p2sam"),
        ({"instances": "two"}, "instances=two"),
        ({"threshold": 1.5}, "threshold=1.5"),
    ],
)
def test_unknown_options_are_named(model: CautiousColourModel, options: dict, message: str) -> None:  # type: ignore[type-arg]
    concept = concept_of(1, model)
    with pytest.raises(VosError, match=message):
        segment(scene({1: REFERENCE}, SIZE)[0], concept, model=model, **options)


def test_persam_f_needs_tuned_weights(model: CautiousColourModel) -> None:
    image, labels = scene({1: REFERENCE}, SIZE)
    with pytest.raises(VosError, match="finetune=true"):
        segment(image, Concept.from_image(image, labels, model=model), method="persam_f", model=model)


def test_specks_are_no_instances() -> None:
    logits = torch.full((40, 40), -5.0)
    logits[2:12, 2:12] = 5.0
    logits[20:28, 20:28] = 4.0
    logits[35, 35] = 3.0
    parts = components(Detection(logits, 0.9, Prompt.from_points(np.zeros((0, 2), np.float32))))
    assert [int((part.logits > 0).sum()) for part in parts] == [100, 64]
    empty: npt.NDArray[np.float32] = np.zeros((0, 2), np.float32)
    assert len(components(Detection(torch.full((4, 4), -1.0), 0.0, Prompt.from_points(empty)))) == 1
