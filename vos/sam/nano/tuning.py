"""Tunes the embedded model's decoder to the objects of one video; the encoder, and so every embedding, stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.adam import adam
from torch.optim.swa_utils import AveragedModel

from vos.sam.device import free_cores
from vos.sam.nano.inputs import Inputs, highest_around
from vos.sam.nano.network import Decoder
from vos.sam.prompting import TrainingSample

BETAS, EPSILON = (0.9, 0.99), 1e-8  # of Adam
LONGEST = 1.0  # norm of a gradient
WARM_UP = 5  # steps
LAST_RATE = 0.3  # share of the learning rate that is left in the end
KEPT = 0.15  # share of the decoder as it was in the outcome (WiSE-FT: Wortsman et al., CVPR 2022)
AVERAGED = 0.5  # share of the steps, the last ones, whose weights are averaged (Izmailov et al., UAI 2018)


def tune_decoder(
    decoder: Decoder,
    samples: Iterator[Sequence[TrainingSample]],
    steps: int,
    learning_rate: float,
    read: Callable[[TrainingSample], Inputs],
    autocast: bool,
) -> Decoder:
    """Trains a copy of ``decoder``.

    Args:
        decoder: stays as it is.
        samples: of each step, at least ``steps`` times; those of one step side by side where there are cores for it.
        steps: of Adam.
        learning_rate: the highest.
        read: turns a sample into the decoder's inputs.
        autocast: bfloat16 products.

    Returns:
        The tuned decoder in float32.
    """
    tuned = copy.deepcopy(decoder).float().requires_grad_(True)
    # Synthetic views are easy: what predicts the IoU would learn to be sure of itself. It stays as it is.
    parameters = [value for name, value in tuned.named_parameters() if not name.startswith("quality.")]
    average, optimizer = AveragedModel(tuned), _Adam(parameters)

    def gradients_of(sample: TrainingSample) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(_loss(tuned, sample, read, autocast), parameters)

    with ThreadPoolExecutor(free_cores(parameters[0].device), "tune") as pool:
        upcoming = next(samples)
        for step in range(steps):
            pending = [pool.submit(gradients_of, sample) for sample in upcoming]
            if step + 1 < steps:
                upcoming = next(samples)  # prepared while the one before is worked on
            rate = learning_rate * min((step + 1) / WARM_UP, max(LAST_RATE, 1 - step / steps))
            gradients = zip(*(each.result() for each in pending))
            optimizer.step(tuple(_mean(parts) for parts in gradients), rate)
            if step + 1 > steps * (1 - AVERAGED):
                average.update_parameters(tuned)
    with torch.no_grad():
        for value, mean, before in zip(tuned.parameters(), average.module.parameters(), decoder.parameters()):
            value.copy_(mean.lerp(before.float(), KEPT))
    return tuned.requires_grad_(False)


def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """In a fixed order, so that the same samples give the same bits, and in the memory format of the parameter."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total / len(parts) if len(parts) > 1 else total


class _Adam:
    """``torch.optim.Adam`` by its functional form: making the class loads PyTorch's compiler, which takes a second."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        self.means, self.squares = ([torch.zeros_like(value) for value in parameters] for _ in range(2))
        self.counts = [torch.zeros((), device=value.device) for value in parameters]
        self.fused = parameters[0].device.type in ("cpu", "cuda")

    def step(self, gradients: tuple[torch.Tensor, ...], rate: float) -> None:
        """Takes one step down clipped gradients."""
        for parameter, gradient in zip(self.parameters, gradients):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(self.parameters, LONGEST)
        with torch.no_grad():
            adam(
                list[torch.Tensor](self.parameters),
                [parameter.grad for parameter in self.parameters if parameter.grad is not None],
                self.means,
                self.squares,
                [],
                self.counts,
                fused=self.fused,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=0.0,
                eps=EPSILON,
                maximize=False,
            )


def _loss(
    decoder: Decoder, sample: TrainingSample, read: Callable[[TrainingSample], Inputs], autocast: bool
) -> torch.Tensor:
    with torch.no_grad():  # gradients are switched per thread
        levels, guidance, fine, prompt = read(sample)
    with torch.enable_grad(), torch.autocast(guidance.device.type, torch.bfloat16, enabled=autocast):
        logits, *_ = decoder.draw(levels, guidance, fine, prompt)
    with torch.enable_grad():
        return choice_loss(logits.float(), sample.truth[None]).sum()


OTHER_CANDIDATES = 0.03  # weight of the candidates that were not the best, so that none dies


def mask_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Computes the focal, edge-weighted cross-entropy and dice loss of every candidate.

    Args:
        logits: float (N, M, h4, w4).
        target: float (N, h4, w4), the covered share of each cell.

    Returns:
        float (N, M).
    """
    goal = target[:, None].expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, goal, reduction="none")
    probability = logits.sigmoid()
    wrong = probability * (1 - 2 * goal) + goal
    spread = highest_around(target[:, None]) + highest_around(-target[:, None])
    edge = 1 + 3 * (spread > 0.2).float()
    overlap = (probability * goal).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / (probability.sum(dim=(2, 3)) + goal.sum(dim=(2, 3)) + 1)
    return (entropy * (10 * wrong**2 + edge)).mean(dim=(2, 3)) + dice


def choice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Computes the loss per object of the single mask and of the best of the three candidates: (N,)."""
    per_mask = mask_loss(logits, target)
    candidates = per_mask[:, 1:]
    return per_mask[:, 0] + candidates.amin(dim=1) + OTHER_CANDIDATES * candidates.mean(dim=1)
