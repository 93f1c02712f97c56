"""Scaling and masks, by hand and against scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from spdkit.preparation import MaskedMinMaxScaler

NAN = np.nan


def test_it_is_a_transformer_of_scikit_learn():
    found = check_estimator(MaskedMinMaxScaler(), on_skip=None)
    odd = {(each["check_name"], each["status"]) for each in found if each["status"] != "passed"}
    assert odd == {("check_array_api_input", "skipped")}  # of libraries that are not installed


def test_by_hand():
    # Column a: median of 0, 10, 40 is 10, range 40. b and c are missing together: one mask. d never
    # varies; e has no number at all.
    X = pd.DataFrame(
        {
            "a": [0.0, 10, 40, NAN],
            "b": [1.0, NAN, 3, 5],
            "c": [8.0, NAN, 0, 4],
            "d": [7.0, 7, 7, 7],
            "e": [NAN] * 4,
        }
    )
    scaler = MaskedMinMaxScaler().fit(X)
    expected = [
        [0.00, 0.0, 1.0, 0, 0, 0, 0],
        [0.25, 0.5, 0.5, 0, 0, 0, 1],
        [1.00, 0.5, 0.0, 0, 0, 0, 0],
        [0.25, 1.0, 0.5, 0, 0, 1, 0],
    ]
    np.testing.assert_allclose(scaler.transform(X), expected)
    names = ["a", "b", "c", "d", "e", "missing_a", "missing_b"]
    assert list(scaler.get_feature_names_out()) == names
    back = scaler.inverse_transform(np.array(expected))
    np.testing.assert_allclose(back[1], [10, 3, 4, 7, 0])


def test_complete_numbers_are_scaled_as_scikit_learn_scales_them():
    rng = np.random.default_rng(0)
    X, new = rng.standard_normal((30, 5)), rng.standard_normal((9, 5)) * 5
    ours, theirs = MaskedMinMaxScaler().fit(X), MinMaxScaler().fit(X)
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new))
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(new)), new)


def test_what_never_varied_in_training_has_no_say():
    X = np.array([[1.0, NAN], [1.0, NAN], [1.0, NAN]])
    scaler = MaskedMinMaxScaler().fit(X)
    np.testing.assert_array_equal(scaler.transform([[1e9, 1e9]]), [[0, 0]])


def test_values_that_begin_to_miss_are_told_by_name():
    X = pd.DataFrame({"a": [0.0, 1, 2], "b": [1.0, NAN, 3], "c": [1.0, NAN, 4]})
    scaler = MaskedMinMaxScaler().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaler.transform(X.iloc[::-1])
    new = X.copy()
    new.loc[0, "a"] = NAN
    with pytest.warns(UserWarning, match=r"1 columns miss values .* \(a\)"):
        scaled = scaler.transform(new)
    assert scaled[0, 0] == 0.5  # the training median, 1, of 0 to 2
    new = X.copy()
    new.loc[0, "c"] = NAN  # without b, as never before: b's mask would not tell
    with pytest.warns(UserWarning, match=r"\(c\)"):
        scaler.transform(new)


def test_a_reordered_column_is_named():
    X = pd.DataFrame({"a": [0.0, 1], "b": [1.0, 2]})
    scaler = MaskedMinMaxScaler().fit(X)
    with pytest.raises(ValueError, match="same order"):
        scaler.transform(X[["b", "a"]])
    with pytest.raises(ValueError, match=r"(?s)unseen.*tempo"):
        scaler.transform(X.rename(columns={"b": "tempo"}))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1))
def test_training_rows_lie_in_the_unit_interval(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rng.integers(1, 20), rng.integers(1, 6))) * 10.0 ** rng.integers(-9, 9)
    X[rng.random(X.shape) < 0.3] = NAN
    scaler = MaskedMinMaxScaler().fit(X)
    scaled = scaler.transform(X)
    assert ((scaled >= 0) & (scaled <= 1)).all()
    patterns = {tuple(column) for column in np.isnan(X).T if column.any() and not column.all()}
    assert {tuple(column == 1) for column in scaled[:, X.shape[1] :].T} == patterns
    assert scaled.shape[1] == X.shape[1] + len(patterns)
