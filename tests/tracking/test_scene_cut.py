"""Flow carries a mask along, cuts are noticed and motion is not taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from vos.geometry import Geometry
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.scene_cut import Change, ChangeDetector, warp_logits


def texture(seed: int, size: tuple[int, int] = (240, 320)) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 256, (size[0] // 30, size[1] // 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def features(image: npt.NDArray[np.uint8]) -> torch.Tensor:
    """The hue of each cell, sharply told apart, as an encoder's features: another place is another direction."""
    small = cv2.resize(image, (20, 16), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    directions = torch.randn(64, 3, generator=torch.Generator().manual_seed(0)) * 8
    return torch.cos(torch.einsum("kc,hwc->khw", directions, torch.from_numpy(small)))


def observe(detector: ChangeDetector, image: npt.NDArray[np.uint8]) -> Change:
    return detector.observe(image, features(image))


def shifted(image: npt.NDArray[np.uint8], dx: int) -> npt.NDArray[np.uint8]:
    return np.roll(image, dx, axis=1)


def test_a_mask_moves_with_the_picture() -> None:
    first = texture(1)
    detector = ChangeDetector(flow=True, cuts=False)
    assert observe(detector, first).flow is None
    flow = observe(detector, shifted(first, 16)).flow
    assert flow is not None
    geometry = Geometry((240, 320), (240, 320), (256, 320), logit_stride=4)
    logits = torch.full(geometry.logit_size, -8.0)
    logits[20:40, 20:40] = 8
    moved = warp_logits(logits, flow, geometry) > 0
    rows, columns = moved.nonzero().T
    assert abs(float(columns.float().mean()) - (29.5 + 4)) < 0.6
    assert abs(float(rows.float().mean()) - 29.5) < 0.6
    assert int(moved.sum()) == pytest.approx(400, rel=0.1)


def test_what_comes_in_from_outside_is_background() -> None:
    geometry = Geometry((64, 64), (64, 64), (64, 64))
    flow = np.full((64, 64, 2), (-32.0, 0.0), np.float32)  # everything was 32 pixels farther left: came in from there
    warped = warp_logits(torch.full((16, 16), 5.0), flow, geometry)
    assert warped[8, 2] == pytest.approx(ABSENT_LOGIT) and warped[8, 14] == pytest.approx(5.0)


def test_another_scene_is_a_cut_and_motion_is_none() -> None:
    first, other = texture(1), texture(2)
    detector = ChangeDetector(flow=False, cuts=True)
    cuts = [observe(detector, shifted(first, 6 * k)).cut for k in range(6)]
    assert not any(cuts), "a moving camera"
    assert observe(detector, other).cut
    assert not observe(detector, shifted(other, 6)).cut
    assert observe(detector, first).cut


def test_no_flow_across_a_cut() -> None:
    detector = ChangeDetector(flow=True, cuts=True)
    for k in range(3):
        observe(detector, shifted(texture(1), 4 * k))
    change = observe(detector, texture(7))
    assert change.cut and change.flow is None


def test_a_little_more_light_is_no_cut() -> None:
    first = texture(3)
    detector = ChangeDetector(flow=False, cuts=True)
    for _ in range(2):
        observe(detector, first)
    assert not observe(detector, np.clip(first.astype(int) + 12, 0, 255).astype(np.uint8)).cut


def test_it_goes_on_from_its_state() -> None:
    whole, parts = ChangeDetector(True, True), ChangeDetector(True, True)
    frames = [shifted(texture(1), 5 * k) for k in range(3)] + [texture(9)]
    for frame in frames[:2]:
        observe(whole, frame)
        observe(parts, frame)
    resumed = ChangeDetector(True, True)
    resumed.restore(parts.state(), torch.device("cpu"))
    for frame in frames[2:]:
        a, b = observe(whole, frame), observe(resumed, frame)
        assert a.cut == b.cut
        assert (a.flow is None) == (b.flow is None)
        if a.flow is not None and b.flow is not None:
            np.testing.assert_array_equal(a.flow, b.flow)
