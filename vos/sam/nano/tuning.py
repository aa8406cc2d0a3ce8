"""Tunes the embedded model's decoder to the objects of one video; the encoder, and so every embedding, stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn
from torch.optim.adam import adam
from torch.optim.swa_utils import AveragedModel

from vos.sam.device import free_cores
from vos.sam.mask_loss import choice_loss
from vos.sam.nano.decoder_inputs import Inputs
from vos.sam.nano.lesson import Lesson
from vos.sam.nano.network import Decoder

BETAS, EPSILON = (0.9, 0.99), 1e-8  # of Adam
LONGEST = 1.0  # norm of a gradient
WARM_UP = 5  # steps
LAST_RATE = 0.3  # share of the learning rate that is left in the end
KEPT = 0.15  # share of the decoder as it was in the outcome (WiSE-FT: Wortsman et al., CVPR 2022)
AVERAGED = 0.5  # share of the steps, the last ones, whose weights are averaged (Izmailov et al., UAI 2018)


def tune_decoder(
    decoder: Decoder,
    lessons: Iterator[Sequence[Lesson]],
    steps: int,
    learning_rate: float,
    read: Callable[[Lesson], Inputs],
    autocast: bool,
) -> Decoder:
    """A copy of ``decoder`` that has learned.

    Args:
        decoder: stays as it is.
        lessons: of each step, at least ``steps`` times; those of one step side by side where there are cores for it.
        steps: of Adam.
        learning_rate: the highest.
        read: turns a lesson into the decoder's inputs.
        autocast: bfloat16 products.

    Returns:
        The tuned decoder in float32.
    """
    tuned = copy.deepcopy(decoder).float().requires_grad_(True)
    # Made-up views are easy: what predicts the IoU would learn to be sure of itself. It stays as it is.
    parameters = [value for name, value in tuned.named_parameters() if not name.startswith("quality.")]
    average, optimizer = AveragedModel(tuned), _Adam(parameters)

    def study(lesson: Lesson) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(_loss(tuned, lesson, read, autocast), parameters)

    with ThreadPoolExecutor(free_cores(parameters[0].device), "study") as pool:
        upcoming = next(lessons)
        for step in range(steps):
            studied = [pool.submit(study, lesson) for lesson in upcoming]
            if step + 1 < steps:
                upcoming = next(lessons)  # prepared while the one before is studied
            rate = learning_rate * min((step + 1) / WARM_UP, max(LAST_RATE, 1 - step / steps))
            gradients = zip(*(each.result() for each in studied))
            optimizer.step(tuple(_mean(parts) for parts in gradients), rate)
            if step + 1 > steps * (1 - AVERAGED):
                average.update_parameters(tuned)
    with torch.no_grad():
        for value, mean, before in zip(tuned.parameters(), average.module.parameters(), decoder.parameters()):
            value.copy_(mean.lerp(before.float(), KEPT))
    return tuned.requires_grad_(False)


def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """In a fixed order, so that the same lessons give the same bits, and in the memory format of the parameter."""
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
        """One step down clipped gradients."""
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


def _loss(decoder: Decoder, lesson: Lesson, read: Callable[[Lesson], Inputs], autocast: bool) -> torch.Tensor:
    with torch.no_grad():  # gradients are switched per thread
        levels, guidance, fine, prompt = read(lesson)
    with torch.enable_grad(), torch.autocast(guidance.device.type, torch.bfloat16, enabled=autocast):
        logits, *_ = decoder.draw(levels, guidance, fine, prompt)
    with torch.enable_grad():
        return choice_loss(logits.float(), lesson.truth[None]).sum()
