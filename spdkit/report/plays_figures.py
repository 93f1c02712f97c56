"""Figures of plays: plays against predictions, and learning curves.

Conventions: those of `spdkit.report.svg`; a function draws on the `ax` that it gets, without title
and legend, and returns it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spdkit.audio_models.record import PlayRecord
from spdkit.report.svg import MODEL, OTHER, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HIGHEST_LOSS = 2.0  # twice the mean's


def plot_plays(record: PlayRecord, ax: Axes) -> Axes:
    """Draw each row that tested: its plays, and what was predicted of it without it."""
    songs = record.songs
    plays, predicted = songs["plays"], songs["predicted"]
    ends = [min(plays.min(), predicted.min()), max(plays.max(), predicted.max())]
    ax.plot(ends, ends, color=TEXT, linewidth=0.8, linestyle=":", label="as played")
    mean = record.known.mean()
    ax.axhline(mean, color=OTHER, linewidth=1.0, linestyle="--", label="the mean")
    ax.scatter(plays, predicted, s=14, alpha=0.7, linewidths=0, color=MODEL, label="predicted")
    ax.set(xlabel="plays", ylabel="predicted plays")
    return ax


def plot_curves(record: PlayRecord, ax: Axes) -> Axes:
    """Draw the loss after each epoch, its mean over folds and nets, and of each fold faintly."""
    curves = record.curves
    colours = {"loss": (OTHER, "songs that train"), "watched_loss": (MODEL, "songs that test")}
    for column, (colour, label) in colours.items():
        folds = curves.groupby(["fold", "epoch"])[column].mean().unstack("fold")
        ax.plot(folds.index, folds.to_numpy(), color=colour, linewidth=0.6, alpha=0.3)
        # Nets that stopped are not in the mean of what follows: it ends with the first of them.
        mean = folds.dropna().mean(axis=1)
        ax.plot(mean.index, mean, color=colour, linewidth=1.6, label=label)
    ax.axhline(1.0, color=TEXT, linewidth=0.8, linestyle=":", label="the mean of the plays")
    highest = float(np.nanmax(curves[list(colours)].to_numpy()))
    ax.set_ylim(0, min(highest * 1.05, _HIGHEST_LOSS) if highest > 1 else 1.1)
    ax.set(xlabel="epoch", ylabel="loss (the mean: 1)")
    return ax
