"""Test-time adaptation: the decoder learns the objects of a reference frame from synthetic views of it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import cv2
import numpy as np
import torch

from vos.adaptation.config import AdaptConfig
from vos.adaptation.views import View, synthetic_views
from vos.adaptation.warp import corrupt_masks
from vos.persam.location_prior import locate
from vos.persam.target_feature import merge_views, observed_targets
from vos.persam.window import Window, crop, window_around
from vos.progress import Progress
from vos.sam.device import free_cores
from vos.sam.nano.inputs import resized
from vos.sam.prompting import Prompt, TrainingSample
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, TargetFeature

REFERENCE_SHARE = 0.6  # samples whose target feature is the reference's own rather than a synthetic view's
MEMORY_SHARE = 0.5  # samples that know a second view, too, as the tracker's memory does
MEMORY_WEIGHT = 0.4  # of that second view
MASK_SHARE, OTHERS_SHARE = 0.8, 0.7  # samples with an earlier mask; with the other objects' earlier masks
WINDOW_SHARE, WINDOW_REACH = 0.85, 1.2  # samples in a window; how far it may reach, in sides of the object
MOST_OBJECTS = 32  # objects; the decoder is one for all, and the others profit
BAR_DELAY = 1  # seconds of learning before a bar is shown; many objects take a minute
SURE = 1e-3  # probabilities of a mask prompt stay this far from 0 and 1


@torch.no_grad()
def adapt(model: Segmenter, frame: Frame, reference: LabelMap, config: AdaptConfig) -> Segmenter:
    """Adapts a model's decoder to the objects of a reference frame.

    Args:
        model: stays as it is. One that cannot be adapted is returned unchanged.
        frame: the reference frame.
        reference: its mask, not empty.
        config: how long, and which random numbers.

    Returns:
        A model whose embeddings are those of ``model``, and whose masks are better for these objects.
    """
    if not (config.enabled and config.steps and model.adaptable):
        return model
    generator = sample_generator(model, frame, reference, config.views, config.seed)
    steps = round(config.steps * math.sqrt(generator.objects))
    samples = generator.samples()
    if not steps:
        return model
    with Progress("learning", steps, "step", delay=BAR_DELAY, is_kept=False) as progress:
        batches = (list(islice(samples, config.samples)) for _ in progress.each(range(steps)))
        return model.adapted(batches, steps, config.learning_rate)


@dataclass(frozen=True, slots=True)
class EncodedView:
    """One view: its embedding, each object's low-res mask (N, h2, w2), and what it shows of those that are in it."""

    embedding: ImageEmbedding
    masks: torch.Tensor
    targets: list[TargetFeature | None]


@torch.no_grad()
def encode_view(model: Segmenter, view: View, object_ids: Sequence[int]) -> EncodedView:
    """Encodes a view, and takes the target feature of each object in it."""
    (embedding,) = model.encode([view.rgb])
    own = torch.from_numpy(np.stack([view.labels == object_id for object_id in object_ids]))
    masks = embedding.geometry.mask_to_low_res(own).to(embedding.features.device, torch.float32)
    shown = [k for k, mask in enumerate(masks) if bool((mask > 0).any())]
    targets: list[TargetFeature | None] = [None] * len(masks)
    for k, target in zip(shown, observed_targets(embedding, masks[shown]) if shown else []):
        targets[k] = target
    return EncodedView(embedding, masks, targets)


class SampleGenerator:
    """Draws training samples from views of some objects: what the tracker asks of the decoder, and the true mask.

    Args:
        views: encoded, that of the reference first.
        guidance_fields: what the model reads of PerSAM's guidance.
        seed: of the random numbers.
    """

    def __init__(self, views: Sequence[EncodedView], guidance_fields: frozenset[str], seed: int = 0) -> None:
        self.views, self.guidance_fields, self.rng = views, guidance_fields, random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.objects = len(views[0].masks) if views else 0

    def samples(self) -> Iterator[TrainingSample]:
        """Yields training samples without end, the objects in turn; none where there is no object."""
        while self.objects:
            for number in self.rng.sample(range(self.objects), self.objects):
                yield self._sample(self.rng.choice(self.views), number)

    def _sample(self, view: EncodedView, number: int) -> TrainingSample:
        """Makes the sample of one object in one view."""
        truth, others = view.masks[number], None
        if self.objects > 1 and self.rng.random() < OTHERS_SHARE:
            rest = [k for k in range(self.objects) if k != number]
            others = self._corrupted(view.masks[rest].amax(dim=0))
        mask = self._corrupted(truth) if self.rng.random() < MASK_SHARE else None
        embedding = view.embedding
        window = self._window(view, number)
        if window is not None:
            rows, columns = window.slices(embedding.geometry.logits_per_cell)
            truth = truth[rows, columns]
            mask = None if mask is None else mask[rows, columns]
            others = None if others is None else others[rows, columns]
            embedding = crop(embedding, window)
        guidance = locate(embedding, [self._known(number)], self.guidance_fields).guidance
        prompt = Prompt.empty(mask_logits=mask, others_logits=others)
        return TrainingSample(embedding, prompt, guidance, truth)

    def _corrupted(self, mask: torch.Tensor) -> torch.Tensor:
        """Makes of a mask (h2, w2) the logits of an earlier frame's."""
        return torch.logit(corrupt_masks(mask[None], self.generator)[0], eps=SURE)

    def _known(self, number: int) -> TargetFeature:
        """Draws what a tracker might know of an object: the reference, or a synthetic view, and perhaps one more."""
        views = [target for view in self.views if (target := view.targets[number]) is not None]
        first = views[0] if self.rng.random() < REFERENCE_SHARE else self.rng.choice(views)
        if self.rng.random() >= MEMORY_SHARE:
            return first
        return merge_views([(first, 1 - MEMORY_WEIGHT), (self.rng.choice(views), MEMORY_WEIGHT)])

    def _window(self, view: EncodedView, number: int) -> Window | None:
        """Draws a window around the object, as the tracker would lay one; None for the whole picture."""
        cells = (view.masks[number] > 0).nonzero()
        if not len(cells) or self.rng.random() >= WINDOW_SHARE:
            return None
        geometry = view.embedding.geometry
        (y0, x0), (y1, x1) = cells.amin(dim=0).tolist(), (cells.amax(dim=0) + 1).tolist()
        sides = (x1 - x0, y1 - y0) * 2
        reach = [sign * self.rng.uniform(0, WINDOW_REACH) * side for sign, side in zip((-1, -1, 1, 1), sides)]
        box = np.array([x0, y0, x1, y1], np.float32) + np.array(reach, np.float32)
        return window_around(box * geometry.logit_stride, geometry)


def sample_generator(model: Segmenter, frame: Frame, reference: LabelMap, views: int, seed: int) -> SampleGenerator:
    """Makes synthetic views of a reference frame and encodes them.

    Args:
        model: encodes the views; its decoder is the one to be tuned.
        frame: the reference frame.
        reference: its mask. Only objects that the model can see in it are learned, and of very many only the first.
        views: how many are made.
        seed: of the random numbers.
    """
    shown = _at_input_size(model, View(frame.rgb, reference.labels))
    object_ids = [i for i in reference.object_ids if bool((shown.labels == i).any())][:MOST_OBJECTS]
    encoded: list[EncodedView] = []
    if object_ids:
        shown_first = chain([shown], synthetic_views(shown, object_ids, views, seed))
        # Views are made on this thread while earlier ones are encoded on others.
        with ThreadPoolExecutor(free_cores(model.device), "encode view") as pool:
            encoded = list(pool.map(lambda view: encode_view(model, view, object_ids), shown_first))
    return SampleGenerator(encoded, model.guidance_fields, seed)


def _at_input_size(model: Segmenter, view: View) -> View:
    """Resizes a view to what the model sees of it: a video may be far larger."""
    size = model.geometry(view.labels.shape).input_size
    labels = cv2.resize(view.labels, size[::-1], interpolation=cv2.INTER_NEAREST)
    return View(resized(view.rgb, size), np.asarray(labels, dtype=np.uint8))
