"""Cuts are noticed, and motion is not taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.tracking.scene_cut import SceneCuts


def texture(seed: int, size: tuple[int, int] = (240, 320)) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 256, (size[0] // 30, size[1] // 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def features(image: npt.NDArray[np.uint8]) -> torch.Tensor:
    """The hue of each cell, sharply told apart, as an encoder's features: another place is another direction."""
    small = cv2.resize(image, (20, 16), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    directions = torch.randn(64, 3, generator=torch.Generator().manual_seed(0)) * 8
    return torch.cos(torch.einsum("kc,hwc->khw", directions, torch.from_numpy(small)))


def shifted(image: npt.NDArray[np.uint8], dx: int) -> npt.NDArray[np.uint8]:
    return np.roll(image, dx, axis=1)


def test_another_scene_is_a_cut_and_motion_is_none() -> None:
    first, other = texture(1), texture(2)
    cuts = SceneCuts()
    assert not any(cuts.is_cut(features(shifted(first, 6 * k))) for k in range(6)), "a moving camera"
    assert cuts.is_cut(features(other))
    assert not cuts.is_cut(features(shifted(other, 6)))
    assert cuts.is_cut(features(first))


def test_where_cuts_are_off_there_is_none() -> None:
    cuts = SceneCuts(enabled=False)
    assert not any(cuts.is_cut(features(texture(seed))) for seed in (1, 1, 2, 1))


def test_a_little_more_light_is_no_cut() -> None:
    first = texture(3)
    cuts = SceneCuts()
    for _ in range(2):
        cuts.is_cut(features(first))
    assert not cuts.is_cut(features(np.clip(first.astype(int) + 12, 0, 255).astype(np.uint8)))


def test_it_goes_on_from_its_state() -> None:
    whole, parts, resumed = SceneCuts(), SceneCuts(), SceneCuts()
    frames = [features(shifted(texture(1), 5 * k)) for k in range(3)] + [features(texture(9))]
    for frame in frames[:2]:
        whole.is_cut(frame)
        parts.is_cut(frame)
    resumed.restore(parts.state(), torch.device("cpu"))
    assert (
        [resumed.is_cut(frame) for frame in frames[2:]]
        == [whole.is_cut(frame) for frame in frames[2:]]
        == [False, True]
    )
