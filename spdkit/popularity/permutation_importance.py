"""Permutation importance: what a model depends on, measured on held-out rows.

Conventions
-----------
Importance of a group of columns is by how much the loss on held-out rows rises when other songs'
values stand in it: all its columns are shuffled together, so that what belongs together stays so.
Groups share their permutations. When columns outside of the group are missing in much the same
songs (at least half of those where one or the other is), these songs keep to themselves: values are
shuffled among songs that have them, and that a song has no lyrics counts for the lyrics as a whole
and for none of their columns. Correlated groups stand in for each other, and each alone then looks
unimportant; a group that holds them all does not.

Intervals speak of other songs, not of another training. A row counts with the rise of its own loss
and with that of the row which got its values: every row takes part in two pairs, and an interval
that resamples only the first of them is too narrow.

References
----------
Breiman (2001), Random forests, section 10. Fisher, Rudin and Dominici (2019), All models are wrong,
but many are useful, section 3: importance as a U-statistic of pairs of rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier

from spdkit.common.messages import listing
from spdkit.common.parameters import SHARE, Allowed, Whole, check_parameters
from spdkit.common.progress import progress_bar
from spdkit.evaluation.bootstrap import paired_bootstrap
from spdkit.evaluation.metrics import HIGH, LOW, Metric, log_losses
from spdkit.popularity.feature_groups import (
    LEVELS,
    ExplanationError,
    FeatureGroups,
    Index,
    Numbers,
    columns_of,
    groups_of,
    numbers,
    one_a_row,
)
from spdkit.popularity.labels import PAPER_THRESHOLDS, classify
from spdkit.popularity.predictions import probabilities_of

RowLoss = Callable[[pd.DataFrame], Numbers]
_MEAN_LOSS = Metric(
    "mean_loss",
    "mean loss",
    "values",
    "lower",
    lambda _, losses, __: losses,
    lambda sums, count: sums[..., 0] / count,
)
_SETTINGS: dict[str, Allowed] = {"n_repeats": Whole(), "level": SHARE, "seed": Whole(0)}
_logger = logging.getLogger(__name__)


def permutation_importance(
    row_loss: RowLoss,
    X: pd.DataFrame,
    feature_groups: FeatureGroups,
    groups: ArrayLike | None = None,
    *,
    n_repeats: int = 5,
    level: float = 0.95,
    seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """By how much the mean loss rises when a group's columns are shuffled.

    Parameters
    ----------
    row_loss : callable
        The rows of X in order, once or several times over -> their losses, shape (k * n_rows,);
        see `row_losses`. It is called for all rows, ``n_repeats`` times over, for each group, which
        is what the importance costs: 423 features of 3,000 songs, five times each, are 6 million
        predictions (see `importance_table`, which draws rows).
    X : DataFrame, shape (n_rows, n_features)
        Held-out rows, NaN where a value is missing.
    feature_groups : mapping of str to sequence of str
        Name of a feature group -> its columns. Groups may overlap.
    groups : array-like, shape (n_rows,), optional
        Such as artists: the interval draws them, not rows.
    n_repeats : int
        Permutations to average over.
    level : float
        Of the percentile bootstrap.
    seed : int
        Of permutations and bootstrap.
    progress : bool
        Whether to show a progress bar on stderr.

    Returns
    -------
    DataFrame, indexed by the group's name
        Columns increase, low, high, in the unit of the loss. Below 0 the model does better
        without; of columns that it does not use all three are exactly 0. The ends are NaN where
        there is no interval (`spdkit.evaluation.bootstrap`).

    Raises
    ------
    ExplanationError
        When a feature group is empty or has a column that X lacks, X is too small or no table of
        numbers, or the losses are not one number a row.
    MetricError
        When `groups` does not fit.
    """
    columns = columns_of(feature_groups, X.columns)
    settings = {"n_repeats": n_repeats, "level": level, "seed": seed}
    check_parameters(settings, _SETTINGS, ExplanationError)
    if len(X) < 2:
        raise ExplanationError(f"importance needs at least 2 rows to shuffle, got {len(X)}")
    values = numbers(X)
    loss = one_a_row(row_loss(X), len(X), "losses")
    orders = [np.random.default_rng([seed, i]).permutation(len(X)) for i in range(n_repeats)]
    missing = np.isnan(values)
    intervals = {}
    with progress_bar("importance", len(columns), shown=progress) as advance:
        for name, own in columns.items():
            strata = _strata(missing, own)
            sources = [_within(strata, order) for order in orders]
            shuffled = np.tile(values, (n_repeats, 1))
            shuffled[:, own] = values[np.ix_(np.concatenate(sources), own)]
            table = pd.DataFrame(shuffled, columns=X.columns)
            losses = one_a_row(row_loss(table), len(table), "losses").reshape(n_repeats, -1)
            received, lent = losses.mean(axis=0) - loss, np.zeros(len(X))
            for source, rise in zip(sources, losses - loss, strict=True):
                lent[source] += rise / n_repeats
            advance(False)
            # Mean rise, and of every row what it adds to the mean as either half of a pair.
            share = received + lent - received.mean()
            score = paired_bootstrap(
                loss, loss + share, loss, _MEAN_LOSS, groups, level=level, seed=seed
            )
            intervals[name] = {"increase": score.value, "low": score.low, "high": score.high}
    return pd.DataFrame.from_dict(intervals, orient="index", columns=["increase", "low", "high"])


def importance_table(
    model: Any,
    X: pd.DataFrame,
    y: ArrayLike,
    features: pd.DataFrame,
    groups: ArrayLike | None = None,
    thresholds: tuple[float, float] = PAPER_THRESHOLDS,
    *,
    n_repeats: int = 5,
    max_predictions: int | None = 100_000,
    level: float = 0.95,
    seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Importance of every modality, family and feature, as `spdkit.popularity.record` keeps it.

    Parameters
    ----------
    model : estimator
        Fitted, of popularity in [0, 100] or of the classes 0, 1, 2.
    X : DataFrame, shape (n_rows, n_features)
        Held-out rows.
    y : array-like, shape (n_rows,)
        Their popularity in [0, 100], in the same order.
    features : DataFrame, indexed by the feature's name
        Columns modality and family (as in a store's ``var``), a row for every column of
        X.
    thresholds : (float, float)
        Where the classes medium and high begin, for a classifier.
    n_repeats : int
        Permutations to average over, where `max_predictions` allows for so many.
    max_predictions : int or None
        Shuffled songs to predict at each of the three levels, at most; None for no limit. When all
        rows in all permutations are more, permutations become fewer, down to one, and then rows,
        which are drawn at random (with 423 features and 100,000 predictions, 236 of them);
        intervals widen accordingly, and the log says how many there were.
    groups, level, seed, progress
        As in `permutation_importance`.

    Returns
    -------
    DataFrame
        Columns level ("modality", "family", "feature"), name, increase, low, high, the largest
        increase first in each level. A family that has columns of several modalities is one for
        each, called ``family (modality)``. Of regression the unit is points of popularity, of
        classification nats.

    Raises
    ------
    ExplanationError
        When `features` is not about the columns of X, or y is not one label a row.
    PopularityError
        When a label is missing or out of range.
    """
    settings = {"n_repeats": n_repeats, "level": level, "seed": seed}
    check_parameters(settings, _SETTINGS, ExplanationError)
    most: dict[str, Allowed] = {"max_predictions": (Whole(), None)}
    check_parameters({"max_predictions": max_predictions}, most, ExplanationError)
    classify(y, thresholds)  # refuses what is no popularity
    truth = np.asarray(y, dtype=np.float64)
    if truth.shape != (len(X),):
        raise ExplanationError(f"y has shape {truth.shape}, there are {len(X)} rows")
    if len(features) != len(X.columns) or set(features.index) != set(X.columns):
        odd = list(map(str, set(features.index) ^ set(X.columns)))
        raise ExplanationError(
            f"features and X differ in columns: {listing(sorted(odd), quote=True)}"
        )
    units = None if groups is None else np.asarray(groups)
    if units is not None and units.shape != (len(X),):
        raise ExplanationError(f"groups has shape {units.shape}, there are {len(X)} rows")
    tables = []
    for what in LEVELS:
        feature_groups = groups_of(features, what)
        rows, repeats = _affordable(len(X), len(feature_groups), n_repeats, max_predictions, seed)
        _logger.info("importance by %s: %d rows, %d permutations", what, len(rows), repeats)
        table = permutation_importance(
            row_losses(model, truth[rows], thresholds),
            X.iloc[rows],
            feature_groups,
            None if units is None else units[rows],
            n_repeats=repeats,
            level=level,
            seed=seed,
            progress=progress,
        )
        table = table.sort_values("increase", ascending=False, kind="stable")
        tables.append(table.rename_axis("name").reset_index().assign(level=what))
    columns = ["level", "name", "increase", "low", "high"]
    return pd.concat(tables, ignore_index=True)[columns]


def row_losses(
    model: Any, y: ArrayLike, thresholds: tuple[float, float] = PAPER_THRESHOLDS
) -> RowLoss:
    """Loss of a model on rows whose labels are `y`, for `permutation_importance`.

    Parameters
    ----------
    model : estimator
        Fitted; of popularity, or of the classes 0, 1, 2.
    y : array-like, shape (n_rows,)
        Popularity in [0, 100].
    thresholds : (float, float)
        Where the classes medium and high begin, for a classifier.

    Returns
    -------
    callable
        These rows, k times over -> of a regressor the absolute errors in points, of a classifier
        -log p of the true classes, p kept above the double's epsilon.

    Raises
    ------
    PopularityError
        When a label is missing or out of range, or the thresholds do not rise.
    """
    classes = classify(y, thresholds)
    truth = np.asarray(y, dtype=np.float64)

    def absolute_error(X: pd.DataFrame) -> Numbers:
        predicted = np.asarray(model.predict(X), dtype=np.float64).clip(LOW, HIGH)
        errors: Numbers = np.abs(np.resize(truth, len(X)) - predicted)
        return errors

    def log_loss(X: pd.DataFrame) -> Numbers:
        return log_losses(np.resize(classes, len(X)), probabilities_of(model, X))

    return log_loss if is_classifier(model) else absolute_error


def _affordable(
    n_rows: int, n_groups: int, n_repeats: int, max_predictions: int | None, seed: int
) -> tuple[Index, int]:
    """Rows and repeats within the limit; repeats go first, since other rows tell more."""
    every = np.arange(n_rows)
    if max_predictions is None:
        return every, n_repeats
    repeats = min(n_repeats, max(1, max_predictions // (n_groups * n_rows)))
    n_drawn = max_predictions // (n_groups * repeats)
    if n_drawn >= n_rows:
        return every, repeats
    if n_drawn < 2:
        raise ExplanationError(
            f"max_predictions={max_predictions} leaves {n_drawn} rows for {n_groups} feature "
            f"groups; give at least {2 * n_groups}"
        )
    return np.sort(np.random.default_rng(seed).choice(n_rows, n_drawn, replace=False)), repeats


def _strata(missing: NDArray[np.bool_], columns: Index) -> Index:
    """Rows that may exchange columns: alike in what they lack of these and elsewhere besides."""
    within = _patterns(missing[:, columns])
    beyond = _patterns(np.delete(missing, columns, axis=1))
    both = within.T @ beyond
    either = within.sum(axis=0)[:, None] + beyond.sum(axis=0) - both
    torn = within[:, (2 * both >= either).any(axis=1)]
    if not torn.size:
        return np.zeros(len(missing), dtype=np.intp)
    return np.unique(torn, axis=0, return_inverse=True)[1].ravel()


def _patterns(missing: NDArray[np.bool_]) -> Numbers:
    """The different columns, of those in which something is missing, as 0 and 1."""
    return np.unique(missing[:, missing.any(axis=0)], axis=1).astype(np.float64)


def _within(strata: Index, order: Index) -> Index:
    """A permutation that leaves every row in its stratum: source of each row's values."""
    source = np.empty_like(order)
    source[np.argsort(strata, kind="stable")] = order[np.argsort(strata[order], kind="stable")]
    return source
