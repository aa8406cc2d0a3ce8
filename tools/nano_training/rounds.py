"""The questions that one scene answers: the object found by its reference, then followed for one or two frames."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch

from nano_training.encoding import EncodedViews, Knowledge, View, encode_views
from nano_training.prompts import click, draw, loose_box
from nano_training.similarity_loss import similarity_loss
from vos.adaptation.stale_mask import stale_mask
from vos.sam.mask_loss import decoder_loss, true_iou
from vos.sam.nano_network import NanoNetwork

ABSENT_SHARE = 0.1  # objects looked for in a scene that does not hold them
LONG_SHARE = 0.6  # steps that follow for two frames instead of one

NO_CLICK = torch.zeros(0, 2)


@dataclass
class RoundResult:
    """Loss per object (N,), IoU of the single mask (N,), logits of all masks (N, 4, h2, w2), their quality (N, 4)."""

    loss: torch.Tensor
    iou: torch.Tensor
    logits: torch.Tensor
    quality: torch.Tensor

    def trusted(self, number: int) -> bool:
        """The answer is good enough to be remembered."""
        sure = float(self.quality[number, 0].detach()) > 0
        return sure and bool((self.logits[number, 0] > 0).any())


class SceneRounds:
    """Runs the rounds on a batch of scenes and sums their losses.

    Args:
        network: under training.
        views: uint8 (B, V, 3, S, S).
        masks: bool (B, N, V, S, S).
        rng: random numbers of this step.
        autocast: bfloat16 in the network.
    """

    def __init__(
        self, network: NanoNetwork, views: torch.Tensor, masks: torch.Tensor, rng: random.Random, autocast: bool
    ) -> None:
        self.network, self.rng, self.autocast = network, rng, autocast
        self.long = rng.random() < LONG_SHARE and views.shape[1] > 3
        count = views.shape[1] if self.long else 3
        self.views: EncodedViews = encode_views(network, views[:, :count], masks[:, :, :count], autocast)
        self.scenes, self.objects = masks.shape[:2]
        self.rows = [(scene, number) for scene in range(self.scenes) for number in range(self.objects)]
        self.absent = [rng.random() < ABSENT_SHARE and self.scenes > 1 for _ in self.rows]

    def run(self) -> tuple[torch.Tensor, dict[str, float]]:
        """Returns the loss of the step and figures for the log."""
        known = [Knowledge([self._reference(row, absent)]) for row, absent in zip(self.rows, self.absent)]
        rounds = {}
        rounds["find"], similarity = self._find(known)
        rounds["follow"] = self._follow(2, known, rounds["find"])
        if self.long:
            rounds["again"] = self._follow(3, known, rounds["follow"])
        decoder = torch.cat([r.loss for r in rounds.values()]).mean()
        here = ~torch.tensor(self.absent)
        figures = {"loss": decoder.item(), "similarity": similarity.item()}
        figures |= {f"iou_{name}": float(r.iou[here].mean()) for name, r in rounds.items()}
        return decoder + similarity, figures

    def _reference(self, row: tuple[int, int], absent: bool) -> View:
        """The object as seen in the first view; of another scene where it shall be absent."""
        scene, number = row
        if absent:
            scene = (scene + 1) % self.scenes
        return self.views.remember(scene, 0, self.views.low_res[scene, number, 0])

    def _goal(self, view: int) -> torch.Tensor:
        goal = self.views.low_res[:, :, view].flatten(0, 1)
        return goal * (1 - torch.tensor(self.absent).float())[:, None, None]

    def _find(self, known: list[Knowledge]) -> tuple[RoundResult, torch.Tensor]:
        """Second view, by reference; now and then with a stale mask, a click or a box. Also the similarity's loss."""
        goal, prompts = self._goal(1), []
        for number in range(len(self.rows)):
            truth = self.views.low_res[self.rows[number]][1]
            prompts.append(
                self._prompt(
                    truth,
                    mask=stale_mask(truth, self.rng) if self.rng.random() < 0.3 else None,
                    clicked=self.rng.random() < 0.15 and not self.absent[number],
                    boxed=self.rng.random() < 0.15 and not self.absent[number],
                )
            )
        maps = self.views.locate(self.rows, 1, known)
        loss = similarity_loss(maps, goal).mean()
        return self._decode(1, self.rows, maps, torch.ones(len(self.rows)), prompts, goal), loss

    def _follow(self, view: int, known: list[Knowledge], before: RoundResult) -> RoundResult:
        """A further view, with the answer of the one before as the earlier mask and as memory: the tracker's loop."""
        guided = torch.tensor([float(self.rng.random() < 0.9) for _ in self.rows])
        others, prompts = self._others(before), []
        for number, (scene, _) in enumerate(self.rows):
            remembered = before.logits[number, 0].detach().sigmoid()
            if before.trusted(number) and self.rng.random() < 0.7:
                known[number] = known[number].with_view(self.views.remember(scene, view - 1, remembered))
            draw = self.rng.random()
            truth_before = self.views.low_res[self.rows[number]][view - 1]
            mask = remembered if draw < 0.75 else stale_mask(truth_before, self.rng) if draw < 0.9 else None
            box = loose_box(remembered > 0.5, self.rng, 0.15) if self.rng.random() < 0.15 else None
            clicked = self.rng.random() < 0.1 and not self.absent[number]
            truth = self.views.low_res[self.rows[number]][view]
            prompts.append(self._prompt(truth, mask, clicked, box=box, others=others[number]))
        maps = self.views.locate(self.rows, view, known)
        return self._decode(view, self.rows, maps, guided, prompts, self._goal(view))

    def _others(self, before: RoundResult) -> list[torch.Tensor | None]:
        """For each row where the scene's other objects were, now and then; a repeated object is no other."""
        soft = before.logits[:, 0].detach().sigmoid()
        first = self.views.low_res[:, :, 0].flatten(0, 1)
        others: list[torch.Tensor | None] = []
        for number, (scene, _) in enumerate(self.rows):
            rivals = [
                soft[k]
                for k, (other, _) in enumerate(self.rows)
                if other == scene and not torch.equal(first[k], first[number]) and not self.absent[k]
            ]
            told = rivals and self.rng.random() < 0.7
            others.append(torch.stack(rivals).amax(dim=0) if told else None)
        return others

    def _prompt(
        self,
        truth: torch.Tensor,
        mask: torch.Tensor | None,
        clicked: bool,
        boxed: bool = False,
        box: torch.Tensor | None = None,
        others: torch.Tensor | None = None,
    ) -> torch.Tensor:
        positive = click(truth > 0.5, self.rng) if clicked else NO_CLICK
        negative = click(truth < 0.1, self.rng) if clicked and self.rng.random() < 0.3 else NO_CLICK
        box = loose_box(truth > 0.5, self.rng) if boxed else box
        return draw(truth, positive, negative, box, mask, others)

    def _decode(
        self,
        view: int,
        rows: list[tuple[int, int]],
        maps: list[torch.Tensor],
        guided: torch.Tensor,
        prompts: list[torch.Tensor],
        goal: torch.Tensor,
    ) -> RoundResult:
        levels = self.views.levels_of(rows, view)
        flag = guided.view(-1, 1, 1, 1)
        grid, *fine = (m * flag for m in maps)
        grid = torch.cat([grid, flag.expand(-1, 1, *grid.shape[-2:])], dim=1)
        last = torch.channels_last
        with torch.autocast(grid.device.type, torch.bfloat16, enabled=self.autocast):
            logits, quality = self.network.decoder(
                levels,
                grid.contiguous(memory_format=last),
                (fine[0], fine[1]),
                torch.stack(prompts).contiguous(memory_format=last),
            )
        logits, quality = logits.float(), quality.float()
        iou = true_iou(logits[:, :1], goal)[:, 0]
        return RoundResult(decoder_loss(logits, quality, goal), iou, logits, quality)
