"""What is known of the objects that are prompted: the views that were shown, and the maps that they give.

The same functions as the tracker's (``vos.persam.similarity``, ``target``, ``target_model``), for many objects at once
and with gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from training.encoding import EncodedViews, Shown
from training.solve import solve
from vos.persam.target_model import fit, respond

REFERENCE_SHARE = 0.5  # of the reference among several views, as in the tracker


@dataclass
class Knowledge:
    """The views of R objects, their references first."""

    views: list[Shown]

    def with_view(self, view: Shown) -> Knowledge:
        """The same and one more."""
        return Knowledge([*self.views, view])

    def weights(self) -> torch.Tensor:
        """Of the views, float (R, M); each row sums to 1."""
        later = torch.stack([view.valid.float() for view in self.views[1:]], dim=1) if self.views[1:] else None
        first = torch.ones(len(self.views[0].valid), 1, device=self.views[0].valid.device)
        if later is None:
            return first
        count = later.sum(dim=1, keepdim=True)
        return torch.cat(
            [torch.where(count > 0, REFERENCE_SHARE, first), (1 - REFERENCE_SHARE) * later / count.clamp(min=1)], 1
        )

    def locate(self, seen: EncodedViews, view: int) -> list[torch.Tensor]:
        """Maps of the objects in a view: (R, 6, h, w) on the grid, then (R, 1, h', w') at strides 8 and 4."""
        weights = self.weights()
        responses = []
        for k, scale in enumerate(seen.scales(view)):
            model = fit(sum_rows([each.moments[k] for each in self.views], weights), solve)
            response = torch.vmap(respond)(scale, model.unflatten(0, seen.low_res.shape[:2]))
            responses.append(response.flatten(0, 1)[:, None])
        similar = self._similarity_maps(seen.per_object(seen.cells(view)), weights)
        return [torch.cat([similar.unflatten(2, responses[0].shape[-2:]), responses[0]], dim=1), *responses[1:]]

    def _similarity_maps(self, cells: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """:func:`vos.persam.similarity.similarity_maps` of cells (R, P, C): (R, 5, P)."""
        to_means = [
            (cells @ sum_rows(directions, weights)[..., None])[..., 0]
            for directions in (
                [view.direction for view in self.views],
                [view.background_direction for view in self.views],
            )
        ]
        best = [cells.new_full(cells.shape[:2], -1.0) for _ in range(2)]
        for view in self.views:
            products = view.cells @ cells.transpose(1, 2)
            for number, which in enumerate((view.inside, view.outside)):
                counts = (which & view.valid[:, None])[..., None]
                best[number] = torch.maximum(best[number], torch.where(counts, products, -1.0).amax(dim=1))
        return torch.stack([to_means[0], *best, to_means[1], best[0] - best[1]], dim=1)


def sum_rows(views: list[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Weighted sums of M tensors (R, ...); weights (R, M)."""
    return torch.einsum("rm,rm...->r...", weights, torch.stack(views, dim=1))
