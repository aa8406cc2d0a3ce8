"""What the user gives: read from exactly one option, and how many objects that names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes import ColourSegmenter, square_mask

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.io.masks.label_map import write_label_map
from vos.video.reference import Reference, box_prompt, object_ids, read_given


def test_objects_are_the_ids_of_all_masks_together() -> None:
    one, other = (Reference(index, square_mask(index, object_id=index + 1)) for index in (0, 1))
    assert object_ids([one]) == (1,)
    assert object_ids([one, Reference(5, square_mask(5, object_id=1))]) == (1,), "a correction is no further object"
    assert object_ids([other, one]) == (1, 2)


def test_a_prompt_names_one_object_and_every_concept_another() -> None:
    assert object_ids([Reference(0, prompt=box_prompt([0, 0, 8, 8], (48, 96)))]) == (1,)
    mask = square_mask(0).labels > 0
    photo = np.zeros((*mask.shape, 3), np.uint8)
    photo[mask] = (200, 20, 20)
    concepts = tuple(Concept.from_image(photo, mask, model=ColourSegmenter()) for _ in range(3))
    assert object_ids([Reference(0, concepts=concepts)]) == (1, 2, 3)


def test_a_mask_of_another_size_than_its_frame_is_refused() -> None:
    model = ColourSegmenter()
    (embedding,) = model.encode([np.zeros((24, 32, 3), np.uint8)])
    with pytest.raises(VosError, match="the mask of frame 5 is 64x48 pixels, the frame 32x24"):
        Reference(5, square_mask(0)).mask(model, embedding)


def test_masks_belong_to_their_frames_in_the_order_given(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.png" for index in (7, 2)]
    for path, index in zip(paths, (7, 2)):
        write_label_map(path, square_mask(index))
    references = read_given((48, 64), [7, 2], masks=paths)
    assert [reference.frame_index for reference in references] == [7, 2]
    for reference in references:
        assert reference.label_map is not None
        np.testing.assert_array_equal(reference.label_map.labels, square_mask(reference.frame_index).labels)


def test_a_box_or_a_point_stands_for_a_mask() -> None:
    (boxed,) = read_given((48, 64), [3], box=[8, 16, 10, 20])
    assert boxed.frame_index == 3
    assert boxed.prompt is not None
    assert boxed.prompt.box is not None
    assert boxed.prompt.box.tolist() == [8, 16, 18, 36]
    (pointed,) = read_given((48, 64), [4], point=[8, 16])
    assert pointed.frame_index == 4
    assert pointed.prompt is not None
    assert pointed.prompt.points.tolist() == [[8, 16]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ref_frame": [0]}, r"exactly one of .*none given"),
        ({"ref_frame": [0], "point": [1, 2], "masks": [Path("m.png")]}, "ref_mask and ref_point given"),
        ({"ref_frame": [-1], "point": [1, 2]}, "ref_frame=-1 is not a frame number"),
        ({"ref_frame": [0], "point": [[1, 2], [3, 4]]}, r"ref_point=\[\[1, 2\], \[3, 4\]\] is not \[x, y\]"),
        ({"ref_frame": [0], "box": [float("nan"), 1, 2, 2]}, r"ref_box=\[nan, 1, 2, 2\] is not"),
        ({"ref_frame": [0], "box": [[1, 2], [3, 4]]}, "is not"),
        ({"ref_frame": [0, 1], "point": [1, 2]}, "ref_point= takes one frame"),
        ({"ref_frame": [0, 1], "masks": [Path("m.png")]}, "1 masks in ref_mask= but 2 frames"),
        ({"ref_frame": [4], "concepts": [Path("rex.concept")]}, "ref_frame=4 belongs to a mask"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(VosError, match=message):
        read_given((48, 64), **options)  # type: ignore[arg-type]
