"""Prediction intervals from what a forecaster got wrong in the past (split conformal).

Conventions
-----------
A forecaster is fitted at cutoffs inside its training period, each time on what lies before, and its
errors over the next `h` rows are divided by the series' own scale there (see `scale`). Errors of
all series and windows at the same step ahead make one pool; an interval of level L reaches as far
to both sides as their ⌈(n + 1)·L/100⌉-th smallest size, times the scale of the series now. It must
not get narrower further ahead: steps that would are averaged (isotonic regression). For a series
that never was below 0 it ends at 0.

With exchangeable errors such an interval holds L per cent of what comes. Months are not quite
exchangeable: `Residuals.coverage` says what the intervals held of each window when made from the
other windows.

References
----------
Vovk, Gammerman, Shafer (2005); Stankevičiūtė, Alaa, van der Schaar (2021), conformal time-series
forecasting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.scoring.cutoffs import cutoffs

if TYPE_CHECKING:
    from spdkit.forecast.models.base import Forecaster

_SCALE_ROWS = 30
_STILL = 0.05


@dataclass(frozen=True)
class ConformalIntervals:
    """How intervals are learned.

    Attributes
    ----------
    h : int
        Steps ahead that they are learned for; forecasts with intervals reach no further.
    n_windows : int
        Cutoffs, at least 2.
    step_size : int, optional
        Rows between two; `h` if not given.
    """

    h: int
    n_windows: int = 2
    step_size: int | None = None

    def residuals(self, forecaster: Forecaster, panel: Panel) -> Residuals:
        """Fit clones of `forecaster` at each cutoff and keep their scaled errors.

        Raises
        ------
        ForecastError
            When there are fewer than two windows, or a series is too short for them.
        """
        from sklearn.base import clone

        if self.n_windows < 2:
            raise ForecastError(
                f"intervals need n_windows of at least 2, got {self.n_windows}: each window's "
                f"coverage is measured by the others"
            )
        errors = []
        for past, future in cutoffs(panel, self.h, self.n_windows, self.step_size):
            fitted = clone(forecaster).fit_panel(past)
            error = future.y.reshape(len(panel), self.h) - fitted.forecast_rows(future)
            errors.append(error / scale(past)[:, None])
        return Residuals(np.stack(errors))


@dataclass(frozen=True, eq=False)
class Residuals:
    """Scaled errors of the past.

    Attributes
    ----------
    scaled : ndarray of float64, shape (n_windows, n_series, h)
    """

    scaled: Numbers

    def reach(self, h: int, level: float) -> Numbers:
        """How far an interval reaches to both sides at each step, in scales, shape (h,).

        Raises
        ------
        ForecastError
            When the horizon is beyond theirs, the level is none, or there are too few.
        """
        if h > self.scaled.shape[-1]:
            raise ForecastError(
                f"intervals were learned for {self.scaled.shape[-1]} steps, {h} are asked for: fit "
                f"with intervals=ConformalIntervals(h={h})"
            )
        return _reach(self.scaled[..., :h], level)

    def coverage(self, level: float) -> Numbers:
        """Share of each window's values inside the intervals that the other windows give.

        Returns
        -------
        ndarray of float64, shape (n_windows,)
        """
        return np.array(
            [
                np.mean(np.abs(window) <= _reach(np.delete(self.scaled, i, axis=0), level))
                for i, window in enumerate(self.scaled)
            ]
        )


def scale(panel: Panel) -> Numbers:
    """How far each series strays, shape (n_series,); 1 for one that ends in zeros.

    The standard deviation of its last 30 rows, and a twentieth of their mean size: a series that
    stood still for a month has not promised to.
    """
    recent = panel.tail(_SCALE_ROWS)

    def mean(values: Numbers) -> Numbers:
        return np.add.reduceat(values, recent.indptr[:-1]) / recent.lengths

    around = recent.y - np.repeat(mean(recent.y), recent.lengths)
    found = np.sqrt(mean(around**2)) + _STILL * mean(np.abs(recent.y))
    return np.where(found > 0, found, 1.0)


def interval_columns(
    forecaster: Forecaster, forecast: Numbers, level: Sequence[float]
) -> dict[str, Numbers]:
    """Return the lower and upper ends of a fitted forecaster's intervals, by column.

    Raises
    ------
    ForecastError
        When `fit` was not given ``intervals``, or as `Residuals.reach` does.
    """
    if not isinstance(level, list | tuple | np.ndarray):
        raise ForecastError(f"level must be a list of percentages such as [80, 95], got {level!r}")
    if not len(level):
        return {}
    if forecaster.residuals_ is None:
        raise ForecastError(
            f"{forecaster.label} was fitted without intervals: fit it with "
            f"intervals=ConformalIntervals(h={forecast.shape[1]})"
        )
    panel, named = forecaster.panel_, {}
    for one in level:
        reach = forecaster.residuals_.reach(forecast.shape[1], one) * scale(panel)[:, None]
        named[f"{forecaster.label}-lo-{one:g}"] = lower_ends(panel, forecast, reach).ravel()
        named[f"{forecaster.label}-hi-{one:g}"] = (forecast + reach).ravel()
    return named


def lower_ends(panel: Panel, forecast: Numbers, reach: Numbers) -> Numbers:
    """Lower ends of intervals, not below 0 for series that never were, shape (n_series, n)."""
    never = np.minimum.reduceat(panel.y, panel.indptr[:-1]) >= 0
    lowest = np.where(never, 0.0, -np.inf)[:, None]
    low: Numbers = np.maximum(forecast - reach, np.minimum(lowest, forecast))
    return low


def check_level(level: float) -> None:
    """Refuse a level that is no percentage.

    Raises
    ------
    ForecastError
    """
    if not 0 < level < 100:
        raise ForecastError(f"a level is a percentage above 0 and below 100, got {level:g}")


def errors_needed(level: float) -> int:
    """The fewest errors of which one is large enough for an interval of this level."""
    n = max(1, math.floor(level / (100 - level)) - 1)
    while _rank(n, level) > n:
        n += 1
    return n


def _rank(n: int, level: float) -> int:
    """Which of `n` sorted errors, counted from 1, is the conformal quantile."""
    return math.ceil((n + 1) * level / 100)


def _reach(scaled: Numbers, level: float) -> Numbers:
    """Conformal quantile of the sizes at each step, made never to fall; shape (h,)."""
    from sklearn.isotonic import isotonic_regression

    check_level(level)
    sizes = np.sort(np.abs(scaled.reshape(-1, scaled.shape[-1])), axis=0)
    n = len(sizes)
    if (rank := _rank(n, level)) > n:
        raise ForecastError(
            f"an interval of level {level:g} needs at least {errors_needed(level)} "
            f"errors a step, series times windows give {n}: ask for more windows or a lower level"
        )
    reach: Numbers = isotonic_regression(sizes[rank - 1])
    return reach
