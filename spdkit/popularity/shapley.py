"""Shapley values: contributions of groups of features to the prediction for one song.

Conventions
-----------
The model is called from outside, and may be any. What it depends on as a whole is measured by
`spdkit.popularity.permutation_importance`.

Contributions of feature groups to the prediction for a song are exact Shapley values; they sum up
to the prediction less the mean prediction for background rows. They are computed here: the exact
explainer of the library shap knows no groups of columns, so that we would hand it the worth of
every coalition, which is all the work, and get back the weights, which are three lines.

References
----------
Štrumbelj and Kononenko (2014), Explaining prediction models and individual predictions with feature
contributions. Lundberg and Lee (2017), A unified approach to interpreting model predictions.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spdkit.common.messages import listing
from spdkit.popularity.feature_groups import (
    ExplanationError,
    FeatureGroups,
    Index,
    Numbers,
    columns_of,
    numbers,
    one_a_row,
)

Predict = Callable[[pd.DataFrame], ArrayLike]
MAX_GROUPS = 10
BASE = "base"
_ROWS_AT_A_TIME = 4096


def contributions(
    predict: Predict, X: pd.DataFrame, background: pd.DataFrame, feature_groups: FeatureGroups
) -> pd.DataFrame:
    """What pushed the prediction for each song up or down, by feature group.

    The worth of a coalition of groups is the mean prediction for the background rows with the
    coalition's columns taken from the song. A group's contribution is what it adds to the worth,
    averaged over all orders in which the groups can join.

    Parameters
    ----------
    predict : callable
        Such rows as X, n of them -> one number each, shape (n,); it is given
        ``2**len(feature_groups)`` mixtures of every song with every background row.
    X : DataFrame, shape (n_songs, n_features)
    background : DataFrame, shape (n_background, n_features)
        What the songs are compared with, such as a sample of the training rows; 100 will do.
    feature_groups : mapping of str to sequence of str
        At most `MAX_GROUPS`, which share no column and leave none out.

    Returns
    -------
    DataFrame, indexed as X
        A column for each group, and ``base``, the mean prediction for the background. They sum up
        to the prediction.

    Raises
    ------
    ExplanationError
        When there are too many groups, or they do not part the columns of X; when background and X
        have different columns, are empty, or hold no numbers; when the predictions are not one
        number a row.

    Notes
    -----
    Where groups part columns that are missing together, some mixtures lack what no song lacks; the
    model fills that in as it does for songs, and its warnings of it are not passed on.
    """
    columns = columns_of(feature_groups, X.columns)
    _check_parted(columns, X, background)
    songs, others = numbers(X), numbers(background)
    # Of what the songs themselves lack, the model may warn, once.
    whole = one_a_row(predict(X), len(X), "predictions")
    worth = np.empty((2 ** len(columns), len(X)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\d+ columns miss values in a way", UserWarning)
        worth[0] = one_a_row(predict(background), len(background), "predictions").mean()
        for coalition in range(1, len(worth) - 1):
            taken = [b for i, b in enumerate(columns.values()) if coalition >> i & 1]
            worth[coalition] = _worth(predict, songs, others, np.concatenate(taken), X.columns)
    worth[-1] = whole
    table = pd.DataFrame(_shapley(worth), index=X.index, columns=list(columns))
    return table.assign(**{BASE: worth[0]})


def _worth(
    predict: Predict, songs: Numbers, others: Numbers, taken: Index, names: pd.Index
) -> Numbers:
    """Mean prediction for the background with these columns of each song, shape (n_songs,)."""
    at_a_time = max(1, _ROWS_AT_A_TIME // len(others))
    means = []
    for start in range(0, len(songs), at_a_time):
        part = songs[start : start + at_a_time]
        mixed = np.tile(others, (len(part), 1))
        mixed[:, taken] = np.repeat(part[:, taken], len(others), axis=0)
        table = pd.DataFrame(mixed, columns=names)
        predicted = one_a_row(predict(table), len(table), "predictions")
        means.append(predicted.reshape(len(part), len(others)).mean(axis=1))
    return np.concatenate(means)


def _shapley(worth: Numbers) -> Numbers:
    """Shapley values of n players, shape (n_songs, n), from (2**n, n_songs) worths.

    Bit i of a coalition's number says whether player i is in it.
    """
    n = len(worth).bit_length() - 1
    coalitions = np.arange(len(worth))
    sizes = np.bitwise_count(coalitions)
    weights = np.array([1 / (n * math.comb(n - 1, size)) for size in range(n)])
    values = []
    for i in range(n):
        without = coalitions[coalitions >> i & 1 == 0]
        values.append(weights[sizes[without]] @ (worth[without | 1 << i] - worth[without]))
    return np.stack(values, axis=1)


def _check_parted(columns: dict[str, Index], X: pd.DataFrame, background: pd.DataFrame) -> None:
    if len(columns) > MAX_GROUPS:
        raise ExplanationError(
            f"{len(columns)} feature groups have {2 ** len(columns)} coalitions: give at most "
            f"{MAX_GROUPS}, such as the modalities"
        )
    if BASE in columns:
        raise ExplanationError(
            f"a feature group cannot be called {BASE!r}: that is the mean prediction"
        )
    uses = np.bincount(np.concatenate(list(columns.values())), minlength=len(X.columns))
    for wrong, what in (
        (uses == 0, "in no feature group"),
        (uses > 1, "in several feature groups"),
    ):
        if wrong.any():
            raise ExplanationError(f"columns {what}: {listing(list(X.columns[wrong]), quote=True)}")
    if not X.columns.equals(background.columns):
        odd = list(X.columns.symmetric_difference(background.columns)) or ["their order"]
        raise ExplanationError(f"X and background differ in columns: {listing(odd, quote=True)}")
    for what, rows in (("X", X), ("background", background)):
        if rows.empty:
            raise ExplanationError(f"{what} has no rows")
