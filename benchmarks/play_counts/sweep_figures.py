"""Learning curves of the sweep, the paper's Figures 8 to 13, from its JSON and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.figure import Figure

from benchmarks.common.markdown import Entry
from spdkit.report.svg import MODEL, OTHER, TEXT

_STYLE = {"svg.hashsalt": "play_counts", "svg.fonttype": "none", "font.size": 8}
_HIGHEST = 2.5


def draw(record: Entry, output: Path) -> dict[str, str]:
    """Write a figure of each split beside the JSON; their names by split."""
    names = {}
    for split in dict.fromkeys(entry["split"] for entry in record["curves"]):
        name = f"{output.stem.replace('tables', 'curves')}_{split}.svg"
        with rc_context(_STYLE):
            figure = learning_curves(record, split)
            figure.savefig(output.with_name(name), metadata={"Date": None})
        names[split] = name
    return names


def learning_curves(record: Entry, split: str) -> Figure:
    """The best run of each user, and all users by the setting that is best for all."""
    curves = [entry for entry in record["curves"] if entry["split"] == split]
    panels = sorted({entry["panel"] for entry in curves}, key=lambda user: user or 99)
    figure = Figure(figsize=(7.2, 2.1 * -(-len(panels) // 2)), layout="constrained")
    axes = figure.subplots(-(-len(panels) // 2), 2, squeeze=False, sharex=True, sharey=True)
    colours = colormaps["viridis"](np.linspace(0, 0.85, 5))
    for ax, panel in zip(axes.flat, panels, strict=False):
        own = [entry for entry in curves if entry["panel"] == panel]
        for entry in own:
            test = np.array(entry["test"], dtype=float)
            epochs = np.arange(1, len(test) + 1)
            if panel:
                ax.plot(epochs, entry["train"], color=OTHER, linewidth=1.0, label="training")
            colour = MODEL if panel else colours[(entry["user"] - 1) % 5]
            label = "validation" if panel else f"user {entry['user']}"
            ax.plot(epochs, test, color=colour, linewidth=1.2, label=label)
        ax.axhline(1, color=TEXT, linewidth=0.8, linestyle=":", label="the mean")
        what = f"{own[0]['layers']} layers, {own[0]['steps']} steps"
        ax.set_title(f"user {panel}: {what}" if panel else f"all users: {what}", fontsize=8)
        ax.set(ylim=(0, _HIGHEST), xlabel="epoch", ylabel="MSE")
        ax.legend(fontsize=6, frameon=False, ncols=2)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    return figure
