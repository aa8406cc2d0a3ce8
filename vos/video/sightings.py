"""Objects that photos have shown, searched for in frames as in photos until they are seen; then shown to the tracker.

The tracker by itself takes up what it finds in its own grid, and never what is small. What the photos' search is sure
of becomes a reference as if the user had drawn it: the decoder adapts to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vos.concept.concept import Concept
from vos.photos.calibration import calibration_of
from vos.photos.result import PhotoResult
from vos.photos.segmenter import PhotoSegmenter
from vos.sam.registry import PHOTO_INPUT_SIZES
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, TrackedFrame
from vos.tracking.tracker import Tracker

EVERY = 10  # frames from one search to the next
FALSE_ALARMS = 0.005  # share of frames without the object in which it may be seen: a video goes on from it


class Sightings:
    """Looks for the concepts of a video.

    Args:
        model: of the video.
        concepts: by their ids; none where there is nothing to look for.
    """

    def __init__(self, model: Segmenter, concepts: Sequence[Concept]) -> None:
        calibration = calibration_of(model)
        self.concepts = dict(enumerate(concepts, start=1)) if calibration is not None else {}
        if self.concepts:
            size = PHOTO_INPUT_SIZES.get(model.name)
            small = model if size is None else model.at_input_size(size)
            self.segmenter = PhotoSegmenter(small, max_false_alarms=FALSE_ALARMS)

    def show(
        self, tracker: Tracker, tracked: TrackedFrame, frame: Frame, embedding: ImageEmbedding, is_first: bool
    ) -> TrackedFrame:
        """Shows the tracker what is seen of objects that it has not seen in this scene; now and then.

        Args:
            tracker: that has just tracked the frame.
            tracked: what it has found.
            frame: the frame.
            embedding: of the frame, for the tracker.
            is_first: the search begins with this frame: every object is looked for.

        Returns:
            ``tracked``, or the frame tracked again with what was seen.
        """
        if not self.concepts or (frame.index % EVERY and not is_first):
            return tracked
        wanted = [i for i in (tracker.object_ids if is_first else tracker.unseen()) if i in self.concepts]
        seen = self._seen(frame, wanted)
        if not seen:
            return tracked
        labels = np.zeros(frame.size, np.uint8)
        for object_id, result in seen.items():
            labels[result.mask] = object_id
        shown = tracker.add_reference(embedding, LabelMap(labels, tracker.object_ids), frame)
        predicted_iou = shown.predicted_iou.clone()
        for object_id, result in seen.items():
            predicted_iou[tracker.object_ids.index(object_id)] = result.instances[0].predicted_iou
        return replace(shown, given=None, predicted_iou=predicted_iou)  # nobody has given it

    def _seen(self, frame: Frame, wanted: Sequence[int]) -> dict[int, PhotoResult]:
        if not wanted:
            return {}
        results = self.segmenter.segment(frame.rgb, [self.concepts[object_id] for object_id in wanted])
        return {object_id: result for object_id, result in zip(wanted, results) if result.instances}
