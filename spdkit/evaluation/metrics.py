"""Metrics of popularity models, each a function of sums over rows.

Conventions
-----------
Labels and predictions are in one unit (popularity in [0, 100] or [0, 1]), and so are MAE and the
width of intervals; MSE is in its square. Classes are 0 … n_classes − 1 and **the last is the hit**
(low, medium, high by default: `spdkit.popularity.labels.classify`). Probabilities have one column a
class.

* Macro averages are means over the classes that occur among labels or predictions; a class that is
  never predicted has precision 0 (scikit-learn with ``zero_division=0``).
* ``f1_micro`` of one label a row **equals accuracy**. It is here because it is what HitMusicNet
  published as F1 (83.02 %), and under no other name.
* ``cross_entropy`` is natural, of probabilities kept above the double's epsilon, as scikit-learn's.
* ``calibration_error`` is the expected calibration error of the top label: rows in 15 bins of equal
  width (a, b] by the largest probability; the mean over rows of |share right − mean probability| of
  their bin. For two classes it is also that of the larger probability.
* What does not exist (R² of constant labels, hit recall without a hit) is NaN, never 0 or 1.

A metric is called with labels and predictions, ``mae(y, predicted)``; `METRICS` has them by name.
They are functions of sums over rows so that `spdkit.evaluation.bootstrap` has the values of 1,000
resamples by one matrix product of how often each row was drawn; that is why they are not
scikit-learn's functions (the tests compare).

References: Guo et al. (2017), on calibration; Martín-Gutiérrez et al. (2020), section VI.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import refuse_rows
from spdkit.common.parameters import Whole, check_parameters

LOW, HIGH = 0.0, 100.0
CLASS_NAMES = ("low", "medium", "high")
Numbers = NDArray[np.float64]
Indices = NDArray[np.intp]
CALIBRATION_BINS = 15
N_CLASSES = len(CLASS_NAMES)


class MetricError(SpdkitError, ValueError):
    """Labels or predictions that cannot be scored."""


@dataclass(frozen=True)
class Metric:
    """A score that is a function of sums over rows; call it for its value.

    Attributes
    ----------
    name : str
        Its key in `METRICS` and in results.
    title : str
        For tables.
    takes : {"values", "intervals", "classes", "probabilities"}
        What a prediction is: shape (n_rows,), (n_rows, 2), (n_rows,), (n_rows, n_classes).
    better : {"lower", "higher", "nominal"}
        Which value is good; nominal for coverage, which should be what was asked for.
    parts : callable
        Labels, predictions, n_classes -> what is summed, shape (n_rows, n_parts).
    finish : callable
        Sums, shape (..., n_parts), and the number of rows, shape (...) -> values, shape (...).

    Examples
    --------
    >>> mae([10, 20], [12, 21])
    1.5
    """

    name: str
    title: str
    takes: Literal["values", "intervals", "classes", "probabilities"]
    better: Literal["lower", "higher", "nominal"]
    parts: Callable[[Any, Any, int], Numbers]
    finish: Callable[[Numbers, Numbers], Numbers]

    def __call__(self, y: ArrayLike, prediction: ArrayLike, *, n_classes: int = N_CLASSES) -> float:
        """The value on these rows; raises MetricError when they cannot be scored."""
        return float(self.values(self.summands(y, prediction, n_classes).sum(axis=0)))

    def summands(self, y: ArrayLike, prediction: ArrayLike, n_classes: int) -> Numbers:
        """What to sum over rows, shape (n_rows, n_parts + 1); the last column is 1."""
        check_parameters({"n_classes": n_classes}, {"n_classes": Whole()}, MetricError)
        truth, predicted = _CHECKS[self.takes](y, prediction, n_classes)
        return np.column_stack([self.parts(truth, predicted, n_classes), np.ones(len(truth))])

    def values(self, sums: Numbers) -> Numbers:
        """The metric of sums of `summands`, shape (..., n_parts + 1) -> (...)."""
        return self.finish(sums[..., :-1], sums[..., -1])


def confusion_matrix(
    y: ArrayLike, predicted: ArrayLike, *, n_classes: int = N_CLASSES
) -> NDArray[np.int64]:
    """Rows by true class (first axis) and predicted class, shape (n_classes, n_classes).

    Raises
    ------
    MetricError
        When these are not classes, or not as many of one as of the other.
    """
    check_parameters({"n_classes": n_classes}, {"n_classes": Whole()}, MetricError)
    truth, classes = _classes(y, predicted, n_classes)
    cells = np.bincount(truth * n_classes + classes, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes).astype(np.int64)


@dataclass(frozen=True)
class Reliability:
    """The calibration of the top label by bin; NaN in a bin without rows.

    Attributes
    ----------
    confidence, accuracy : ndarray, shape (n_bins,)
        Mean of the largest probability, and share of rows on which it was right.
    count : ndarray of int, shape (n_bins,)
    """

    confidence: Numbers
    accuracy: Numbers
    count: NDArray[np.int64]


def reliability(y: ArrayLike, probabilities: ArrayLike) -> Reliability:
    """What `calibration_error` sums up, for a figure.

    Parameters
    ----------
    y : array-like of int, shape (n_rows,)
    probabilities : array-like, shape (n_rows, n_classes)

    Raises
    ------
    MetricError
        When these cannot be scored.
    """
    shape = np.shape(probabilities)
    truth, shares = _probabilities(y, probabilities, shape[-1] if shape else 0)
    bins, confidence, right = _top_label(truth, shares)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    sums = (np.bincount(bins, weights=w, minlength=len(count)) for w in (confidence, right))
    # A bin without rows is 0 / 0.
    with np.errstate(invalid="ignore"):
        means = [np.divide(total, count) for total in sums]
    return Reliability(means[0], means[1], count.astype(np.int64))


def log_losses(y: Indices, probabilities: Numbers) -> Numbers:
    """-log p of each row's class, p kept above the double's epsilon, shape (n_rows,)."""
    of_truth = np.maximum(probabilities[np.arange(len(y)), y], np.finfo(np.float64).eps)
    losses: Numbers = -np.log(of_truth)
    return losses


def _mean(sums: Numbers, count: Numbers) -> Numbers:
    return sums[..., 0] / count


def _share_explained(sums: Numbers, count: Numbers) -> Numbers:
    squared, first, second = np.moveaxis(sums, -1, 0)
    spread = second - first**2 / count
    # Labels that are all one number leave round-off.
    spread = np.where(spread > 1e-12 * second, spread, 0.0)
    return np.subtract(1.0, _divide(squared, spread, math.nan))


def _r2_parts(y: Numbers, predicted: Numbers, _: int) -> Numbers:
    # R² does not depend on the origin; with the median there, sums of squares stay exact enough.
    centred = y - np.median(y)
    return np.column_stack([(y - predicted) ** 2, centred, centred**2])


def _cell_parts(y: Indices, predicted: Indices, n_classes: int) -> Numbers:
    cells: Numbers = np.eye(n_classes**2)[y * n_classes + predicted]
    return cells


def _by_class(cells: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Rows that are right, of a class, and taken for it; each of shape (..., n_classes)."""
    n_classes = math.isqrt(cells.shape[-1])
    table = cells.reshape(*cells.shape[:-1], n_classes, n_classes)
    return np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-1), table.sum(axis=-2)


def _macro(of_class: Callable[[Numbers, Numbers, Numbers], Numbers]) -> Any:
    def mean(cells: Numbers, _: Numbers) -> Numbers:
        right, actual, taken = _by_class(cells)
        n_there = ((actual + taken) > 0).sum(axis=-1)
        average: Numbers = of_class(right, actual, taken).sum(axis=-1) / n_there
        return average

    return mean


def _accuracy(cells: Numbers, count: Numbers) -> Numbers:
    share: Numbers = _by_class(cells)[0].sum(axis=-1) / count
    return share


def _hit_recall(cells: Numbers, _: Numbers) -> Numbers:
    right, actual, _taken = _by_class(cells)
    return _divide(right[..., -1], actual[..., -1], math.nan)


def _f1_micro(cells: Numbers, _: Numbers) -> Numbers:
    right, actual, taken = (each.sum(axis=-1) for each in _by_class(cells))
    f1: Numbers = 2 * right / (actual + taken)
    return f1


def _top_label(y: Indices, probabilities: Numbers) -> tuple[Indices, Numbers, Numbers]:
    """Bin, largest probability, and whether its class is right."""
    confidence = probabilities.max(axis=1)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.intp) - 1, 0, None)
    right = (probabilities.argmax(axis=1) == y).astype(np.float64)
    return np.minimum(bins, CALIBRATION_BINS - 1), confidence, right


def _gap_parts(y: Indices, probabilities: Numbers, _: int) -> Numbers:
    bins, confidence, right = _top_label(y, probabilities)
    gaps: Numbers = np.eye(CALIBRATION_BINS)[bins] * (right - confidence)[:, None]
    return gaps


def _divide(above: Numbers, below: Numbers, empty: float) -> Numbers:
    quotient = np.full(np.shape(below), empty)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def _values(y: ArrayLike, predicted: ArrayLike, _: int) -> tuple[Numbers, Numbers]:
    truth = _finite(y, "labels", 1)
    return _same_rows(truth, _finite(predicted, "predictions", 1))


def _intervals(y: ArrayLike, interval: ArrayLike, _: int) -> tuple[Numbers, Numbers]:
    truth, ends = _same_rows(_finite(y, "labels", 1), _finite(interval, "intervals", 2))
    if ends.shape[1] != 2:
        raise MetricError(f"intervals must have shape (n_rows, 2), got {ends.shape}")
    crossed = ends[:, 0] > ends[:, 1]
    refuse_rows(crossed, "intervals end before they begin", MetricError, ends.tolist())
    return truth, ends


def _classes(y: ArrayLike, predicted: ArrayLike, n_classes: int) -> tuple[Indices, Indices]:
    return _same_rows(
        _indices(y, "labels", n_classes), _indices(predicted, "predictions", n_classes)
    )


def _probabilities(y: ArrayLike, shares: ArrayLike, n_classes: int) -> tuple[Indices, Numbers]:
    truth, table = _same_rows(_indices(y, "labels", n_classes), _finite(shares, "probabilities", 2))
    if table.shape[1] != n_classes:
        raise MetricError(f"probabilities have {table.shape[1]} columns for {n_classes} classes")
    # Softmax in single precision misses 1 by about 1e-7.
    wrong = (table < 0).any(axis=1) | (np.abs(table.sum(axis=1) - 1) > 1e-5)
    problem = "rows of probabilities are negative or do not sum to 1"
    refuse_rows(wrong, problem, MetricError, table.tolist())
    return truth, table


def _finite(values: ArrayLike, what: str, n_axes: int) -> Numbers:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MetricError(f"{what} must be numbers: {error}") from error
    if numbers.ndim != n_axes:
        raise MetricError(f"{what} must have {n_axes} axes, got shape {numbers.shape}")
    if not numbers.size:
        raise MetricError(f"there are no {what} to score")
    infinite = np.asarray((~np.isfinite(numbers)).reshape(len(numbers), -1).any(axis=1))
    refuse_rows(infinite, f"{what} are not finite", MetricError)
    return numbers


def _indices(values: ArrayLike, what: str, n_classes: int) -> Indices:
    numbers = _finite(values, what, 1)
    wrong = (numbers < 0) | (numbers >= n_classes) | (numbers != np.floor(numbers))
    problem = f"{what} are none of the classes 0 … {n_classes - 1}"
    refuse_rows(wrong, problem, MetricError, numbers)
    return numbers.astype(np.intp)


def _same_rows(truth: Any, predicted: Any) -> tuple[Any, Any]:
    if len(truth) != len(predicted):
        raise MetricError(f"{len(truth)} labels, but predictions for {len(predicted)} rows")
    return truth, predicted


_CHECKS: dict[str, Callable[[ArrayLike, ArrayLike, int], tuple[Any, Any]]] = {
    "values": _values,
    "intervals": _intervals,
    "classes": _classes,
    "probabilities": _probabilities,
}


def _of_classes(name: str, title: str, finish: Callable[[Numbers, Numbers], Numbers]) -> Metric:
    return Metric(name, title, "classes", "higher", _cell_parts, finish)


mae = Metric("mae", "MAE", "values", "lower", lambda y, p, _: np.abs(y - p), _mean)
mse = Metric("mse", "MSE", "values", "lower", lambda y, p, _: (y - p) ** 2, _mean)
r2 = Metric("r2", "R²", "values", "higher", _r2_parts, _share_explained)
coverage = Metric(
    "coverage",
    "coverage of intervals",
    "intervals",
    "nominal",
    lambda y, ends, _: ((ends[:, 0] <= y) & (y <= ends[:, 1])).astype(np.float64),
    _mean,
)
width = Metric(
    "width", "width of intervals", "intervals", "lower", lambda _, e, __: e[:, 1] - e[:, 0], _mean
)
accuracy = _of_classes("accuracy", "accuracy", _accuracy)
precision_macro = _of_classes(
    "precision_macro", "macro precision", _macro(lambda right, _, taken: _divide(right, taken, 0.0))
)
recall_macro = _of_classes(
    "recall_macro", "macro recall", _macro(lambda right, actual, _: _divide(right, actual, 0.0))
)
f1_macro = _of_classes(
    "f1_macro",
    "macro F1",
    _macro(lambda right, actual, taken: _divide(2 * right, actual + taken, 0.0)),
)
hit_recall = _of_classes("hit_recall", "hit recall", _hit_recall)
f1_micro = _of_classes("f1_micro", "micro F1 (= accuracy)", _f1_micro)
cross_entropy = Metric(
    "cross_entropy",
    "cross-entropy",
    "probabilities",
    "lower",
    lambda y, probabilities, _: log_losses(y, probabilities),
    _mean,
)
calibration_error = Metric(
    "calibration_error",
    "calibration error",
    "probabilities",
    "lower",
    _gap_parts,
    lambda gaps, count: np.divide(np.abs(gaps).sum(axis=-1), count),
)
REGRESSION = (mae, mse, r2)
INTERVALS = (coverage, width)
CLASSIFICATION = (accuracy, precision_macro, recall_macro, f1_macro, hit_recall, f1_micro)
PROBABILITIES = (cross_entropy, calibration_error)
METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*REGRESSION, *INTERVALS, *CLASSIFICATION, *PROBABILITIES)
}
