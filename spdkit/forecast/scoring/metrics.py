"""Scores of forecasts: F of LSTM-RPA, and errors that every field knows.

Conventions
-----------
For a series with actual values y and forecast x over d days (LSTM-RPA eq. 9-11):
σ = sqrt(mean(((x - y) / y)²)), φ = sqrt(Σ y), and F = Σ (1 - σ)·φ over series. A perfect forecast
scores Σ φ. A day without plays has no relative error: it is refused by default, and left out of σ
with ``zero="skip"``. A series that is missed by more than its own size counts below 0; the paper's
``floor=True`` lifts it to 0.

WAPE is pooled, as the field defines it: Σ|x - y| / Σ|y| over all days of all series. The mean over
series of the same ratio, in which a small series counts as much as a large one, is ``mean_wape``.
A metric that does not exist on the rows at hand (F where a day has no plays, both WAPEs where
nothing but zeros came) has one to fall back to, see `existing_metric`.

The paper's "average error" is (F_perfect - F) / n_series, which is the mean of σ·φ; what its "mean
error variance" is, it does not say. `FScore.error_variance` is the variance of σ·φ over series.

References
----------
LSTM-RPA: "LSTM-RPA: A Simple but Effective Long Sequence Prediction Algorithm for Music Popularity
Prediction", eq. 9-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from spdkit.common.parameters import OneOf, check_parameters
from spdkit.forecast.data.calendar import shown
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.panel import Numbers

if TYPE_CHECKING:
    Names = Sequence[Any] | pd.Index[Any] | None

Zero = Literal["refuse", "skip"]
METRICS = ("f", "mae", "rmse", "wape", "mean_wape")
AUTO = "auto"
_SHARES = ("wape", "mean_wape")  # of what came
# What these parameters may be.
METRIC, METRIC_OR_AUTO, ZERO = OneOf(*METRICS), OneOf(AUTO, *METRICS), OneOf("refuse", "skip")
HIGHER_IS_BETTER = frozenset({"f"})


@dataclass(frozen=True, eq=False)
class FScore:
    """F of some series, and what it is made of.

    Attributes
    ----------
    sigma : ndarray of float64, shape (n_series,)
        Root mean square of the relative error; NaN for a series of zeros only that was skipped.
    phi : ndarray of float64, shape (n_series,)
        Root of the sum of plays.
    floor : bool
        Whether a series counts at least 0.
    """

    sigma: Numbers
    phi: Numbers
    floor: bool = False

    @property
    def terms(self) -> Numbers:
        """What each series adds: (1 - σ)·φ; a series without plays adds nothing."""
        terms = np.where(self.phi > 0, (1 - self.sigma) * self.phi, 0.0)
        return np.maximum(terms, 0) if self.floor else terms

    @property
    def value(self) -> float:
        """F: the sum of the terms."""
        return float(self.terms.sum())

    @property
    def perfect(self) -> float:
        """F of a perfect forecast."""
        return float(self.phi.sum())

    @property
    def average_error(self) -> float:
        """(F_perfect - F) / n_series: the paper's "average error"."""
        return (self.perfect - self.value) / len(self.phi)

    @property
    def error_variance(self) -> float:
        """Variance over series of what each loses (σ·φ without a floor)."""
        return float(np.var(self.phi - self.terms))


def f_score(
    y: ArrayLike,
    forecast: ArrayLike,
    *,
    zero: Zero = "refuse",
    floor: bool = False,
    ids: Names = None,
    ds: Names = None,
) -> FScore:
    """F of forecasts.

    Parameters
    ----------
    y, forecast : array-like, shape (n_series, n_days)
        Actual values, 0 or more, and their forecasts.
    zero : {"refuse", "skip"}
        What to do with days without plays.
    floor : bool
        Whether a series counts at least 0, as in the paper.
    ids, ds : sequences of length n_series and n_days, optional
        Names for messages.

    Raises
    ------
    ForecastError
        When the shapes differ, a value is below 0 or not finite, or (by default) a day is without
        plays: naming the series and the date.
    """
    check_parameters({"zero": zero}, {"zero": ZERO}, ForecastError)
    actual, guess = _pair(y, forecast, ids, ds)
    _refuse(actual < 0, "F needs plays of 0 or more, y is", actual, ids, ds)
    if zero == "refuse":
        what = "F is made of relative errors, which need plays, y is"
        advice = '. Take another metric, such as wape, or leave such days out by zero="skip".'
        _refuse(actual == 0, what, actual, ids, ds, advice)
    played = actual > 0
    relative = np.divide(guess - actual, actual, out=np.zeros_like(actual), where=played)
    days = played.sum(axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 of a series without any plays: NaN, as documented
        sigma = np.sqrt((relative**2).sum(axis=1) / days)
    return FScore(sigma, np.sqrt(actual.sum(axis=1)), floor)


def score(
    y: ArrayLike, forecast: ArrayLike, metric: str = "f", *, zero: Zero = "refuse", **names: Any
) -> float:
    """Score forecasts by a metric of `METRICS`.

    Parameters
    ----------
    y, forecast : array-like, shape (n_series, n_days)
    metric : {"f", "mae", "rmse", "wape", "mean_wape"}
        ``wape`` is Σ|x - y| / Σ|y| over all series together, ``mean_wape`` the mean over series of
        that of each, series of zeros left out.
    zero : {"refuse", "skip"}
        Of F.
    **names
        ``ids`` and ``ds`` of `f_score`.

    Raises
    ------
    ForecastError
        When there is no such metric, or as `f_score` does.
    """
    check_parameters({"metric": metric}, {"metric": METRIC}, ForecastError)
    if metric == "f":
        return f_score(y, forecast, zero=zero, **names).value
    actual, guess = _pair(y, forecast, names.get("ids"), names.get("ds"))
    if metric == "mae":
        return float(np.abs(guess - actual).mean())
    if metric == "rmse":
        return float(np.sqrt(((guess - actual) ** 2).mean()))
    errors, sizes = np.abs(guess - actual).sum(axis=1), np.abs(actual).sum(axis=1)
    if not (sizes > 0).any():
        raise ForecastError(
            f"{metric} does not exist where every row that is scored is 0: take mae or rmse"
        )
    if metric == "wape":
        return float(errors.sum() / sizes.sum())
    return float((errors[sizes > 0] / sizes[sizes > 0]).mean())


def exists(metric: str, y: ArrayLike) -> bool:
    """Whether a metric exists on actual values: F where all are above 0, WAPE where one is not 0.

    A day without plays that F refuses can be left out of it by ``zero="skip"``.
    """
    actual = np.asarray(y, np.float64)
    if metric == "f":
        return bool((actual > 0).all())
    return metric not in _SHARES or bool(actual.any())


def existing_metric(metric: str, windows: Sequence[ArrayLike], zero: Zero = "refuse") -> str:
    """Return `metric`, or the one to fall back to where it does not exist.

    Parameters
    ----------
    metric : str
        One of `METRICS`; or ``auto``: F where every window has plays on all days, else ``wape``.
        F that is asked for by its name is never replaced.
    windows : sequence of array-like
        Actual values of each window that is scored. Where all of all windows are 0, ``mae`` takes
        the place of both WAPEs.
    zero : {"refuse", "skip"}
        Of F, which with ``"skip"`` exists on days without plays, too.
    """
    if metric == AUTO:
        values = np.concatenate([np.ravel(y) for y in windows])
        counted = values[values != 0] if zero == "skip" and values.any() else values
        metric = "f" if exists("f", counted) else "wape"
    return metric if metric == "f" or any(exists(metric, y) for y in windows) else "mae"


def _pair(y: ArrayLike, forecast: ArrayLike, ids: Names, ds: Names) -> tuple[Numbers, Numbers]:
    """Actual values and forecasts of one shape, all of them finite."""
    actual, guess = np.asarray(y, np.float64), np.asarray(forecast, np.float64)
    if actual.ndim != 2 or actual.shape != guess.shape or not actual.size:
        raise ForecastError(
            f"y and forecast must both be of shape (n_series, n_days), got {actual.shape} and "
            f"{guess.shape}"
        )
    _refuse(~np.isfinite(actual), "y is", actual, ids, ds)
    _refuse(~np.isfinite(guess), "the forecast is", guess, ids, ds)
    return actual, guess


def _refuse(
    wrong: NDArray[np.bool_],
    what: str,
    values: Numbers,
    ids: Names,
    ds: Names,
    advice: str = "",
) -> None:
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        series = quoted(ids[i]) if ids is not None else str(i)
        day = shown(ds[j]) if ds is not None else f"day {j}"
        raise ForecastError(
            f"series {series}, {day}: {what} {values[i, j]:g} ({int(wrong.sum())} such days)"
            f"{advice}"
        )
