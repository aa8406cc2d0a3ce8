"""Is the object there? Predicted IoU, appearance and area decide together."""

from __future__ import annotations

from vos.structures import Presence
from vos.tracking.config import PresenceConfig


def judge(
    config: PresenceConfig,
    predicted_iou: float,
    similarity: float,
    area: float,
    reference_area: float,
    lost: bool,
    in_new_scene: bool = False,
) -> Presence:
    """Decides whether one object is present, uncertain or absent.

    Args:
        config: thresholds.
        predicted_iou: of its mask.
        similarity: of its mask, from :meth:`vos.persam.similarity_scale.SimilarityScale.score`.
        area: of its mask, original pixels.
        reference_area: of its reference mask, original pixels.
        lost: it was searched in the whole frame, so there is no previous place that speaks for it.
        in_new_scene: it has not been seen in this scene yet, in which other things of its kind may be.
    """
    if area <= 0 or area < min(config.min_area, reference_area / 4):
        return Presence.ABSENT
    if lost:
        enough = config.new_scene_similarity if in_new_scene else config.found_similarity
        found = predicted_iou >= config.found_iou and similarity >= enough
        return Presence.PRESENT if found else Presence.ABSENT
    if predicted_iou < config.absent_iou or similarity < config.absent_similarity:
        return Presence.ABSENT
    return Presence.PRESENT if predicted_iou >= config.present_iou else Presence.UNCERTAIN
