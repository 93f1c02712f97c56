"""Figures of the model report: a function each, what to draw and `ax` in, `ax` out.

Conventions
-----------
Popularity is in points of 0 … 100, classes are 0, 1, 2 (`spdkit.evaluation.metrics.CLASS_NAMES`);
labels have shape (n_rows,), and thresholds are where the classes medium and high begin. `ax` are
matplotlib Axes.
Every axis has a label with its unit, and no figure a title: on the page its caption says what is
seen. Text, axes and lines of reference are in `TEXT`, which the page replaces by the colour of its
text (`spdkit.report.svg`). All other colours can be seen on white and on black, and none tells
anything that a marker, a line or a place does not tell besides. Nothing touches pyplot.

Reference: Martín-Gutiérrez et al. (2020), Figure 3 (popularity) and Figure 5 (the code).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from spdkit.evaluation.bootstrap import Score
from spdkit.evaluation.metrics import CLASS_NAMES, Reliability
from spdkit.report.svg import MODEL, OTHER, TEXT, legend, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.float64]
Style = dict[str, Any]  # of what is drawn, as matplotlib names it

CLASS_COLOURS = ("#3f7fc1", "#7f868f", "#d1512d")
CLASS_MARKERS = ("o", "s", "^")
POPULARITY = "popularity (points, 0–100)"
MANY_POINTS = 2000  # more are drawn as one picture: a page of vectors would be megabytes
MOST_BARS = 15
_LONGEST_NAME = 24
_LETTERS_IN_A_ROW = 56  # of a legend


def popularity_of_rows(
    training: ArrayLike, test: ArrayLike, thresholds: tuple[float, float], ax: Axes
) -> Axes:
    """Draw how popularity is spread over training and test rows (the paper's Figure 3).

    Parameters
    ----------
    training, test : array-like, shape (n_rows,)
        Popularity; NaN is left out.
    """
    bins = list(range(0, 101, 5))
    styles: tuple[Style, ...] = (
        {"histtype": "stepfilled", "color": OTHER, "alpha": 0.45, "label": "training"},
        {"histtype": "step", "color": MODEL, "linewidth": 1.6, "label": "test"},
    )
    for values, style in zip((training, test), styles, strict=True):
        finite = np.asarray(values, dtype=np.float64)
        finite = finite[np.isfinite(finite)]
        if len(finite):
            ax.hist(finite, bins, weights=np.full(len(finite), 100 / len(finite)), **style)
    _class_borders(ax, thresholds)
    ax.set(xlim=(0, 100), xlabel=f"True {POPULARITY}", ylabel="Share of the songs (%)")
    return _legend(ax)


def score_intervals(scores: Mapping[str, Score], model: str, xlabel: str, ax: Axes) -> Axes:
    """Draw one score of several models with its intervals, the first model on top.

    Parameters
    ----------
    scores : mapping of str to Score
        By the name to print.
    model : str
        The name to bring out.
    xlabel : str
        What the score is, with its unit.
    """
    for place, (name, score) in enumerate(scores.items()):
        colour = MODEL if name == model else OTHER
        ax.plot([score.low, score.high], [place, place], color=colour, linewidth=2.2)
        ax.plot(score.value, place, "D" if name == model else "o", color=colour, markersize=6)
    ax.set_yticks(range(len(scores)), [shortened(name, _LONGEST_NAME) for name in scores])
    ax.set(ylim=(len(scores) - 0.5, -0.5), xlabel=xlabel, ylabel="Model")
    ax.grid(visible=False, axis="y")
    return ax


def losses(history: pd.DataFrame, ylabel: str, ax: Axes) -> Axes:
    """Draw the loss of nets by epoch, on training rows and on those that say when to stop.

    Parameters
    ----------
    history : DataFrame
        Columns net, epoch, loss and, where there is one, val_loss; as of a model's ``history_``.
    ylabel : str
        What the loss is, with its unit.
    ax : matplotlib Axes
        Its y axis is logarithmic when losses differ by more than a factor of ten.
    """
    from matplotlib.ticker import MaxNLocator

    epochs = history.assign(val_loss=history.get("val_loss", np.nan))
    single = "." if epochs["epoch"].max() == 1 else ""
    for i, (_, of_net) in enumerate(epochs.groupby("net", sort=False)):
        stops = of_net["val_loss"].notna().any()
        label = "training rows" if i == 0 or stops else "refits, all rows" if i == 1 else None
        style: Style = {"color": OTHER, "linewidth": 1.4 if i == 0 else 0.8, "marker": single}
        ax.plot(of_net["epoch"], of_net["loss"], label=label, **style)
        if stops:
            style = {"color": MODEL, "linewidth": 1.6, "marker": single}
            ax.plot(of_net["epoch"], of_net["val_loss"], label="stopping rows", **style)
            best = int(np.nanargmin(of_net["val_loss"]))
            point = of_net["epoch"].iloc[best], of_net["val_loss"].iloc[best]
            ax.plot(*point, "o", color=MODEL, label="best epoch")
    seen = epochs[["loss", "val_loss"]].to_numpy(dtype=np.float64)
    seen = seen[np.isfinite(seen)]
    if len(seen) and 0 < seen.min() < seen.max() / 10:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="Epoch (passes over the training rows)", ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    return _legend(ax)


def predicted_against_true(test: pd.DataFrame, thresholds: tuple[float, float], ax: Axes) -> Axes:
    """Draw predicted popularity against the true one, and which songs their interval holds.

    Parameters
    ----------
    test : DataFrame
        Columns y and predicted, and low and high where known.
    ax : matplotlib Axes
        Square, 0 to 100 both ways, with the diagonal on which a prediction is right.
    """
    truth, predicted = (test[name].to_numpy(dtype=np.float64) for name in ("y", "predicted"))
    style = _points(len(test))
    if {"low", "high"} <= set(test):
        inside = (test["low"] <= test["y"]) & (test["y"] <= test["high"])
        for rows, colour, marker, label in (
            (inside.to_numpy(), MODEL, "o", "in its interval"),
            (~inside.to_numpy(), CLASS_COLOURS[2], "^", "outside"),
        ):
            ax.scatter(truth[rows], predicted[rows], c=colour, marker=marker, label=label, **style)
    else:
        ax.scatter(truth, predicted, c=MODEL, label="a song", **style)
    ax.plot([0, 100], [0, 100], color=TEXT, linewidth=0.9, label="right")
    _class_borders(ax, thresholds, horizontal=True)
    ax.set(xlim=(-1.5, 101.5), ylim=(-1.5, 101.5), aspect="equal")
    ax.set(xlabel=f"True {POPULARITY}", ylabel=f"Predicted {POPULARITY}")
    return _legend(ax)


def hit_probability(
    test: pd.DataFrame, true_classes: ArrayLike, thresholds: tuple[float, float], ax: Axes
) -> Axes:
    """Draw the predicted probability of the class high against true popularity.

    `test` has the columns y and p_high.
    """
    _by_class(ax, np.column_stack([test["y"], test["p_high"]]), true_classes)
    _class_borders(ax, thresholds)
    ax.set(xlim=(-1.5, 101.5), ylim=(-0.02, 1.02))
    ax.set(xlabel=f"True {POPULARITY}", ylabel="Probability of class high (0–1)")
    return _legend(ax)


def confusion(counts: NDArray[np.int64], ax: Axes) -> Axes:
    """Draw a confusion matrix: songs, and their share of those of the true class.

    `counts` has shape (3, 3): rows by true class (first axis) and predicted class.
    """
    from matplotlib.patches import Rectangle

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        # At most so dark that the number on it can be read on white and on black.
        cell = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=MODEL, alpha=0.5 * share)
        ax.add_patch(cell)
        text = f"{count:,}\n{100 * share:.0f} %" if counts[row].any() else f"{count:,}"
        ax.text(column, row, text, ha="center", va="center", linespacing=1.5)
    ax.set_xticks(range(len(counts)), CLASS_NAMES)
    ax.set_yticks(range(len(counts)), CLASS_NAMES)
    ax.set(xlim=(-0.5, len(counts) - 0.5), ylim=(len(counts) - 0.5, -0.5), aspect="equal")
    ax.set(xlabel="Predicted class (songs)", ylabel="True class (songs, % of the class)")
    ax.grid(visible=False)
    return ax


def calibration(bins: Reliability, ax: Axes) -> Axes:
    """Draw how often the chosen class is right, against the probability that it was given.

    The area of a point grows with the rows of its bin; bins are those of
    `spdkit.evaluation.metrics.reliability`.
    """
    filled = bins.count > 0
    ax.plot([0, 1], [0, 1], color=TEXT, linewidth=0.9, label="as sure as right")
    ax.plot(bins.confidence[filled], bins.accuracy[filled], color=MODEL, linewidth=1.2)
    area = 12 + 140 * bins.count[filled] / bins.count.max()
    style: Style = {"c": MODEL, "alpha": 0.85, "edgecolors": "none", "label": "songs of a bin"}
    ax.scatter(bins.confidence[filled], bins.accuracy[filled], s=area, **style)
    ax.set(xlim=(0, 1.04), ylim=(-0.04, 1.04), aspect="equal")
    ax.set(xlabel="Probability of the chosen class (0–1)", ylabel="Share that is right (0–1)")
    return _legend(ax)


def coverage_by_class(inside: ArrayLike, classes: ArrayLike, nominal: float, ax: Axes) -> Axes:
    """Draw which share of the songs of each true class lies in its interval.

    `nominal` is the share that the intervals are made for. Lines are Wilson's 95 % intervals, which
    take songs for independent.
    """
    inside, member = np.asarray(inside, dtype=bool), np.asarray(classes)
    names, lowest = [], 100 * nominal
    for place, name in enumerate(CLASS_NAMES):
        of_class = inside[member == place]
        names.append(f"{name}\n{len(of_class):,} songs")
        if len(of_class):
            ends = binomtest(int(of_class.sum()), len(of_class)).proportion_ci(method="wilson")
            colour, lowest = CLASS_COLOURS[place], min(lowest, 100 * ends.low)
            ax.plot([place, place], [100 * ends.low, 100 * ends.high], color=colour, linewidth=2.2)
            ax.plot(place, 100 * of_class.mean(), CLASS_MARKERS[place], color=colour, markersize=7)
    ax.axhline(100 * nominal, color=TEXT, linewidth=0.9, label=f"asked for: {100 * nominal:.0f} %")
    ax.set_xticks(range(len(names)), names)
    # From the tens below the lowest end, so that there is room for what differs.
    bottom = max(10 * np.floor(lowest / 10) - 10, 0)
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(bottom, 102))
    ax.set(xlabel="True class", ylabel="Songs in their interval (%)")
    ax.grid(visible=False, axis="x")
    return _legend(ax)


def code_map(points: Numbers, classes: ArrayLike, ax: Axes) -> Axes:
    """Draw songs where t-SNE puts their codes, by true class (the paper's Figure 5).

    `points` are of `spdkit.report.code_map.place`, shape (n_rows, 2).
    """
    _by_class(ax, points, classes)
    ax.set(xlabel="t-SNE, first axis (no unit)", ylabel="t-SNE, second axis (no unit)")
    return _legend(ax)


def importance(table: pd.DataFrame, xlabel: str, ylabel: str, ax: Axes) -> Axes:
    """Draw by how much the loss rises when columns are shuffled, the greatest on top.

    Parameters
    ----------
    table : DataFrame
        Columns name, increase, low, high; the first `MOST_BARS` of the greatest are drawn.
    xlabel, ylabel : str
        What rises, with its unit; and what the names are.
    """
    top = table.sort_values("increase", ascending=False, kind="stable").head(MOST_BARS)
    places = np.arange(len(top))
    ax.barh(places, top["increase"], color=MODEL, alpha=0.45, height=0.62)
    ax.hlines(places, top["low"], top["high"], color=MODEL, linewidth=1.8)
    ax.axvline(0, color=TEXT, linewidth=0.9)
    ax.set_yticks(places, [shortened(str(name), _LONGEST_NAME) for name in top["name"]])
    ax.set(ylim=(len(top) - 0.4, -0.6), xlabel=xlabel, ylabel=ylabel)
    ax.grid(visible=False, axis="y")
    return ax


def _by_class(ax: Axes, points: Numbers, classes: ArrayLike) -> None:
    member, style = np.asarray(classes), _points(len(points))
    for place, name in enumerate(CLASS_NAMES):
        x, y = points[member == place].T
        if len(x):
            colours: Style = {"c": CLASS_COLOURS[place], "marker": CLASS_MARKERS[place]}
            ax.scatter(x, y, label=name, **colours, **style)


def _points(n: int) -> Style:
    alpha = float(np.clip(30 / np.sqrt(max(n, 1)), 0.15, 0.75))
    return {"s": 14, "alpha": alpha, "edgecolors": "none", "rasterized": n > MANY_POINTS}


def _class_borders(ax: Axes, thresholds: tuple[float, float], horizontal: bool = False) -> None:
    for i, threshold in enumerate(thresholds):
        style: Style = {"color": TEXT, "linewidth": 0.9, "linestyle": (0, (2, 2)), "alpha": 0.65}
        ax.axvline(threshold, label="class border" if i == 0 else None, **style)
        if horizontal:
            ax.axhline(threshold, **style)


def _legend(ax: Axes) -> Axes:
    from matplotlib.collections import PathCollection

    labels = ax.get_legend_handles_labels()[1]
    if labels:
        # A handle takes as much room as four letters.
        in_one_row = sum(len(label) + 4 for label in labels) <= _LETTERS_IN_A_ROW
        for handle in legend(ax, ncols=len(labels) if in_one_row else 2).legend_handles:
            if isinstance(handle, PathCollection):  # points are pale where there are many
                handle.set_alpha(1.0)
    return ax
