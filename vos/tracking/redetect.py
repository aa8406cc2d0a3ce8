"""Whether what was decoded is the object, and a second search, in the whole frame, for the objects that were missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from vos.persam.overlap import same_place
from vos.structures import ImageEmbedding, Presence
from vos.tracking.config import PresenceConfig
from vos.tracking.decode import Decoding, decode_objects
from vos.tracking.observation import ABSENT_LOGIT, Observation
from vos.tracking.prediction import Prediction


def classify(
    observations: Sequence[Observation],
    predictions: Sequence[Prediction],
    config: PresenceConfig,
    forbidden: torch.Tensor | None = None,
) -> list[Observation]:
    """Decides of N objects whether each is present, uncertain or absent; what is absent loses its mask.

    Args:
        observations: as decoded.
        predictions: what was expected of the same objects.
        config: thresholds.
        forbidden: bool (h4, w4), low-res cells that cannot be theirs.
    """
    return _without_doubles(
        [_classified(o, p, config, forbidden) for o, p in zip(observations, predictions)], predictions
    )


def redetect(
    decoding: Decoding,
    embedding: ImageEmbedding,
    predictions: Sequence[Prediction],
    observations: Sequence[Observation],
    config: PresenceConfig,
    forbidden: torch.Tensor | None = None,
) -> list[Observation]:
    """Searches the whole frame for the objects that are not where they should be: they may be elsewhere already.

    Args:
        decoding: how objects are asked for.
        embedding: of the frame.
        predictions: of N objects.
        observations: of the same, classified.
        config: thresholds of presence.
        forbidden: bool (h4, w4), low-res cells that cannot be theirs.

    Returns:
        The observations, those of missed objects replaced.
    """
    missed = [
        k for k, (o, p) in enumerate(zip(observations, predictions)) if o.presence is Presence.ABSENT and not p.lost
    ]
    if not missed:
        return list(observations)
    found = [observation.logits for observation in observations if observation.presence is not Presence.ABSENT]
    claimed = torch.stack(found).amax(dim=0) if found else None
    anywhere = [predictions[k].anywhere() for k in missed]
    again = classify(decode_objects(decoding, embedding, anywhere, claimed), anywhere, config, forbidden)
    result = list(observations)
    for k, observation in zip(missed, again):
        result[k] = replace(observation, redetected=True)
    return result


def _classified(
    observation: Observation, prediction: Prediction, config: PresenceConfig, forbidden: torch.Tensor | None
) -> Observation:
    """One object's observation, cut to what can be the object; and whether that is it."""
    if forbidden is not None:
        observation = replace(observation, logits=observation.logits.masked_fill(forbidden, ABSENT_LOGIT))
    observation = _within_gate(observation, prediction)
    similarity = observation.in_window(observation.similarity)
    presence = judge(
        config,
        predicted_iou=observation.predicted_iou,
        similarity=prediction.similarity_scale.score(similarity, observation.coverage),
        area=observation.area,
        reference_area=prediction.reference_area,
        lost=prediction.lost,
        in_new_scene=prediction.in_new_scene,
    )
    return observation.absent() if presence is Presence.ABSENT else replace(observation, presence=presence)


def _within_gate(observation: Observation, prediction: Prediction) -> Observation:
    """Cuts off look-alikes that are too far away from where an object in sight must be."""
    if prediction.gate is None:
        return observation
    geometry, logits = observation.geometry, observation.logits
    gate = np.rint(geometry.boxes_to_input(prediction.gate) / geometry.logit_stride)
    x0, y0, x1, y1 = gate.astype(int).clip(0).tolist()
    cut = torch.full_like(logits, ABSENT_LOGIT)
    cut[y0 : y1 + 1, x0 : x1 + 1] = logits[y0 : y1 + 1, x0 : x1 + 1]
    return replace(observation, logits=cut)


def _without_doubles(observations: list[Observation], predictions: Sequence[Prediction]) -> list[Observation]:
    """A lost object does not come back where another one is; of several lost ones the surest takes the place."""
    order = sorted(range(len(observations)), key=lambda k: (predictions[k].lost, -observations[k].predicted_iou))
    claimed: list[torch.Tensor] = []
    for k in order:
        if observations[k].presence is Presence.ABSENT:
            continue
        mask = observations[k].logits > 0
        if predictions[k].lost and same_place(mask, claimed):
            observations[k] = observations[k].absent()
        else:
            claimed.append(mask)
    return observations


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
        similarity: of its mask, from :meth:`vos.persam.similarity.SimilarityScale.score`.
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
