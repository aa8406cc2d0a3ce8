"""Clicks and boxes on the regions of photos, as a user gives them: each mask is corrected by one more click."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from training.encoding import repeated_levels
from training.losses import decoder_loss, true_iou
from training.prompts import NOWHERE, Prompts, click, innermost, loose_boxes
from vos.persam.click_guidance import click_maps
from vos.persam.target_model import scales
from vos.sam.nano.inputs import box_map
from vos.sam.nano.network import GUIDANCE_CHANNELS, LOGIT_STRIDE, Decoder

CLICKS = 3
FIGURES = (*(f"iou_click_{number + 1}" for number in range(CLICKS)), "iou_box")
INNERMOST_SHARE = 0.6  # of clicks in the middle of what is meant; the others are anywhere on it
BOX_SHARE, CLICKED_BOX_SHARE = 0.3, 0.3  # regions that are given a box; of these, with a click in the first prompt

Levels = tuple[torch.Tensor, ...]


class Interaction:
    """Runs the prompts on a batch of views.

    Args:
        decoder: under training.
        levels: of the views, (B, C, h, w) each.
        masks: bool (B, N, S, S), the regions.
        generator: of the random numbers, on the masks' device.
        autocast: bfloat16 in the decoder.
        features: of the views, (B, C, h, w): the decoder gets the guidance of clicks; None = it gets none.
        clicks: how many are given.
    """

    def __init__(
        self,
        decoder: Decoder,
        levels: Levels,
        masks: torch.Tensor,
        generator: torch.Generator,
        autocast: bool,
        features: torch.Tensor | None = None,
        clicks: int = CLICKS,
    ) -> None:
        self.decoder, self.autocast, self.device = decoder, autocast, masks.device
        self.generator, self.clicks = generator, clicks
        self.truths = F.avg_pool2d(masks.flatten(0, 1)[:, None].float(), LOGIT_STRIDE)[:, 0]
        self.levels = repeated_levels(levels, masks.shape[1])
        count, grid = len(self.truths), levels[0].shape[-2:]
        self.guidance = torch.zeros(count, GUIDANCE_CHANNELS, *grid, device=self.device).contiguous(
            memory_format=torch.channels_last
        )
        self.fine = tuple(
            torch.zeros(count, 1, grid[0] * cells, grid[1] * cells, device=self.device) for cells in (2, 4)
        )
        self.seen: list[torch.Tensor] = []
        if features is not None:
            own = torch.vmap(lambda one, *finer: tuple(scales(one, finer)))(features, *levels)
            self.seen = list(repeated_levels(own, masks.shape[1]))

    def run(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The mean loss of all prompts, and the IoU after each number of clicks and of boxes."""
        truth = self.truths > 0.5
        boxed = self._draw(BOX_SHARE)
        prompts = Prompts.of(torch.zeros_like(self.truths), torch.zeros_like(boxed))
        prompts.box = loose_boxes(truth & boxed[:, None, None], self.generator)
        prompts.positive = self._click(truth & (~boxed | self._draw(CLICKED_BOX_SHARE))[:, None, None])[0][:, None]
        losses, figures = [], dict[str, torch.Tensor]()
        for step in range(self.clicks):
            logits, quality = self._ask(prompts, first=step == 0)
            losses.append(decoder_loss(logits, quality, self.truths))
            # Without a hint at the size the three candidates compete, later there is a single mask, as in SAM.
            best = 1 + quality[:, 1:].argmax(dim=1) if step == 0 else torch.zeros_like(quality[:, 0], dtype=torch.long)
            taken = logits.detach()[torch.arange(len(logits), device=self.device), best]
            iou = true_iou(taken[:, None], self.truths)[:, 0]
            if step < CLICKS:
                figures[f"iou_click_{step + 1}"] = _mean(iou, ~boxed)
            if step == 0:
                figures["iou_box"] = _mean(iou, boxed)
            prompts.mask, prompts.mask_given = taken.sigmoid(), torch.ones_like(boxed)
            self._correct(prompts, taken > 0, truth)
        return torch.cat(losses).mean(), figures

    def _draw(self, share: float) -> torch.Tensor:
        """Takes a chance for each region: bool (R,)."""
        return torch.rand(len(self.truths), generator=self.generator, device=self.device) < share

    def _ask(self, prompts: Prompts, first: bool) -> tuple[torch.Tensor, torch.Tensor]:
        guidance, fine = self._guide(prompts, first) if self.seen else (self.guidance, self.fine)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits, quality = self.decoder(self.levels, guidance, (fine[0], fine[1]), prompts.draw())
        return logits.float(), quality.float()

    @torch.no_grad()
    def _guide(self, prompts: Prompts, first: bool) -> tuple[torch.Tensor, Levels]:
        """What clicks, and boxes or, but for the ``first``, last masks say about looks: maps, finer responses."""
        size, given, area = self.truths.shape[1:], None, prompts.mask
        if first:
            given = prompts.box[:, 2] > prompts.box[:, 0]
            boxes = torch.stack([box_map(box, (size[0], size[1])) for box in prompts.box])
            area = torch.where(given[:, None, None], boxes, 0.5)
        sides = torch.tensor([size[1], size[0]], device=self.device)
        maps, responses = click_maps(self.seen, prompts.positive / sides, prompts.negative / sides, area, given)
        flag = torch.ones_like(maps[:, :1])
        guidance = torch.cat([maps, responses[0][:, None], flag], dim=1)
        return guidance.contiguous(memory_format=torch.channels_last), tuple(each[:, None] for each in responses[1:])

    def _correct(self, prompts: Prompts, mask: torch.Tensor, truth: torch.Tensor) -> None:
        """One more click each, where most is missing or surplus: in the widest part of what is wrong."""
        missing, depth_missing = self._click(truth & ~mask)
        surplus, depth_surplus = self._click(mask & ~truth)
        on_object = (depth_missing >= depth_surplus)[:, None]
        prompts.positive = torch.cat([prompts.positive, torch.where(on_object, missing, NOWHERE)[:, None]], dim=1)
        prompts.negative = torch.cat([prompts.negative, torch.where(on_object, NOWHERE, surplus)[:, None]], dim=1)

    def _click(self, regions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A click on each region (R, h2, w2), in its middle or anywhere, and how wide the region is there."""
        middle, depth = innermost(regions)
        middling = self._draw(INNERMOST_SHARE)[:, None]
        return torch.where(middling, middle, click(regions, self.generator)), depth


def _mean(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Of the chosen rows; NaN where there are none."""
    return (values * rows).sum() / rows.sum()
