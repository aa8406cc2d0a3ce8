"""The embedded model's decoder as one operation, for windows of the sizes that come often."""

from __future__ import annotations

from functools import partial

import torch

from vos.sam.convolution import laid_out_weights
from vos.sam.nano_network import Decoder
from vos.sam.traced import Traced

PATIENCE = 25  # a trace costs as much time as forty answers save: some seconds of video
KEPT_SIZES = 16

Answer = tuple[torch.Tensor, torch.Tensor]


class TracedDecoder:
    """Calls a decoder whose weights do not change any more (:func:`vos.sam.nano_network.freeze`)."""

    def __init__(self, decoder: Decoder) -> None:
        single, three = (
            Traced(partial(_decode, decoder, chosen), laid_out_weights, PATIENCE, KEPT_SIZES)
            for chosen in (slice(0, 1), slice(1, None))
        )
        self._single, self._three = single, three

    def __call__(
        self,
        levels: tuple[torch.Tensor, ...],
        guidance: torch.Tensor,
        fine: tuple[torch.Tensor, torch.Tensor],
        prompt: torch.Tensor,
        multimask: bool,
    ) -> Answer:
        """The single mask, or the three candidates; see :meth:`vos.sam.nano_network.Decoder.forward`."""
        answer: Answer = (self._three if multimask else self._single)(*levels, guidance, *fine, prompt)
        return answer


def _decode(decoder: Decoder, chosen: slice, *inputs: torch.Tensor) -> Answer:
    *levels, guidance, fine8, fine4, prompt = inputs
    answer: Answer = decoder(tuple(levels), guidance, (fine8, fine4), prompt, chosen)
    return answer
