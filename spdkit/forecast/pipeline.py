"""Forecast of a table of series, with scores and intervals: what ``spdkit forecast`` does.

`forecast_panel` takes checked series and gives a `ForecastResult`: forecasts with intervals, how
good such forecasts were in the past beside simple rivals, what the intervals held, and totals of
the horizon. Figures, tables and the page are made of it elsewhere.

Conventions
-----------
A validation window is fitted once and serves twice: its forecasts are scored, and their errors make
the intervals (`spdkit.forecast.scoring.intervals`). Coverage is of each window
inside the intervals that the others give. Intervals of totals come from the errors of totals, since
ends of intervals cannot be added up. What was decided on the way is in `ForecastResult.remarks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from spdkit.common.messages import listing
from spdkit.common.parameters import FLAG, Allowed, Whole, check_parameters
from spdkit.forecast import registry
from spdkit.forecast.data.calendar import shown
from spdkit.forecast.data.checks import ForecastError, quoted, refuse_names
from spdkit.forecast.data.long_table import check_horizon
from spdkit.forecast.data.panel import Numbers, Panel, day, steps
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.scoring.intervals import (
    Residuals,
    check_level,
    errors_needed,
    lower_ends,
    scale,
)
from spdkit.forecast.scoring.metrics import AUTO, existing_metric
from spdkit.forecast.selection.backtest import (
    TITLES,
    Validation,
    Window,
    residuals,
    run_windows,
)
from spdkit.forecast.selection.best_of import BestForecaster

RIVALS = ("sma", "seasonal-naive")  # simple, and hard to beat
DEFAULT_LEVEL = 90.0
DEFAULT_WINDOWS = 2
Tick = Callable[[], None]


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    h : int
        Rows to forecast, at least 1.
    model : str
        A name of `spdkit.forecast.registry.MODELS`.
    levels : tuple of float or None
        Per cent that intervals should hold; none if empty. None is `DEFAULT_LEVEL`, or no intervals
        where the series are too few or too short for it, which a remark says.
    n_windows : int or None
        Windows of `h` rows to score in; 0 for no scores. None is `DEFAULT_WINDOWS`, or fewer where
        all series are too short for them, which a remark says.
    season_length : int, optional
        Rows of a season; that of the frequency if not given.
    skip_short : bool
        Whether series that are too short are left out, which a remark says, or refused.
    seed : int

    Raises
    ------
    ForecastError
        When one of them is none of these.
    """

    h: int
    model: str = registry.BEST
    levels: tuple[float, ...] | None = None
    n_windows: int | None = None
    season_length: int | None = None
    skip_short: bool = False
    seed: int = 0

    _parameter_constraints: ClassVar[Mapping[str, Allowed]] = {
        "n_windows": (Whole(0), None),
        "season_length": (Whole(), None),
        "skip_short": FLAG,
        "seed": Whole(0),
    }

    def __post_init__(self) -> None:
        check_horizon(self.h)
        check_parameters(vars(self), self._parameter_constraints, ForecastError)
        for level in self.levels or ():
            check_level(level)


@dataclass(frozen=True, eq=False)
class ForecastResult:
    """Forecasts of series, and what they are worth.

    Attributes
    ----------
    request : Request
    forecaster : Forecaster
        Fitted on all rows of `panel`.
    forecasts : DataFrame, n_series * h rows
        Series, date, the forecast, and two columns a level; see `Forecaster.predict`.
    levels : tuple of float
        Of the intervals.
    windows : tuple of Window
        Of the past, for the intervals; the last ones were scored.
    validation : Validation or None
    rivals : dict of str to Forecaster
        Those in the validation, not fitted, by name.
    remarks : tuple of str
        What was decided and left out.
    """

    request: Request
    forecaster: Forecaster
    forecasts: pd.DataFrame
    levels: tuple[float, ...]
    windows: tuple[Window, ...]
    validation: Validation | None
    rivals: dict[str, Forecaster]
    remarks: tuple[str, ...]

    @property
    def panel(self) -> Panel:
        """The series."""
        return self.forecaster.panel_

    @property
    def label(self) -> str:
        """Name of the forecaster, and of its column."""
        return self.forecaster.label

    @property
    def values(self) -> Numbers:
        """Forecasts, shape (n_series, h)."""
        return self.forecasts[self.label].to_numpy().reshape(len(self.panel), -1)

    @property
    def residuals(self) -> Residuals:
        """Of the windows; see `spdkit.forecast.scoring.intervals`."""
        return residuals(self.windows, self.request.model)

    @property
    def coverage(self) -> dict[float, float]:
        """By level, the share of the windows' values inside intervals that the others give."""
        return {level: float(self.residuals.coverage(level).mean()) for level in self.levels}

    @property
    def name(self) -> str:
        """What the forecaster is called in words: of `best`, also what it picked."""
        best = getattr(self.forecaster, "best_", None)
        return self.label if best is None else f"{self.label} ({best.label})"

    def title(self, name: str) -> str:
        """What a forecaster of the validation is called in tables."""
        return self.label if name == self.request.model else self.rivals[name].label

    def interval(self, level: float) -> tuple[Numbers, Numbers]:
        """Lower and upper ends, each of shape (n_series, h)."""
        low, high = (
            self.forecasts[f"{self.label}-{end}-{level:g}"].to_numpy().reshape(len(self.panel), -1)
            for end in ("lo", "hi")
        )
        return low, high

    def past_interval(self, level: float) -> tuple[Numbers, Numbers] | None:
        """Ends for the last window as the other windows give them; None where they are too few."""
        scaled, last = self.residuals.scaled[:-1], self.windows[-1]
        if not len(scaled) or scaled.shape[0] * scaled.shape[1] < errors_needed(level):
            return None
        reach = Residuals(scaled).reach(self.request.h, level) * last.scale[:, None]
        forecast = last.forecasts[self.request.model]
        return lower_ends(self.panel, forecast, reach), forecast + reach

    def totals(self) -> pd.DataFrame:
        """Sums over the horizon, the greatest first.

        Returns
        -------
        DataFrame, indexed by series
            ``before``, the sum of as many rows before (NaN where there are fewer), ``forecast``,
            ``change`` in per cent, and ``lo-…`` and ``hi-…`` of each level.
        """
        panel, h, forecast = self.panel, self.request.h, self.values.sum(axis=1)
        recent = panel.tail(h)
        before = np.where(
            recent.lengths == h, np.add.reduceat(recent.y, recent.indptr[:-1]), np.nan
        )
        change = np.divide(
            100 * (forecast - before), before, out=np.full_like(before, np.nan), where=before > 0
        )
        table = {"before": before, "forecast": forecast, "change": change}
        if self.levels:
            summed = Residuals(self.residuals.scaled.sum(axis=2, keepdims=True))
            size = scale(panel)
            for level in self.levels:
                reach = summed.reach(1, level)[0] * size
                table[f"lo-{level:g}"] = lower_ends(panel, forecast[:, None], reach[:, None])[:, 0]
                table[f"hi-{level:g}"] = forecast + reach
        index = panel.ids.rename(panel.columns.unique_id)
        return pd.DataFrame(table, index=index).sort_values(
            "forecast", ascending=False, kind="stable"
        )


def forecast_panel(
    panel: Panel, request: Request, bar: Callable[[int], Tick] | None = None
) -> ForecastResult:
    """Forecast series, and measure how good such forecasts were.

    Parameters
    ----------
    panel : Panel
        Of `spdkit.forecast.data.long_table.check_frame`.
    request : Request
    bar : callable, optional
        Told how many fits there will be, it returns what to call after each.

    Raises
    ------
    ForecastError
        When the request cannot be met: what is wrong, which series, what to do.
    """
    h, remarks = request.h, list(filter(None, [panel.negatives()]))
    setting = registry.Setting(
        h=h,
        season_length=request.season_length or registry.season_of(panel.freq),
        seed=request.seed,
        hist_exog=tuple(map(str, panel.exog.columns)),
    )
    # How many rows it needs does not depend on the metric, which depends on how many there are.
    plan = _fit_in(panel, request, registry.build_forecaster(request.model, setting), remarks)
    panel, n_scored, n_windows, levels = plan.panel, plan.n_scored, plan.n_windows, plan.levels
    metric, why = _metric(plan, request)
    setting = replace(setting, metric=metric)
    forecaster = registry.build_forecaster(request.model, setting)
    if plan.too_short:
        forecaster = registry.build_fallback()
    columns = panel.columns
    refuse_names((columns.unique_id, columns.ds), forecaster.columns(levels), "forecasts")
    ends = [f"{end}-{level:g}" for level in levels for end in ("lo", "hi")]
    refuse_names((columns.unique_id,), ("before", "forecast", "change", *ends), "totals")
    remarks += _ends(panel)
    rivals = _rivals(panel, request, setting, n_scored)
    tick = bar(1 + n_windows + len(rivals) * n_scored) if bar is not None else lambda: None
    forecasters = {request.model: forecaster, **rivals}
    windows: tuple[Window, ...] = ()
    if n_windows:
        windows = run_windows(panel, forecasters, h, n_windows, scored=n_scored, tick=tick)
    fitted = clone(forecaster).fit_panel(panel)
    if reason := f"{why}{_choice(fitted, metric)}".removeprefix("; "):
        remarks.append(reason)
    # As fit_panel would learn them, from the very windows that are scored.
    fitted.residuals_ = residuals(windows, request.model) if levels else None
    tick()
    scored = windows[n_windows - n_scored :] if n_scored else ()
    return ForecastResult(
        request=request,
        forecaster=fitted,
        forecasts=fitted.predict(h, level=levels),
        levels=levels,
        windows=windows,
        validation=Validation(scored, tuple(forecasters)) if scored else None,
        rivals=rivals,
        remarks=tuple(remarks),
    )


@dataclass(frozen=True, eq=False)
class _Plan:
    """What can be done with the rows that there are.

    Attributes
    ----------
    panel : Panel
        The series that are long enough.
    n_scored, n_windows : int
        Windows to score in, and to fit in, for the intervals, too.
    levels : tuple of float
        Which intervals can be had.
    too_short : bool
        Whether `best` has no rows to choose by.
    """

    panel: Panel
    n_scored: int
    n_windows: int = 0
    levels: tuple[float, ...] = ()
    too_short: bool = False


def _metric(plan: _Plan, request: Request) -> tuple[str, str]:
    """F where every row that is scored has plays; else wape, or mae, and why."""
    if plan.too_short:
        return "f", ""
    windows = plan.n_scored
    if request.model == registry.BEST:  # in each window it chooses by those before
        windows = plan.n_windows + registry.BEST_WINDOWS
    recent = plan.panel.tail(windows * request.h)
    metric = existing_metric(AUTO, [recent.y])
    if metric == "f":
        return metric, ""
    without = recent.y <= 0
    return metric, (
        f"F needs plays in every row that models are compared or chosen by, and "
        f"{int(without.sum()):,} of {without.size:,} have none "
        f"({recent.place(int(np.argmax(without)))}, for one): {TITLES[metric]} takes its place"
    )


def _choice(fitted: Forecaster, metric: str) -> str:
    """What `best` has chosen by otherwise than by `metric`."""
    if not isinstance(fitted, BestForecaster):
        return ""
    if fitted.selection_ is None:
        label = fitted.best_.label
        return f"; no model can be scored on such series: {label}, a mean, takes their place"
    if fitted.selection_.metric == metric:
        return ""
    return f"; best chose by {TITLES[fitted.selection_.metric]}, since all it chose by is 0"


def _fit_in(panel: Panel, request: Request, forecaster: Forecaster, remarks: list[str]) -> _Plan:
    """Which series are long enough, in how many windows to fit, and which intervals can be had."""
    n_scored = _windows_to_score(panel, request, forecaster, remarks)
    if n_scored is None:
        return _Plan(panel, 0, too_short=True)
    least, h = forecaster.least_rows(), request.h
    panel = _long_enough(panel, request, n_scored, least, remarks)
    levels = (DEFAULT_LEVEL,) if request.levels is None else tuple(request.levels)
    n_series = len(panel)
    if not levels:
        return _Plan(panel, n_scored, n_scored)
    # Each window's coverage is measured by the others, so that they must be enough without it.
    needed = 1 + math.ceil(max(map(errors_needed, levels)) / n_series)
    n_windows = max(n_scored, 2, needed)
    if forecaster.learns_from(panel.lengths - n_windows * h):
        if n_windows > max(n_scored, 2):
            remarks.append(
                f"intervals of {n_series} series are learned in {n_windows} windows of {h} rows"
            )
        return _Plan(panel, n_scored, n_windows, levels)
    what = (
        f"intervals of level {max(levels):g} take {n_windows} windows of {h} rows in {n_series} "
        f"series and {least} rows before them, the shortest series has "
        f"{int(panel.lengths.min())}"
    )
    if request.levels is not None:
        raise ForecastError(f"{what}: ask for a lower level, a shorter horizon, or none")
    remarks.append(f"no intervals: {what}")
    return _Plan(panel, n_scored, n_scored)


def _windows_to_score(
    panel: Panel, request: Request, forecaster: Forecaster, remarks: list[str]
) -> int | None:
    """As many as are asked for, or as the longest series have room for; None: `best` has none.

    Shorter series than those are refused or left out later, by name.
    """
    if request.n_windows is not None:
        return request.n_windows
    longest = f"the longest series has {int(panel.lengths.max())} rows"
    for n in range(DEFAULT_WINDOWS, -1, -1):
        rest = panel.lengths - n * request.h
        rest = rest[rest >= forecaster.least_rows()]
        if rest.size and forecaster.learns_from(rest):
            if n < DEFAULT_WINDOWS:
                scored = f"scored in {n} window of {request.h}" if n else "not scored"
                remarks.append(f"{scored}: {longest}, too few for {DEFAULT_WINDOWS} windows")
            return n
    if request.model != registry.BEST or request.levels:
        return 0  # what the model needs, it says itself
    remarks.append(
        f"{longest}, too few to choose a model by for a horizon of {request.h}: each series is "
        f"forecast by the mean of its last 16 rows (or as many as it has), which is not scored and "
        f"has no intervals"
    )
    return None


def _long_enough(
    panel: Panel, request: Request, n_scored: int, least: int, remarks: list[str]
) -> Panel:
    windows = max(n_scored, 2 if request.levels else 0)
    rows = least + windows * request.h
    short = panel.lengths < rows
    why = f"the model {request.model} cannot learn from fewer"
    if windows:
        why = f"{windows} windows of {request.h} to be scored in, and {least} before them"
    advice = "fewer windows (--validate) take fewer; " if windows else ""
    if not request.skip_short:
        panel.require(rows, f"{why} ({advice}short series can be skipped by --skip-short)")
    if not short.any():
        return panel
    if short.all():
        panel.require(rows, why)
    remarks.append(
        f"{int(short.sum())} of {len(panel)} series are left out, since they have fewer than "
        f"{rows} rows ({why}): {listing(panel.ids[short].tolist(), 3)}"
    )
    long_enough = panel.tail(np.where(short, 0, panel.lengths))
    indptr = np.concatenate([[0], long_enough.indptr[1:][~short]])
    return replace(long_enough, ids=panel.ids[~short], indptr=indptr)


def _rivals(
    panel: Panel, request: Request, setting: registry.Setting, n_scored: int
) -> dict[str, Forecaster]:
    """Simple forecasters for which even the first window leaves enough rows."""
    if not n_scored:
        return {}
    before = int(panel.lengths.min()) - n_scored * request.h
    others = [name for name in RIVALS if name != request.model]
    rivals = {name: registry.build_forecaster(name, setting) for name in others}
    return {name: rival for name, rival in rivals.items() if rival.least_rows() <= before}


def _ends(panel: Panel) -> list[str]:
    last = panel.ds[panel.indptr[1:] - 1]
    early = last < last.max()
    if not early.any():
        return []
    first = int(np.argmax(early))
    return [
        f"{int(early.sum())} of {len(panel)} series end before {shown(last.max())}, such as "
        f"{quoted(panel.ids[first])} on {shown(last[first])}: each is forecast from its own end"
    ]


def parameters(result: ForecastResult) -> dict[str, str]:
    """How the forecaster was set, as text, for the record."""
    own: Sequence[tuple[str, object]] = sorted(result.forecaster.get_params(deep=False).items())
    return {name: repr(value) for name, value in own}


def period(result: ForecastResult) -> str:
    """Which dates are forecast, in words."""
    ds = result.forecasts[result.panel.columns.ds]
    h = steps(result.request.h, result.panel)
    return f"{h}, {day(ds.min())} to {day(ds.max())}"
