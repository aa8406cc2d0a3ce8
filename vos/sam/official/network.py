"""SAM's network: image encoder, prompt encoder and mask decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from typing_extensions import Self

from vos.sam.official.tiny_vit import TinyVit
from vos.sam.official.vit import VIT_SIZES, VitImageEncoder, public_modeling

SAM_NAMES = ("vit_h", "vit_l", "vit_b", "vit_t")
INPUT_SIZE = 1024
GRID = (INPUT_SIZE // 16, INPUT_SIZE // 16)


class SamNetwork(nn.Module):
    """Image encoder, prompt encoder and mask decoder, with the parameter names of the public checkpoints."""

    def __init__(self, name: str) -> None:
        super().__init__()
        public = public_modeling()
        self.image_encoder = TinyVit() if name == "vit_t" else VitImageEncoder(VIT_SIZES[name])
        self.prompt_encoder = public.PromptEncoder(
            embed_dim=256, image_embedding_size=GRID, input_image_size=(INPUT_SIZE, INPUT_SIZE), mask_in_chans=16
        )
        self.mask_decoder = public.MaskDecoder(
            num_multimask_outputs=3, transformer_dim=256, iou_head_depth=3, iou_head_hidden_dim=256,
            transformer=public.TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
        )  # fmt: skip

    @classmethod
    def blank(cls, name: str) -> Self:
        """Builds the network for weights that come next: its own numbers are whatever lies in memory.

        The meta device would do as well, but drags in PyTorch's compiler: a second, and 80 MB.
        """
        with _NoInitialValues():
            return cls(name)


class _NoInitialValues(TorchFunctionMode):
    """Leaves out the functions of ``torch.nn.init``, all of which return the tensor that they are given."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """See :class:`torch.overrides.TorchFunctionMode`."""
        named = dict(kwargs or {})
        if getattr(func, "__module__", "") == "torch.nn.init":
            return named["tensor"] if "tensor" in named else args[0]
        # Nor is the global generator asked for numbers.
        return torch.empty(*args, **named) if func is torch.randn else func(*args, **named)
