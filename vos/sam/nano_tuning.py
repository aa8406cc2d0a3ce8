"""Tunes the embedded model's decoder to the objects of one video; the encoder, and so every embedding, stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch

from vos.sam.lesson import Lesson
from vos.sam.mask_loss import decoder_loss
from vos.sam.nano_network import Decoder

BETAS = (0.9, 0.99)
WARM_UP = 5  # steps
LAST_RATE = 0.1  # share of the learning rate that is left in the end

Inputs = tuple[
    tuple[torch.Tensor, ...], torch.Tensor, tuple[torch.Tensor, torch.Tensor], torch.Tensor
]  # of the decoder: levels, guidance, fine answers, prompt


def tune_decoder(
    decoder: Decoder,
    lessons: Sequence[Lesson] | Iterator[Lesson],
    steps: int,
    learning_rate: float,
    read: Callable[[Lesson], Inputs],
    autocast: bool,
) -> Decoder:
    """A copy of ``decoder`` that has learned from ``steps`` lessons, one at a time.

    Args:
        decoder: stays as it is.
        lessons: at least ``steps``.
        steps: of Adam.
        learning_rate: the highest.
        read: turns a lesson into the decoder's inputs.
        autocast: bfloat16 products.

    Returns:
        The tuned decoder in float32.
    """
    tuned = copy.deepcopy(decoder).float().requires_grad_(True)
    optimizer = torch.optim.Adam(tuned.parameters(), lr=learning_rate, betas=BETAS, fused=True)
    for step, lesson in zip(range(steps), lessons):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min((step + 1) / WARM_UP, max(LAST_RATE, 1 - step / steps))
        levels, guidance, fine, prompt = read(lesson)
        device = guidance.device.type
        with torch.enable_grad():
            with torch.autocast(device, torch.bfloat16, enabled=autocast):
                logits, quality = tuned(levels, guidance, fine, prompt)
            loss = decoder_loss(logits.float(), quality.float(), lesson.truth[None]).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(tuned.parameters(), 1.0)
        optimizer.step()
    return tuned.requires_grad_(False)
