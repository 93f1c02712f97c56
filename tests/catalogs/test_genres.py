"""Genres as columns: the commonest of the training rows, whatever container they come in."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from spdkit.catalogs import CatalogError, GenreEncoder

ROWS = [["rock", "pop"], ["pop"], [], None, ["ska", "pop", "rock"], ["jazz"]]


def test_columns_by_hand():
    # pop 3, rock 2, then jazz and ska with 1 each: the tie goes by name.
    encoder = GenreEncoder(n_genres=3).fit(ROWS)
    assert encoder.genres_.tolist() == ["pop", "rock", "jazz"]
    names = encoder.get_feature_names_out()
    assert names.tolist() == ["genre_pop", "genre_rock", "genre_jazz"]
    nan = np.nan
    expected = [[1, 1, 0], [1, 0, 0], [0, 0, 0], [nan, nan, nan], [1, 1, 0], [0, 0, 1]]
    assert np.array_equal(encoder.transform(ROWS), expected, equal_nan=True)
    assert encoder.transform([["polka", "rock"]]).tolist() == [[0, 1, 0]]


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=12),
    n=st.integers(1, 8),
)
def test_it_learns_from_the_rows_it_is_fitted_on(rows, n):
    encoder = GenreEncoder(n_genres=n).fit(rows)
    counts = Counter(genre for row in rows for genre in set(row))
    kept = list(encoder.genres_)
    assert len(kept) == min(n, len(counts))
    left = [counts[genre] for genre in counts if genre not in kept]
    assert not left or max(left) <= min(counts[genre] for genre in kept)
    hot = encoder.transform(rows)
    assert hot.sum(axis=0).tolist() == [counts[genre] for genre in kept]
    assert set(np.unique(hot)) <= {0.0, 1.0}


@pytest.mark.parametrize(
    "container",
    [
        list,
        lambda rows: pd.Series(rows, index=range(7, 13)),
        lambda rows: pd.DataFrame({"genres": rows}),
        lambda rows: pd.DataFrame({"genres": rows}).to_numpy(),
        lambda rows: pd.Series([None if r is None else tuple(r) for r in rows]),
    ],
    ids=["list", "series", "frame", "array", "tuples"],
)
def test_every_container_gives_the_same(container):
    expected = GenreEncoder().fit(ROWS).transform(ROWS)
    found = GenreEncoder().fit_transform(container(ROWS))
    assert np.array_equal(found, expected, equal_nan=True)


def test_in_a_pipeline_each_fold_learns_its_own_genres():
    rng = np.random.default_rng(0)
    rows = [list(rng.choice(list("abcdefgh"), size=2, replace=False)) for _ in range(60)]
    X = pd.DataFrame({"genres": pd.Series(rows, dtype=object), "x": rng.normal(size=60)})
    y = X["x"] + [2.0 * ("a" in row) for row in rows]
    for column in ("genres", ["genres"]):
        columns = ColumnTransformer(
            [("genres", GenreEncoder(n_genres=8), column), ("rest", "passthrough", ["x"])]
        )
        model = make_pipeline(columns, SimpleImputer(), LinearRegression())
        assert np.abs(cross_val_predict(model, X, y, cv=3) - y).max() < 1e-8
        names = columns.fit(X).get_feature_names_out()
        assert sorted(names) == [*(f"genres__genre_{g}" for g in "abcdefgh"), "rest__x"]
    frame = columns.set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == list(names)
    assert frame.index.equals(X.index)


def test_it_is_an_estimator():
    encoder = GenreEncoder(n_genres=2)
    for method in (encoder.transform, lambda rows: encoder.get_feature_names_out()):
        with pytest.raises(NotFittedError):
            method(ROWS)
    encoder.fit(ROWS)
    copy = pickle.loads(pickle.dumps(encoder))
    assert np.array_equal(copy.transform(ROWS), encoder.transform(ROWS), equal_nan=True)
    assert clone(encoder).get_params() == {"n_genres": 2}
    assert not hasattr(clone(encoder), "genres_")


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (["pop"], "position 0 are no list of texts: 'pop'"),
        ([["pop"], [3]], r"position 1 are no list of texts: \[3\]"),
        (pd.DataFrame({"a": [[]], "b": [[]]}), "takes one column of genres, got 2"),
    ],
)
def test_what_is_no_list_of_genres_is_refused(rows, what):
    with pytest.raises(CatalogError, match=what):
        GenreEncoder().fit(rows)
    with pytest.raises(CatalogError, match="n_genres must be at least 1, got 0"):
        GenreEncoder(n_genres=0).fit(ROWS)
