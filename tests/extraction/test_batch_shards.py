"""Shards of a batch: when one is full."""

from __future__ import annotations

import pytest

from spdkit.extraction import batch
from spdkit.extraction.batch import _is_full

FEW, MANY = batch._SHARD_SIZE, batch._LARGEST_SHARD
SOON, LATE = batch._SHORTEST_SHARD_SECONDS, batch._SHARD_SECONDS


@pytest.mark.parametrize(
    ("count", "asked", "seconds", "full"),
    [
        (FEW - 1, None, SOON + 1, False),
        (FEW, None, SOON + 1, True),
        (FEW, None, SOON - 0.1, False),  # fast results come in larger shards
        (MANY - 1, None, 0.0, False),
        (MANY, None, 0.0, True),
        (1, None, LATE - 1, False),
        (1, None, LATE + 1, True),  # and slow ones are not kept waiting
        (31, 32, SOON + 1, False),
        (32, 32, 0.0, True),
        (MANY, MANY + 1, SOON + 1, False),
        (1, 32, LATE + 1, True),
    ],
)
def test_a_shard_is_full_by_its_size_or_by_its_time(count, asked, seconds, full):
    assert _is_full(count, asked, seconds) == full


def test_the_sizes_and_times_are_in_order():
    assert 1 < FEW < MANY and 0 < SOON < LATE
