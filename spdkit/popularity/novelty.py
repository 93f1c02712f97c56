"""Novelty: distance of a song from the training songs of a model.

Two numbers, which complete each other: the distance to the nearest training songs, in units of what
is usual among these themselves, and how many features lie beyond the range of the training rows,
where every model guesses. Features count by their rank among the training songs, so that units and
outliers do not decide, and beyond these by how far, in widths of their range and up to one of them;
missing ones by their medians and masks, as in `spdkit.popularity.models.quantile_encoding`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from spdkit.common.messages import listing
from spdkit.popularity.feature_groups import ExplanationError
from spdkit.popularity.models.quantile_encoding import QuantileInputs

NEIGHBOURS = 5


def novelty(X: pd.DataFrame, training_X: pd.DataFrame) -> NDArray[np.float64]:
    """Mean distance to the five nearest training songs, over the median of theirs among themselves.

    Parameters
    ----------
    X, training_X : DataFrame
        The same columns; NaN where a value is missing.

    Returns
    -------
    ndarray of float64, shape (n_songs,)
        1 is usual, 3 is far. NaN when the training songs are fewer than two, or all the same.
    """
    if len(training_X) < 2:
        return np.full(len(X), np.nan)
    names = [str(name) for name in training_X.columns]
    inputs = QuantileInputs().fit(training_X.to_numpy(dtype=np.float64), names)
    training = _positions(inputs, training_X)
    n_neighbors = min(NEIGHBOURS, len(training) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(training)
    own, _ = search.kneighbors()  # a song is no neighbour of itself
    usual = float(np.median(own.mean(axis=1)))
    if usual == 0:
        return np.full(len(X), np.nan)
    distances, _ = search.kneighbors(_positions(inputs, X))
    relative: NDArray[np.float64] = distances.mean(axis=1) / usual
    return relative


def _positions(inputs: QuantileInputs, X: pd.DataFrame) -> NDArray[np.float64]:
    """Where songs lie, shape (n_songs, n_inputs): in [0, 1] within the training songs' range."""
    scaled = inputs.scaler.transform(X.to_numpy(dtype=np.float64))
    positions, numbers = inputs.encode(scaled), scaled[:, inputs.numbers]
    positions[:, : len(inputs.numbers)] += (numbers - numbers.clip(0, 1)).clip(-1, 1)
    return positions


def outside_range(X: pd.DataFrame, low: pd.Series, high: pd.Series) -> NDArray[np.int64]:
    """How many features of each song lie beyond the training rows' range, shape (n_songs,).

    Raises
    ------
    ExplanationError
        When a column of X has no range.
    """
    lacking = list(X.columns.difference(low.index.intersection(high.index)))
    if lacking:
        raise ExplanationError(f"low and high lack columns of X: {listing(lacking, quote=True)}")
    values = X.to_numpy(dtype=np.float64)
    beyond = (values < low[X.columns].to_numpy()) | (values > high[X.columns].to_numpy())
    counts: NDArray[np.int64] = beyond.sum(axis=1).astype(np.int64)
    return counts
