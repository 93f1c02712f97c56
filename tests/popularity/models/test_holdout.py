"""Rows held out inside fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.popularity.models.holdout import hold_out


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 80), n_groups=st.integers(0, 30), seed=st.integers(0, 99))
def test_every_row_has_one_purpose_and_no_group_has_two(n, n_groups, seed):
    groups = None
    if n_groups:
        groups = [f"artist {i}" for i in np.random.default_rng(seed).integers(0, n_groups, n)]
    found = hold_out(n, 0.2, 0.1, seed, groups)
    sets = [found.training, found.stopping, found.calibration]
    assert sorted(np.concatenate(sets)) == list(range(n))
    assert len(found.training) > 0
    members = [{i if groups is None else groups[i] for i in rows} for rows in sets]
    n_members = len(set.union(*members))
    assert [len(m) for m in members[1:]] == [int(n_members * 0.2), int(n_members * 0.1)]
    assert sum(map(len, members)) == n_members


def test_seeds_decide():
    a, b, c = (hold_out(100, 0.1, 0.1, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.calibration, b.calibration)
    assert not np.array_equal(a.calibration, c.calibration)


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5), (1.0, 0.0)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValueError, match=str(shares[0])):
        hold_out(10, *shares, seed=0)


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="3 entries, X has 10"):
        hold_out(10, 0.1, 0.1, 0, groups=[1, 2, 3])
