"""Labels of popularity: 0 to 100, the unit interval, three classes, hit or not.

Conventions
-----------
Popularity p is Spotify's: a number in [0, 100]. Every function takes labels of shape (n_tracks,)
and refuses NaN and what lies outside the range, naming the position: a wrong label is a wrong
table, never something to clip. Classes are 0 (low), 1 (medium) and 2 (high), so that their order
is that of their numbers; `CLASS_NAMES` gives the words. A class holds its lower threshold and not
its upper one. Labels of another range are told by `target_range`, and so are their thresholds: of
marks from 0 to 10, 2.5 and 6.5.

References
----------
HitMusicNet (Martín-Gutiérrez et al. 2020), eq. 4 (thresholds 25 and 65) and Table 6 (hit or not).
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from spdkit.common.errors import ParameterError, SpdkitError, UnitWarning
from spdkit.common.label_units import POPULARITY, other_range, unit_question
from spdkit.common.messages import refuse_rows
from spdkit.common.parameters import Number, check_parameters
from spdkit.evaluation.metrics import CLASS_NAMES, HIGH, LOW

PAPER_THRESHOLDS = (25.0, 65.0)
HIT_THRESHOLD = 65.0


class PopularityError(SpdkitError, ValueError):
    """Labels that are no popularity, or thresholds that make no classes."""


def to_unit(popularity: ArrayLike) -> NDArray[np.float64]:
    """Popularity as a regression target: p / 100.

    Parameters
    ----------
    popularity : array-like, shape (n_tracks,)
        In [0, 100].

    Returns
    -------
    ndarray of float64, shape (n_tracks,)
        In [0, 1].

    Raises
    ------
    PopularityError
        When a value is missing, not finite or out of range.
    """
    return _checked(popularity) / HIGH


def from_unit(unit: ArrayLike) -> NDArray[np.float64]:
    """Undo `to_unit`: predictions in [0, 1] as popularity in [0, 100].

    Raises
    ------
    PopularityError
        When a value is missing, not finite or out of range.
    """
    return _checked(unit, high=1.0) * HIGH


def classify(
    popularity: ArrayLike, thresholds: tuple[float, float] = PAPER_THRESHOLDS
) -> NDArray[np.int64]:
    """Popularity as classes: low below the first threshold, high from the second on (eq. 4).

    Parameters
    ----------
    popularity : array-like, shape (n_tracks,)
        In [0, 100].
    thresholds : (float, float)
        With 0 < first < second ≤ 100, so that no class is empty by definition.

    Returns
    -------
    ndarray of int64, shape (n_tracks,)
        Indices into `CLASS_NAMES`.

    Raises
    ------
    PopularityError
        When a value is missing or out of range, or the thresholds do not rise.

    Examples
    --------
    >>> classify([24.9, 25, 64.9, 65]).tolist()
    [0, 1, 1, 2]
    """
    values = _checked(popularity)
    return np.digitize(values, _checked_thresholds(thresholds)).astype(np.int64)


def points(labels: ArrayLike, target_range: tuple[float, float]) -> NDArray[np.float64]:
    """Labels of another range as popularity from 0 to 100, its lowest and highest.

    Parameters
    ----------
    labels : array-like, shape (n_tracks,)
    target_range : (float, float)
        What they can be, ends included.

    Raises
    ------
    ParameterError
        When the range does not rise, or has no end.
    PopularityError
        When a label is missing or outside the range.

    Examples
    --------
    >>> points([0.0, 2.5, 10.0], (0, 10)).tolist()
    [0.0, 25.0, 100.0]
    """
    low, high = check_target_range(target_range)
    values = _checked(labels, low, high)
    if (low, high) == POPULARITY:
        return values
    return (HIGH * (values - low) / (high - low)).clip(LOW, HIGH)  # beyond by round-off alone


def threshold_points(
    thresholds: tuple[float, float] | str | None, target_range: tuple[float, float]
) -> tuple[float, float] | str:
    """Thresholds in the unit of labels as those of their `points`.

    Parameters
    ----------
    thresholds : (float, float), "quartiles" or None
        None for the paper's, which are points.
    target_range : (float, float)

    Raises
    ------
    ParameterError
        When the range does not rise, or has no end.
    PopularityError
        When thresholds are no two numbers that rise within the range.

    Examples
    --------
    >>> threshold_points((2.5, 6.5), (0, 10))
    (25.0, 65.0)
    """
    limits = check_target_range(target_range)
    if thresholds is None:
        return PAPER_THRESHOLDS
    check_thresholds(thresholds, limits)
    if isinstance(thresholds, str):
        return thresholds
    first, second = points(thresholds, limits).tolist()
    return first, second


def check_target_range(target_range: tuple[float, float]) -> tuple[float, float]:
    """Two finite numbers that rise.

    Raises
    ------
    ParameterError
    """
    try:
        low, high = map(float, target_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ParameterError(f"target_range must be (low, high), got {target_range!r}")
    return low, high


def is_hit(popularity: ArrayLike, threshold: float = HIT_THRESHOLD) -> NDArray[np.bool_]:
    """Whether each track is a hit: p ≥ 65, as the binary baselines of the paper's Table 6.

    Raises
    ------
    PopularityError
        When a value, or the threshold, is missing, not finite or out of range.
    """
    check_parameters({"threshold": threshold}, {"threshold": Number(LOW, HIGH)}, PopularityError)
    return _checked(popularity) >= threshold


class PopularityClasses(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Classes of popularity, by fixed thresholds or by the quartiles of the training labels.

    It transforms labels, as scikit-learn's ``LabelEncoder`` does: fit it on training labels only.

    Parameters
    ----------
    thresholds : (float, float), "quartiles" or None
        Where medium and high begin, in the unit of the labels. "quartiles" takes Q1 and Q3 of the
        labels given to `fit` (numpy's linear interpolation), the paper's alternative to eq. 4.
        None is eq. 4 of any range: 25 and 65 hundredths of it.
    target_range : (float, float)
        What labels can be, ends included.

    Attributes
    ----------
    thresholds_ : tuple of float
        The two in force, in points of 0 to 100.

    Examples
    --------
    >>> PopularityClasses("quartiles").fit([10, 20, 30, 40, 50]).thresholds_
    (20.0, 40.0)
    >>> PopularityClasses((2.5, 6.5), (0, 10)).fit_transform([1, 2.5, 9]).tolist()
    [0, 1, 2]
    """

    def __init__(
        self,
        thresholds: tuple[float, float] | str | None = None,
        target_range: tuple[float, float] = POPULARITY,
    ) -> None:
        self.thresholds = thresholds
        self.target_range = target_range

    def fit(self, y: ArrayLike, _: object = None) -> Self:
        """Learn the thresholds from training labels, shape (n_tracks,).

        Raises
        ------
        PopularityError
            When a label is missing or out of range, thresholds do not rise within it, or the
            quartiles leave a class without a single training label.
        ParameterError
            When `target_range` does not rise, or has no end.
        """
        thresholds = threshold_points(self.thresholds, self.target_range)
        values = points(y, self.target_range)
        # Quartiles are of any unit, and whoever names a range has said which.
        unsaid = not isinstance(thresholds, str) and tuple(self.target_range) == POPULARITY
        looks_like = other_range(values) if unsaid else None
        if looks_like is not None:
            warnings.warn(unit_question(looks_like), UnitWarning, stacklevel=2)
        self.thresholds_ = _quartiles(values) if isinstance(thresholds, str) else thresholds
        return self

    def transform(self, y: ArrayLike) -> NDArray[np.int64]:
        """Labels as classes 0, 1, 2 (`CLASS_NAMES`), shape (n_tracks,)."""
        check_is_fitted(self)
        return classify(points(y, self.target_range), self.thresholds_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def check_thresholds(
    thresholds: tuple[float, float] | str, target_range: tuple[float, float] = POPULARITY
) -> None:
    """Refuse what is neither "quartiles" nor two numbers that rise within the labels' range.

    Raises
    ------
    PopularityError
    """
    if not isinstance(thresholds, str):
        _checked_thresholds(thresholds, target_range)
    elif thresholds != "quartiles":
        raise PopularityError(f"thresholds={thresholds!r}: expected two numbers or 'quartiles'")


def _checked(values: ArrayLike, low: float = LOW, high: float = HIGH) -> NDArray[np.float64]:
    try:
        labels = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PopularityError(f"labels must be numbers: {error}") from error
    if labels.ndim != 1:
        raise PopularityError(f"labels must have shape (n_tracks,), got {labels.shape}")
    wrong = ~((labels >= low) & (labels <= high))  # NaN among them
    refuse_rows(wrong, f"labels are not in [{low:g}, {high:g}]", PopularityError, labels)
    return labels


def _checked_thresholds(
    thresholds: tuple[float, float], target_range: tuple[float, float] = POPULARITY
) -> tuple[float, float]:
    low, high = target_range
    try:
        first, second = (float(threshold) for threshold in thresholds)
    except (TypeError, ValueError):
        raise PopularityError(f"thresholds must be two numbers, got {thresholds!r}") from None
    if not low < first < second <= high:
        raise PopularityError(
            f"thresholds must rise within ({low:g}, {high:g}], which is what labels can be "
            f"(target_range), got {first:g} and {second:g}"
        )
    return first, second


def _quartiles(labels: NDArray[np.float64]) -> tuple[float, float]:
    if not labels.size:
        raise PopularityError("quartiles need at least one label, got none")
    first, second = (float(q) for q in np.quantile(labels, [0.25, 0.75]))
    counts = np.bincount(np.digitize(labels, (first, second)), minlength=len(CLASS_NAMES))
    if not counts.all():
        empty = CLASS_NAMES[int(np.argmin(counts))]
        raise PopularityError(
            f"the quartiles {first:g} and {second:g} of {labels.size} labels leave class "
            f"{empty!r} empty; give two numbers as thresholds"
        )
    return first, second
