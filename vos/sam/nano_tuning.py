"""Tunes the embedded model's decoder to the objects of one video; the encoder, and so every embedding, stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import torch
from torch.optim.swa_utils import AveragedModel

from vos.sam.device import free_cores
from vos.sam.lesson import Lesson
from vos.sam.mask_loss import choice_loss
from vos.sam.nano_network import Decoder
from vos.sam.pupil import Pupil

BETAS = (0.9, 0.99)
PAIR = 2  # lessons per step, however many cores there are: the outcome shall not depend on them
WARM_UP = 5  # steps, of at least twice as many
LAST_RATE = 0.3  # share of the learning rate that is left in the end
AVERAGED = 0.5  # share of the steps, the last ones, whose weights are averaged (Izmailov et al., UAI 2018)

Inputs = tuple[
    tuple[torch.Tensor, ...], torch.Tensor, tuple[torch.Tensor, torch.Tensor], torch.Tensor
]  # of the decoder: levels, guidance, fine answers, prompt


def tune_decoder(
    pupil: Pupil,
    lessons: Iterator[Lesson],
    steps: int,
    learning_rate: float,
    read: Callable[[Lesson], Inputs],
    autocast: bool,
) -> Decoder:
    """A copy of the pupil's decoder that has learned from ``steps`` pairs of lessons.

    Args:
        pupil: stays as it is.
        lessons: at least twice ``steps``.
        steps: of Adam. The lessons of a pair are studied side by side where there are cores for it.
        learning_rate: the highest, of a parameter whose pace is 1.
        read: turns a lesson into the decoder's inputs.
        autocast: bfloat16 products.

    Returns:
        The tuned decoder in float32.
    """
    tuned = copy.deepcopy(pupil.decoder).requires_grad_(True)
    named = dict(tuned.named_parameters())
    parameters = [named[name] for name in pupil.learning()]
    groups = [{"params": [named[name]], "pace": pace} for name, pace in pupil.pace().items()]
    average = AveragedModel(tuned)
    optimizer = torch.optim.Adam(groups, betas=BETAS, fused=parameters[0].device.type in ("cpu", "cuda"))

    def study(lesson: Lesson) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(_loss(tuned, lesson, read, autocast), parameters)

    device = parameters[0].device
    with ThreadPoolExecutor(min(PAIR, free_cores(device)), "study") as pool:
        pair = list(islice(lessons, PAIR))
        for step in range(steps):
            rate = learning_rate * min((step + 1) / min(WARM_UP, steps / 4), max(LAST_RATE, 1 - step / steps))
            for group in optimizer.param_groups:
                group["lr"] = rate * group["pace"]
            studied = pool.map(study, pair)
            pair = list(islice(lessons, PAIR)) if step + 1 < steps else []  # prepared while these are studied
            for parameter, *gradients in zip(parameters, *studied):
                parameter.grad = sum(gradients[1:], gradients[0]) / PAIR
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            if step + 1 > steps * (1 - AVERAGED):
                average.update_parameters(tuned)
    tuned.load_state_dict(average.module.state_dict())
    return tuned.requires_grad_(False)


def _loss(decoder: Decoder, lesson: Lesson, read: Callable[[Lesson], Inputs], autocast: bool) -> torch.Tensor:
    with torch.no_grad():  # gradients are switched per thread
        levels, guidance, fine, prompt = read(lesson)
    with torch.enable_grad(), torch.autocast(guidance.device.type, torch.bfloat16, enabled=autocast):
        logits, *_ = decoder.draw(levels, guidance, fine, prompt)
    with torch.enable_grad():
        return choice_loss(logits.float(), lesson.truth[None]).sum()
