"""Clicks and boxes on the regions of one photo, as a user gives them: each answer is corrected by one more click."""

from __future__ import annotations

import random

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from nano_training.prompts import click, draw, loose_box
from vos.sam.mask_loss import decoder_loss, true_iou
from vos.sam.nano_network import GUIDANCE_CHANNELS, LOGIT_STRIDE, Decoder

CLICKS = 3
FIGURES = (*(f"iou_click_{number + 1}" for number in range(CLICKS)), "iou_box")
INNERMOST_SHARE = 0.6  # of clicks in the middle of what is meant; the others are anywhere on it
BOX_SHARE, CLICKED_BOX_SHARE = 0.3, 0.3  # regions that are given a box; of these, with a click in the first question

Levels = tuple[torch.Tensor, ...]


class Interaction:
    """Runs the questions on one view.

    Args:
        decoder: under training; it gets no guidance.
        levels: of the view, (1, C, h, w) each, without gradients.
        masks: bool (N, S, S), the regions.
        rng: random numbers of this view.
        autocast: bfloat16 in the decoder.
    """

    def __init__(
        self, decoder: Decoder, levels: Levels, masks: torch.Tensor, rng: random.Random, autocast: bool
    ) -> None:
        self.decoder, self.levels, self.rng, self.autocast = decoder, levels, rng, autocast
        self.truths = F.avg_pool2d(masks[:, None].float(), LOGIT_STRIDE)[:, 0]
        grid = levels[0].shape[-2:]
        count = len(masks)
        self.guidance = torch.zeros(count, GUIDANCE_CHANNELS, *grid).contiguous(memory_format=torch.channels_last)
        self.fine = tuple(torch.zeros(count, 1, grid[0] * cells, grid[1] * cells) for cells in (2, 4))

    def run(self) -> tuple[torch.Tensor, dict[str, float]]:
        """The mean loss of all questions, and the IoU after each number of clicks and of boxes."""
        boxed = [self.rng.random() < BOX_SHARE for _ in self.truths]
        boxes = [loose_box(truth > 0.5, self.rng) if box else None for truth, box in zip(self.truths, boxed)]
        clicks: list[list[tuple[torch.Tensor, bool]]] = [[] for _ in self.truths]
        for number, truth in enumerate(self.truths):
            if not boxed[number] or self.rng.random() < CLICKED_BOX_SHARE:
                clicks[number].append((self._click(truth > 0.5), True))
        answers: list[torch.Tensor | None] = [None for _ in self.truths]
        losses, figures = [], dict[str, float]()
        for step in range(CLICKS):
            logits, quality = self._ask(clicks, boxes, answers)
            losses.append(decoder_loss(logits, quality, self.truths))
            best = 1 + quality[:, 1:].argmax(dim=1) if step == 0 else torch.zeros(len(logits), dtype=torch.long)
            taken = logits.detach()[torch.arange(len(logits)), best]
            ious = true_iou(taken[:, None], self.truths)[:, 0]
            for name, wanted in ((f"click_{step + 1}", False), ("box", True)):
                rows = [k for k, box in enumerate(boxed) if box == wanted and (step == 0 or not box)]
                if rows:
                    figures[f"iou_{name}"] = float(ious[rows].mean())
            for number, truth in enumerate(self.truths):
                answers[number] = taken[number].sigmoid()
                wrong = (taken[number] > 0) != (truth > 0.5)
                if bool(wrong.any()):
                    clicks[number].append(self._correction(wrong, truth > 0.5))
        return torch.cat(losses).mean(), figures

    def _ask(
        self,
        clicks: list[list[tuple[torch.Tensor, bool]]],
        boxes: list[torch.Tensor | None],
        answers: list[torch.Tensor | None],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        prompts = []
        for own, box, answer, truth in zip(clicks, boxes, answers, self.truths):
            positive, negative = (
                torch.cat([point for point, on in own if on is wanted] or [torch.zeros(0, 2)])
                for wanted in (True, False)
            )
            prompts.append(draw(truth, positive, negative, box, answer))
        prompt = torch.stack(prompts).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            logits, quality = self.decoder(self.levels, self.guidance, (self.fine[0], self.fine[1]), prompt)
        return logits.float(), quality.float()

    def _correction(self, wrong: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, bool]:
        """A click on the largest connected part that is missing or surplus."""
        parts = [wrong & truth, wrong & ~truth]
        largest = [_largest(part) for part in parts]
        on_object = bool(largest[0].sum() >= largest[1].sum())
        return self._click(largest[0 if on_object else 1]), on_object

    def _click(self, region: torch.Tensor) -> torch.Tensor:
        if self.rng.random() >= INNERMOST_SHARE:
            return click(region, self.rng)
        padded = np.pad(region.numpy().astype(np.uint8), 1)
        distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
        row, column = np.unravel_index(int(distance.argmax()), distance.shape)
        return torch.tensor([[float(column) + 0.5, float(row) + 0.5]])


def _largest(region: torch.Tensor) -> torch.Tensor:
    """The largest connected part of a boolean region; empty where that is empty."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.numpy().astype(np.uint8), connectivity=8)
    if len(stats) == 1:
        return region
    return torch.from_numpy(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))
