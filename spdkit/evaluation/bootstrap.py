"""Bootstrap: scores with intervals, and the difference of two models on the same rows.

Conventions
-----------
Intervals are percentiles of resamples of the rows that were scored, so they speak of other songs,
not of another training. Given groups, whole groups are drawn: songs of one artist resemble each
other, and an interval that takes them for independent is too narrow. All metrics of one call share
their resamples, and so do two models that are compared. Predictions of several folds are put
together first: one row a song. Fewer than ten rows, or groups, say next to nothing of others: then
there is neither interval nor p, and `Score.reason` says why. A resample in which a metric does not
exist (see `spdkit.evaluation.metrics`) is left out of its interval and counted in
`Score.undefined`.

Reference: Efron and Tibshirani (1993), chapters 13 (percentile intervals) and 15 (tests).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spdkit.common.messages import refuse_rows
from spdkit.common.parameters import SHARE, Allowed, Whole, check_parameters
from spdkit.evaluation.metrics import (
    CLASSIFICATION,
    INTERVALS,
    METRICS,
    N_CLASSES,
    PROBABILITIES,
    REGRESSION,
    Metric,
    MetricError,
    Numbers,
)

FEWEST_UNITS = 10  # rows or groups: fewer have no interval
_SETTINGS: dict[str, Allowed] = {"n_resamples": Whole(), "level": SHARE, "seed": Whole(0)}
_CELLS = 4_000_000  # of the table of draws that is in memory at a time


@dataclass(frozen=True)
class Score:
    """A metric on some rows, with its interval.

    Attributes
    ----------
    value, low, high : float
        NaN is what does not exist.
    undefined : int
        Resamples in which the metric does not exist.
    reason : str
        Why there is no interval; empty where there is one.
    """

    value: float
    low: float
    high: float
    undefined: int = 0
    reason: str = ""

    def __str__(self) -> str:
        return self.text(".4f")

    def text(self, form: str) -> str:
        """The value with its interval, each as ``format(number, form)``; "–" for what is not."""
        if math.isnan(self.value):
            return "–"
        if math.isnan(self.low):
            return format(self.value, form)
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"


@dataclass(frozen=True)
class Difference(Score):
    """A metric of one model less that of another, on the same rows.

    Attributes
    ----------
    p : float
        Two-sided: twice the share of resamples on the rarer side of 0, ties on both, of the drawn
        ones and one more; at most 1. It cannot fall below 2 / (n_resamples + 1).
    """

    p: float = math.nan

    def __str__(self) -> str:
        return self.text("+.4f") + ("" if math.isnan(self.p) else f", p = {self.p:.3f}")


def evaluate_regression(
    y: ArrayLike,
    predicted: ArrayLike,
    interval: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Score]:
    """Score predictions of popularity.

    Parameters
    ----------
    y, predicted : array-like, shape (n_rows,)
    interval : array-like, shape (n_rows, 2), optional
        Lower and upper ends of prediction intervals; adds ``coverage`` and ``width``.
    groups : array-like, shape (n_rows,), optional
        Such as artists: they are resampled, not rows.
    n_resamples, level, seed
        Of the percentile bootstrap.

    Returns
    -------
    dict of str to Score
        ``mae``, ``mse``, ``r2``.

    Raises
    ------
    MetricError
        When the rows cannot be scored, or a setting is out of range.
    """
    pairs = [(metric, predicted) for metric in REGRESSION]
    if interval is not None:
        pairs += [(metric, interval) for metric in INTERVALS]
    return _evaluate(y, pairs, groups, n_resamples, level, seed, N_CLASSES)


def evaluate_classification(
    y: ArrayLike,
    predicted: ArrayLike,
    probabilities: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    *,
    n_classes: int = N_CLASSES,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Score]:
    """Score predicted classes, and their probabilities.

    Parameters
    ----------
    y, predicted : array-like of int, shape (n_rows,)
        Classes; a prediction need not be the likeliest one.
    probabilities : array-like, shape (n_rows, n_classes), optional
        Adds ``cross_entropy`` and ``calibration_error``.
    groups, n_resamples, level, seed
        As in `evaluate_regression`.
    n_classes : int
        The last is the hit, whether or not a row is of it.

    Returns
    -------
    dict of str to Score
        ``accuracy``, ``precision_macro``, ``recall_macro``, ``f1_macro``, ``hit_recall``,
        ``f1_micro``.

    Raises
    ------
    MetricError
        As `evaluate_regression`.
    """
    pairs = [(metric, predicted) for metric in CLASSIFICATION]
    if probabilities is not None:
        pairs += [(metric, probabilities) for metric in PROBABILITIES]
    return _evaluate(y, pairs, groups, n_resamples, level, seed, n_classes)


def paired_bootstrap(
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    metric: Metric | str,
    groups: ArrayLike | None = None,
    *,
    n_classes: int = N_CLASSES,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """How much two models differ: the metric of `a` less that of `b`, on the same resamples.

    Parameters
    ----------
    y : array-like, shape (n_rows,)
    a, b : array-like
        Predictions of the two models for these rows, as the metric takes them.
    metric : Metric or str
        One of `METRICS`, or its name.
    groups, n_classes, n_resamples, level, seed
        As in `evaluate_classification`.

    Raises
    ------
    MetricError
        When there is no such metric, or the rows cannot be scored.
    """
    if not isinstance(metric, Metric):
        if metric not in METRICS:
            raise MetricError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
        metric = METRICS[metric]
    settings = {"n_resamples": n_resamples, "level": level, "seed": seed}
    check_parameters(settings, _SETTINGS, MetricError)
    pair = [metric.summands(y, prediction, n_classes) for prediction in (a, b)]
    value = float(np.subtract(*(metric.values(part.sum(axis=0)) for part in pair)))
    units = _units(np.hstack(pair), groups)
    if len(units) < FEWEST_UNITS:
        return Difference(value, math.nan, math.nan, reason=_too_few(units, groups))
    of_a, of_b = (metric.values(sums) for sums in _resampled(pair, units, n_resamples, seed))
    differences = of_a - of_b
    rarer = min((differences <= 0).sum(), (differences >= 0).sum())  # NaN is neither
    n_defined = int((~np.isnan(differences)).sum())
    p = min(1.0, 2 * (int(rarer) + 1) / (n_defined + 1)) if n_defined else math.nan
    return Difference(**vars(_score(value, differences, level)), p=p)


def error_reduction(
    y: ArrayLike,
    predicted: ArrayLike,
    reference: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Score:
    """Share by which the mean squared error lies below a reference's, such as the mean's.

    Negative where it lies above. The bootstrap is paired: both errors are of the same resamples.

    Parameters
    ----------
    y, predicted, reference : array-like, shape (n_rows,)
    groups, n_resamples, level, seed
        As in `evaluate_regression`.

    Raises
    ------
    MetricError
        As `evaluate_regression`.
    """
    settings = {"n_resamples": n_resamples, "level": level, "seed": seed}
    check_parameters(settings, _SETTINGS, MetricError)
    metric = METRICS["mse"]
    pair = [metric.summands(y, prediction, N_CLASSES) for prediction in (predicted, reference)]
    value = float(_reduction(*(metric.values(part.sum(axis=0)) for part in pair)))
    units = _units(np.hstack(pair), groups)
    if len(units) < FEWEST_UNITS:
        return Score(value, math.nan, math.nan, reason=_too_few(units, groups))
    resampled = _resampled(pair, units, n_resamples, seed)
    return _score(value, _reduction(*map(metric.values, resampled)), level)


def _reduction(error: Numbers, reference: Numbers) -> Numbers:
    """1 - error / reference; NaN where the reference has none."""
    share = np.full(np.shape(reference), np.nan)
    np.divide(error, reference, where=np.greater(reference, 0), out=share)
    reduction: Numbers = 1.0 - share
    return reduction


def _evaluate(
    y: ArrayLike,
    pairs: list[tuple[Metric, ArrayLike]],
    groups: ArrayLike | None,
    n_resamples: int,
    level: float,
    seed: int,
    n_classes: int,
) -> dict[str, Score]:
    settings = {"n_resamples": n_resamples, "level": level, "seed": seed}
    check_parameters(settings, _SETTINGS, MetricError)
    parts = [metric.summands(y, prediction, n_classes) for metric, prediction in pairs]
    values = [
        float(metric.values(rows.sum(axis=0)))
        for (metric, _), rows in zip(pairs, parts, strict=True)
    ]
    names = [metric.name for metric, _ in pairs]
    units = _units(np.hstack(parts), groups)
    if len(units) < FEWEST_UNITS:
        reason = _too_few(units, groups)
        lone = [Score(value, math.nan, math.nan, reason=reason) for value in values]
        return dict(zip(names, lone, strict=True))
    resampled = _resampled(parts, units, n_resamples, seed)
    return {
        metric.name: _score(value, metric.values(sums), level)
        for (metric, _), value, sums in zip(pairs, values, resampled, strict=True)
    }


def _too_few(units: Numbers, groups: ArrayLike | None) -> str:
    what = "rows" if groups is None else "groups"
    n, fewest = len(units), FEWEST_UNITS
    return f"no interval and no p: {n} {what}, and fewer than {fewest} say too little of others"


def _score(value: float, resampled: Numbers, level: float) -> Score:
    defined = resampled[~np.isnan(resampled)]
    undefined = len(resampled) - len(defined)
    if math.isnan(value) or not len(defined):
        reason = "no interval: the metric does not exist on these rows"
        return Score(value, math.nan, math.nan, undefined, reason)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Score(value, float(low), float(high), undefined)


def _units(rows: Numbers, groups: ArrayLike | None) -> Numbers:
    """What is resampled: rows, or the sums of groups, shape (n_units, n_parts)."""
    return rows if groups is None else _by_group(rows, groups)


def _resampled(parts: list[Numbers], units: Numbers, n_resamples: int, seed: int) -> list[Numbers]:
    """Sums of every resample, shape (n_resamples, n_parts); all parts on the same draws."""
    sums = np.vstack([drawn @ units for drawn in _draws(len(units), n_resamples, seed)])
    return np.split(sums, np.cumsum([part.shape[1] for part in parts])[:-1], axis=1)


def _draws(n_units: int, n_resamples: int, seed: int) -> Iterator[Numbers]:
    """How often each unit is drawn, some resamples at a time, shape (n, n_units)."""
    rng = np.random.default_rng(seed)
    at_a_time = max(1, _CELLS // n_units)
    for start in range(0, n_resamples, at_a_time):
        n = min(at_a_time, n_resamples - start)
        drawn = rng.integers(n_units, size=(n, n_units))
        drawn += np.arange(n)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=n * n_units)
        yield counts.reshape(n, n_units).astype(np.float64)


def _by_group(rows: Numbers, groups: ArrayLike) -> Numbers:
    names = np.asarray(groups)
    if names.shape != (len(rows),):
        raise MetricError(f"groups has shape {names.shape}, there are {len(rows)} rows")
    member, _ = pd.factorize(names)
    refuse_rows(member < 0, "groups are missing", MetricError)
    return np.column_stack([np.bincount(member, weights=column) for column in rows.T])
