"""Labels of popularity: 0 to 100, the unit interval, three classes, hit or not.

Conventions
-----------
Popularity p is Spotify's: a number in [0, 100]. Every function takes labels of shape (n_tracks,)
and refuses NaN and what lies outside the range, naming the position: a wrong label is a wrong
table, never something to clip. Classes are 0 (low), 1 (medium) and 2 (high), so that their order
is that of their numbers; `CLASS_NAMES` gives the words. A class holds its lower threshold and not
its upper one.

References
----------
HitMusicNet (Martín-Gutiérrez et al. 2020), eq. 4 (thresholds 25 and 65) and Table 6 (hit or not).
"""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from spdkit.common.errors import SpdkitError, UnitWarning
from spdkit.common.label_units import other_range, unit_question
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
    thresholds : (float, float) or "quartiles"
        Where medium and high begin. "quartiles" takes Q1 and Q3 of the labels given to `fit`
        (numpy's linear interpolation), the paper's alternative to eq. 4.

    Attributes
    ----------
    thresholds_ : tuple of float
        The two in force.

    Examples
    --------
    >>> PopularityClasses("quartiles").fit([10, 20, 30, 40, 50]).thresholds_
    (20.0, 40.0)
    """

    def __init__(self, thresholds: tuple[float, float] | str = PAPER_THRESHOLDS) -> None:
        self.thresholds = thresholds

    def fit(self, y: ArrayLike, _: object = None) -> Self:
        """Learn the thresholds from training labels, shape (n_tracks,).

        Raises
        ------
        PopularityError
            When a label is missing or out of range, thresholds do not rise, or the quartiles leave
            a class without a single training label.
        """
        check_thresholds(self.thresholds)
        values = _checked(y)
        # Quartiles are of any unit.
        looks_like = None if isinstance(self.thresholds, str) else other_range(values)
        if looks_like is not None:
            warnings.warn(unit_question(looks_like), UnitWarning, stacklevel=2)
        if isinstance(self.thresholds, str):
            self.thresholds_ = _quartiles(values)
        else:
            self.thresholds_ = _checked_thresholds(self.thresholds)
        return self

    def transform(self, y: ArrayLike) -> NDArray[np.int64]:
        """Labels as classes 0, 1, 2 (`CLASS_NAMES`), shape (n_tracks,)."""
        check_is_fitted(self)
        return classify(y, self.thresholds_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def check_thresholds(thresholds: tuple[float, float] | str) -> None:
    """Refuse what is neither two numbers that rise within (0, 100] nor "quartiles".

    Raises
    ------
    PopularityError
    """
    if not isinstance(thresholds, str):
        _checked_thresholds(thresholds)
    elif thresholds != "quartiles":
        raise PopularityError(f"thresholds={thresholds!r}: expected two numbers or 'quartiles'")


def _checked(values: ArrayLike, high: float = HIGH) -> NDArray[np.float64]:
    try:
        labels = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PopularityError(f"labels must be numbers: {error}") from error
    if labels.ndim != 1:
        raise PopularityError(f"labels must have shape (n_tracks,), got {labels.shape}")
    wrong = ~((labels >= LOW) & (labels <= high))  # NaN among them
    refuse_rows(wrong, f"labels are not in [0, {high:g}]", PopularityError, labels)
    return labels


def _checked_thresholds(thresholds: tuple[float, float]) -> tuple[float, float]:
    try:
        first, second = (float(threshold) for threshold in thresholds)
    except (TypeError, ValueError):
        raise PopularityError(f"thresholds must be two numbers, got {thresholds!r}") from None
    if not LOW < first < second <= HIGH:
        raise PopularityError(f"thresholds must rise within (0, 100], got {first:g} and {second:g}")
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
