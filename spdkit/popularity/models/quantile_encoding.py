"""Quantile encoding of features for `SharedEnsemble`: numbers as quantiles, the rest as flags.

Conventions: everything is learned from the rows that `fit` sees. Missing values are filled and
masked as in `spdkit.popularity.models.scaling`. A column with more than two different values is a
number, and becomes the share of the training rows that lie below it; the others, and the masks, are
flags in [0, 1]. The inputs are the numbers, then the flags.

Reference: Gorishniy et al. (2021), revisiting deep learning models for tabular data, section 4.2
(quantile normalisation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import QuantileTransformer

from spdkit.common.serialization import Arrays, part_of, prefixed
from spdkit.popularity.models.scaling import MaskedMinMaxScaler, require_places

Numbers = NDArray[np.float64]
_QUANTILES = 1000


class QuantileInputs:
    """Fill, mask and sort columns into quantiles and flags.

    Attributes
    ----------
    scaler : MaskedMinMaxScaler
    numbers, flags : ndarray of int
        Columns of what the scaler gives: those that become quantiles, and the rest.
    quantiles : ndarray, shape (n_quantiles, n_numbers)
        Of the training rows, scaled.
    """

    scaler: MaskedMinMaxScaler
    numbers: NDArray[np.intp]
    flags: NDArray[np.intp]
    quantiles: Numbers

    @classmethod
    def from_arrays(cls, arrays: Arrays, names: Sequence[str] | None = None) -> QuantileInputs:
        """Undo `to_arrays`."""
        inputs = cls()
        inputs.scaler = MaskedMinMaxScaler.from_arrays(part_of(arrays, "scaler."), names)
        inputs.numbers, inputs.quantiles = arrays["numbers"], arrays["quantiles"]
        require_places(inputs.numbers, inputs.scaler.n_scaled)
        shape = (len(inputs.quantiles), len(inputs.numbers))
        if inputs.quantiles.shape != shape or inputs.quantiles.dtype.kind != "f":
            raise ValueError("the quantiles are not of these columns")
        inputs.flags = np.setdiff1d(np.arange(inputs.scaler.n_scaled), inputs.numbers)
        return inputs

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name."""
        own = {"numbers": self.numbers, "quantiles": self.quantiles}
        return prefixed("scaler.", self.scaler.to_arrays()) | own

    def fit(self, X: Numbers, names: Sequence[str] | None = None) -> Self:
        """Learn from rows, shape (n_rows, n_features), NaN where a value is missing.

        `names` are what warnings call the columns.
        """
        self.scaler = MaskedMinMaxScaler(names).fit(X)
        distinct = np.array([len(np.unique(column[~np.isnan(column)])) for column in X.T])
        self.numbers = np.flatnonzero(distinct > 2)
        scaled = self.scaler.transform(X)
        self.flags = np.setdiff1d(np.arange(scaled.shape[1]), self.numbers)
        n_quantiles = min(_QUANTILES, len(X))
        self.quantiles = np.zeros((n_quantiles, 0))
        if len(self.numbers):
            transformer = QuantileTransformer(n_quantiles=n_quantiles, subsample=None)
            self.quantiles = transformer.fit(scaled[:, self.numbers]).quantiles_
        return self

    def transform(self, X: Numbers) -> Numbers:
        """Inputs in [0, 1], shape (n_rows, n_numbers + n_flags)."""
        return self.encode(self.scaler.transform(X))

    def encode(self, scaled: Numbers) -> Numbers:
        """Do as `transform`, for rows that the scaler has scaled."""
        numbers = scaled[:, self.numbers]
        if len(self.numbers):
            numbers = self._transformer().transform(numbers)
        return np.hstack([numbers, scaled[:, self.flags].clip(0, 1)])

    def inverse_transform(self, inputs: Numbers) -> Numbers:
        """Features in their own units, shape (n_rows, n_features), of inputs."""
        scaled = np.empty(inputs.shape)
        numbers = inputs[:, : len(self.numbers)]
        if len(self.numbers):
            numbers = self._transformer().inverse_transform(numbers)
        scaled[:, self.numbers] = numbers
        scaled[:, self.flags] = inputs[:, len(self.numbers) :]
        return self.scaler.inverse_transform(scaled)

    def _transformer(self) -> Any:
        transformer = QuantileTransformer(n_quantiles=len(self.quantiles), subsample=None)
        transformer.quantiles_ = self.quantiles
        transformer.references_ = np.linspace(0, 1, len(self.quantiles))
        transformer.n_quantiles_, transformer.n_features_in_ = self.quantiles.shape
        return transformer
