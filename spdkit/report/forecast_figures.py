"""Figures of series: their history, their forecast, and how sure it is.

Conventions
-----------
A function that draws one panel takes ``ax`` and returns it; `figure` makes small multiples. History
is grey, a forecast coloured with its interval as a band, the truth of a validation window dashed; a
dotted line is the end of the history. No colour says what a line's style does not say besides. An
axis of values that never were below 0 starts at 0. Only the last rows of a long history are drawn,
`history_rows` of them. Nothing touches pyplot, and matplotlib is imported inside the functions.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spdkit.common.files import replacing, user_path
from spdkit.common.messages import listing
from spdkit.forecast.data.calendar import shown
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import steps
from spdkit.forecast.pipeline import ForecastResult
from spdkit.report.svg import MODEL, OTHER, TEXT, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
_COLUMNS = 3
_PANEL = (4.2, 2.5)  # inches
_LONGEST_NAME = 34
# By the end of a file's name, what leaves the day out of it: the same figure gives the same bytes.
_FORMATS: dict[str, dict[str, None]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


def largest(result: ForecastResult, n: int = MOST_PANELS) -> list[int]:
    """Places of the series with the greatest forecasts, the greatest first."""
    totals = result.values.sum(axis=1)
    return [int(i) for i in np.argsort(-totals, kind="stable")[:n]]


def places_of(result: ForecastResult, names: Sequence[str]) -> list[int]:
    """Places of series by name.

    Raises
    ------
    ForecastError
        When a name is none of theirs.
    """
    places = {str(name): i for i, name in enumerate(result.panel.ids)}
    for name in names:
        if name not in places:
            first = listing(list(places), 3, quote=True)
            raise ForecastError(f"no series {name!r} among the {len(places)}, which are {first}")
    return [places[name] for name in dict.fromkeys(names)]


def history_rows(h: int) -> int:
    """How many rows of history are drawn before a horizon of `h`."""
    return max(4 * h, 30)


def plot_series(result: ForecastResult, i: int, ax: Axes) -> Axes:
    """Draw one series: its last rows, the last validation window, and the forecast.

    Parameters
    ----------
    result : ForecastResult
    i : int
        Its place in ``result.panel``.
    ax : matplotlib Axes
        Gets no title and no legend.
    """
    panel, h = result.panel, result.request.h
    y, ds = panel.series(i), panel.ds[panel.indptr[i] : panel.indptr[i + 1]]
    n_rows = min(len(y), history_rows(h))
    y, ds = y[-n_rows:], ds[-n_rows:]
    future = pd.Index(result.forecasts[panel.columns.ds].iloc[i * h : (i + 1) * h])
    if result.validation is not None:
        # The truth takes up where the history ends, so that no day is missing between them.
        ax.plot(ds[:-h], y[:-h], color=OTHER, linewidth=1.0, label="history")
        last = slice(-h - 1, None) if len(y) > h else slice(None)
        ax.plot(ds[last], y[last], color=TEXT, linewidth=1.0, linestyle=(0, (3, 1.5)))
        ax.lines[-1].set_label("truth of the last window")
        forecast = result.windows[-1].forecasts[result.request.model][i]
        ax.plot(ds[-h:], forecast, color=MODEL, linewidth=1.1, alpha=0.85)
        ax.lines[-1].set(label="forecast for it", linestyle="-.")
        _band(ax, ds[-h:], _past_ends(result, i), None)
    else:
        ax.plot(ds, y, color=OTHER, linewidth=1.0, label="history")
    ax.axvline(ds[-1], color=TEXT, linewidth=0.8, linestyle=":", alpha=0.7)
    style: dict[str, Any] = {"color": MODEL, "linewidth": 1.8, "label": "forecast"}
    ax.plot(future, result.values[i], marker="." if h == 1 else "", **style)
    if result.levels:
        level = max(result.levels)
        low, high = result.interval(level)
        _band(ax, future, (low[i], high[i]), f"{level:g} % interval")
    if result.panel.series(i).min() >= 0:
        ax.set_ylim(bottom=0)
    date_axis(ax, ds)
    return ax


def figure(result: ForecastResult, places: Sequence[int] | None = None) -> Figure:
    """Draw several series as small multiples, each on its own scale.

    Parameters
    ----------
    result : ForecastResult
    places : sequence of int, optional
        Which series; the `largest` if not given.

    Returns
    -------
    matplotlib Figure
        Save it with ``figure.savefig(path)``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    places = largest(result) if places is None else list(places)
    columns = min(len(places), _COLUMNS)
    rows = math.ceil(len(places) / columns)
    size = (max(_PANEL[0] * columns, 7.0), _PANEL[1] * rows + 1.0)
    drawing = Figure(figsize=size, dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(drawing)
    grid = drawing.subplots(rows, columns, squeeze=False)
    for ax, i in zip(grid.flat, places, strict=False):
        plot_series(result, i, ax)
        ax.set_title(
            shortened(str(result.panel.ids[i]), _LONGEST_NAME),
            fontsize=9,
            loc="left",
            parse_math=False,
        )
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.15, linewidth=0.7)
    for ax in grid.flat[len(places) :]:
        ax.remove()
    for ax in grid[:, 0]:
        ax.set_ylabel(result.panel.columns.y, fontsize=9, parse_math=False)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    style: dict[str, Any] = {"ncols": 2 * columns - 1, "frameon": False, "fontsize": 9}
    drawing.legend(handles, labels, loc="outside lower center", **style)
    drawing.suptitle(caption(result, places), fontsize=10, x=0.01, ha="left", parse_math=False)
    return drawing


def require_format(path: str | os.PathLike[str]) -> Path:
    """Refuse a name that says no format of ours, and return the path.

    Raises
    ------
    ForecastError
    """
    target = user_path(path, ForecastError)
    if target.suffix.lower() not in _FORMATS:
        raise ForecastError(f"{path}: figures are .png, .svg or .pdf, by the end of their name")
    return target


def save(drawing: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure in the format that its name says, whole or not at all.

    Raises
    ------
    ForecastError
        When there is no such format, or the file cannot be written.
    """
    import matplotlib

    target = require_format(path)
    settings = {"svg.fonttype": "none", "svg.hashsalt": "spdkit"}
    with (
        replacing(target, ForecastError) as part,
        warnings.catch_warnings(),
        matplotlib.rc_context(settings),
    ):
        # A letter that the font lacks is drawn as a box, which the eye sees.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawing.savefig(part, metadata=_FORMATS[target.suffix.lower()])


def caption(result: ForecastResult, places: Sequence[int]) -> str:
    """What a figure of these series shows, in a line."""
    n, all_ = len(places), len(result.panel)
    which = f"{n} of {all_:,} series" if n < all_ else f"{n} series"
    if n < all_ and list(places) == largest(result, n):
        which = f"the {n} largest of {all_:,} series"
    start = shown(result.forecasts[result.panel.columns.ds].min())
    return f"{result.name}, {steps(result.request.h, result.panel)} from {start} on: {which}"


def _past_ends(result: ForecastResult, i: int) -> tuple[Any, Any] | None:
    ends = result.past_interval(max(result.levels)) if result.levels else None
    return None if ends is None else (ends[0][i], ends[1][i])


def _band(ax: Axes, ds: Any, ends: tuple[Any, Any] | None, label: str | None) -> None:
    if ends is not None:
        style: dict[str, Any] = {"color": MODEL, "alpha": 0.22, "linewidth": 0, "label": label}
        ax.fill_between(ds, *ends, **style)


def date_axis(ax: Axes, ds: pd.Index[Any]) -> None:
    """Dates that do not lie on each other, in the series' own time zone."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if isinstance(ds, pd.DatetimeIndex):
        locator = AutoDateLocator(minticks=3, maxticks=7, tz=ds.tz)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=ds.tz, show_offset=False))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))


def compact(value: float) -> str:
    """A number in few letters: 1500 as 1.5k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")
