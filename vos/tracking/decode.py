"""From predictions to observations: where objects can be, what looks like them there, what the decoder makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry
from vos.persam.cascade import Box, refine
from vos.persam.location_prior import LocationPrior, locate, locate_near, peak_points
from vos.persam.overlap import others_of
from vos.persam.persam_f import fuse
from vos.persam.suited import chosen, suited
from vos.persam.window import Window, alike, crop, window_around
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, TargetFeature
from vos.tracking.config import TrackerConfig
from vos.tracking.observation import Observation
from vos.tracking.prediction import Prediction


@dataclass(frozen=True)
class Decoding:
    """How objects are asked for.

    Attributes:
        model: encoded the frame, and decodes.
        guided: the first call is steered by similarity.
        points: positive points per object.
        box: the predicted box is a prompt.
        previous_mask: the predicted mask is a prompt.
        refine_steps: calls after the first.
        windows: an object in sight is compared and decoded within its gate only.
    """

    model: Segmenter
    guided: bool
    points: int
    box: bool
    previous_mask: bool
    refine_steps: int
    windows: bool

    @classmethod
    def of(cls, config: TrackerConfig, model: Segmenter) -> Decoding:
        """Resolves a tracker's options for a model."""
        suits = suited(model, f"tracker={config.name}", config.guidance)
        points, steps = chosen(config.points, suits.points), chosen(config.refine_steps, suits.refine_steps)
        box = chosen(config.motion.previous_box, suits.box)
        # Points and boxes are given in the whole frame's pixels.
        windows = suits.reads_maps and not points and not box
        return cls(model, config.guidance, points, box, config.motion.previous_mask, steps, windows)

    def locate(self, embedding: ImageEmbedding, targets: Sequence[TargetFeature]) -> LocationPrior:
        """Compares a frame with N objects."""
        return locate(embedding, targets, self.model.guidance_fields if self.guided else frozenset())

    def window(self, prediction: Prediction, geometry: Geometry) -> Window | None:
        """Returns the window of an object in sight, where it can be decoded in one; None for the whole frame."""
        if not self.windows or prediction.gate is None or prediction.mask_weights is not None:
            return None
        return window_around(prediction.gate, geometry)


def decode_objects(
    decoding: Decoding,
    embedding: ImageEmbedding,
    predictions: Sequence[Prediction],
    claimed: torch.Tensor | None = None,
) -> list[Observation]:
    """Decodes N objects of a frame: those in sight in windows, in batches of one size; the others in the whole frame.

    Args:
        decoding: how they are asked for.
        embedding: of the frame.
        predictions: of the N objects.
        claimed: float (h4, w4), logits of further objects that have been found in this frame already.
    """
    geometry = embedding.geometry
    others = others_of([*(prediction.mask_logits for prediction in predictions), claimed])
    windows = {
        k: window for k, each in enumerate(predictions) if (window := decoding.window(each, geometry)) is not None
    }
    # The cascade decodes in one image.
    apart = [{k: window} for k, window in windows.items()]
    batches = apart if decoding.refine_steps else alike(windows, geometry.grid_size)
    observations: dict[int, Observation] = {}
    for batch, prior in zip(batches, _locate_in_windows(embedding, predictions, batches)):
        near = {row: others[k] for row, k in enumerate(batch) if k in others}
        own = [predictions[k] for k in batch]
        decoded = _decode_in_windows(decoding, embedding, own, prior, near, list(batch.values()))
        observations |= dict(zip(batch, decoded))
    if rest := [k for k in range(len(predictions)) if k not in windows]:
        far = {row: others[k] for row, k in enumerate(rest) if k in others}
        own = [predictions[k] for k in rest]
        prior = decoding.locate(embedding, [each.target for each in own])
        decoded = _decode(decoding, [embedding], own, prior, _prompts(decoding, geometry, own, prior, far))
        observations |= dict(zip(rest, decoded))
    return [observations[k] for k in range(len(predictions))]


def _locate_in_windows(
    embedding: ImageEmbedding, predictions: Sequence[Prediction], batches: Sequence[Mapping[int, Window]]
) -> list[LocationPrior]:
    """The location priors of batches of objects (their numbers in ``predictions``), each in its window."""
    windows = [window for batch in batches for window in batch.values()]
    targets = [predictions[k].target for batch in batches for k in batch]
    priors = iter(locate_near(embedding, targets, windows) if windows else ())
    return [LocationPrior.joined(list(islice(priors, len(batch)))) for batch in batches]


def _decode_in_windows(
    decoding: Decoding,
    embedding: ImageEmbedding,
    predictions: Sequence[Prediction],
    prior: LocationPrior,
    others: Mapping[int, torch.Tensor],
    windows: Sequence[Window],
) -> list[Observation]:
    """Decodes objects in their windows, all of one size; what is observed is that of the whole frame again."""
    geometry = embedding.geometry
    cells = geometry.logits_per_cell
    near = {row: logits[windows[row].slices(cells)] for row, logits in others.items()}
    parts = [crop(embedding, window) for window in windows]
    prompts = _prompts(decoding, parts[0].geometry, predictions, prior, near, windows)
    observations = _decode(decoding, parts, predictions, prior, prompts)
    return [observation.pasted(window, geometry) for observation, window in zip(observations, windows)]


def _decode(
    decoding: Decoding,
    embeddings: Sequence[ImageEmbedding],
    predictions: Sequence[Prediction],
    prior: LocationPrior,
    prompts: Sequence[Prompt],
) -> list[Observation]:
    """Decodes objects in one frame, or each in its window: the guided call for all of them, then the cascade."""
    guidance = prior.guidance if decoding.guided else None
    weights = [each.mask_weights for each in predictions if each.mask_weights is not None]  # all of them, or none
    first = decoding.model.decode_each(embeddings, prompts, guidance, multimask=bool(weights))
    if weights:
        fused = fuse(first.logits, torch.stack(weights).to(first.logits))
        first = MaskCandidates(fused[:, None], first.predicted_iou.amax(dim=1, keepdim=True))
    masks = refine(decoding.model, embeddings[0], prompts, first.best(), decoding.refine_steps)
    maps = prior.guidance.maps
    return [
        Observation(
            geometry=embeddings[0].geometry,
            logits=masks.logits[row, 0].float(),
            predicted_iou=min(max(float(masks.predicted_iou[row, 0]), 0.0), 1.0),
            similarity=prior.similarity[row],
            maps=None if maps is None else maps[row],
        )
        for row in range(len(predictions))
    ]


def _prompts(
    decoding: Decoding,
    geometry: Geometry,
    predictions: Sequence[Prediction],
    prior: LocationPrior,
    others: Mapping[int, torch.Tensor],
    windows: Sequence[Window] | None = None,
) -> list[Prompt]:
    """Points where the object looks most like itself; for an object in sight also its predicted mask and box."""
    # A lost object has no mask to go on with: its strongest peak says where to look.
    counts = [max(decoding.points, 1) if each.lost else decoding.points for each in predictions]
    peaks = peak_points(prior.similarity, geometry, max(counts), [each.box for each in predictions])
    prompts = []
    for row, (prediction, count) in enumerate(zip(predictions, counts)):
        points = peaks[row][:count]
        mask = prediction.mask_logits if decoding.previous_mask else None
        if mask is not None and windows is not None:
            mask = mask[windows[row].slices(geometry.logits_per_cell)]
        prompts.append(
            Prompt(
                points=points,
                labels=np.ones(len(points), dtype=np.int64),
                box=_clipped(prediction.box, geometry) if decoding.box else None,
                mask_logits=mask,
                others_logits=others.get(row),
            )
        )
    return prompts


def _clipped(box: Box | None, geometry: Geometry) -> npt.NDArray[np.float32] | None:
    """The part of a box inside the picture; None where that is nothing."""
    if box is None:
        return None
    height, width = geometry.original_size
    inside = np.clip(box, 0, np.array([width, height, width, height], dtype=np.float32)).astype(np.float32)
    return inside if bool((inside[2:] > inside[:2]).all()) else None
