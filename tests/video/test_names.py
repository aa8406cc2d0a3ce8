"""What objects are called: by the user, by their concept, or by their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import Collector, ColourSegmenter, ListSource, RedTracker, square_clip, square_mask

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.structures import LabelMap
from vos.video.names import object_names
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Clicked, Reference

BOXED = Clicked(box=[0, 0, 8, 8]).prompt((48, 96))
MASKS = [Reference(0, square_mask(0, object_id=3)), Reference(4, square_mask(4, object_id=7))]


def concepts(*names: str) -> Reference:
    mask = square_mask(0).labels > 0
    photo = np.zeros((*mask.shape, 3), np.uint8)
    photo[mask] = (200, 20, 20)
    concept = Concept.from_image(photo, mask, model=ColourSegmenter())
    return Reference(0, concepts=tuple(replace(concept, name=name) for name in names))


def test_the_users_names_come_before_those_of_concepts() -> None:
    assert object_names(MASKS) == {}
    assert object_names(MASKS, {7: " Rex é "}) == {7: "Rex é"}
    assert object_names([concepts("rex", "ball")]) == {1: "rex", 2: "ball"}
    assert object_names([concepts("rex", "ball")], {2: "the ball"}) == {1: "rex", 2: "the ball"}
    assert object_names([concepts("rex", "rex")]) == {1: "rex", 2: "rex_2"}
    assert object_names([Reference(0, prompts=(BOXED,))], {1: "cup"}) == {1: "cup"}
    named = Reference(0, prompts=(replace(BOXED, object_id=3, name=" jug "),))
    assert object_names([named]) == {3: "jug"}
    assert object_names([named], {3: "cup"}) == {3: "cup"}


def test_ids_that_were_renumbered_are_called_as_in_the_masks() -> None:
    masks = [Reference(0, LabelMap(square_mask(0, object_id=2).labels, (1, 2)))]
    assert object_names(masks, {3000: "rex"}, {1: 26, 2: 3000}) == {2: "rex"}
    assert object_names(MASKS, {np.int64(3): "rex"}) == {3: "rex"}  # type: ignore[dict-item]
    with pytest.raises(VosError, match="names 2, but the ids of the objects are 26, 3000"):
        object_names(masks, {2: "rex"}, {1: 26, 2: 3000})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({5: "rex"}, "object_names= names 5, but the ids of the objects are 3, 7"),
        ({3: "rex", 7: "rex"}, "the objects 3 and 7 are called rex; names must differ"),
        ({3: "object_7"}, "the objects 3 and 7 are called object_7"),
        ("rex", r"object_names=rex is not understood; write ids and names, such as {1: rex, 2: ball}"),
        (["rex"], "is not understood"),
        ({"dog": "rex"}, r"object_names={'dog': 'rex'} is not understood"),
        ({3: ["rex", "tom"]}, r"object_names={3: \['rex', 'tom'\]} is not understood"),
        ({3: " "}, "no object can be called ''; give 1 to 64 visible characters"),
        ({3: None}, "no object can be called ''; give 1 to 64 visible characters"),
        ({3: "a\nb"}, r"called 'a\\nb'; give"),
        ({3: "../rex"}, r"without / \\ : \* "),
        ({3: "x" * 65}, "give 1 to 64"),
    ],
)
def test_names_that_cannot_be_are_one_line(given: dict[int, str], message: str) -> None:
    with pytest.raises(VosError, match=message) as caught:
        object_names(MASKS, given)
    assert "\n" not in str(caught.value)


def test_every_result_knows_the_names() -> None:
    collector = Collector()
    pipeline = VideoPipeline(ColourSegmenter(), RedTracker(), [collector], names={7: "rex"})
    segment_video(ListSource(square_clip(6)), MASKS[1:] + MASKS[:1], pipeline)
    assert {(r.name_of(3), r.name_of(7)) for r in collector.results} == {("object_3", "rex")}
