"""Scaling of features for a net: every number in [0, 1], and masks for what was missing.

Conventions: everything is learned from the rows that `fit` sees and from no others. A missing value
becomes the median of its column, and each distinct pattern of missingness (the columns that are
missing together) adds one mask column, 1 where it was. Values beyond the range of the training rows
leave [0, 1]: nothing is clipped. A column that never varies is 0, and so is one without a number.

Reference: Martín-Gutiérrez et al. (2020), section V (the scaling); the masks are ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from spdkit.common.errors import SpdkitWarning
from spdkit.common.messages import listing
from spdkit.common.serialization import Arrays

Numbers = NDArray[np.float64]
_KINDS = (np.float64, np.float32)  # taken as they are: what is learned and given is float64
_LEARNED = ("median_", "min_", "range_", "empty_", "masked_")
_ROWS_AT_A_TIME = 512
_VALUES_AT_A_TIME = 1 << 18


def stacked(batches: Iterable[NDArray[Any]], out: NDArray[Any]) -> NDArray[Any]:
    """Batches of rows one below the other in `out`, in its precision."""
    start = 0
    for batch in batches:
        out[start : start + len(batch)] = batch
        start += len(batch)
    return out


def require_places(places: NDArray[Any], n: int) -> None:
    """Refuse what are not distinct whole numbers from 0 to n - 1; ValueError."""
    if places.ndim != 1 or places.dtype.kind != "i" or len(np.unique(places)) != len(places):
        raise ValueError("places are no distinct whole numbers")
    if len(places) and not (places.min() >= 0 and places.max() < n):
        raise ValueError(f"places are not below {n}")


class MaskedMinMaxScaler(TransformerMixin, BaseEstimator):
    """Scale to [0, 1], fill what is missing, and add masks.

    Parameters
    ----------
    names : sequence of str, optional
        What to call columns of arrays in warnings; a DataFrame has names of its own.

    Attributes
    ----------
    median_, min_, range_ : ndarray, shape (n_features,)
        Of the training rows; all 0 for a column without a number.
    empty_ : ndarray of bool, shape (n_features,)
        Columns that held no number.
    masked_ : ndarray of int, shape (n_patterns,)
        One column of each pattern of missingness.
    n_features_in_, feature_names_in_
        As in scikit-learn.
    """

    median_: Numbers
    min_: Numbers
    range_: Numbers
    empty_: NDArray[np.bool_]
    masked_: NDArray[np.intp]
    n_features_in_: int

    def __init__(self, names: Sequence[str] | None = None) -> None:
        self.names = names

    @classmethod
    def from_arrays(cls, arrays: Arrays, names: Sequence[str] | None = None) -> Self:
        """Undo `to_arrays`."""
        scaler = cls(names)
        for name in _LEARNED:
            setattr(scaler, name, arrays[name])
        n = scaler.n_features_in_ = len(scaler.median_)
        columns = [scaler.median_, scaler.min_, scaler.range_, scaler.empty_]
        kinds = "".join(one.dtype.kind for one in columns)
        if any(one.shape != (n,) for one in columns) or kinds != "fffb":
            raise ValueError("the scaler's arrays are not of one number of features")
        require_places(scaler.masked_, n)
        return scaler

    @property
    def n_scaled(self) -> int:
        """Features and masks."""
        return len(self.median_) + len(self.masked_)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name."""
        return {name: getattr(self, name) for name in _LEARNED}

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn medians, ranges and patterns of missingness.

        Parameters
        ----------
        X : array-like, shape (n_rows, n_features)
            NaN where a value is missing.
        y : ignored

        Raises
        ------
        ValueError
            When X holds infinity or text, or is no matrix.
        """
        X = validate_data(self, X, dtype=_KINDS, ensure_all_finite="allow-nan")
        return self._learn(X, np.arange(len(X)))

    def fit_rows(self, X: Any, rows: NDArray[np.intp]) -> Self:
        """Do as ``fit(X[rows])``, without a copy of these rows."""
        X = validate_data(self, X, dtype=_KINDS, ensure_all_finite="allow-nan")
        return self._learn(X, rows)

    def _learn(self, X: NDArray[np.floating], rows: NDArray[np.intp]) -> Self:
        n_columns = X.shape[1]
        self.median_, self.min_, self.range_ = (np.zeros(n_columns) for _ in range(3))
        self.empty_ = np.zeros(n_columns, dtype=bool)
        patterns: dict[bytes, int] = {}  # and the first column of each
        step = max(1, _VALUES_AT_A_TIME // len(rows))
        for start in range(0, n_columns, step):
            columns = slice(start, min(start + step, n_columns))
            values = X[rows, columns].astype(np.float64)
            missing = np.isnan(values)
            empty = missing.all(axis=0)
            values[:, empty] = 0.0
            self.median_[columns] = np.nanmedian(values, axis=0)
            self.min_[columns] = np.nanmin(values, axis=0)
            self.range_[columns] = np.nanmax(values, axis=0) - self.min_[columns]
            self.empty_[columns] = empty
            for i in np.flatnonzero(missing.any(axis=0) & ~empty):
                patterns.setdefault(np.packbits(missing[:, i]).tobytes(), start + int(i))
        self.masked_ = np.array(list(patterns.values()), dtype=np.intp)
        return self

    def transform(self, X: Any) -> Numbers:
        """Scaled features, then the masks, shape (n_rows, n_features + n_patterns).

        Warns
        -----
        SpdkitWarning
            When a value is missing of a column that was complete in training: its median is taken
            and no mask tells.
        """
        check_is_fitted(self)
        X = self._validated(X)
        scaled = np.empty((len(X), self.n_scaled))
        return stacked(self._transformed(X, np.arange(len(X))), scaled)

    def batches(self, X: Any, rows: NDArray[np.intp] | None = None) -> Iterator[Numbers]:
        """Give what `transform` makes of `rows`, or of all, a few thousand at a time."""
        check_is_fitted(self)
        X = self._validated(X)
        return self._transformed(X, np.arange(len(X)) if rows is None else rows)

    def _validated(self, X: Any) -> NDArray[np.floating]:
        checked: NDArray[np.floating] = validate_data(
            self, X, dtype=_KINDS, ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def _transformed(self, X: NDArray[np.floating], rows: NDArray[np.intp]) -> Iterator[Numbers]:
        varies = self.range_ > 0
        divisor = np.where(varies, self.range_, 1.0)
        some = np.zeros(X.shape[1], dtype=bool)
        alike = np.ones((len(self.masked_), X.shape[1]), dtype=bool)
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            batch = X[rows[start : start + _ROWS_AT_A_TIME]]
            missing = np.isnan(batch)
            if missing.any():
                some |= missing.any(axis=0)
                for each, column in zip(alike, self.masked_, strict=True):
                    each &= (missing == missing[:, [column]]).all(axis=0)
            scaled = (np.where(missing, self.median_, batch) - self.min_) / divisor
            scaled[:, ~varies] = 0.0
            yield np.hstack([scaled, missing[:, self.masked_]])
        self._warn_of_new(some & ~self.empty_ & ~alike.any(axis=0))

    def inverse_transform(self, X: Any) -> Numbers:
        """Features in their own units, shape (n_rows, n_features); what was missing is filled."""
        check_is_fitted(self)
        values: Numbers = np.asarray(X)[:, : self.n_features_in_] * self.range_ + self.min_
        return values

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the features, then ``missing_NAME`` for each mask."""
        check_is_fitted(self)
        default = self.names if input_features is None else input_features
        names = getattr(self, "feature_names_in_", default)
        if names is None:
            names = [f"x{i}" for i in range(self.n_features_in_)]
        masks = [f"missing_{names[i]}" for i in self.masked_]
        return np.array([*names, *masks], dtype=object)

    def _warn_of_new(self, columns: NDArray[np.bool_]) -> None:
        new = np.flatnonzero(columns)
        if len(new):
            names = self.get_feature_names_out()
            warnings.warn(
                f"{len(new)} columns miss values in a way they did not in training "
                f"({listing(list(names[new]))}): the training median is taken and no mask tells",
                SpdkitWarning,
                stacklevel=4,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
