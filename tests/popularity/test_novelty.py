"""How far songs lie from those of the training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spdkit.popularity.novelty import novelty, outside_range


def frame(values):
    return pd.DataFrame(values, columns=[f"f{i}" for i in range(np.shape(values)[1])])


def test_training_songs_are_usual_and_strangers_far():
    rng = np.random.default_rng(0)
    # Two things that go together: songs on a line through the square.
    t = rng.random(600)
    known = frame(np.column_stack([t, t + 0.01 * rng.normal(size=600)]))
    t = rng.random(200)
    usual = novelty(frame(np.column_stack([t, t])), known)
    assert np.median(usual) == pytest.approx(1, abs=0.4)
    strange = novelty(frame([[0.1, 0.9], [0.9, 0.1]]), known)
    assert (strange > 10 * np.median(usual)).all()


def test_distances_by_hand():
    # Ranks of four training songs are 0, 1/3, 2/3, 1; the mean distances of each to the other
    # three are 2/3, 4/9, 4/9, 2/3, so 5/9 is usual. From the middle it is 1/6, 1/6, and one of 1/2.
    known = frame([[1.0], [10], [100], [1000]])
    distances = novelty(frame([[55.0]]), known)
    assert distances[0] == pytest.approx((1 / 6 + 1 / 6 + 1 / 2) / 3 / (5 / 9), rel=1e-6)


def test_beyond_the_training_songs_it_counts_how_far_up_to_their_range():
    # As above, five ninths is usual. Beyond the end of a range of 999 the place is 1 + 0.5 and,
    # however far, 1 + 1; the nearest three lie at 1, 2/3, 1/3.
    known = frame([[1.0], [10], [100], [1000]])
    distances = novelty(frame([[1000 + 999 / 2], [1e9]]), known)
    nearest = np.array([1.5, 2]) - 2 / 3
    np.testing.assert_allclose(distances, nearest / (5 / 9), rtol=1e-6)


@pytest.mark.parametrize("known", [[[1.0, 2]], [[1.0, 2]] * 8])
def test_where_nothing_differs_there_is_no_distance(known):
    assert np.isnan(novelty(frame([[1.0, 2]]), frame(known))).all()


def test_features_beyond_the_training_rows_are_counted():
    low, high = pd.Series({"f0": 0.0, "f1": -1.0}), pd.Series({"f0": 1.0, "f1": 1.0})
    X = frame([[0.0, 1], [2, -3], [np.nan, 5]])
    assert outside_range(X, low, high).tolist() == [0, 2, 1]
