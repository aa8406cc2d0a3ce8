"""Which results still hold: what each frame's result depends on, told without tracking anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vos.video.join import BackwardPass


@dataclass(frozen=True)
class Dependencies:
    """What the results of a clip depend on.

    A frame depends on what is shown before it, on what is shown in the frame from which it is tracked back, and on
    nothing after that; a frame before all that is shown, on the first alone.

    Attributes:
        mark: hashes the clip, the model and all options.
        given: position of each frame in which objects are shown, ascending, and a hash of what shows them.
        passes: from further ones backward.
        count: number of the clip's frames.
    """

    mark: str
    given: Sequence[tuple[int, str]]
    passes: Sequence[BackwardPass]
    count: int

    @cached_property
    def reach(self) -> npt.NDArray[np.int64]:
        """The last frame that must have been tracked forward for each frame's result, int64 (T,)."""
        reach = np.arange(self.count)
        for each in self.passes:
            between = slice(each.stop, each.start)
            reach[between] = np.maximum(reach[between], each.start)
        return reach

    @cached_property
    def used(self) -> npt.NDArray[np.int64]:
        """How many of the frames in which objects are shown each frame depends on, int64 (T,); 0 = none are."""
        used = np.searchsorted([position for position, _ in self.given], self.reach, side="right")
        return np.asarray(np.maximum(used, min(1, len(self.given))), np.int64)

    @cached_property
    def keys(self) -> list[str]:
        """Names what depends on so many of them: the k-th is of k; of none it is empty, which no result has."""
        keys, digest = [""], hashlib.blake2b(self.mark.encode(), digest_size=12)
        for position, shown in self.given:
            digest.update(f"\n{position} {shown}".encode())
            keys.append(digest.hexdigest())
        return keys

    def key(self, position: int) -> str:
        """Names all that the result of a frame depends on."""
        return self.keys[int(self.used[position])]

    def is_joined(self, position: int) -> bool:
        """Tells whether a frame is tracked from both sides, so that what the forward pass finds is not all."""
        return any(each.stop <= position < each.start for each in self.passes)
