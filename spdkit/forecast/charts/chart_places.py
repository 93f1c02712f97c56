"""Chart places: where a song stands among all songs, from its rank among those that stay.

Songs that stay lose places to songs that come in. How many, a chart tells of its own past: the mean
official place, so many steps later, of the first song that stayed, of the second, and so on, over
the last quarter of a year of a region. Between ranks it lies on lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spdkit.forecast.charts.chart_table import ChartTable, Numbers

RECENT = pd.Timedelta(weeks=13)  # that places are learned from


@dataclass(frozen=True, eq=False)
class ChartPlaces:
    """Mean places of songs that stay, by their rank.

    Attributes
    ----------
    means : mapping of (region, step) to ndarray of float64, shape (n_ranks,)
        Of the ranks 1, 2 … among the songs that stay; rising.
    """

    means: Mapping[tuple[str, int], Numbers]

    @classmethod
    def of(cls, table: ChartTable, horizon: int) -> ChartPlaces:
        """Learn them from the end of each region's chart, for the steps 1 to `horizon`."""
        means = {}
        ds = table.frame["ds"]
        for name, rows in table.frame.groupby("region"):
            recent = rows[ds[rows.index] > rows["ds"].max() - RECENT - horizon * table.step]
            wide = recent.pivot(index="ds", columns="track_id", values="position")
            dates = pd.date_range(wide.index[0], wide.index[-1], freq=table.freq)
            places = wide.reindex(dates).to_numpy()
            for step in range(1, horizon + 1):
                means[str(name), step] = _mean_places(places, step)
        return cls(means)

    def of_ranks(self, region: str, step: int, ranks: Numbers) -> Numbers:
        """Places of ranks among the songs that stay, which may lie between two whole ones."""
        means = self.means.get((region, step), np.empty(0))
        if not len(means):  # no two dates of the chart lie so far apart
            return ranks
        beyond = np.maximum(ranks - len(means), 0)
        places: Numbers = np.interp(ranks, np.arange(1, len(means) + 1), means) + beyond
        return places


def _mean_places(places: Numbers, step: int) -> Numbers:
    """Mean places by rank, from places of dates by songs; of ranks that half of the dates have."""
    held = []
    for before, after in zip(places[:-step], places[step:], strict=True):
        stayed = np.sort(after[np.isfinite(before) & np.isfinite(after)])
        if len(stayed):
            held.append(stayed)
    if not held:
        return np.empty(0)
    n = int(np.median([len(stayed) for stayed in held]))
    whole = np.full((len(held), n), np.nan)
    for row, stayed in zip(whole, held, strict=True):
        row[: len(stayed)] = stayed[:n]
    means: Numbers = np.maximum.accumulate(np.nanmean(whole, axis=0))
    return means


def ranks_among(streams: Numbers, stays: Numbers, asked: Numbers, own: bool) -> Numbers:
    """Expected ranks among songs that stay.

    Parameters
    ----------
    streams, stays : ndarray, shape (n_songs,)
        What songs have if they stay, and how probable that is.
    asked : ndarray, shape (n_songs,) if `own`
        Streams that are ranked.
    own : bool
        Whether those asked are these songs, which do not stand above themselves.

    Returns
    -------
    ndarray
        1 for what nothing stands above.
    """
    order = np.argsort(-streams, kind="stable")
    above = np.concatenate([[0.0], np.cumsum(stays[order])])
    ranks = 1 + above[np.searchsorted(-streams[order], -asked, side="left")]
    if own:
        ranks -= np.where(streams > asked, stays, 0.0)
    return np.asarray(ranks, np.float64)
