"""Reference masks in every form users have them, on frames and on photos, any way up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos.errors import VosError
from vos.io.masks.colours import davis_palette
from vos.io.masks.reference import read_reference, read_references

SIZE = (60, 80)


def scene(ids: tuple[int, ...] = (1, 2, 3)) -> npt.NDArray[np.uint8]:
    """Disks that touch, and a rectangle."""
    labels = np.zeros(SIZE, np.uint8)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for i, value in enumerate(ids):
        labels[(y - 28) ** 2 + (x - 18 - 20 * i) ** 2 < 12**2] = value
    labels[48:56, 8:70] = ids[0]
    return labels


def soften(rgb: npt.NDArray[np.uint8], scale: int = 4) -> npt.NDArray[np.uint8]:
    """Anti-aliased edges, as a drawing program makes them."""
    big = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    big = np.roll(cv2.GaussianBlur(big, (0, 0), scale * 0.6), 1, axis=(0, 1))
    return np.asarray(cv2.resize(big, rgb.shape[1::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)


def save(path: Path, array: npt.NDArray[Any], **options: Any) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (7, 9), (0, 128), (100, 220)])
@pytest.mark.parametrize("form", ["gray", "rgb", "rgba"])
def test_two_values_are_one_object(values: tuple[int, int], form: str, tmp_path: Path) -> None:
    truth = scene() > 0
    gray = np.where(truth, values[1], values[0]).astype(np.uint8)
    picture = {"gray": gray, "rgb": np.dstack([gray] * 3), "rgba": np.dstack([*[gray] * 3, np.full_like(gray, 255)])}
    reference = read_reference(save(tmp_path / "m.png", picture[form]), SIZE)
    assert reference.object_ids == (1,)
    assert np.array_equal(reference.labels > 0, truth)


def test_one_bit_and_sixteen_bit(tmp_path: Path) -> None:
    truth = scene() > 0
    for array in (truth, truth.astype(np.uint16) * 65535, truth.astype(np.uint16)):
        assert np.array_equal(read_reference(save(tmp_path / "m.png", array)).labels, truth.astype(np.uint8))


@pytest.mark.parametrize("form", ["gray", "rgb", "palette"])
def test_soft_edges_of_a_binary_mask_are_cut_at_half(form: str, tmp_path: Path) -> None:
    gray = soften((scene() > 0).astype(np.uint8) * 255)
    image = Image.fromarray(gray)
    if form == "palette":  # as an optimiser stores it
        image.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
    (image.convert("RGB") if form == "rgb" else image).save(tmp_path / "m.png")
    reference = read_reference(tmp_path / "m.png", SIZE)
    assert reference.object_ids == (1,)
    assert np.array_equal(reference.labels > 0, gray > 127)


def test_jpeg_noise_around_a_binary_mask(tmp_path: Path) -> None:
    path = save(tmp_path / "m.jpg", (scene() > 0).astype(np.uint8) * 255, quality=60)
    reference = read_reference(path)
    assert reference.object_ids == (1,)
    assert ((reference.labels > 0) == (scene() > 0)).mean() > 0.999
    save(tmp_path / "c.jpg", davis_palette()[scene()])
    with pytest.raises(VosError, match="save it as PNG"):
        read_reference(tmp_path / "c.jpg")


def test_gray_label_maps_keep_their_ids(tmp_path: Path) -> None:
    reference = read_reference(save(tmp_path / "m.png", scene((2, 5, 9))))
    assert reference.object_ids == (2, 5, 9)
    assert np.array_equal(reference.labels, scene((2, 5, 9)))


def test_solid_gray_levels_are_one_object_each(tmp_path: Path) -> None:
    reference = read_reference(save(tmp_path / "m.png", scene((85, 170, 255))))
    assert np.array_equal(reference.labels, scene())


@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255), (30, 200, 60)])
@pytest.mark.parametrize("soft", [False, True])
def test_each_colour_is_one_object(background: tuple[int, int, int], soft: bool, tmp_path: Path) -> None:
    # The second object has the colour that a blend of the first and the third has.
    table = np.array([background, (255, 0, 0), (128, 0, 128), (0, 0, 255)], np.uint8)
    rgb = table[scene()]
    picture = soften(rgb) if soft else rgb
    reference = read_reference(save(tmp_path / "m.png", picture), SIZE)
    ascending = {1: 3, 2: 2, 3: 1}  # by (R, G, B): blue, purple, red
    expected = np.vectorize(lambda i: ascending.get(i, 0), otypes=[np.uint8])(scene())
    assert reference.object_ids == (1, 2, 3)
    wrong = reference.labels != expected
    if not soft:
        assert not wrong.any()
    else:  # only where the edge itself runs
        edge = cv2.dilate(scene(), np.ones((5, 5), np.uint8)) != cv2.erode(scene(), np.ones((5, 5), np.uint8))
        assert not (wrong & ~edge).any()
        assert wrong.mean() < 0.02


def test_davis_colours_get_davis_ids(tmp_path: Path) -> None:
    reference = read_reference(save(tmp_path / "m.png", davis_palette()[scene((2, 5, 9))]))
    assert np.array_equal(reference.labels, scene((2, 5, 9)))


def test_thin_and_tiny_objects_survive_without_soft_edges(tmp_path: Path) -> None:
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[10, 5:60] = (255, 0, 0)  # a line
    rgb[30:32, 30:32] = (0, 255, 0)  # four pixels
    reference = read_reference(save(tmp_path / "m.png", rgb))
    assert reference.object_ids == (1, 2)
    assert (reference.labels == 2).sum() == 55
    assert (reference.labels == 1).sum() == 4


def test_a_colour_is_the_same_object_in_every_mask(tmp_path: Path) -> None:
    table = np.array([(0, 0, 0), (10, 200, 30), (200, 100, 0), (220, 20, 60)], np.uint8)
    first = save(tmp_path / "a.png", table[scene()])
    second = save(tmp_path / "b.png", table[np.where(scene() == 1, 0, scene())])
    a, b = read_references([first, second], SIZE).label_maps
    assert a.object_ids == (1, 2, 3)
    assert b.object_ids == (2, 3)
    assert np.array_equal(a.labels[b.labels > 0], b.labels[b.labels > 0])
    with pytest.raises(VosError, match="save all of them in one way"):
        read_references([first, save(tmp_path / "ids.png", scene())])


def test_alpha_of_a_cut_out_is_the_mask(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    alpha = soften((scene() > 0).astype(np.uint8) * 255)
    reference = read_reference(save(tmp_path / "m.png", np.dstack([photo, alpha])), SIZE)
    assert reference.object_ids == (1,)
    assert np.array_equal(reference.labels > 0, alpha > 127)
    black = np.dstack([np.zeros_like(photo), alpha])
    assert np.array_equal(read_reference(save(tmp_path / "k.png", black)).labels > 0, alpha > 127)


def test_colours_on_transparency_are_objects(tmp_path: Path) -> None:
    table = np.array([(0, 0, 0), (10, 200, 30), (200, 100, 0), (220, 20, 60)], np.uint8)
    alpha = soften((scene() > 0).astype(np.uint8) * 255)
    reference = read_reference(save(tmp_path / "m.png", np.dstack([table[scene()], alpha])))
    assert reference.object_ids == (1, 2, 3)
    sure = (alpha == 255) & (scene() > 0)
    assert np.array_equal(reference.labels[sure], scene()[sure])
    assert not reference.labels[alpha <= 127].any()


def test_palette_with_white_first_is_not_inverted(tmp_path: Path) -> None:
    image = Image.fromarray((scene() == 0).astype(np.uint8))
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "m.png")
    assert np.array_equal(read_reference(tmp_path / "m.png").labels > 0, scene() > 0)


def photo() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def many_colours() -> npt.NDArray[np.uint8]:
    values = np.arange(300)
    rows = np.stack([values % 8 * 32, values // 8 % 8 * 32, values // 64 * 40 + 20], axis=-1).astype(np.uint8)
    return np.repeat(np.repeat(rows.reshape(15, 20, 3), 4, axis=0), 4, axis=1)


BAD: dict[str, tuple[Callable[[], npt.NDArray[Any]], str]] = {
    "wrong size": (lambda: np.ones((20, 30), np.uint8), r"is 20x30, but the reference frame is 60x80"),
    "empty": (lambda: np.zeros(SIZE, np.uint8), "holds no object"),
    "transparent": (lambda: np.zeros((*SIZE, 4), np.uint8), "holds no object"),
    "photo": (photo, "looks like a photo"),
    "too many": (many_colours, "at most 255"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_masks_are_one_line(kind: str, tmp_path: Path) -> None:
    make, message = BAD[kind]
    with pytest.raises(VosError, match=message):
        read_reference(save(tmp_path / "m.png", make()), SIZE)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(["P", "L", "RGB", "RGBA"]))
def test_damaged_masks_are_one_line_or_a_mask(data: st.DataObject, form: str, tmp_path: Path) -> None:
    image = Image.fromarray(scene())
    image.putpalette(davis_palette().tobytes())
    image.convert(form).save(tmp_path / "good.png")
    content = bytearray((tmp_path / "good.png").read_bytes())
    for position in data.draw(st.lists(st.integers(8, len(content) - 1), max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    (tmp_path / "m.png").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        assert read_reference(tmp_path / "m.png").labels.ndim == 2
    except VosError as error:
        assert "\n" not in str(error)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    picture=arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([3, 4]))),
)
def test_any_picture_is_a_mask_or_one_line(picture: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    try:
        reference = read_reference(save(tmp_path / "m.png", picture))
        assert reference.size == picture.shape[:2]
        assert reference.object_ids
    except VosError as error:
        assert "\n" not in str(error)


def test_missing_mask_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="missing"):
        read_reference(tmp_path / "no.png")


def test_real_masks(shared: Path) -> None:
    clips = shared / "clips"
    for name, size in (("seggpt_video_1_target.png", (512, 512)), ("seggpt_video_3_target.png", (480, 854))):
        with Image.open(clips / name) as image:
            gray = np.asarray(image)[..., 0]
        reference = read_reference(clips / name, size)
        assert reference.object_ids == (1,)
        assert np.array_equal(reference.labels > 0, gray > 127)
    davis = shared / "davis16" / "Annotations" / "480p" / "blackswan" / "00000.png"
    assert read_reference(davis, (480, 854)).object_ids == (1,)
    girls = shared / "multi" / "Annotations" / "480p" / "schoolgirls" / "00000.png"
    assert read_reference(girls).object_ids == tuple(range(1, 8))


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    """Some leave a picture that can be read, of something else: the file's checksums tell."""
    labels, path = np.zeros((64, 96), np.uint8), tmp_path / "mask.png"
    labels[20:42, 10:32] = 1
    Image.fromarray(labels).save(path)
    content = path.read_bytes()
    for place in range(8 * 41, 8 * content.index(b"IEND") - 64):  # of the pixels
        hurt = bytearray(content)
        hurt[place // 8] ^= 1 << place % 8
        path.write_bytes(hurt)
        with pytest.raises(VosError, match="damaged"):
            read_reference(path)
