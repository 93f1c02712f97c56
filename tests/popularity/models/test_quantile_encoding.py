"""Inputs of the recommended net: quantiles for numbers, everything else as flags."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import QuantileTransformer, quantile_transform

from spdkit.popularity.models.quantile_encoding import QuantileInputs

NAN = np.nan


def test_numbers_become_quantiles_and_flags_stay():
    X = np.array([[10.0, 0, 5, 1], [30, 1, 5, NAN], [20, 0, 5, 2], [40, 1, 5, 4], [50, 0, 5, 3]])
    inputs = QuantileInputs().fit(X)
    # Columns 0 and 3 have more than two values; 1 is a flag, 2 never varies; 3 has a mask.
    assert inputs.numbers.tolist() == [0, 3]
    assert inputs.flags.tolist() == [1, 2, 4]
    found = inputs.transform(X)
    np.testing.assert_allclose(found[:, 0], [0, 0.5, 0.25, 0.75, 1])
    np.testing.assert_array_equal(
        found[:, 2:], [[0, 0, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0], [0] * 3]
    )
    # The median of 1, 2, 4, 3 is 2.5: the middle of what the column then holds.
    assert found[1, 1] == pytest.approx(0.5)


def test_quantiles_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.lognormal(size=3000), rng.integers(0, 5, 3000)])
    found = QuantileInputs().fit(X).transform(X)
    golden = quantile_transform(X, n_quantiles=1000, subsample=None)
    np.testing.assert_allclose(found, golden, atol=1e-12)


def test_every_quantile_counts_to_the_last():
    """scikit-learn's of 1,500 rows with a long tail: 1,000 quantiles, the ends included."""
    X = np.exp(np.linspace(0, 12, 1500))[:, None]
    inputs = QuantileInputs().fit(X)
    assert inputs.quantiles.shape == (1000, 1)
    tail = np.exp(np.linspace(11.9, 12, 50))[:, None]
    theirs = QuantileTransformer(n_quantiles=1000, subsample=None).fit(X)
    for other in (inputs, QuantileInputs.from_arrays(inputs.to_arrays())):
        np.testing.assert_allclose(other.transform(tail), theirs.transform(tail), atol=1e-9)
        np.testing.assert_allclose(other.inverse_transform(other.transform(tail)), tail, rtol=1e-6)


def test_rows_beyond_the_training_rows_stay_in_range():
    X = np.array([[1.0, 0], [2, 1], [3, 0]])
    found = QuantileInputs().fit(X).transform(np.array([[-1e9, 7.0], [1e9, -7]]))
    np.testing.assert_array_equal(found, [[0, 1], [1, 0]])


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (12, 4), elements=st.sampled_from([0.0, 1, 2, 3.5, -8, NAN])))
def test_inputs_lie_in_the_unit_interval_and_come_back(X):
    inputs = QuantileInputs().fit(X)
    found = inputs.transform(X)
    assert ((found >= 0) & (found <= 1)).all()
    back = inputs.inverse_transform(found)
    known = ~np.isnan(X)
    np.testing.assert_allclose(back[known], X[known], atol=1e-6)


@pytest.mark.parametrize("X", [np.full((3, 2), NAN), np.ones((3, 2)), np.eye(3)])
def test_without_a_number_there_are_flags_alone(X):
    inputs = QuantileInputs().fit(X)
    assert inputs.transform(X).shape[1] == X.shape[1]
    assert not len(inputs.numbers)
    assert inputs.inverse_transform(inputs.transform(X)).shape == X.shape
