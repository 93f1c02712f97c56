"""Report's figures, from the JSON of the tables and nothing else.

Conventions: each figure is an SVG beside the JSON, the same bytes from the same numbers. No colour
says what a line's style or a label does not say besides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from benchmarks.charts.report_fits import CELLS, USUAL
from benchmarks.common.markdown import Entry
from spdkit.report.svg import MODEL, OTHER, TEXT

_SECOND = "#b3541e"
_COLOURS = {"lstm": _SECOND, "gru": MODEL}
_LINES = {"lstm": "-.", "gru": "-"}
_STYLE = {"svg.hashsalt": "charts_tables", "svg.fonttype": "none", "font.size": 8}


def draw(record: Entry, output: Path) -> dict[str, str]:
    """Write the figures beside the JSON; their files by name."""
    names = {}
    drawn: dict[str, Callable[[Entry], Figure]] = {
        "lookback": lookback,
        "training": training,
        "prediction": prediction,
    }
    for name, figure in drawn.items():
        stem = f"{output.stem.removesuffix('_tables')}_{name}"
        with rc_context(_STYLE):
            figure(record).savefig(output.with_name(f"{stem}.svg"), metadata={"Date": None})
        names[name] = f"{stem}.svg"
    return names


def lookback(record: Entry) -> Figure:
    """Error over the last value's by lookback, a panel a set; bars from seed to seed."""
    figure, panels = _panels(record["plan"]["sets"], record)
    for name, ax in panels.items():
        for cell in record["plan"]["cells"]:
            own = [e for e in record["grid"] if (e["set"], e["cell"]) == (name, cell)]
            if not own:
                continue
            at = [entry["lookback"] for entry in own]
            ratio = np.array([entry["ratio"] for entry in own])
            ends = [ratio - [e["low"] for e in own], [e["high"] for e in own] - ratio]
            style: dict[str, Any] = {"color": _COLOURS[cell], "linewidth": 1.1, "markersize": 2.5}
            ax.errorbar(
                at, ratio, ends, fmt=f"o{_LINES[cell]}", elinewidth=0.5, label=CELLS[cell], **style
            )
        for week in range(7, max(record["plan"]["lookbacks"]) + 1, 7):
            ax.axvline(week, color=OTHER, linewidth=0.5, linestyle=":")
        ax.axhline(1, color=TEXT, linewidth=0.8, linestyle="--", label="last value")
        naive = {e["model"]: e["mae"] for e in record["naive"] if e["set"] == name}
        week_before = naive["seasonal naive"] / naive["last value"]
        ax.axhline(week_before, color=OTHER, linewidth=0.8, label="seasonal naive")
        ax.set_xlabel("lookback, days")
    _legend(figure, panels, "MAE over the last value's")
    return figure


def training(record: Entry) -> Figure:
    """Losses by epoch, a panel a set."""
    figure, panels = _panels(record["plan"]["sets"], record)
    for curve in record["curves"]:
        ax, cell = panels[curve["set"]], curve["cell"]
        epochs = np.arange(1, len(curve["loss"]) + 1)
        title = CELLS[cell]
        ax.plot(epochs, curve["loss"], ":", color=_COLOURS[cell], label=f"{title}, training")
        ax.plot(epochs, curve["val_loss"], "-", color=_COLOURS[cell], label=f"{title}, validation")
        ax.set_xlabel("epoch")
        ax.set_yscale("log")
    _legend(figure, panels, f"loss, lookback {USUAL}")
    return figure


def prediction(record: Entry) -> Figure:
    """The fullest song on the dates of the test: truth, and what was forecast the day before."""
    example = record["example"]
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    dates = pd.to_datetime(example["dates"])
    thousands = {
        key: np.array([np.nan if value is None else value / 1000 for value in values])
        for key, values in example.items()
        if key != "dates"
    }
    ax.plot(dates, thousands["streams"], color=TEXT, linewidth=1.2, label="streams")
    for cell, colour in _COLOURS.items():
        if cell in thousands:
            label = f"{CELLS[cell]}, lookback {USUAL}"
            ax.plot(dates, thousands[cell], _LINES[cell], color=colour, linewidth=1.1, label=label)
    locator = AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    _legend(figure, {"": ax}, "thousand streams a day")
    return figure


def _panels(names: list[str], record: Entry) -> tuple[Figure, dict[str, Axes]]:
    rows = -(-len(names) // 2)
    figure = Figure(figsize=(7.2, 2.1 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    panels = dict(zip(names, axes, strict=False))
    songs = record["data"]["songs"]
    for name, ax in panels.items():
        ax.spines[["top", "right"]].set_visible(False)
        what = "the fullest song" if name == "fullest" else f"{songs[name]} songs, at most {name}"
        ax.set_title(what if name == "fullest" else f"{what} missing", fontsize=8)
    return figure, panels


def _legend(figure: Figure, panels: dict[str, Axes], ylabel: str) -> None:
    """One legend for all panels, below them."""
    handles: dict[str, Any] = {}
    for ax in panels.values():
        lines, labels = ax.get_legend_handles_labels()
        handles.update(zip(labels, lines, strict=True))
    figure.supylabel(ylabel, fontsize=8)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=5, frameon=False
    )
