"""Who is present, who may not be where somebody else is, and who is searched everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scenes import ColourModel, config, scene

from vos.geometry import Geometry
from vos.structures import ImageEmbedding, LabelMap, Presence
from vos.tracking.config import PresenceConfig
from vos.tracking.decode import Decoding
from vos.tracking.observation import ABSENT_LOGIT, Observation
from vos.tracking.prediction import Prediction
from vos.tracking.redetect import classify, redetect
from vos.tracking.track import Track

BOX = (40, 24, 88, 72)


def setting() -> tuple[ColourModel, ImageEmbedding, Prediction]:
    """A model, a frame with one object, and what its track predicts for the next frame."""
    model, (image, labels) = ColourModel(), scene({1: BOX})
    embedding = model.encode([image])[0]
    track = Track(config())
    track.add_reference(embedding, torch.from_numpy(LabelMap(labels, (1,)).masks())[0])
    return model, embedding, track.predict(embedding.geometry, cut=False)


def painted(geometry: Geometry, rows: slice, columns: slice, predicted_iou: float = 0.9) -> Observation:
    logits = torch.full(geometry.logit_size, -8.0)
    logits[rows, columns] = 8
    return Observation(geometry, logits, predicted_iou, torch.ones(geometry.grid_size))


def test_nothing_is_found_beyond_the_gate_or_in_forbidden_cells() -> None:
    _, embedding, prediction = setting()
    everywhere = painted(embedding.geometry, slice(None), slice(None))
    near = replace(prediction, gate=np.array([40, 24, 88, 72], dtype=np.float32))
    (observation,) = classify([everywhere], [near], PresenceConfig())
    assert observation.presence is Presence.PRESENT
    rows, columns = (observation.logits > 0).nonzero().T
    assert (int(rows.min()), int(columns.min()), int(rows.max()), int(columns.max())) == (6, 10, 18, 22)
    forbidden = torch.ones(embedding.geometry.logit_size, dtype=torch.bool)
    (observation,) = classify([everywhere], [near], PresenceConfig(), forbidden)
    assert observation.presence is Presence.ABSENT
    assert (observation.logits == ABSENT_LOGIT).all()


def test_a_lost_object_does_not_come_back_where_another_one_is() -> None:
    _, embedding, prediction = setting()
    geometry = embedding.geometry
    here, there = painted(geometry, slice(6, 18), slice(10, 22)), painted(geometry, slice(6, 18), slice(10, 23), 0.95)
    lost = prediction.anywhere()
    first, second = classify([there, here], [lost, prediction], PresenceConfig())
    assert first.presence is Presence.ABSENT
    assert second.presence is Presence.PRESENT
    first, second = classify([here, there], [lost, lost], PresenceConfig())  # of two lost ones the surer
    assert first.presence is Presence.ABSENT
    assert second.presence is Presence.PRESENT


def test_who_is_missed_is_searched_in_the_whole_frame_once() -> None:
    model, _, prediction = setting()
    image, labels = scene({1: (4, 60, 36, 92)})  # far from where it was
    embedding = model.encode([image])[0]
    decoding = Decoding.of(config(), model)
    nothing = painted(embedding.geometry, slice(0, 0), slice(0, 0), 0.0).absent()
    (found,) = redetect(decoding, embedding, [prediction], [nothing], PresenceConfig())
    assert found.redetected
    assert found.presence is Presence.PRESENT
    cells = embedding.geometry.mask_to_low_res(torch.from_numpy(labels == 1)[None])[0] > 0.5
    assert float(((found.logits > 0) & cells).sum() / cells.sum()) > 0.9
    calls = len(model.calls)
    (again,) = redetect(decoding, embedding, [prediction.anywhere()], [nothing], PresenceConfig())
    assert again is nothing
    assert len(model.calls) == calls, "a lost object has been searched everywhere already"
