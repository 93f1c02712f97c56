"""Scaling and masks, by hand and against scikit-learn."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from spdkit.common.errors import SpdkitWarning
from spdkit.popularity.models import scaling
from spdkit.popularity.models.scaling import MaskedMinMaxScaler

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


def test_columns_of_arrays_can_be_given_names():
    X = np.array([[0.0, 1], [1, 2], [2, 4]])
    new = np.array([[np.nan, 2]])
    for names, told in ((None, r"\(x0\)"), (["loud", "fast"], r"\(loud\)")):
        with pytest.warns(SpdkitWarning, match=told):
            MaskedMinMaxScaler(names).fit(X).transform(new)


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


def holes(n_rows, n_columns=7, seed=0):
    """Numbers with three patterns of missingness, of which one comes twice, and an empty column."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_columns))
    X[rng.random(n_rows) < 0.3, 1] = NAN
    X[np.isnan(X[:, 1]), 4] = NAN
    X[rng.random(n_rows) < 0.2, 5] = NAN
    X[rng.random(n_rows) < 0.1, 2] = NAN
    X[:, 6] = NAN
    return X


@pytest.fixture(params=["in one go", "piece by piece"])
def pieces(request, monkeypatch):
    if request.param == "piece by piece":
        monkeypatch.setattr(scaling, "_ROWS_AT_A_TIME", 7)
        monkeypatch.setattr(scaling, "_VALUES_AT_A_TIME", 1)


def test_rows_are_learned_from_without_a_copy(pieces):
    X, rows = holes(60), np.arange(3, 50, 2)
    ours, expected = MaskedMinMaxScaler().fit_rows(X, rows), MaskedMinMaxScaler().fit(X[rows])
    assert list(expected.masked_) == [1, 2, 5]
    for name in ("median_", "min_", "range_", "empty_", "masked_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name), err_msg=name)
    known = X[rows, :6]
    np.testing.assert_array_equal(ours.median_[:6], np.nanmedian(known, axis=0))
    np.testing.assert_allclose(ours.range_[:6], np.nanmax(known, axis=0) - np.nanmin(known, axis=0))


def test_batches_are_the_rows_that_transform_gives(pieces):
    X = holes(60)
    scaler = MaskedMinMaxScaler().fit(X)
    whole, rows = scaler.transform(X), np.array([59, 0, 31, 2, 2, 40, 41, 42, 43])
    np.testing.assert_array_equal(np.concatenate(list(scaler.batches(X))), whole)
    np.testing.assert_array_equal(np.concatenate(list(scaler.batches(X, rows))), whole[rows])


def test_single_precision_is_taken_as_the_numbers_that_it_holds(pieces):
    X = holes(60).astype(np.float32)
    single, double = MaskedMinMaxScaler().fit(X), MaskedMinMaxScaler().fit(X.astype(np.float64))
    assert single.transform(X).dtype == np.float64
    np.testing.assert_array_equal(single.transform(X), double.transform(X.astype(np.float64)))


def test_new_gaps_are_told_once_wherever_they_are(pieces):
    X = holes(60)
    scaler = MaskedMinMaxScaler().fit(X)
    X[58, 0] = X[2, 3] = NAN
    with pytest.warns(UserWarning, match=r"2 columns miss values .* \(x0, x3\)") as told:
        list(scaler.batches(X))
    assert len(told) == 1
    # Where column 4 misses values, so does 1, but for one row, which is far from all others.
    X = holes(60)
    X[59, 4] = 0.0 if np.isnan(X[59, 4]) else NAN
    with pytest.warns(UserWarning, match=r"\(x4\)"):
        scaler.transform(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_rows_are_never_copied_as_a_whole(dtype):
    X = holes(40_000, 40).astype(dtype)
    rows = np.arange(1, 40_000)
    tracemalloc.start()
    try:
        scaler = MaskedMinMaxScaler().fit_rows(X, rows)
        total = sum(batch.sum() for batch in scaler.batches(X, rows))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.isfinite(total)
    assert peak < 0.8 * X.nbytes
