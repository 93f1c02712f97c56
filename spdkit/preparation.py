"""Features as a net wants them: every number in [0, 1], and what was missing said in masks.

Conventions: everything is learned from the rows that `fit` sees and from no others. A missing value
becomes the median of its column, and each distinct pattern of missingness (the columns that are
missing together) adds one mask column, 1 where it was. Values beyond the range of the training rows
leave [0, 1]: nothing is clipped. A column that never varies is 0, and so is one without a number.

Reference: Martín-Gutiérrez et al. (2020), section V (the scaling); the masks are ours.
"""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Numbers = NDArray[np.float64]


class MaskedMinMaxScaler(TransformerMixin, BaseEstimator):
    """Scale to [0, 1], fill what is missing, and add masks.

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
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        missing = np.isnan(X)
        empty = missing.all(axis=0)
        known = np.where(empty, 0.0, X)
        self.median_ = np.nanmedian(known, axis=0)
        self.min_ = np.nanmin(known, axis=0)
        self.range_ = np.nanmax(known, axis=0) - self.min_
        self.empty_ = empty
        partly = np.flatnonzero(missing.any(axis=0) & ~empty)
        _, first = np.unique(missing[:, partly], axis=1, return_index=True)
        self.masked_ = partly[np.sort(first)]
        return self

    def transform(self, X: Any) -> Numbers:
        """Scaled features, then the masks.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_features + n_patterns)

        Warns
        -----
        UserWarning
            When a value is missing of a column that was complete in training: its median is taken
            and no mask tells.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        missing = np.isnan(X)
        self._tell_of_new(missing)
        scaled = np.where(missing, self.median_, X) - self.min_
        varies = self.range_ > 0
        np.divide(scaled, self.range_, out=scaled, where=varies)
        scaled[:, ~varies] = 0.0
        return np.hstack([scaled, missing[:, self.masked_]])

    def inverse_transform(self, X: Any) -> Numbers:
        """Features in their own units, shape (n_rows, n_features); what was missing is filled."""
        check_is_fitted(self)
        values: Numbers = np.asarray(X)[:, : self.n_features_in_] * self.range_ + self.min_
        return values

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the features, then ``missing_NAME`` for each mask."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", input_features)
        if names is None:
            names = [f"x{i}" for i in range(self.n_features_in_)]
        masks = [f"missing_{names[i]}" for i in self.masked_]
        return np.array([*names, *masks], dtype=object)

    def _tell_of_new(self, missing: NDArray[np.bool_]) -> None:
        told = self.empty_.copy()
        for column in self.masked_:
            told |= (missing == missing[:, [column]]).all(axis=0)
        new = np.flatnonzero(missing.any(axis=0) & ~told)
        if len(new):
            names = self.get_feature_names_out()
            some = ", ".join(str(names[i]) for i in new[:5])
            warnings.warn(
                f"{len(new)} columns miss values in a way they did not in training ({some}): the "
                "training median is taken and no mask tells",
                stacklevel=3,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
