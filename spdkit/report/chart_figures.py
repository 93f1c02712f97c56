"""Figures of charts: a song's streams so far, what is forecast of it, and how sure that is.

Conventions: those of `spdkit.report.forecast_figures`. A line stops where the song was not in the
chart; the last place, below which nobody knows a song's streams, is dotted in grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from spdkit.forecast.charts.chart_outlook import ChartOutlook, ends_of
from spdkit.report.forecast_figures import date_axis, history_rows
from spdkit.report.svg import MODEL, OTHER, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_song(outlook: ChartOutlook, region: str, track_id: str, ax: Axes) -> Axes:
    """Draw one song: its last dates, the last window that was scored, and the forecast.

    Parameters
    ----------
    outlook : ChartOutlook
    region, track_id : str
        A song that is forecast there.
    ax : matplotlib Axes
        Gets no title and no legend.
    """
    table, h = outlook.table, outlook.request.horizon
    chart = table.frame[table.frame["region"] == region]
    end = chart["ds"].max()
    first = max(end - (history_rows(h) - 1) * table.step, chart["ds"].min())
    dates = pd.date_range(first, end, freq=table.freq)
    history = chart[chart["track_id"] == track_id].set_index("ds")["streams"].reindex(dates)
    last_place = chart.groupby("ds")["streams"].min().reindex(dates)
    ax.plot(dates, last_place, color=OTHER, linewidth=0.9, linestyle=":", label="last place")
    ax.plot(dates, history, color=OTHER, linewidth=1.1, label="history", **_dots(history))
    ax.axvline(end, color=TEXT, linewidth=0.8, linestyle=":", alpha=0.7)
    if outlook.scores is not None:
        rows = outlook.scores.forecasts
        past = _song(rows[rows["cutoff"] == rows["cutoff"].max()], region, track_id)
        if len(past):
            _band(ax, past, outlook.scores.level, None)
            ax.plot(past["ds"], past["streams"], color=MODEL, linewidth=1.1, linestyle="-.")
            ax.lines[-1].set(label="past forecast", alpha=0.85)
    coming = _song(outlook.forecasts, region, track_id)
    _band(ax, coming, outlook.level, f"{outlook.level:g} % interval" if outlook.level else None)
    ax.plot(coming["ds"], coming["streams"], color=MODEL, linewidth=1.8, label="forecast")
    if len(coming) == 1:
        ax.lines[-1].set_marker(".")
    ax.set_ylim(bottom=0)
    date_axis(ax, dates)
    return ax


def _song(rows: pd.DataFrame, region: str, track_id: str) -> pd.DataFrame:
    own = rows[(rows["region"] == region) & (rows["track_id"] == track_id)]
    return own.sort_values("ds")


def _band(ax: Axes, rows: pd.DataFrame, level: float | None, label: str | None) -> None:
    if level is not None:
        style: dict[str, Any] = {"color": MODEL, "alpha": 0.22, "linewidth": 0, "label": label}
        low, high = (rows[end] for end in ends_of(level))
        ax.fill_between(rows["ds"], low, high, **style)


def _dots(history: pd.Series[float]) -> dict[str, Any]:
    """Dates without neighbours have no line: such a history has dots."""
    known = history.notna()
    alone = known & ~known.shift(fill_value=False) & ~known.shift(-1, fill_value=False)
    return {"marker": ".", "markersize": 2.5} if alone.any() else {}
