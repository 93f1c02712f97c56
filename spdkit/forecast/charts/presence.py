"""Presence: probability that a song will be in the chart, or among its first places.

Conventions
-----------
An origin is a song that is in the chart of a date (`spdkit.forecast.charts.song_features`); asked
is whether it will be there `horizon` steps later, wherever it was in between, or will reach the
first places on any date until then. What becomes of it where there is no chart is not known.

A song that leaves has streams below the last place, and nobody knows how many: quantiles of songs
that stay and the probability of staying give those of all songs down to the last place, and no
further (`with_leavers`).

References
----------
Tobin (1958), "Estimation of relationships for limited dependent variables"; Powell (1986),
"Censored regression quantiles": a quantile above the point of censoring is known as if nothing
were censored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from spdkit.common.parameters import FLAG, Allowed, Whole, check_parameters
from spdkit.common.threads import one_thread
from spdkit.forecast.charts.chart_table import ChartTable, Numbers, as_chart, require_learned
from spdkit.forecast.charts.song_features import (
    ChartHistory,
    Columns,
    RegionHistory,
    song_features,
)
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.boosted_trees import TREES, BoostedTrees


def outcomes(
    region: RegionHistory, horizon: int, places: int | None = None, *, within: bool = False
) -> Numbers:
    """Whether each origin's song is among the first places later.

    Parameters
    ----------
    region : RegionHistory
    horizon : int
        Steps ahead, at least 1.
    places : int, optional
        How many; all of the chart where it is not given.
    within : bool
        On any date until then, not on that date.

    Returns
    -------
    ndarray of float64, shape (n_origins,)
        1 or 0, in the order of `RegionHistory.rows`; NaN where the chart ends before, or that date
        has none.
    """
    at = region.rows
    inside = region.present if places is None else np.less_equal(region.positions, places)
    later = at.date + horizon
    known = later <= region.last
    then = np.where(known, later, at.date)
    hit: NDArray[np.bool_]
    if within:
        dates = np.vstack([np.zeros(inside.shape[1], np.int64), inside.cumsum(axis=0)])
        hit = dates[then + 1, at.song] > dates[at.date + 1, at.song]
    else:
        hit = inside[then, at.song]
        known &= np.isfinite(region.median)[then]
    return np.where(known, hit, np.nan)


@dataclass(eq=False, repr=False)
class PresenceModel(BaseEstimator):
    """Probability of songs to be in the chart later, by gradient boosting over all regions.

    Parameters
    ----------
    horizon : int
        Steps ahead: days or weeks.
    places : int, optional
        First places to be among; all of the chart where it is not given.
    within : bool
        Whether on any date until then; asked of songs that are not among these places yet.
    n_trees, learning_rate, max_leaves, min_leaf, feature_share
        Of the model; `min_leaf` is a number of rows.
    max_rows : int
        At most that many origins are learned from, drawn at random.
    seed : int

    Attributes
    ----------
    regions_ : tuple of str
        Whose charts were learned from.
    freq_ : str
        The step of the charts.
    columns_ : tuple of str
        Names of the features.
    n_origins_ : int
        Origins that were learned from.
    """

    horizon: int = 1
    _: KW_ONLY
    places: int | None = None
    within: bool = False
    n_trees: int = 200
    learning_rate: float = 0.05
    max_leaves: int = 15
    min_leaf: int = 40
    feature_share: float = 0.3
    max_rows: int = 100_000
    seed: int = 0

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        **dict.fromkeys(("horizon", "max_rows"), Whole()),
        "places": (None, Whole()),
        "within": FLAG,
        **TREES,
    }

    def fit(self, chart: pd.DataFrame | ChartTable, *, freq: str | None = None) -> Self:
        """Learn from a chart.

        Parameters
        ----------
        chart : DataFrame or ChartTable
            In the one layout, see `spdkit.forecast.charts.chart_table.check_chart`.
        freq : str, optional
            The step of a DataFrame; found if not given.

        Raises
        ------
        ForecastError
            When a parameter is not what it may be, or the chart does not go on for `horizon` steps.
        """
        return self.fit_history(ChartHistory.of(as_chart(chart, freq)))

    def fit_history(
        self, history: ChartHistory, features: Mapping[str, Columns] | None = None
    ) -> Self:
        """Learn from a chart on one clock, with its `song_features` by region if they are there."""
        check_parameters(self.get_params(), self._parameter_constraints, ForecastError)
        if self.within and self.places is None:
            raise ForecastError("within asks who comes among the first places: give places")
        parts: dict[str, NDArray[np.float32]] = {}
        truths: dict[str, Numbers] = {}
        for name, region in history.regions.items():
            truth = outcomes(region, self.horizon, self.places, within=self.within)
            known = np.isfinite(truth) & self._asked(region)
            if known.any():
                columns = song_features(history, region) if features is None else features[name]
                parts[name], truths[name] = _matrix(columns)[known], truth[known]
        if not parts:
            raise ForecastError(
                f"no chart goes on for {self.horizon} steps after its first date: nothing is there "
                f"to learn from"
            )
        self.columns_ = tuple(columns)
        X, y = np.concatenate([*parts.values()]), np.concatenate([*truths.values()])
        chosen = np.random.default_rng(self.seed).permutation(len(y))[: self.max_rows]
        X, y = X[np.sort(chosen)], y[np.sort(chosen)]
        self.regions_, self.freq_, self.n_origins_ = tuple(parts), history.freq, len(y)
        self.constant_ = float(y[0]) if len(set(y)) == 1 else None
        if self.constant_ is None:
            self.model_ = BoostedTrees.of(self).fit(X, y, seed=self.seed, loss="log_loss")
        return self

    def predict(
        self, chart: pd.DataFrame | ChartTable, since: str | pd.Timestamp | None = None
    ) -> pd.DataFrame:
        """Probabilities of the songs of each region's last date, or of all dates from `since` on.

        Parameters
        ----------
        chart : DataFrame or ChartTable
            It may go beyond that of `fit`; of each origin nothing later is looked at.
        since : date, optional

        Returns
        -------
        DataFrame
            ``region, cutoff`` (the origin's date), ``ds`` (`horizon` steps later), ``track_id,
            position`` (on the date of the origin) and ``probability``.

        Raises
        ------
        ForecastError
            When the chart has another step, or naming a region that was not learned from.
        """
        if not hasattr(self, "regions_"):
            raise NotFittedError("PresenceModel is not fitted yet: call fit first")
        chart = as_chart(chart, self.freq_)
        history = ChartHistory.of(chart)
        require_learned(self, history.regions, history.freq)
        start = None if since is None else history.dates.searchsorted(pd.Timestamp(since))
        parts = []
        for region in history.regions.values():
            at = region.rows
            asked = self._asked(region) & (at.date >= (region.last if start is None else start))
            # Charts of one region know nothing of others.
            unknown = np.full(len(at), np.nan, np.float32)
            columns = song_features(history, region)
            X = _matrix({name: columns.get(name, unknown) for name in self.columns_})[asked]
            at = at.at(asked)
            dates = history.dates[at.date]
            parts.append(
                pd.DataFrame(
                    {
                        "region": region.name,
                        "cutoff": dates,
                        "ds": dates + self.horizon * chart.step,
                        "track_id": region.ids[at.song],
                        "position": region.positions[at.date, at.song].astype(np.int64),
                        "probability": self.probabilities(X),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def probabilities(self, X: NDArray[np.float32]) -> Numbers:
        """Probabilities of origins by their features, `columns_`, shape (n_origins, n_features)."""
        if self.constant_ is not None or not len(X):
            return np.full(len(X), self.constant_ or 0.0)
        with one_thread():
            shares: Numbers = self.model_.predict_proba(X)[:, 1]
        return shares

    def _asked(self, region: RegionHistory) -> NDArray[np.bool_]:
        """Origins that are asked of: where a date until then is meant, those not there yet."""
        at = region.rows
        if not self.within or self.places is None:
            return np.ones(len(at), bool)
        above = region.positions[at.date, at.song] > self.places
        return np.asarray(above, bool)


def with_leavers(
    probability: ArrayLike, shares: Sequence[float], quantiles: ArrayLike, last_place: ArrayLike
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Quantiles of all songs from those of songs that stay in the chart.

    Of `probability` 0.8 a fifth of what may come lies below the last place: the lower end of an
    interval of 90 % is then unknown, and the median is the quantile 0.375 of songs that stay.
    Between the given quantiles logarithms are interpolated.

    Parameters
    ----------
    probability : array-like, shape (n_songs,)
        Of being in the chart.
    shares : sequence of float
        Of the quantiles, rising.
    quantiles : array-like, shape (n_songs, n_shares)
        Streams of songs given that they stay.
    last_place : array-like, shape (n_songs,)
        Streams of the last place.

    Returns
    -------
    quantiles : ndarray, shape (n_songs, n_shares)
        At least the last place.
    censored : ndarray of bool, shape (n_songs, n_shares)
        Whether the quantile lies below the last place, nobody knows where.
    """
    stay = np.asarray(probability, float)[:, None]
    asked, logs = np.asarray(shares, float), np.log(np.asarray(quantiles, float))
    floor = np.asarray(last_place, float)[:, None]
    among = (asked - (1 - stay)) / np.maximum(stay, np.finfo(float).tiny)
    # Of those that stay, none has less than the last place.
    known = np.maximum(np.hstack([np.log(floor), logs]), np.log(floor))
    inner = [np.interp(row, [0, *asked], log) for row, log in zip(among, known, strict=True)]
    return np.exp(np.reshape(inner, logs.shape)), among <= 0


def _matrix(columns: Columns) -> NDArray[np.float32]:
    return np.column_stack(list(columns.values())).astype(np.float32)
