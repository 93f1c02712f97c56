"""Intervals of forecasts, from errors of the past (split conformal).

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

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.isotonic import isotonic_regression

from spdkit.common.parameters import Allowed, Whole, check_parameters
from spdkit.evaluation.conformal import conformal_radius, fewest_residuals
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Numbers, Panel

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
        Cutoffs, at least 2: the coverage of each window is measured by the others.
    step_size : int, optional
        Rows between two; `h` if not given.

    Raises
    ------
    ForecastError
        When one of them is none of these.
    """

    h: int
    n_windows: int = 2
    step_size: int | None = None

    _parameter_constraints: ClassVar[Mapping[str, Allowed]] = {
        "h": Whole(),
        "n_windows": Whole(2),
        "step_size": (Whole(), None),
    }

    def __post_init__(self) -> None:
        check_parameters(vars(self), self._parameter_constraints, ForecastError)


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
        """Share of each window's values inside the intervals of the others, shape (n_windows,)."""
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
    spread = np.sqrt(mean(around**2)) + _STILL * mean(np.abs(recent.y))
    return np.where(spread > 0, spread, 1.0)


def lower_ends(panel: Panel, forecast: Numbers, reach: Numbers) -> Numbers:
    """Lower ends of intervals, not below 0 for series that never were, shape (n_series, n)."""
    never = np.minimum.reduceat(panel.y, panel.indptr[:-1]) >= 0
    lowest = np.where(never, 0.0, -np.inf)[:, None]
    low: Numbers = np.maximum(forecast - reach, np.minimum(lowest, forecast))
    return low


def check_list(name: str, values: object, such_as: str) -> None:
    """Refuse one number, or a text, where a list of numbers belongs.

    Raises
    ------
    ForecastError
        With what a list is written like.
    """
    if not isinstance(values, list | tuple | np.ndarray):
        raise ForecastError(f"{name} must be a list of {such_as}, got {values!r}")
    if wrong := [one for one in values if isinstance(one, bool) or not isinstance(one, Real)]:
        raise ForecastError(f"{name} must be a list of {such_as}, got {wrong[0]!r} in it")


def check_level(level: float) -> None:
    """Refuse a level that is no percentage.

    Raises
    ------
    ForecastError
    """
    if 0 < level < 1:
        raise ForecastError(
            f"a level is a percentage, from 1 on: did you mean {100 * level:g} in place of "
            f"{level:g}?"
        )
    if not 0 < level < 100:
        raise ForecastError(f"a level is a percentage above 0 and below 100, got {level:g}")


def errors_needed(level: float) -> int:
    """The fewest errors of which one is large enough for an interval of this level."""
    return fewest_residuals(level, full=100)


def _reach(scaled: Numbers, level: float) -> Numbers:
    """Conformal quantile of the sizes at each step, made never to fall; shape (h,)."""
    check_level(level)
    errors = scaled.reshape(-1, scaled.shape[-1])
    if len(errors) < (fewest := errors_needed(level)):
        raise ForecastError(
            f"an interval of level {level:g} needs at least {fewest} errors a step, series times "
            f"windows give {len(errors)}: ask for more windows or a lower level"
        )
    reach: Numbers = isotonic_regression(conformal_radius(errors, level, full=100))
    return reach
