"""The questions that one scene answers: found by reference, followed by mask, asked by click or box, corrected."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from nano_training.losses import decoder_loss, similarity_loss, true_iou
from nano_training.prompts import click, loose_box, stale_mask
from nano_training.scenes import VIEWS
from vos.persam.similarity import MAP_COUNT, similarity_maps
from vos.persam.target import target_feature
from vos.sam.nano_network import NanoNetwork
from vos.sam.prompt_maps import prompt_maps
from vos.structures import TargetFeature

ABSENT_SHARE = 0.1  # objects looked for in a scene that does not hold them

NO_CLICK = torch.zeros(0, 2)


@dataclass
class Views:
    """Encoded views of B scenes.

    Attributes:
        features: float (B, 3, C, h, w), what is matched.
        levels: three levels, float (B * 3, C', h', w') each, what the decoder reads.
        low_res: float (B, N, 3, h4, w4), covered share of each cell.
        grid: float (B, N, 3, h, w), the same on the embedding grid.
    """

    features: torch.Tensor
    levels: list[torch.Tensor]
    low_res: torch.Tensor
    grid: torch.Tensor


@dataclass
class RoundResult:
    """Loss per object (N,), IoU of the single mask (N,), its logits (N, h4, w4), logits of all masks (N, 4, h4, w4)."""

    loss: torch.Tensor
    iou: torch.Tensor
    single: torch.Tensor
    logits: torch.Tensor
    quality: torch.Tensor


class SceneRounds:
    """Runs all rounds on a batch of scenes and sums their losses.

    Args:
        network: under training.
        views: uint8 (B, 3, 3, S, S).
        masks: bool (B, N, 3, S, S).
        rng: random numbers of this step.
        autocast: bfloat16 in the network.
    """

    def __init__(
        self, network: NanoNetwork, views: torch.Tensor, masks: torch.Tensor, rng: random.Random, autocast: bool
    ) -> None:
        self.network, self.rng, self.autocast = network, rng, autocast
        self.views = self._encode(views, masks)
        self.scenes, self.objects = masks.shape[:2]
        self.rows = [(scene, number) for scene in range(self.scenes) for number in range(self.objects)]
        self.absent = [rng.random() < ABSENT_SHARE and self.scenes > 1 for _ in self.rows]

    def run(self) -> tuple[torch.Tensor, dict[str, float]]:
        """Returns the loss of the step and figures for the log."""
        targets = [self._reference(row, absent) for row, absent in zip(self.rows, self.absent)]
        found, found_maps = self._find(targets)
        followed = self._follow(targets, found)
        asked, corrected = self._interact()
        rounds = {"find": found, "follow": followed, "ask": asked, "correct": corrected}
        similarity = similarity_loss(found_maps, self._goal(1, grid=True)).mean()
        decoder = torch.cat([r.loss for r in rounds.values()]).mean()
        here = ~torch.tensor(self.absent)
        figures = {"loss": decoder.item(), "similarity": similarity.item()}
        figures |= {f"iou_{name}": float(r.iou[here].mean() if len(r.iou) == len(here) else r.iou.mean())
                    for name, r in rounds.items()}  # fmt: skip
        return decoder + similarity, figures

    def _encode(self, views: torch.Tensor, masks: torch.Tensor) -> Views:
        scenes, count, size = views.shape[0], views.shape[1], views.shape[-1]
        images = views.flatten(0, 1).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.autocast):
            features, *levels = self.network.encode(images)
        flat = masks.flatten(0, 2)[:, None].float()
        low_res = F.avg_pool2d(flat, 4).view(*masks.shape[:3], size // 4, size // 4)
        grid = F.avg_pool2d(flat, 16).view(*masks.shape[:3], size // 16, size // 16)
        return Views(features.float().unflatten(0, (scenes, count)), levels, low_res, grid)

    def _reference(self, row: tuple[int, int], absent: bool) -> TargetFeature:
        """The object as seen in the first view; of another scene where it shall be absent."""
        scene, number = row
        if absent:
            scene = (scene + 1) % self.scenes
        return target_feature(self.views.features[scene, 0], self.views.grid[scene, number, 0])

    def _goal(self, view: int, grid: bool = False) -> torch.Tensor:
        goal = (self.views.grid if grid else self.views.low_res)[:, :, view].flatten(0, 1)
        return goal * (1 - torch.tensor(self.absent).float())[:, None, None]

    def _maps(self, view: int, targets: list[TargetFeature]) -> torch.Tensor:
        per_scene = [
            similarity_maps(self.views.features[scene, view], targets[scene * self.objects :][: self.objects])
            for scene in range(self.scenes)
        ]
        return torch.cat(per_scene)

    def _find(self, targets: list[TargetFeature]) -> tuple[RoundResult, torch.Tensor]:
        """Second view, by reference; now and then with a stale mask, a click or a box."""
        goal, maps, prompts = self._goal(1), self._maps(1, targets), []
        for number in range(len(self.rows)):
            truth = self.views.low_res[self.rows[number]][1]
            prompts.append(
                self._prompt(
                    truth,
                    mask=stale_mask(truth, self.rng) if self.rng.random() < 0.35 else None,
                    clicked=self.rng.random() < 0.15 and not self.absent[number],
                    boxed=self.rng.random() < 0.15 and not self.absent[number],
                )
            )
        return self._decode(1, self.rows, maps, torch.ones(len(self.rows)), prompts, goal), maps

    def _follow(self, targets: list[TargetFeature], found: RoundResult) -> RoundResult:
        """Third view, with the second's answer as the earlier mask and as memory: the tracker's own loop."""
        maps = self._maps(2, targets)
        remembered = found.single.detach().sigmoid()
        guided = torch.tensor([float(self.rng.random() < 0.85) for _ in self.rows])
        blended, prompts = [], []
        for number, (scene, _) in enumerate(self.rows):
            coverage = F.avg_pool2d(remembered[number][None, None], 4)[0, 0]
            trusted = float(coverage.max()) > 0.5 and float(found.quality[number, 0].detach()) > 0
            if trusted and self.rng.random() < 0.5:
                memory = target_feature(self.views.features[scene, 1], coverage)
                blended.append((maps[number] + similarity_maps(self.views.features[scene, 2], [memory])[0]) / 2)
            else:
                blended.append(maps[number])
            draw = self.rng.random()
            truth_before = self.views.low_res[self.rows[number]][1]
            mask = remembered[number] if draw < 0.7 else stale_mask(truth_before, self.rng) if draw < 0.9 else None
            box = loose_box(remembered[number] > 0.5, self.rng, 0.15) if self.rng.random() < 0.3 else None
            clicked = self.rng.random() < 0.15 and not self.absent[number]
            prompts.append(self._prompt(self.views.low_res[self.rows[number]][2], mask, clicked, box=box))
        return self._decode(2, self.rows, torch.stack(blended), guided, prompts, self._goal(2))

    def _interact(self) -> tuple[RoundResult, RoundResult]:
        """Second view, no reference: a click or a box, then one more click where the answer was wrong."""
        rows = self.rng.sample(self.rows, len(self.rows) // 2)
        goal = torch.stack([self.views.low_res[row][1] for row in rows])
        blank = self.views.features.new_zeros(len(rows), MAP_COUNT, *self.views.features.shape[-2:])
        unguided = torch.zeros(len(rows))
        clicks, boxes = [], []
        for truth in goal:
            kind = self.rng.random()
            clicks.append(click(truth > 0.5, self.rng) if kind < 0.75 else NO_CLICK)
            boxes.append(loose_box(truth > 0.5, self.rng) if kind > 0.6 else None)
        size = (goal.shape[1], goal.shape[2])
        prompts = [prompt_maps(size, c, NO_CLICK, b, None) for c, b in zip(clicks, boxes)]
        asked = self._decode(1, rows, blank, unguided, prompts, goal)
        prompts = []
        for number, truth in enumerate(goal):
            answer = asked.logits[number, self._best(asked, number)].detach()
            wrong = (answer > 0) != (truth > 0.5)
            extra = click(wrong, self.rng)
            on_object = len(extra) > 0 and bool(truth[int(extra[0, 1]), int(extra[0, 0])] > 0.5)
            positive = torch.cat([clicks[number], extra]) if on_object else clicks[number]
            negative = NO_CLICK if on_object else extra
            prompts.append(prompt_maps(size, positive, negative, boxes[number], answer.sigmoid()))
        return asked, self._decode(1, rows, blank, unguided, prompts, goal)

    def _best(self, result: RoundResult, number: int) -> int:
        return 1 + int(result.quality[number, 1:].argmax())

    def _prompt(
        self,
        truth: torch.Tensor,
        mask: torch.Tensor | None,
        clicked: bool,
        boxed: bool = False,
        box: torch.Tensor | None = None,
    ) -> torch.Tensor:
        positive = click(truth > 0.5, self.rng) if clicked else NO_CLICK
        negative = click(truth < 0.1, self.rng) if clicked and self.rng.random() < 0.3 else NO_CLICK
        box = loose_box(truth > 0.5, self.rng) if boxed else box
        return prompt_maps((truth.shape[0], truth.shape[1]), positive, negative, box, mask)

    def _decode(
        self,
        view: int,
        rows: list[tuple[int, int]],
        maps: torch.Tensor,
        guided: torch.Tensor,
        prompts: list[torch.Tensor],
        goal: torch.Tensor,
    ) -> RoundResult:
        images = torch.tensor([scene * VIEWS + view for scene, _ in rows])
        flag = guided.view(-1, 1, 1, 1)
        guidance = torch.cat([maps * flag, flag.expand(-1, 1, *maps.shape[-2:])], dim=1)
        levels = tuple(
            level.index_select(0, images).contiguous(memory_format=torch.channels_last) for level in self.views.levels
        )
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=self.autocast):
            logits, quality = self.network.decoder(
                levels,
                guidance.contiguous(memory_format=torch.channels_last),
                torch.stack(prompts).contiguous(memory_format=torch.channels_last),
            )
        logits, quality = logits.float(), quality.float()
        loss = decoder_loss(logits, quality, goal)
        iou = true_iou(logits[:, :1], goal)[:, 0]
        return RoundResult(loss, iou, logits[:, 0], logits, quality)
