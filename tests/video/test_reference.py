"""What the user gives: read from exactly one option, and how many objects that names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes import ColourSegmenter, square_mask

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.io.masks.label_map import write_label_map
from vos.video.reference import Clicked, Reference, object_ids, read_given


def test_objects_are_the_ids_of_all_masks_together() -> None:
    one, other = (Reference(index, square_mask(index, object_id=index + 1)) for index in (0, 1))
    assert object_ids([one]) == (1,)
    assert object_ids([one, Reference(5, square_mask(5, object_id=1))]) == (1,), "a correction is no further object"
    assert object_ids([other, one]) == (1, 2)


def test_a_prompt_names_one_object_and_every_concept_another() -> None:
    assert object_ids([Reference(0, prompts=(Clicked(box=[0, 0, 8, 8]).prompt((48, 96)),))]) == (1,)
    mask = square_mask(0).labels > 0
    photo = np.zeros((*mask.shape, 3), np.uint8)
    photo[mask] = (200, 20, 20)
    concepts = tuple(Concept.from_image(photo, mask, model=ColourSegmenter()) for _ in range(3))
    assert object_ids([Reference(0, concepts=concepts)]) == (1, 2, 3)


def test_a_mask_of_another_size_than_its_frame_is_refused() -> None:
    with pytest.raises(VosError, match="the mask of frame 5 is 64x48 pixels, the frame 32x24"):
        Reference(5, square_mask(0)).mask((24, 32))


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
    (boxed,) = read_given((48, 64), [3], clicked=Clicked(box=[8, 16, 10, 20]))
    assert boxed.frame_index == 3
    assert boxed.prompts[0].box is not None
    assert boxed.prompts[0].box.tolist() == [8, 16, 18, 36]
    (pointed,) = read_given((48, 64), [4], clicked=Clicked([8, 16]))
    assert pointed.frame_index == 4
    assert pointed.prompts[0].points.tolist() == [[8, 16]]
    assert pointed.prompts[0].labels.tolist() == [1]


def test_several_clicks_and_a_box_mean_one_object() -> None:
    clicked = Clicked([[10, 20], [50, 3]], [1, 0], [8, 16, 10, 20], 2)
    ((prompt,),) = (reference.prompts for reference in read_given((48, 64), [3], clicked=clicked))
    assert prompt.box is not None
    assert prompt.points.tolist() == [[10, 20], [50, 3]]
    assert prompt.labels.tolist() == [1, 0]
    assert (prompt.object_id, prompt.candidate, prompt.box.tolist()) == (1, 1, [8, 16, 18, 36])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ref_frame": [0]}, r"exactly one of .*none given"),
        ({"ref_frame": [0], "clicked": Clicked([1, 2]), "masks": [Path("m.png")]}, "ref_mask and ref_point given"),
        ({"ref_frame": [-1], "clicked": Clicked([1, 2])}, "ref_frame=-1 is not a frame number"),
        ({"ref_frame": [0], "clicked": Clicked([[1, 2], [3, 48]])}, r"ref_point\[1\]=\[3, 48\] is not \[x, y\] inside"),
        ({"ref_frame": [0], "clicked": Clicked(box=[float("nan"), 1, 2, 2])}, r"ref_box=\[nan, 1, 2, 2\] is not"),
        ({"ref_frame": [0], "clicked": Clicked(box=[[1, 2], [3, 4]])}, "is not"),
        ({"ref_frame": [0, 1], "clicked": Clicked([1, 2])}, "ref_point= takes one frame"),
        ({"ref_frame": [0, 1], "masks": [Path("m.png")]}, "1 masks in ref_mask= but 2 frames"),
        ({"prompts": Path("p.json"), "ref_frame": [0]}, "ref_frame=0: the frames stand in prompts=p.json"),
        ({"prompts": Path("p.json"), "clicked": Clicked([1, 2])}, "prompts and ref_point given"),
        ({"clicked": Clicked(labels=[1], box=[1, 2, 3, 4])}, r"ref_point_label=\[1\] belongs to ref_point="),
        ({"clicked": Clicked([1, 2], [1, 0])}, r"ref_point_label=\[1, 0\] does not fit 1 click;"),
        ({"clicked": Clicked([1, 2], [2])}, "ref_point_label has 2; a click is 1"),
        ({"clicked": Clicked([[1, 2], [1.5, 2]], [1, 0])}, r"click at \[1, 2\] is on the object and not on it"),
        ({"clicked": Clicked([1, 2], [0])}, "all clicks are beside the object"),
        ({"clicked": Clicked([1, 2], box=[8, 8, 4, 4])}, r"click at \[1, 2\] on the object is outside its box"),
        (
            {"clicked": Clicked(candidate=2), "masks": [Path("m.png")]},
            "ref_candidate=2 chooses among answers",
        ),
        ({"ref_frame": [4], "concepts": [Path("rex.concept")]}, "ref_frame=4 belongs to a mask"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(VosError, match=message):
        read_given((48, 64), **options)  # type: ignore[arg-type]
