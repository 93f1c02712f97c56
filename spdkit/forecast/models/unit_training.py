"""Training of units: what it needs besides the unit, ranges, relative losses and seeds.

Conventions
-----------
Units see each series and each of its columns scaled to [0, 1] by their range over the training
days. A column that never changes is 0 throughout, and whatever a unit makes of it is that constant
again.

The losses of a group of models are one number a model, of predictions and targets in the units'
scale, shape (n_models, n_windows, q, n_features), of which the first feature is y:

- ``mae``: mean absolute error over all of them;
- ``relative``: mean of ``|x - y| / y`` over days, in original units;
- ``f``: root of the mean of ``((x - y) / y)²`` over the days of a batch, the σ of F.

A day without plays has no relative error: such days are refused, or (``zero="skip"``) count in
neither the sum nor the number of days; units see them all the same.

Columns besides y are fed back when a unit is rolled, so they have to be learned, too: to the
relative losses they add their mean absolute error in the unit's scale.

References
----------
LSTM-RPA eq. 9 (σ).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.scoring.metrics import Zero

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Cell = Literal["lstm", "gru", "rnn"]
Loss = Literal["mae", "relative", "f"]
_TINY = 1e-12  # a root has no slope at 0


@dataclass(frozen=True, eq=False)
class Ranges:
    """The range of each column of each series.

    Attributes
    ----------
    low, high : ndarray of float64, shape (n_series, n_features)
    """

    low: Numbers
    high: Numbers

    @classmethod
    def of(cls, values: Numbers, panel: Panel) -> Ranges:
        """Learn them from all rows of a panel, shape (n_rows, n_features)."""
        starts = panel.indptr[:-1]
        return cls(np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts))

    @property
    def span(self) -> Numbers:
        """High - low, shape (n_series, n_features)."""
        return self.high - self.low

    def scale(self, values: Numbers, series: NDArray[np.intp] | slice = slice(None)) -> Numbers:
        """Scale days of some of the series, shape (n_chosen, n_days, n_features), to [0, 1]."""
        span = np.where(self.span > 0, self.span, 1.0)[series]
        scaled: Numbers = (values - self.low[series, None]) / span[:, None]
        return scaled

    def unscale(self, scaled: Numbers) -> Numbers:
        """Undo `scale`, of all series."""
        return self.low[:, None] + scaled * self.span[:, None]


def with_weights(Y: Numbers, span: Numbers, plays: Numbers) -> Numbers:
    """Put beside targets what the relative losses need: what a scaled error is of the plays.

    Parameters
    ----------
    Y : ndarray, shape (n_series, n_windows, q, n_features)
        Targets, scaled.
    span : ndarray, shape (n_series,)
        Of y.
    plays : ndarray, shape (n_series, n_windows, q)
        The targets of y in original units.

    Returns
    -------
    ndarray, shape (n_series, n_windows, q, n_features + 1)
        Weights of days without plays are 0.
    """
    none = np.zeros_like(plays)
    weights = np.divide(span[:, None, None], plays, out=none, where=plays > 0)[..., None]
    return np.concatenate([Y, weights.astype(Y.dtype)], axis=-1)


def relative_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """``relative`` of predictions and what `with_weights` gives, shape (n_models,)."""
    return _mean(_relative(prediction, target).abs(), target) + _besides(prediction, target)


def f_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """``f`` of predictions and what `with_weights` gives, shape (n_models,)."""
    squares = _mean(_relative(prediction, target).square(), target)
    return (squares + _TINY).sqrt() + _besides(prediction, target)


def _relative(prediction: Tensor, target: Tensor) -> Tensor:
    return ((prediction - target[..., :-1])[..., 0] * target[..., -1]).flatten(1)


def _mean(errors: Tensor, target: Tensor) -> Tensor:
    """Mean over the days that have plays, of which each batch may have others."""
    counted = (target[..., -1] > 0).flatten(1).sum(dim=1).clamp(min=1)
    return errors.mean(dim=1) * (errors.shape[1] / counted)


def _besides(prediction: Tensor, target: Tensor) -> Tensor | float:
    if prediction.shape[-1] == 1:
        return 0.0
    return (prediction - target[..., :-1])[..., 1:].abs().flatten(1).mean(dim=1)


def refuse_days_without_plays(panel: Panel, loss: str, zero: Zero = "refuse") -> None:
    """Refuse series in which a relative error does not exist, or values below 0.

    Raises
    ------
    ForecastError
        Naming the series and the date.
    """
    panel.refuse(
        panel.y < 0 if zero == "skip" else panel.y <= 0,
        f"the loss {loss!r} divides by plays, y is",
        advice=". Take a model that does not, such as sma or recommended, or leave the series out.",
    )


def seed_of(seed: int, unique_id: Any) -> int:
    """Return a series' own seed, whatever other series there are: 63 bits of a SHA-256."""
    digest = hashlib.sha256(f"{seed}:{unique_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
