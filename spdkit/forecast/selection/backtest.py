"""Backtest: forecasters scored at cutoffs of the past, all on the same rows.

Conventions
-----------
At each cutoff every forecaster is fitted on what lies before it, and forecasts the `h` rows after
it. Scores are of all those rows of all series together; F, which is a sum, is divided by the number
of windows. It needs plays on every day: where a day has none, it is not given and ``wape`` leads.
Two forecasters are compared by a bootstrap over series, since days of one series resemble each
other; see `spdkit.evaluation.bootstrap`, which draws none of fewer than ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from spdkit.evaluation.bootstrap import Difference, paired_bootstrap
from spdkit.evaluation.metrics import Metric
from spdkit.forecast.data.panel import Numbers, Panel, cutoffs, day, series_count, steps
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.scoring.intervals import Residuals, scale
from spdkit.forecast.scoring.metrics import HIGHER_IS_BETTER, exists, f_score, score

TITLES = {
    "f": "F",
    "f_share": "F, of perfect",
    "wape": "WAPE",
    "mean_wape": "mean WAPE",
    "mae": "MAE",
    "rmse": "RMSE",
}


@dataclass(frozen=True, eq=False)
class Window:
    """What came after one cutoff, and what was forecast for it.

    Attributes
    ----------
    future : Panel
        The `h` rows of every series after its cutoff.
    scale : ndarray, shape (n_series,)
        Of each series before its cutoff; see `spdkit.forecast.scoring.intervals.scale`.
    forecasts : dict of str to ndarray, shape (n_series, h)
        By the name of the forecaster.
    """

    future: Panel
    scale: Numbers
    forecasts: dict[str, Numbers]

    @property
    def y(self) -> Numbers:
        """What came, shape (n_series, h)."""
        return self.future.y.reshape(len(self.future), -1)


@dataclass(frozen=True, eq=False)
class Validation:
    """Windows that were scored, the earliest first.

    Attributes
    ----------
    windows : tuple of Window
    names : tuple of str
        Forecasters that have a forecast in every window; the first is the one in question.
    """

    windows: tuple[Window, ...]
    names: tuple[str, ...]

    @property
    def y(self) -> Numbers:
        """What came in all windows, shape (n_windows * n_series, h)."""
        return np.concatenate([window.y for window in self.windows])

    def forecast(self, name: str) -> Numbers:
        """What `name` had forecast for it, shape (n_windows * n_series, h)."""
        return np.concatenate([window.forecasts[name] for window in self.windows])

    @property
    def metrics(self) -> tuple[str, ...]:
        """Which metrics exist on these rows; the first one leads."""
        names = [name for name in ("f", "wape", "mean_wape", "mae", "rmse") if exists(name, self.y)]
        return ("f", "f_share", *names[1:]) if names[0] == "f" else tuple(names)

    @property
    def rows(self) -> str:
        """Which rows were scored, in words."""
        first, last = self.windows[0].future.ds.min(), self.windows[-1].future.ds.max()
        n, h = len(self.windows), self.y.shape[1]
        return (
            f"{n} window{'s' * (n != 1)} of {steps(h, self.windows[0].future)}, "
            f"{day(first)} to {day(last)}, of {series_count(len(self.windows[0].future))}"
        )

    def scores(self) -> pd.DataFrame:
        """Models by metrics; ``f_share`` is F as a share of what a perfect forecast scores."""
        return pd.DataFrame(
            {name: self._scores_of(name) for name in self.names}, index=list(self.metrics)
        ).T

    def _scores_of(self, name: str) -> dict[str, float]:
        y, forecast = self.y, self.forecast(name)
        scores = {}
        if "f" in self.metrics:
            f = f_score(y, forecast)
            scores = {"f": f.value / len(self.windows), "f_share": f.value / f.perfect}
        rest = [metric for metric in self.metrics if metric not in scores]
        return scores | {metric: score(y, forecast, metric) for metric in rest}

    def same(self, other: str) -> bool:
        """Whether another forecaster has forecast the same as the first one everywhere."""
        return bool(np.array_equal(self.forecast(self.names[0]), self.forecast(other)))

    def difference(self, other: str) -> Difference | None:
        """The leading metric of the first forecaster less that of another, with its interval.

        Returns
        -------
        Difference or None
            None where the two forecasters are one (see `same`): nothing is to be told apart. Of
            few series it has no interval, and says why.
        """
        if self.same(other):
            return None
        metric = self.metrics[0]
        own, others = (self._by_series(metric, name) for name in (self.names[0], other))
        return paired_bootstrap(
            np.zeros(len(own)), own, others, _summed(metric, self._sizes(metric))
        )

    def _by_series(self, metric: str, name: str) -> Numbers:
        """What each series adds to the leading metric, shape (n_series,)."""
        y, forecast = self.y, self.forecast(name)
        if metric == "f":
            added = f_score(y, forecast).terms / len(self.windows)
        else:
            added = np.abs(forecast - y).sum(axis=1)
        return self._of_windows(added)

    def _sizes(self, metric: str) -> Numbers | None:
        """What the sum over series is a share of; None for a metric that is a sum."""
        if metric == "f":
            return None
        return self._of_windows(
            (np.abs(self.y) if metric == "wape" else np.ones_like(self.y)).sum(1)
        )

    def _of_windows(self, added: Numbers) -> Numbers:
        """Sums over windows, shape (n_windows * n_series,) to (n_series,)."""
        summed: Numbers = added.reshape(len(self.windows), -1).sum(axis=0)
        return summed


def _summed(metric: str, sizes: Numbers | None) -> Metric:
    """A metric of what each series adds, for the bootstrap."""

    def parts(_: Any, added: Numbers, __: int) -> Numbers:
        return np.column_stack([added, np.ones(len(added)) if sizes is None else sizes])

    def finish(sums: Numbers, n: Numbers) -> Numbers:
        del n  # every resample has as many series as there are
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw of series without plays
            return sums[..., 0] if sizes is None else sums[..., 0] / sums[..., 1]

    better = "higher" if metric in HIGHER_IS_BETTER else "lower"
    return Metric(metric, TITLES[metric], "values", better, parts, finish)  # type: ignore[arg-type]


def run_windows(
    panel: Panel,
    forecasters: Mapping[str, Forecaster],
    h: int,
    n_windows: int,
    *,
    scored: int | None = None,
    tick: Callable[[], None] = lambda: None,
) -> tuple[Window, ...]:
    """Fit forecasters at cutoffs of the past, and keep what they say of the rows after each.

    Parameters
    ----------
    panel : Panel
    forecasters : mapping of str to Forecaster
        By name; none is changed. The first takes part in every window.
    h, n_windows : int
        The last cutoff lies `h` rows before the end, the others `h` rows apart.
    scored : int, optional
        In how many of the last windows the other forecasters take part; all if not given.
    tick : callable
        Called after each fit.

    Raises
    ------
    ForecastError
        When a series is too short, by name.
    """
    first, windows = next(iter(forecasters)), []
    alone = 0 if scored is None else n_windows - scored
    for number, (past, future) in enumerate(cutoffs(panel, h, n_windows)):
        forecasts = {}
        for name, forecaster in forecasters.items():
            if name == first or number >= alone:
                fitted = clone(forecaster).fit_panel(past)
                forecasts[name] = fitted.forecast_rows(future)
                tick()
        windows.append(Window(future, scale(past), forecasts))
    return tuple(windows)


def residuals(windows: Sequence[Window], name: str) -> Residuals:
    """Errors of a forecaster in units of each series' scale, for its intervals."""
    errors = [(w.y - w.forecasts[name]) / w.scale[:, None] for w in windows]
    return Residuals(np.stack(errors))
