"""What the user gave: how many objects that names."""

from __future__ import annotations

import numpy as np
from fakes import ColourSegmenter, square_mask

from vos.concept.concept import Concept
from vos.video.reference import Reference, box_prompt, object_count


def test_objects_are_the_ids_of_all_masks_together() -> None:
    one, other = (Reference(index, square_mask(index, object_id=index + 1)) for index in (0, 1))
    assert object_count([one]) == 1
    assert object_count([one, Reference(5, square_mask(5, object_id=1))]) == 1, "a correction is no further object"
    assert object_count([one, other]) == 2


def test_a_prompt_names_one_object_and_every_concept_another() -> None:
    assert object_count([Reference(0, prompt=box_prompt([0, 0, 8, 8], (48, 96)))]) == 1
    mask = square_mask(0).labels > 0
    photo = np.zeros((*mask.shape, 3), np.uint8)
    photo[mask] = (200, 20, 20)
    concepts = tuple(Concept.from_image(photo, mask, model=ColourSegmenter()) for _ in range(3))
    assert object_count([Reference(0, concepts=concepts)]) == 3
