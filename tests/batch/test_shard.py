"""Every clip is in exactly one shard, and a scheduler's numbers are read as it means them."""

from __future__ import annotations

import pytest

from vos.batch.shard import Shard, read_shard
from vos.errors import VosError

SLURM = {f"SLURM_ARRAY_TASK_{name}": value for name, value in zip(("ID", "MIN", "MAX", "STEP"), ["9", "3", "11", "2"])}


@pytest.mark.parametrize("count", [1, 2, 7, 16, 40])
def test_each_clip_is_in_exactly_one_shard(count: int) -> None:
    clips = list(range(33))
    shards = [read_shard(f"{index}/{count}", {}).of(clips) for index in range(count)]
    assert sorted(clip for shard in shards for clip in shard) == clips
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_schedulers() -> None:
    assert read_shard("auto", SLURM) == Shard(3, 5)  # tasks 3, 5, 7, 9, 11
    assert read_shard("auto/16", {"JOB_COMPLETION_INDEX": "15"}) == Shard(15, 16)


@pytest.mark.parametrize(
    ("text", "environment", "told"),
    [
        ("16/16", {}, "count from 0 to 15"),
        ("0/0", {}, "there is no shard 0 of 0"),
        ("3 of 16", {}, "is not understood"),
        ("-1/4", {}, "is not understood"),
        ("auto", {}, "SLURM_ARRAY_TASK_ID is not set"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_MAX": "many"}, "SLURM_ARRAY_TASK_MAX is 'many'"),
        ("auto/16", {}, "JOB_COMPLETION_INDEX is not set"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "4"}, "count from 0 to 3"),
    ],
)
def test_what_cannot_be_is_refused(text: str, environment: dict[str, str], told: str) -> None:
    with pytest.raises(VosError, match=told):
        read_shard(text, environment)
