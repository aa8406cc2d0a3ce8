"""Looking for tracked objects in one frame: where they can be, what they look like, what the decoder makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry
from vos.persam.cascade import Box, refine
from vos.persam.location_prior import LocationPrior, locate, locate_near, peak_points
from vos.persam.overlap import others_of
from vos.persam.persam_f import fuse
from vos.persam.window import Window, alike, crop, window_around
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding
from vos.tracking.choice import choose
from vos.tracking.config import TrackerConfig
from vos.tracking.flip import look_mirrored
from vos.tracking.observation import Sight
from vos.tracking.track import Track
from vos.tracking.zoom import look_closer


class Gaze:
    """Finds objects in frames by what their tracks know of them; changes nothing in the tracks.

    Args:
        config: of the tracker.
        model: encodes what is looked at more closely, and decodes.
    """

    def __init__(self, config: TrackerConfig, model: Segmenter) -> None:
        self.config, self.model = config, model
        # A decoder that reads the similarity maps themselves has no use for their peaks, and one call is enough; the
        # box of the frame before only holds back an object that grows (benchmarks/ablation.py: previous_box).
        self.reads_maps = reads_maps = config.guidance and "maps" in model.guidance_fields
        self.points = config.points if config.points is not None else (0 if reads_maps else 1)
        self.box_prompt = config.motion.previous_box if config.motion.previous_box is not None else not reads_maps
        self.refine_steps = config.refine_steps if config.refine_steps is not None else (0 if reads_maps else 2)
        self.closer = model.at_input_size(config.zoom.input_size) if config.zoom.enabled else None

    def look(
        self,
        embedding: ImageEmbedding,
        rgb: npt.NDArray[np.uint8],
        tracks: Sequence[Track],
        occupied: torch.Tensor | None = None,
    ) -> list[Sight]:
        """Where N objects seem to be in a frame.

        Args:
            embedding: of the frame.
            rgb: uint8 (H, W, 3), the frame, for second looks.
            tracks: of the N objects.
            occupied: float (h2, w2), logits of further objects that have been found in this frame already.
        """
        expected = [None if track.lost else track.expected for track in tracks]
        others = others_of([*expected, occupied]) if self.config.others else {}
        sights = self._first_look(embedding, tracks, others)
        targets = [track.memory.target() for track in tracks]
        if self.config.flips:
            sights = look_mirrored(self.model, rgb, sights, targets, expected)
        if self.closer is not None:
            sights = [
                look_closer(self.closer, rgb, sight, embedding.geometry, target, self.config.zoom)
                for target, sight in zip(targets, sights)
            ]
        return sights

    def locate(self, embedding: ImageEmbedding, tracks: Sequence[Track]) -> LocationPrior:
        """The location prior of N objects in a frame or in a part of one."""
        fields = self.model.guidance_fields if self.config.guidance else frozenset[str]()
        return locate(embedding, [track.memory.target() for track in tracks], fields)

    def _first_look(
        self, embedding: ImageEmbedding, tracks: Sequence[Track], others: Mapping[int, torch.Tensor]
    ) -> list[Sight]:
        """Objects in sight in windows, in batches of one size; the others in the whole frame, in one batch."""
        windows = {
            number: window
            for number, track in enumerate(tracks)
            if (window := self._window(track, embedding.geometry)) is not None
        }
        grid = embedding.geometry.grid_size
        # The cascade decodes in one image.
        batches = [{k: window} for k, window in windows.items()] if self.refine_steps else alike(windows, grid)
        sights: dict[int, Sight] = {}
        for batch, prior in zip(batches, self._locate_near(embedding, tracks, batches)):
            near = {row: others[k] for row, k in enumerate(batch) if k in others}
            seen = self._look_near(embedding, [tracks[k] for k in batch], prior, near, list(batch.values()))
            sights |= dict(zip(batch, seen))
        rest = [number for number in range(len(tracks)) if number not in sights]
        if rest:
            far = {row: others[k] for row, k in enumerate(rest) if k in others}
            lost = [tracks[k] for k in rest]
            sights |= dict(zip(rest, self._look_at([embedding], lost, self.locate(embedding, lost), far)))
        return [sights[number] for number in range(len(tracks))]

    def candidates(self, embedding: ImageEmbedding, track: Track, occupied: torch.Tensor | None = None) -> list[Sight]:
        """The decoder's three candidates for one object; ``occupied`` as in :meth:`look`."""
        others = {0: occupied} if occupied is not None and self.config.others else {}
        window = self._window(track, embedding.geometry)
        if window is None:
            return self._look_at([embedding], [track], self.locate(embedding, [track]), others, multimask=True)
        (prior,) = self._locate_near(embedding, [track], [{0: window}])
        return self._look_near(embedding, [track], prior, others, [window], multimask=True)

    def _locate_near(
        self, embedding: ImageEmbedding, tracks: Sequence[Track], batches: Sequence[Mapping[int, Window]]
    ) -> list[LocationPrior]:
        """The location priors of batches of objects (their numbers in ``tracks``), each in its window."""
        windows = [window for batch in batches for window in batch.values()]
        targets = [tracks[k].memory.target() for batch in batches for k in batch]
        priors = iter(locate_near(embedding, targets, windows) if windows else ())
        return [LocationPrior.joined(list(islice(priors, len(batch)))) for batch in batches]

    def _look_near(
        self,
        embedding: ImageEmbedding,
        tracks: Sequence[Track],
        prior: LocationPrior,
        others: Mapping[int, torch.Tensor],
        windows: Sequence[Window],
        multimask: bool = False,
    ) -> list[Sight]:
        """Objects in their windows, all of one size; what is seen is that of the whole frame again."""
        geometry = embedding.geometry
        cells = geometry.grid_stride // geometry.logit_stride
        near = {row: logits[windows[row].slices(cells)] for row, logits in others.items()}
        views = [crop(embedding, window) for window in windows]
        sights = self._look_at(views, tracks, prior, near, windows, multimask)
        per_object = len(sights) // len(windows)
        return [sight.pasted(windows[row // per_object], geometry) for row, sight in enumerate(sights)]

    def _window(self, track: Track, geometry: Geometry) -> Window | None:
        """The window of an object in sight, where the decoder can look at one."""
        motion = self.config.motion
        if not (motion.window and motion.reach and self.reads_maps) or track.lost or track.weights is not None:
            return None
        if self.points or self.box_prompt or self.config.negatives:  # these are given in the whole frame's pixels
            return None
        box = track.reach(geometry)
        return None if box is None else window_around(box, geometry)

    def _look_at(
        self,
        embeddings: Sequence[ImageEmbedding],
        tracks: Sequence[Track],
        prior: LocationPrior,
        others: Mapping[int, torch.Tensor],
        windows: Sequence[Window] | None = None,
        multimask: bool = False,
    ) -> list[Sight]:
        """Decodes objects in one frame, or each in its window of one size; or all candidates of one."""
        prompts = self._prompts(embeddings[0].geometry, tracks, prior, others, windows)
        if multimask:
            guidance, contested = prior.guidance if self.config.guidance else None, [False]
            answer = self.model.decode_each(embeddings, prompts, guidance)
        else:
            answer, contested = self._decode(embeddings, tracks, prior, prompts)
        maps = prior.guidance.maps
        return [
            Sight(
                logits=answer.logits[row, choice].float(),
                predicted_iou=min(max(float(answer.predicted_iou[row, choice]), 0.0), 1.0),
                similarity=prior.similarity[row],
                maps=None if maps is None else maps[row],
                contested=contested[row],
            )
            for row in range(len(tracks))
            for choice in range(answer.logits.shape[1])
        ]

    def _decode(
        self,
        embeddings: Sequence[ImageEmbedding],
        tracks: Sequence[Track],
        prior: LocationPrior,
        prompts: Sequence[Prompt],
    ) -> tuple[MaskCandidates, list[bool]]:
        """One batch per call for all objects: the guided call, then the cascade; and who has a look-alike near."""
        guidance = prior.guidance if self.config.guidance else None
        weights = [track.weights for track in tracks if track.weights is not None]  # all of them, or none
        choice, contested = self.config.choice, [False] * len(tracks)
        first = self.model.decode_each(embeddings, prompts, guidance, multimask=bool(weights) or choice.enabled)
        if weights:
            fused = fuse(first.logits, torch.stack(weights).to(first.logits))
            first = MaskCandidates(fused[:, None], first.predicted_iou.amax(dim=1, keepdim=True))
        elif choice.enabled:
            first, contested = choose(first, [prompt.mask_logits for prompt in prompts], choice)
        return refine(self.model, embeddings[0], prompts, first.best(), self.refine_steps), contested

    def _prompts(
        self,
        geometry: Geometry,
        tracks: Sequence[Track],
        prior: LocationPrior,
        others: Mapping[int, torch.Tensor],
        windows: Sequence[Window] | None,
    ) -> list[Prompt]:
        """Points where the object looks most like itself; for an object in sight also its expected mask and box."""
        motion = self.config.motion
        boxes = [None if track.lost else track.motion.predict(motion.box_margin) for track in tracks]
        # A lost object has no mask to go on with: its strongest peak says where to look.
        counts = [max(self.points, 1) if track.lost else self.points for track in tracks]
        peaks = peak_points(prior.similarity, geometry, max(counts), boxes)
        points = [peak[:count] for peak, count in zip(peaks, counts)]
        best = [own[:1] for own in peak_points(prior.similarity, geometry, 1, boxes)] if self.config.negatives else []
        prompts = []
        for row, (track, box) in enumerate(zip(tracks, boxes)):
            negative = [p for other, p in enumerate(best) if other != row and not tracks[other].lost]
            mask = None if track.lost or not motion.previous_mask else track.expected
            if mask is not None and windows is not None:
                mask = mask[windows[row].slices(geometry.grid_stride // geometry.logit_stride)]
            prompts.append(
                Prompt(
                    points=np.concatenate([points[row], *negative]),
                    labels=np.array([1] * len(points[row]) + [0] * len(negative), dtype=np.int64),
                    box=_clipped(box, geometry) if self.box_prompt else None,
                    mask_logits=mask,
                    others_logits=others.get(row),
                )
            )
        return prompts


def _clipped(box: Box | None, geometry: Geometry) -> Box | None:
    """The part of a box inside the picture; None where that is nothing."""
    if box is None:
        return None
    height, width = geometry.original_size
    inside = np.clip(box, 0, np.array([width, height, width, height], dtype=np.float32)).astype(np.float32)
    return inside if bool((inside[2:] > inside[:2]).all()) else None
