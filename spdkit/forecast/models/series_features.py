"""Features of one series at one date, free of its own scale, for models of all series.

Conventions
-----------
An origin is a series and a row of it: what lies before the row is known, the row is the first to be
forecast. Rows further back than the series reaches are missing (NaN), which trees can tell from
numbers. A level is what a forecast is a ratio to: the geometric mean, over several spans of the
last rows, of the constant that fits those rows best: in relative error (``relative``), for which
days without plays do not exist, or in squared error (their mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Numbers, Panel

STEADY_SPANS = (7, 28, 56)
ALL_SPANS = (1, 3, 7, 14, 28, 56)
_WEEKS = ((7, 14), (14, 21), (21, 28))
_SPREAD_ROWS = 28
_SEASONS = 4
_SMALLEST_RATIO = 1e-3  # where the logarithm of nothing is cut off


@dataclass(frozen=True, eq=False)
class Origins:
    """Where forecasts begin.

    Attributes
    ----------
    series, row : ndarray of int64, shape (n_origins,)
        Places in the panel, and rows within the series.
    """

    series: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.series)


def ends(panel: Panel) -> Origins:
    """Origins behind the last row of each series."""
    return Origins(np.arange(len(panel)), panel.lengths)


def learnable(panel: Panel, before: int, horizon: int, most: int, seed: int) -> Origins:
    """Origins with `before` rows before them and `horizon` after: all, or a sample of `most`.

    Raises
    ------
    ForecastError
        When no series is long enough for one.
    """
    counts = np.maximum(panel.lengths - horizon - before + 1, 0)
    starts = np.concatenate([[0], np.cumsum(counts)])
    if not starts[-1]:
        raise ForecastError(
            f"the longest series has {panel.lengths.max()} rows, and {before} before and {horizon} "
            f"after a date are needed to learn a horizon of {horizon}: give a longer history, a "
            f"shorter horizon, or a model that does not learn, such as sma"
        )
    places = np.arange(starts[-1])
    if len(places) > most:
        generator = np.random.default_rng(seed)
        places = np.sort(generator.choice(starts[-1], most, replace=False))
    series = np.searchsorted(starts, places, side="right") - 1
    return Origins(series, places - starts[series] + before)


def require_within(h: int, horizon: int, label: str) -> None:
    """Refuse to forecast further than was learned.

    Raises
    ------
    ForecastError
    """
    if h > horizon:
        raise ForecastError(
            f"{label} learned to forecast {horizon} steps, {h} are asked for: give horizon={h}"
        )


def constant(window: Numbers, relative: bool) -> Numbers:
    """Best constant for each window, shape (..., n_rows) to (...,); NaN where there is none.

    In relative error it is Σ(1/y) / Σ(1/y²) over days with plays, otherwise the mean.
    """
    there = np.isfinite(window) & (window > 0 if relative else True)
    if relative:
        inverse = np.divide(1.0, window, out=np.zeros_like(window), where=there)
        above, below = inverse.sum(axis=-1), (inverse**2).sum(axis=-1)
    else:
        above, below = np.where(there, window, 0.0).sum(axis=-1), there.sum(axis=-1)
    best: Numbers = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return best


def past(panel: Panel, values: Numbers, origins: Origins, n: int) -> Numbers:
    """Take the `n` values before each origin, the latest first, shape (n_origins, n)."""
    back = origins.row[:, None] - 1 - np.arange(n)
    rows = panel.indptr[origins.series][:, None] + back
    return np.where(back >= 0, values[np.maximum(rows, 0)], np.nan)


def levels(
    panel: Panel, origins: Origins, relative: bool, spans: Sequence[int] = STEADY_SPANS
) -> Numbers:
    """Level of each origin, shape (n_origins,); 0 where nothing was played in its longest span."""
    window = past(panel, panel.y, origins, max(spans))
    means = np.stack([constant(window[:, :n], relative) for n in spans])
    played = means > 0
    logs = np.log(means, out=np.zeros_like(means), where=played)
    count = played.sum(axis=0)
    return np.where(count > 0, np.exp(logs.sum(axis=0) / np.maximum(count, 1)), 0.0)


def describe(
    panel: Panel, origins: Origins, level: Numbers, hist_exog: Sequence[str], relative: bool
) -> Numbers:
    """Describe what is known at each origin, shape (n_origins, n_features).

    Parameters
    ----------
    panel : Panel
    origins : Origins
    level : ndarray, shape (n_origins,)
        Above 0, see `levels`.
    hist_exog : sequence of str
        Columns whose last 7 rows are compared to those of y.
    relative : bool

    Returns
    -------
    ndarray of float64
        Logarithms of recent constants and of the last weeks', each over the level; largest and
        smallest of 28 rows, likewise; deviations of the logarithms and of their steps; the level;
        the other columns per play.
    """
    window = past(panel, panel.y, origins, max(ALL_SPANS))
    ratio = np.maximum(window / level[:, None], _SMALLEST_RATIO)
    spans = [(0, n) for n in ALL_SPANS] + list(_WEEKS)
    features = [_log(constant(window[:, a:b], relative) / level) for a, b in spans]
    logs = np.log(ratio[:, :_SPREAD_ROWS])
    with np.errstate(invalid="ignore"):
        features += [np.nanmax(logs, axis=1), np.nanmin(logs, axis=1)]
        features += [_deviation(logs), _deviation(np.diff(logs, axis=1)), np.log(level)]
    week = np.nansum(window[:, :7], axis=1)
    for name in hist_exog:
        other = past(panel, panel.exog[name].to_numpy(), origins, 7)
        features.append(np.log((np.nansum(other, axis=1) + 1) / (week + 1)))
    return np.stack(features, axis=1)


def seasonal(
    panel: Panel, origins: Origins, level: Numbers, season_length: int, horizon: int
) -> Numbers:
    """Mean of the same place in the last four seasons over the level, shape (n_origins, horizon).

    As logarithms; NaN where there is no such row.
    """
    window = past(panel, panel.y, origins, _SEASONS * season_length)
    by_place = window.reshape(len(origins), _SEASONS, season_length)
    there = np.isfinite(by_place)
    count = there.sum(axis=1)
    means = np.where(there, by_place, 0.0).sum(axis=1) / np.where(count, count, np.nan)
    logs = _log(means / level[:, None])[:, ::-1]  # the latest row came first
    return logs[:, np.arange(horizon) % season_length]


def _log(ratio: Numbers) -> Numbers:
    return np.log(np.maximum(ratio, _SMALLEST_RATIO))


def _deviation(logs: Numbers) -> Numbers:
    """Standard deviation of the values that are there, NaN of fewer than two."""
    there = np.isfinite(logs)
    count = there.sum(axis=1, keepdims=True)
    few = np.maximum(count, 1)
    mean = np.where(there, logs, 0.0).sum(axis=1, keepdims=True) / few
    squares = np.where(there, (logs - mean) ** 2, 0.0).sum(axis=1, keepdims=True) / few
    return np.where(count > 1, np.sqrt(squares), np.nan)[:, 0]
