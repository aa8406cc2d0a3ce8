"""The decoder from which adaptation starts, and how fast each of its parameters learns."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from vos.sam.nano_network import Decoder

KEPT = (
    "quality."  # what predicts the IoU does not learn from made-up views: they are easy, and it would become too sure
)


class Pupil(nn.Module):
    """A decoder with the logarithms of its parameters' paces: factors of the learning rate.

    Both are trained so that a few steps of practice make the most of it (MAML with learned rates: Finn et al., ICML
    2017; Li et al., "Meta-SGD", 2017; for this task Meinhardt and Leal-Taixe, "e-OSVOS", NeurIPS 2020).

    Args:
        decoder: batch norms folded; taken over.
        state: what to load; None = the decoder as it is, all of it at one pace.
    """

    def __init__(self, decoder: Decoder, state: Mapping[str, torch.Tensor] | None = None) -> None:
        super().__init__()
        self.decoder = decoder
        self.log_pace = nn.Parameter(torch.zeros(len(self.learning())))
        if state is not None:
            self.load_state_dict(state)
        self.requires_grad_(False)

    def learning(self) -> list[str]:
        """Names of the decoder's parameters that learn."""
        return [name for name, _ in self.decoder.named_parameters() if not name.startswith(KEPT)]

    def pace(self) -> dict[str, float]:
        """Factors of the learning rate by the parameter's name."""
        return dict(zip(self.learning(), self.log_pace.detach().exp().tolist()))
