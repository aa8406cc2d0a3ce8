"""Which clips of a list are one machine's, where many machines have the same list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vos.errors import VosError

T = TypeVar("T")
_SLURM = tuple(f"SLURM_ARRAY_TASK_{name}" for name in ("ID", "MIN", "MAX", "STEP"))
_KUBERNETES = "JOB_COMPLETION_INDEX"


@dataclass(frozen=True)
class Shard:
    """Every ``count``-th clip, from the one with the number ``index`` on, which counts from 0."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"shard {self.index} of {self.count}"

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """Takes this shard's items: neighbours, which are often alike, come into different shards."""
        return items[self.index :: self.count]


def read_shard(text: str, environment: Mapping[str, str]) -> Shard:
    """Reads ``shard=``.

    Args:
        text: "3/16"; "auto" for the task of a Slurm array; "auto/16" for the pod of an indexed Kubernetes job.
        environment: of the process.

    Raises:
        VosError: another text, a number that is none of the shards, or a scheduler that says nothing.
    """
    if text == "auto":
        task, first, last, step = (_number(name, environment, text) for name in _SLURM)
        shard = Shard((task - first) // max(1, step), (last - first) // max(1, step) + 1)
    elif found := re.fullmatch(r"(auto|\d+)/(\d+)", text):
        shard = Shard(_number(_KUBERNETES, environment, text) if found[1] == "auto" else int(found[1]), int(found[2]))
    else:
        raise VosError(f"shard={text} is not understood; give the number, from 0, and the count: shard=3/16, or auto")
    if not 0 <= shard.index < shard.count:
        raise VosError(f"shard={text}: there is no {shard}; the shards count from 0 to {max(0, shard.count - 1)}")
    return shard


def _number(name: str, environment: Mapping[str, str], text: str) -> int:
    try:
        return int(environment[name])
    except (KeyError, ValueError):
        told = f"is {environment[name]!r}" if name in environment else "is not set"
        raise VosError(
            f"shard={text}: {name} {told}; outside of such a job give the number, as in shard=3/16"
        ) from None
