"""Soft masks by the matting Laplacian (A. Levin, D. Lischinski, Y. Weiss, "Closed-Form Matting", CVPR 2006).

In every window, alpha is as nearly a linear function of the frame's colours as it can be; near the outline it is found
so by conjugate gradients. Windows of several pixels, and products with the Laplacian by means in windows (K. He, J.
Sun, X. Tang, "Fast Matting using Large Kernel Matting Laplacian Matrices", CVPR 2010), make few steps do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vos.matting.guided_filter import Image, Values, box_means, channels_of, covariance, solved

EPSILON = 1e-5  # variance of the frame (its range taken as 1) below which a window counts as flat
PULL = 0.002  # how strongly alpha is drawn to the first one near the outline, against 1, the Laplacian
HOLD = 100.0  # ... and elsewhere
STEPS = 30


def laplacian_matte(first: Values, rgb: Image, near: npt.NDArray[np.bool_], radius: int) -> Values:
    """Finds the soft mask that agrees best with the frame's colours.

    Args:
        first: float32 (H, W), 0..1, what is thought of it before; kept where it is not ``near``.
        rgb: uint8 (H, W, 3).
        near: bool (H, W), where alpha is looked for.
        radius: of the square windows, pixels.

    Returns:
        float32 (H, W), 0..1.
    """
    pull = np.where(near, np.float32(PULL), np.float32(HOLD))
    product = _laplacian(rgb, radius)
    scale = 1 / (1 + pull)  # the diagonal, nearly
    alpha = first
    rest = -product(alpha)
    step = scaled = scale * rest
    size = float((rest * scaled).sum())
    for _ in range(STEPS):
        if size < 1e-9 * alpha.size:
            break
        applied = product(step) + pull * step
        length = np.float32(size / float((step * applied).sum()))
        alpha, rest = alpha + length * step, rest - length * applied
        scaled = scale * rest
        before, size = size, float((rest * scaled).sum())
        step = scaled + np.float32(size / before) * step
    return np.clip(alpha, 0, 1)


def _laplacian(rgb: Image, radius: int) -> Callable[[Values], Values]:
    """Makes the function that applies the Laplacian: values less what the windows' linear functions make of them."""
    channels = channels_of(rgb)
    means = [box_means(channel, radius) for channel in channels]
    inverse = []
    for k in range(len(channels)):
        unit = [np.full(rgb.shape[:2], float(j == k), np.float32) for j in range(len(channels))]
        inverse.append(solved(covariance(channels, means, radius, EPSILON), unit))

    def product(values: Values) -> Values:
        offset = box_means(values, radius)
        shared = [box_means(c * values, radius) - m * offset for c, m in zip(channels, means)]
        explained = np.zeros_like(values)
        for row, channel, mean in zip(inverse, channels, means):
            slope = sum((one * with_mask for one, with_mask in zip(row, shared)), np.zeros_like(values))
            offset -= slope * mean
            explained += box_means(slope, radius) * channel
        return np.asarray(values - explained - box_means(offset, radius), np.float32)

    return product
