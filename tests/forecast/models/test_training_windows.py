"""What a unit learns from: counted, and laid out, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.rolling import cut, least_days


def days(n):
    return np.arange(n, dtype=float)[None, :, None]


@pytest.mark.parametrize(
    ("p", "n_pairs"),
    # March to July has 153 days; the counts are the published code's.
    [(1, 121), (2, 60), (3, 40), (4, 29), (5, 23), (6, 19), (7, 16), (8, 14), (30, 3)],
)
def test_pairs_of_the_published_code_are_counted(p, n_pairs):
    X, Y = cut(days(153), p, p, "reference")
    assert X.shape == Y.shape == (1, n_pairs, p, 1)
    assert Y[0, -1, -1, 0] == 152


def test_reference_windows_are_blocks_of_which_the_last_train():
    # Of 14 days, p = 2: seven blocks 0 1 | 2 3 | … | 12 13, six pairs, ⌊0.8·6⌋ = 4 train.
    X, Y = cut(days(14), 2, 2, "reference")
    assert X[0, :, :, 0].tolist() == [[4, 5], [6, 7], [8, 9], [10, 11]]
    assert Y[0, :, :, 0].tolist() == [[6, 7], [8, 9], [10, 11], [12, 13]]
    # Of 11, p = 3: 11 mod 3 = 2 days are dropped at the front; 2 3 4 | 5 6 7 | 8 9 10, two pairs,
    # ⌊1.6⌋ = 1 trains.
    X, Y = cut(days(11), 3, 3, "reference")
    assert X[0, :, :, 0].tolist() == [[5, 6, 7]]
    assert Y[0, :, :, 0].tolist() == [[8, 9, 10]]


def test_sliding_windows_are_all_there_are():
    X, Y = cut(days(6), 3, 2, "sliding")
    assert X[0, :, :, 0].tolist() == [[0, 1, 2], [1, 2, 3]]
    assert Y[0, :, :, 0].tolist() == [[3, 4], [4, 5]]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["reference", "sliding"]))
def test_the_least_days_are_the_least(p, q, windows):
    q = p if windows == "reference" else q
    least = least_days(windows, p, q)
    X, _ = cut(days(least), p, q, windows)
    assert X.shape[1] == 1
    with pytest.raises(ForecastError, match=f"need {least} days, got {least - 1}"):
        cut(days(least - 1), p, q, windows)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 20),
    st.sampled_from(["reference", "sliding"]),
)
def test_a_target_follows_its_window_in_every_feature(p, q, more, windows):
    q = p if windows == "reference" else q
    n = least_days(windows, p, q) + more
    values = np.arange(2 * n * 3).reshape(2, n, 3)
    X, Y = cut(values, p, q, windows)
    whole = np.concatenate([X, Y], axis=2)
    assert (np.diff(whole, axis=2) == 3).all()  # the next day lies three features on
    assert (whole[:, -1, -1] == values[:, -1]).all()
    assert (np.diff(whole[..., 0], axis=1) == 3 * (p if windows == "reference" else 1)).all()


def test_windows_that_are_none_are_refused():
    with pytest.raises(ForecastError, match="q=3: take windows='sliding', or q=p"):
        cut(days(20), 2, 3, "reference")
    with pytest.raises(ForecastError, match="must be one of 'reference', 'sliding', got 'all'"):
        cut(days(20), 2, 2, "all")
