"""The embedded model: a small promptable network behind SAM's interface.

The image encoder runs once per frame. The decoder is convolutional, because every prompt of the interface is a map:
PerSAM's similarity maps and the target model's maps at three scales, an earlier mask, clicks and a box. A two-way
transformer of SAM's kind learns far slower from two thousand photos.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vos.errors import VosError
from vos.sam.nano.backbone import TAP_CHANNELS, MobileNetV2
from vos.sam.nano.kernels import Convolution
from vos.sam.weights import checked_weights

EMBEDDING_DIM = 128
GUIDANCE_CHANNELS = 7  # five similarity maps, the target model's map, and a flag: is there guidance at all
PROMPT_CHANNELS = 9  # earlier mask (2 x 2 logits), is there one, positive clicks, negative clicks, box, other objects
PROMPT_STRIDE, LOGIT_STRIDE = 4, 2  # model-input pixels per cell of the drawn prompts, and per logit
HALF_RANGE = 127.5  # of the pixels' values
MASKS = 4  # the single-mask output, then three candidates, as in SAM
PACKAGED, PACKAGED_CLICKS = "nano.safetensors", "clicks.safetensors"
INTERACTIVE_PREFIX = "prompter."  # of the interactive decoder's tensors in files, users' own among them
WIDTHS = (96, 64, 32)  # decoder channels at strides 16, 8, 4


def resize(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Resizes (B, C, h, w), bilinearly, to the grid of ``like``."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def add(fresh: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Adds up; without gradients the sum takes the place of ``fresh``, for large new tensors cost more than sums."""
    return fresh + other if torch.is_grad_enabled() else fresh.add_(other)


def stack(*maps: torch.Tensor) -> torch.Tensor:
    """Channels side by side, in the memory format of the network: with another, every layer would run slower."""
    return torch.cat(maps, dim=1).contiguous(memory_format=torch.channels_last)


class Block(nn.Module):
    """Depthwise convolution and a two-layer pointwise network, with a residual."""

    def __init__(self, channels: int, kernel: int, expansion: int = 2) -> None:
        super().__init__()
        self.depthwise = Convolution(channels, channels, kernel, groups=channels, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.expand = Convolution(channels, channels * expansion, activation="relu")
        self.project = Convolution(channels * expansion, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns features of the same shape, (B, C, H, W)."""
        projected: torch.Tensor = self.project(self.expand(self.norm(self.depthwise(x))), onto=x)
        return projected


class Neck(nn.Module):
    """Fuses the pyramid into the embedding that is matched and three levels that the decoder reads."""

    def __init__(self) -> None:
        super().__init__()
        stride2, stride4, stride8, stride16, stride32 = TAP_CHANNELS
        self.lateral16 = Convolution(stride16, EMBEDDING_DIM)
        self.lateral32 = Convolution(stride32, EMBEDDING_DIM)
        self.embed = Convolution(EMBEDDING_DIM, EMBEDDING_DIM, 3)
        self.context16 = Convolution(EMBEDDING_DIM, WIDTHS[0])
        self.context8 = Convolution(stride8 + EMBEDDING_DIM, WIDTHS[1])
        self.context4 = Convolution(stride4 + WIDTHS[1], WIDTHS[2])
        self.detail4 = Convolution(stride2, WIDTHS[2], 2, stride=2, padding=0, bias=False)

    def forward(self, taps: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Joins the backbone's features of five strides, finest first, into the neck's."""
        tap2, tap4, tap8, tap16, tap32 = taps
        fused = self.lateral16(tap16) + resize(self.lateral32(tap32), tap16)
        embedding = self.embed(F.relu(fused))
        context8 = self.context8(stack(tap8, resize(fused, tap8)))
        context4 = self.context4(stack(tap4, resize(context8, tap4)), onto=self.detail4(tap2))
        return embedding, self.context16(fused), context8, context4


class Decoder(nn.Module):
    """From prompt maps and the image's levels to four masks and their predicted IoU, per object."""

    def __init__(self) -> None:
        super().__init__()
        wide, middle, narrow = WIDTHS
        self.prompt16 = Convolution(GUIDANCE_CHANNELS + PROMPT_CHANNELS, wide, 3)
        self.prompt8 = Convolution(GUIDANCE_CHANNELS + 1 + PROMPT_CHANNELS, middle)
        self.prompt4 = Convolution(1 + PROMPT_CHANNELS, narrow, 3)
        self.blocks16 = nn.Sequential(Block(wide, 5), Block(wide, 5))
        self.down32 = Convolution(wide, wide, 2, stride=2, padding=0)
        self.blocks32 = nn.Sequential(Block(wide, 5), Block(wide, 5), Block(wide, 5))
        self.merge16 = nn.Sequential(Block(wide, 5), Block(wide, 5))
        self.to8 = Convolution(wide, middle)
        self.blocks8 = nn.Sequential(Block(middle, 5), Block(middle, 3))
        self.to4 = Convolution(middle, narrow)
        self.blocks4 = nn.Sequential(Block(narrow, 3), Block(narrow, 3))
        self.masks = Convolution(narrow, MASKS * 4, 3)
        self.quality = nn.Sequential(
            nn.Linear(wide * 2 + narrow + GUIDANCE_CHANNELS + 1 + MASKS, 96), nn.ReLU(), nn.Linear(96, 1)
        )

    def forward(
        self,
        levels: tuple[torch.Tensor, ...],
        guidance: torch.Tensor,
        fine: tuple[torch.Tensor, torch.Tensor],
        prompt: torch.Tensor,
        chosen: slice = slice(None),
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decodes N objects.

        Args:
            levels: (context16, context8, context4), each (N or 1, C, h, w).
            guidance: float (N, 7, h, w), similarity maps, target model and flag, on the embedding grid.
            fine: the target model's maps at strides 8 and 4, float (N, 1, h8, w8) and (N, 1, h4, w4).
            prompt: float (N, 9, h4, w4), from :func:`vos.sam.nano.inputs.prompt_maps`.
            chosen: which of the four masks.

        Returns:
            Logits (N, M, h2, w2) and the logits of the predicted IoU (N, M).
        """
        logits, x16, x4 = self.draw(levels, guidance, fine, prompt)
        return logits[:, chosen], self._predict_iou(logits[:, chosen], x16, x4, guidance, chosen)

    def draw(
        self,
        levels: tuple[torch.Tensor, ...],
        guidance: torch.Tensor,
        fine: tuple[torch.Tensor, torch.Tensor],
        prompt: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Decodes the masks' logits (N, 4, h2, w2), and the features that they come from at strides 16 and 4."""
        context16, context8, context4 = levels
        maps16 = stack(guidance, F.avg_pool2d(prompt, 4))
        maps8 = stack(resize(guidance, context8), fine[0], F.avg_pool2d(prompt, 2))
        maps4 = stack(fine[1], prompt)
        x16 = self.blocks16(add(self.prompt16(maps16), context16))
        x16 = self.merge16(add(resize(self.blocks32(self.down32(x16)), x16), x16))
        x8 = self.blocks8(add(self.prompt8(maps8, onto=resize(self.to8(x16), context8)), context8))
        x4 = self.blocks4(add(self.prompt4(maps4, onto=resize(self.to4(x8), context4)), context4))
        return F.pixel_shuffle(self.masks(x4), PROMPT_STRIDE // LOGIT_STRIDE), x16, x4

    def _predict_iou(
        self, logits: torch.Tensor, x16: torch.Tensor, x4: torch.Tensor, guidance: torch.Tensor, chosen: slice
    ) -> torch.Tensor:
        """Reads each mask's quality from what lies inside it; the masks themselves get no gradient from here."""
        soft4 = F.avg_pool2d(logits.detach().float().sigmoid(), 2)
        soft16 = F.avg_pool2d(soft4, 4)
        inside = torch.cat([_pool(x16, soft16), _pool(x4, soft4), _pool(guidance, soft16)], dim=-1)
        scene = x16.float().mean(dim=(2, 3))[:, None].expand(-1, logits.shape[1], -1)
        decided = ((soft4 - 0.5).abs() * 2 * soft4).sum(dim=(2, 3)) / soft4.sum(dim=(2, 3)).clamp(min=1)
        which = torch.eye(MASKS, device=logits.device)[chosen].expand(len(logits), -1, -1)
        quality: torch.Tensor = self.quality(torch.cat([inside, scene, decided[..., None], which], dim=-1)).squeeze(-1)
        return quality


def _pool(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of features (N, C, h, w) under soft masks (N, M, h, w): (N, M, C)."""
    total = torch.einsum("nchw,nmhw->nmc", x, weight.to(x.dtype)).float()
    return total / weight.sum(dim=(2, 3)).clamp(min=1)[..., None]


class NanoNetwork(nn.Module):
    """Encoder, neck and decoder of the embedded model."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MobileNetV2()
        self.neck = Neck()
        self.decoder = Decoder()
        self.pixel_unit = HALF_RANGE

    def fold_pixel_unit(self) -> None:
        """Puts the division of the pixels into the stem: one pass over the picture less, for inference."""
        self.backbone.stem.weight.data /= self.pixel_unit
        self.pixel_unit = 1.0

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Encodes images (B, 3, H, W), RGB 0..255, sides multiples of 32: embedding (B, 128, h, w) and three levels."""
        autocast = torch.is_autocast_enabled(images.device.type)
        dtype = torch.get_autocast_dtype(images.device.type) if autocast else self.backbone.stem.weight.dtype
        x = images.to(dtype) - HALF_RANGE  # exact for whole numbers, in bfloat16 too
        levels: tuple[torch.Tensor, ...] = self.neck(self.backbone(x / self.pixel_unit if self.pixel_unit != 1 else x))
        return levels


def fold_batch_norms(network: nn.Module) -> None:
    """Puts each batch norm into the convolution before it: the same function in fewer passes over memory."""
    for module in network.modules():
        if isinstance(module, Block) and isinstance(module.norm, nn.BatchNorm2d):
            module.depthwise = fuse_conv_bn_eval(module.depthwise, module.norm)
            module.norm = nn.Identity()


def freeze(network: nn.Module) -> None:
    """Tells the convolutions that their weights do not change any more."""
    for module in network.modules():
        if isinstance(module, Convolution):
            module.freeze()


@dataclass(frozen=True, slots=True)
class NanoWeights:
    """What a weights file holds.

    Attributes:
        network: the encoder, and the decoder that finds and follows objects.
        interactive_decoder: decodes a user's clicks and boxes; None = the network's does.
        guided_decoder: decodes clicks and boxes, too, and reads guidance (``vos.persam.click_guidance``); None = there
            is none, as beside weights of a user's own.
        name: of the file.
        sha256: of the file.
    """

    network: NanoNetwork
    interactive_decoder: Decoder | None = None
    guided_decoder: Decoder | None = None
    name: str = ""
    sha256: str = ""

    @classmethod
    def load(cls, path: Path | None = None) -> NanoWeights:
        """Reads a safetensors file; the package's own when ``path`` is None.

        Raises:
            VosError: the file is missing, no safetensors, of another network, or its numbers are none.
        """
        source = resources.files("vos.weights") / PACKAGED if path is None else path
        name = PACKAGED if path is None else path.name
        try:
            data = source.read_bytes()
            state = load(data)
            second = [key for key in state if key.startswith(INTERACTIVE_PREFIX)]
            own = {key.removeprefix(INTERACTIVE_PREFIX): state.pop(key) for key in second}
            network, interactive = NanoNetwork(), Decoder() if own else None
            network.load_state_dict(checked_weights(network.state_dict(), state, name))
            if interactive is not None:
                interactive.load_state_dict(checked_weights(interactive.state_dict(), own, name))
        except OSError as error:
            raise VosError(f"weights of the embedded model not readable: {name} ({error.strerror})") from None
        except (SafetensorError, RuntimeError):
            raise VosError(f"{name} does not hold weights of model=nano; see tools/train/train.py") from None
        guided = _packaged_guided_decoder() if path is None else None
        return cls(network, interactive, guided, name, hashlib.sha256(data).hexdigest())


def _packaged_clicks() -> bytes:
    return (resources.files("vos.weights") / PACKAGED_CLICKS).read_bytes()


def click_weights_sha256() -> str:
    """Hashes the package's second file of weights, on which the masks of clicks and boxes depend."""
    return hashlib.sha256(_packaged_clicks()).hexdigest()


def _packaged_guided_decoder() -> Decoder:
    """Reads the decoder of clicks that reads guidance, which belongs to the package's own weights."""
    state, decoder = load(_packaged_clicks()), Decoder()
    own = {key.removeprefix(INTERACTIVE_PREFIX): value for key, value in state.items()}
    decoder.load_state_dict(checked_weights(decoder.state_dict(), own, PACKAGED_CLICKS))
    return decoder
