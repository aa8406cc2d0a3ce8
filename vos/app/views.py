"""What the page shows of a frame, small enough for a screen: the picture, which object each pixel is, the soft mask."""

from __future__ import annotations

import gzip

import cv2
import numpy as np
import numpy.typing as npt

from vos.session.session import Session

LONGER = 1280  # pixels of the longer side, at most
QUALITY = 90  # of JPEG
FAST = 1  # level of gzip

Gray = npt.NDArray[np.uint8]  # (H, W)


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Tells the size (H, W) in which the page shows frames of a size."""
    scale = min(1.0, LONGER / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def picture(session: Session, frame: int) -> bytes:
    """Makes a JPEG of a frame."""
    rgb = _resized(session.frame(frame), cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


def packed_labels(session: Session, frame: int) -> bytes:
    """Gives object ids, uint8 (h, w) of the shown size, row by row, as gzip."""
    return gzip.compress(_resized(labels(session, frame), cv2.INTER_NEAREST).tobytes(), FAST)


def packed_alpha(session: Session, frame: int) -> bytes:
    """Gives the soft mask of all objects together, likewise, 255 = object."""
    result = session.result(frame)
    is_known = result is not None and result.ids and session.is_current(frame)
    alpha = result.alphas.max(axis=0) if result and is_known else np.uint8(255) * (labels(session, frame) > 0)
    return gzip.compress(_resized(alpha, cv2.INTER_AREA).tobytes(), FAST)


def labels(session: Session, frame: int) -> Gray:
    """Puts together what is known of a frame: what was tracked, and over it what was shown since.

    Returns:
        uint8 (H, W), ids of objects, 0 = background.
    """
    result = session.result(frame)
    if result is not None and session.is_current(frame):
        return result.labels
    known = [one.id for one in session.objects]
    drawn: Gray = np.zeros(session.size, np.uint8)
    if result is not None:
        drawn = np.where(np.isin(result.labels, known), result.labels, 0).astype(np.uint8)
    answers = session.answers(frame)
    drawn[np.isin(drawn, list(answers))] = 0
    for object_id, answer in sorted(answers.items(), key=lambda one: -int(one[1].mask.sum())):  # small ones on top
        drawn[answer.mask] = object_id
    return drawn


def _resized(picture: Gray, how: int) -> Gray:
    height, width = shown_size((picture.shape[0], picture.shape[1]))
    if (height, width) == picture.shape[:2]:
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)
