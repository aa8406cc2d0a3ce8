"""The searches in one scene: the object found by its reference, then followed through the other views."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.encoding import EncodedViews, Shown, encode_views
from training.knowledge import Knowledge
from training.losses import decoder_loss, true_iou
from training.prompts import NOWHERE, Prompts, click, loose_boxes
from training.similarity_loss import similarity_loss
from vos.adaptation.warp import corrupt_masks
from vos.sam.nano.network import NanoNetwork

ABSENT_SHARE = 0.1  # objects looked for in a scene that does not hold them
FIGURES = ("loss", "similarity", "iou_find", "iou_follow", "iou_again")


@dataclass
class RoundResult:
    """Loss per object (R,), IoU of the single mask (R,), logits of all masks (R, 4, h2, w2), their quality (R, 4)."""

    loss: torch.Tensor
    iou: torch.Tensor
    logits: torch.Tensor
    quality: torch.Tensor

    def trusted(self) -> torch.Tensor:
        """Whose mask is good enough to be remembered: bool (R,)."""
        sure = self.quality[:, 0].detach() > 0
        return sure & (self.logits[:, 0].detach() > 0).flatten(1).any(dim=1)


class SceneRounds:
    """Runs the rounds on a batch of scenes and sums their losses.

    Args:
        network: under training.
        views: uint8 (B, V, 3, S, S), V >= 2: the reference, another shot, and the frames that follow on it.
        masks: bool (B, N, V, S, S).
        generator: of the random numbers, on the views' device.
        autocast: bfloat16 in the network.
    """

    def __init__(
        self, network: NanoNetwork, views: torch.Tensor, masks: torch.Tensor, generator: torch.Generator, autocast: bool
    ) -> None:
        self.network, self.generator, self.autocast, self.device = network, generator, autocast, views.device
        self.views: EncodedViews = encode_views(network, views, masks, autocast)
        self.scenes, self.objects, self.count = masks.shape[:3]
        self.absent = self._draw(ABSENT_SHARE) if self.scenes > 1 else self._draw(0.0)

    def run(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Returns the loss of the step and figures for the log."""
        known = Knowledge([self._references()])
        result, similarity = self._find(known)
        rounds = [result]
        for view in range(2, self.count):
            result, known = self._follow(view, known, result)
            rounds.append(result)
        decoder = torch.cat([each.loss for each in rounds]).mean()
        figures = {"loss": decoder.detach(), "similarity": similarity.detach()}
        named = dict(zip(("find", "follow"), rounds)) | ({"again": rounds[-1]} if self.count > 3 else {})
        here = (~self.absent).float()
        figures |= {f"iou_{name}": (each.iou * here).sum() / here.sum().clamp(min=1) for name, each in named.items()}
        return decoder + similarity, figures

    def _draw(self, share: float) -> torch.Tensor:
        """Takes a chance for each row: bool (R,)."""
        return self._lots() < share

    def _lots(self) -> torch.Tensor:
        """A random number for each row: (R,) in [0, 1)."""
        return torch.rand(self.scenes * self.objects, generator=self.generator, device=self.device)

    def _truth(self, view: int) -> torch.Tensor:
        """What the rows' objects cover in a view, whether they are looked for in it or not: (R, h2, w2)."""
        return self.views.low_res[:, :, view].flatten(0, 1)

    def _goal(self, view: int) -> torch.Tensor:
        return self._truth(view) * (~self.absent).float()[:, None, None]

    def _references(self) -> Shown:
        """The objects as seen in the first view; of another scene where they shall be absent."""
        shown = self.views.show(0, self._truth(0), torch.ones_like(self.absent))
        return shown.exchanged(self.absent, self.objects)

    def _find(self, known: Knowledge) -> tuple[RoundResult, torch.Tensor]:
        """Second view, by reference; at times with a corrupted mask, a click or a box. Also the similarity's loss."""
        goal, truth = self._goal(1), self._truth(1)
        prompts = Prompts.of(corrupt_masks(truth, self.generator), self._draw(0.3))
        self._click(prompts, truth, 0.15)
        prompts.box = loose_boxes((truth > 0.5) & self._given(0.15), self.generator)
        maps = known.locate(self.views, 1)
        loss = similarity_loss(maps, goal).mean()
        return self._decode(1, maps, torch.ones_like(self.absent), prompts, goal), loss

    def _follow(self, view: int, known: Knowledge, before: RoundResult) -> tuple[RoundResult, Knowledge]:
        """A further view, with the mask of the one before as the earlier mask and as memory: the tracker's loop."""
        remembered = before.logits[:, 0].detach().sigmoid()
        known = known.with_view(self.views.show(view - 1, remembered, before.trusted() & self._draw(0.7)))
        lots = self._lots()
        corrupted = corrupt_masks(self._truth(view - 1), self.generator)
        prompts = Prompts.of(torch.where((lots < 0.75)[:, None, None], remembered, corrupted), lots < 0.9)
        prompts.box = loose_boxes((remembered > 0.5) & self._draw(0.15)[:, None, None], self.generator, 0.15)
        self._click(prompts, self._truth(view), 0.1)
        prompts.others = self._others(before)
        maps = known.locate(self.views, view)
        return self._decode(view, maps, self._draw(0.9), prompts, self._goal(view)), known

    def _given(self, share: float) -> torch.Tensor:
        """Whether something is told of objects that are there: bool (R, 1, 1)."""
        return (self._draw(share) & ~self.absent)[:, None, None]

    def _click(self, prompts: Prompts, truth: torch.Tensor, share: float) -> None:
        """A click on some of the objects, and beside some of these."""
        clicked = self._given(share)
        beside = clicked & self._draw(0.3)[:, None, None]
        prompts.positive = click((truth > 0.5) & clicked, self.generator)[:, None]
        prompts.negative = torch.where(beside, click(truth < 0.1, self.generator)[:, None], NOWHERE)

    def _others(self, before: RoundResult) -> torch.Tensor:
        """For each row where the scene's other objects were, now and then; a repeated object is no other."""
        soft = before.logits[:, 0].detach().sigmoid().unflatten(0, (self.scenes, self.objects))
        first = self.views.low_res[:, :, 0].flatten(2)
        differ = (first[:, :, None] != first[:, None]).any(dim=3)  # (B, N, N)
        rivals = differ & ~self.absent.view(self.scenes, 1, self.objects)
        union = torch.where(rivals[..., None, None], soft[:, None], 0.0).amax(dim=2).flatten(0, 1)
        return union * self._draw(0.7)[:, None, None]

    def _decode(
        self, view: int, maps: list[torch.Tensor], guided: torch.Tensor, prompts: Prompts, goal: torch.Tensor
    ) -> RoundResult:
        flag = guided.float().view(-1, 1, 1, 1)
        grid, *fine = (each * flag for each in maps)
        grid = torch.cat([grid, flag.expand(-1, 1, *grid.shape[-2:])], dim=1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits, quality = self.network.decoder(
                self.views.levels_of(view),
                grid.contiguous(memory_format=torch.channels_last),
                (fine[0], fine[1]),
                prompts.draw(),
            )
        logits, quality = logits.float(), quality.float()
        iou = true_iou(logits[:, :1].detach(), goal)[:, 0]
        return RoundResult(decoder_loss(logits, quality, goal), iou, logits, quality)
