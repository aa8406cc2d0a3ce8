"""HDR video (PQ and HLG): code values to light and back, and tone mapping to a standard picture.

Pictures of HDR video are R'G'B' code values, uint16 (H, W, 3), full range, with the primaries of ITU-R BT.2020.
Light is linear, relative to diffuse white (203 cd/m2, BT.2408).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

TRANSFERS = {16: "pq", 18: "hlg"}  # AVCOL_TRC_*
WHITE, PEAK = 203.0, 1000.0  # cd/m2
HLG_GAMMA = 1.2  # of a display with that peak (BT.2100)
DISPLAY_GAMMA = 2.4  # of a standard display (BT.1886)
KNEE = 0.3  # light below it stays as it is, that up to the peak is compressed (Mobius, as in FFmpeg's tonemap)
ROWS = 64  # of a picture at once: they stay in the processor's cache
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # BT.2020
TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)

Light = npt.NDArray[np.float32]


def tone_map(codes: npt.NDArray[np.uint16], transfer: str) -> npt.NDArray[np.uint8]:
    """Makes a standard picture, uint8 (H, W, 3) for BT.709 displays, of an HDR picture.

    Args:
        codes: the HDR picture.
        transfer: "pq" or "hlg".
    """
    result, table = np.empty(codes.shape, np.uint8), _display_codes()
    for top in range(0, len(codes), ROWS):
        light: Light = np.asarray(cv2.transform(to_light(codes[top : top + ROWS], transfer), TO_BT709), np.float32)
        strongest: Light = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
        light *= (compressed(strongest) / np.maximum(strongest, 1e-6))[..., None]
        roots = cv2.sqrt(light.clip(0, 1)) * np.float32(len(table) - 1) + np.float32(0.5)
        result[top : top + ROWS] = table[roots.astype(np.uint16)]
    return result


def compressed(light: Light) -> Light:
    """Maps light up to the peak into 0..1; the same for all three colours, hues stay."""
    peak = PEAK / WHITE
    a = -KNEE * KNEE * (peak - 1) / (KNEE * KNEE - 2 * KNEE + peak)
    b = (KNEE * KNEE - 2 * KNEE * peak + peak) / (peak - 1)
    above = (b * b + 2 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
    return np.where(light > KNEE, above, light).astype(np.float32)


def to_light(codes: npt.NDArray[np.uint16], transfer: str) -> Light:
    """Gives the light that a reference display makes of code values (..., 3), still in BT.2020."""
    light = _light_table(transfer)[codes]
    if transfer == "hlg":  # from the scene's light to the display's
        light *= (light @ LUMINANCE)[..., None] ** np.float32(HLG_GAMMA - 1) * np.float32(PEAK / WHITE)
    return light


def from_sdr(rgb: npt.NDArray[np.uint8], transfer: str) -> npt.NDArray[np.uint16]:
    """Gives the HDR code values (..., 3) that show standard ones, uint8 (..., 3), with white as diffuse white."""
    light = (rgb.astype(np.float32) / 255) ** DISPLAY_GAMMA @ np.linalg.inv(TO_BT709).T
    light = light.clip(0, None)
    if transfer == "pq":
        power = (light * (WHITE / 10_000)) ** (2610 / 16384)
        codes = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    else:
        light *= np.float32(WHITE / PEAK)
        scene = light / np.maximum((light @ LUMINANCE)[..., None], 1e-9) ** (1 - 1 / HLG_GAMMA)
        codes = np.where(scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(12 * scene.clip(1 / 12) - 0.28466892))
        codes = np.where(scene <= 1 / 12, codes, codes + 0.55991073)
    return np.asarray((codes.clip(0, 1) * 65535).round(), dtype=np.uint16)


@lru_cache(maxsize=2)
def _light_table(transfer: str) -> Light:
    """Light of each code value: the display's for PQ (SMPTE ST 2084), the scene's, 0..1, for HLG (ARIB STD-B67)."""
    code = np.arange(65536) / 65535
    if transfer == "pq":
        power = code ** (32 / 2523)
        light = ((power - 3424 / 4096).clip(0) / (2413 / 128 - 2392 / 128 * power)) ** (16384 / 2610) * 10_000 / WHITE
    else:
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _display_codes() -> npt.NDArray[np.uint8]:
    """Code values of a standard display, by the square root of light."""
    return np.asarray((np.linspace(0, 1, 4096) ** (2 / DISPLAY_GAMMA) * 255).round(), dtype=np.uint8)
