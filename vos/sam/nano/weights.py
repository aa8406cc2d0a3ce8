"""The embedded model's weights file: one encoder, and a decoder for each of its two tasks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load

from vos.errors import VosError
from vos.sam.nano.network import Decoder, NanoNetwork

PACKAGED = "nano.safetensors"
INTERACTIVE_PREFIX = "prompter."  # of the interactive decoder's tensors in files, users' own among them


@dataclass(frozen=True, slots=True)
class NanoWeights:
    """What a weights file holds.

    Attributes:
        network: the encoder, and the decoder that finds and follows objects.
        interactive_decoder: decodes a user's clicks and boxes; None = the network's does.
        name: of the file.
        sha256: of the file.
    """

    network: NanoNetwork
    interactive_decoder: Decoder | None = None
    name: str = ""
    sha256: str = ""

    @classmethod
    def load(cls, path: Path | None = None) -> NanoWeights:
        """Reads a safetensors file; the package's own when ``path`` is None.

        Raises:
            VosError: the file is missing, no safetensors, or of another network.
        """
        source = resources.files("vos.weights") / PACKAGED if path is None else path
        name = PACKAGED if path is None else path.name
        try:
            data = source.read_bytes()
            state = {key: value.float() for key, value in load(data).items()}
            second = [key for key in state if key.startswith(INTERACTIVE_PREFIX)]
            own = {key.removeprefix(INTERACTIVE_PREFIX): state.pop(key) for key in second}
            network, interactive = NanoNetwork(), Decoder() if own else None
            network.load_state_dict(state)
            if interactive is not None:
                interactive.load_state_dict(own)
        except OSError as error:
            raise VosError(f"weights of the embedded model not readable: {name} ({error.strerror})") from None
        except (SafetensorError, RuntimeError):
            raise VosError(f"{name} does not hold weights of model=nano; see tools/train/train.py") from None
        return cls(network, interactive, name, hashlib.sha256(data).hexdigest())
