"""One episode of learning to learn: the decoder practises on a scene's first view, then is asked about the others."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from vos.adaptation.lessons import MEMORY_SHARE, MEMORY_WEIGHT, Classroom, classroom
from vos.adaptation.rehearsal import View
from vos.adaptation.seen import Seen, look
from vos.persam.target import merge_views
from vos.sam.lesson import Lesson
from vos.sam.mask_loss import decoder_loss, true_iou
from vos.sam.nano import NanoSegmenter
from vos.sam.nano_network import Decoder
from vos.sam.pupil import Pupil
from vos.structures import Frame, LabelMap, TargetFeature
from vos.tracker_config import AdaptConfig

ABSENT_SHARE = 0.3  # episodes that also ask for the objects where they are not
QUESTIONS = 2  # about each object


class Exam(Classroom):
    """Questions about later views: the object is known from the reference, and perhaps from the view before."""

    def questions(self) -> list[Lesson]:
        """About every object, in views drawn at random."""
        asked = []
        for number in range(self.objects):
            for place in self.rng.sample(range(1, len(self.seen)), QUESTIONS):
                self.place = place
                asked.append(self.lesson(self.seen[place], number))
        return asked

    def about(self, view: Seen) -> Lesson:
        """About some object in a view that does not show it."""
        self.place = 1
        return self.lesson(view, self.rng.randrange(self.objects))

    def _known(self, number: int) -> TargetFeature:
        reference, before = self.seen[0].targets[number], self.seen[self.place - 1].targets[number]
        assert reference is not None, "objects are chosen because the first view shows them"
        if before is None or before is reference or self.rng.random() >= MEMORY_SHARE:
            return reference
        return merge_views([(reference, 1 - MEMORY_WEIGHT), (before, MEMORY_WEIGHT)])


@dataclass
class Outcome:
    """Gradients by the name of a decoder's parameter, those of the logarithms of the pace, and figures."""

    gradients: dict[str, torch.Tensor]
    pace: dict[str, float]
    figures: dict[str, float]


class Episodes:
    """Runs episodes; the ``i``-th depends on the seed and ``i`` alone.

    Args:
        scenes: views uint8 (V, 3, S, S) and masks bool (N, V, S, S).
        model: its encoder; the decoder comes with each call.
        config: how the decoder practises.
        seed: of the random numbers.
    """

    def __init__(
        self, scenes: Dataset[tuple[torch.Tensor, torch.Tensor]], model: NanoSegmenter, config: AdaptConfig, seed: int
    ) -> None:
        self.scenes, self.model, self.config, self.seed = scenes, model, config, seed

    def run(self, index: int, pupil: Pupil) -> Outcome:
        """Lets a copy of the pupil practise, examines it, and says what would have made it better (first order)."""
        rng = random.Random(f"{self.seed}/episode/{index}")
        views = _views(*self.scenes[2 * index])
        object_ids = [int(i) for i in np.unique(views[0].labels) if i]
        with torch.no_grad():
            frame, labels = Frame(0, "0", 0.0, views[0].rgb), LabelMap(views[0].labels, tuple(object_ids))
            room = classroom(self.model, frame, labels, self.config, rng.getrandbits(31))
            exam = Exam(look(self.model, views, object_ids), self.model.guidance_fields, rng.getrandbits(31))
            questions = exam.questions()
            if rng.random() < ABSENT_SHARE:
                elsewhere = View(_views(*self.scenes[2 * index + 1])[1].rgb, np.zeros_like(views[0].labels))
                questions.append(exam.about(look(self.model, [elsewhere], object_ids)[0]))
        steps = round(self.config.steps * math.sqrt(room.objects))
        tuned = self.model.practised(pupil, room.lessons(), steps, self.config.learning_rate)
        return self._examine(tuned.requires_grad_(True), pupil, questions)

    def _examine(self, tuned: Decoder, pupil: Pupil, questions: list[Lesson]) -> Outcome:
        losses, ious = [], []
        for question in questions:
            with torch.no_grad():
                inputs = self.model.read_lesson(question)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.model.halves):
                logits, quality = tuned(*inputs)
            truth = question.truth[None]
            loss = decoder_loss(logits.float(), quality.float(), truth)[0]
            (loss / len(questions)).backward()
            losses.append(loss.item())
            if bool(truth.any()):
                ious.append(float(true_iou(logits[:, :1], truth)))
        start, learning = dict(pupil.decoder.named_parameters()), set(pupil.learning())
        gradients, pace = {}, {}
        for name, value in tuned.named_parameters():
            if value.grad is not None:
                gradients[name] = value.grad
                if name in learning:
                    pace[name] = float((value.grad * (value.detach() - start[name].detach())).sum())
        figures = {"loss": float(np.mean(losses)), "iou": float(np.mean(ious)) if ious else float("nan")}
        return Outcome(gradients, pace, figures)


def _views(rgb: torch.Tensor, masks: torch.Tensor) -> list[View]:
    """A scene's views with their labels; of masks that are equal only one counts."""
    labels = np.zeros(masks.shape[1:], np.uint8)
    for number, mask in enumerate(masks.numpy()):
        labels[mask] = number + 1
    pictures = rgb.permute(0, 2, 3, 1).contiguous().numpy()
    return [View(picture, label) for picture, label in zip(pictures, labels)]
