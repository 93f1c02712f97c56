"""Figures 4 to 6 of the paper, from the JSON of the tables and nothing else.

Conventions: each figure is an SVG beside the JSON, the same bytes from the same numbers. No colour
says what a marker, a line's style or a label does not say besides. Where a forecast diverged, F is
far below everything else: it is drawn at 0.6 of a perfect forecast's, as a triangle that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.common.markdown import Entry, first
from benchmarks.lstm_rpa.fits import CELLS
from spdkit.report.svg import MODEL, OTHER, TEXT

_PUBLISHED = "#b3541e"
_HISTORY = 60  # days drawn before the test
_LOWEST = 0.6  # of a perfect forecast's F
_STYLE = {"svg.hashsalt": "lstm_rpa_tables", "svg.fonttype": "none", "font.size": 8}


def draw(record: Entry, output: Path) -> dict[str, str]:
    """Write the figures beside the JSON.

    Parameters
    ----------
    record : dict
        The JSON.
    output : Path
        Where it is; "tables" in its name is "figure4" in that of Figure 4, and so on.

    Returns
    -------
    dict of str to str
        Names of the files by figure.
    """
    names = {}
    for name, drawn in (("figure4", figure_4), ("figure5", figure_5), ("figure6", figure_6)):
        stem = output.stem
        stem = stem.replace("tables", name) if "tables" in stem else f"{stem}_{name}"
        with rc_context(_STYLE):
            drawn(record).savefig(output.with_name(f"{stem}.svg"), metadata={"Date": None})
        names[name] = f"{stem}.svg"
    return names


def figure_4(record: Entry) -> Figure:
    """Daily plays of the greatest artists: history, truth, and two forecasts."""
    series = record["series"]
    figure, panels = _panels(len(series["artists"]), 2, (3.6, 2.0))
    h = series["horizon"]
    for ax, artist in zip(panels, series["artists"], strict=True):
        days = pd.date_range(artist["first_day"], periods=len(artist["plays"]))[-h - _HISTORY :]
        plays = artist["plays"][-h - _HISTORY :]
        ax.plot(days[:-h], plays[:-h], color=OTHER, linewidth=1.0, label="plays, training")
        truth = {"color": TEXT, "linewidth": 1.0, "linestyle": (0, (3, 1.5))}
        ax.plot(days[-h - 1 :], plays[-h - 1 :], label="plays, test", **truth)
        for name, label, color, style in (
            ("published", "LSTM-RPA as published", _PUBLISHED, "-."),
            ("ours", "our best", MODEL, "-"),
        ):
            if artist[name] is not None:
                ax.plot(days[-h:], artist[name], style, color=color, linewidth=1.4, label=label)
        ax.set_title(artist["artist"][:8] + "…", fontsize=8)
        ax.set_ylim(bottom=0)
        locator = AutoDateLocator(minticks=3, maxticks=6)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    _legend(figure, panels, "plays a day")
    return figure


def figure_5(record: Entry) -> Figure:
    """F by p: every shift a point, the best one on a line, and the baseline."""
    figure, panels = _grid(record)
    for (features, cell), ax in panels.items():
        entries = _entries(record, features, cell)
        ax.plot(
            [entry["p"] for entry in entries],
            _cut(record, ax, "p", entries),
            ".",
            color=OTHER,
            markersize=4,
            label="each shift",
        )
        best: dict[int, float] = {}
        for entry in entries:
            best[entry["p"]] = max(entry["f"], best.get(entry["p"], _lowest(record)))
        ax.plot(list(best), list(best.values()), "-o", color=MODEL, markersize=3, linewidth=1.2)
        ax.lines[-1].set_label("the best shift of each p")
        _baseline(record, ax, features, cell)
        ax.set_xlabel("p, days seen")
    _legend(figure, list(panels.values()), "F")
    return figure


def figure_6(record: Entry) -> Figure:
    """F by shift: a line for each p, and the baseline."""
    figure, panels = _grid(record)
    steps = record["plan"]["p"]
    colours = colormaps["viridis"](np.linspace(0, 0.85, max(steps)))
    for (features, cell), ax in panels.items():
        entries = _entries(record, features, cell)
        for p in steps:
            own = [entry for entry in entries if entry["p"] == p]
            if not own:
                continue
            s, f = [entry["s"] for entry in own], _cut(record, ax, "s", own)
            # At its end each line has its p itself, so that it can be told without colour.
            ax.plot(s, f, color=colours[p - 1], linewidth=0.9, label=f"p = {p}")
            ax.lines[-1].set(marker=f"${p}$", markevery=[-1], markersize=5, markeredgewidth=0)
        _baseline(record, ax, features, cell)
        ax.set_xlabel("s, shift in days")
    _legend(figure, list(panels.values()), "F")
    return figure


def _entries(record: Entry, features: str, cell: str) -> list[Entry]:
    fields = {"features": features, "cell": cell, "mode": "reference"}
    return [entry for entry in record["grid"] if fields.items() <= entry.items()]


def _lowest(record: Entry) -> float:
    return _LOWEST * float(record["data"]["perfect"]["full"])


def _cut(record: Entry, ax: Axes, x: str, entries: Sequence[Entry]) -> list[float]:
    """F of entries, cut off below; triangles are drawn over those that were."""
    lowest = _lowest(record)
    if below := [entry[x] for entry in entries if entry["f"] < lowest]:
        ax.plot(below, [lowest] * len(below), "v", color=_PUBLISHED, markersize=5)
        ax.lines[-1].set_label(f"F below {lowest:,.0f}: a forecast diverged")
    return [max(entry["f"], lowest) for entry in entries]


def _baseline(record: Entry, ax: Axes, features: str, cell: str) -> None:
    fields = {"features": features, "cell": cell, "start": "penultimate"}
    if (entry := first(record["baselines"], **fields)) is not None:
        ax.axhline(entry["f"], color=TEXT, linewidth=0.9, linestyle="--")
        ax.lines[-1].set_label(f"baseline, p = q = {record['plan']['horizon']}")
    name = f"{CELLS[cell]}-RPA"
    ax.set_title(f"{name}, {features}" if len(record["plan"]["features"]) > 1 else name, fontsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _grid(record: Entry) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A panel for each cell, in rows by features."""
    plan = record["plan"]
    keys = [(features, cell) for features in plan["features"] for cell in plan["cells"]]
    figure, panels = _panels(len(keys), len(plan["cells"]), (2.3, 2.1), sharey="row")
    return figure, dict(zip(keys, panels, strict=True))


def _panels(
    n: int, columns: int, size: tuple[float, float], *, sharey: str = "none"
) -> tuple[Figure, list[Axes]]:
    rows = -(-n // columns)
    figure = Figure(figsize=(size[0] * max(columns, 2), size[1] * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel()
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[n:]:
        ax.set_visible(False)
    return figure, list(axes[:n])


def _legend(figure: Figure, panels: Sequence[Axes], ylabel: str) -> None:
    """One legend for all panels, below them."""
    handles: dict[str, Any] = {}
    for ax in panels:
        lines, labels = ax.get_legend_handles_labels()
        handles.update(zip(labels, lines, strict=True))
    figure.supylabel(ylabel, fontsize=8)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=5, frameon=False
    )
