"""Chart model: streams of songs that stay in a chart, one to 56 days or eight weeks ahead.

Conventions
-----------
One model of all songs and regions gives the change of the logarithm of a song's streams from an
origin (`spdkit.forecast.charts.song_features`) to so many steps later, for a song that is in the
chart on both dates: whether it is is another question (`spdkit.forecast.charts.presence`). Steps
are pooled in bands (1; 2 to 7; 8 to 28; 29 to 56 days; 1; 2 to 4; 5 to 8 weeks), with the step
as a feature: alone they have too few dates to learn from, all together they blur each other.

Intervals are conformal. The dates are cut into parts, and each model of the ensemble leaves one
part out in turn. Its errors there, over how large an error was to be expected from the features,
give the quantiles of each region and step, apart for songs on their first date in the chart; "to be
expected" is a small boosting on the logarithms of the sizes of these errors. Where known dates are
forecast (`ChartModel.forecast_past`), errors after the fit count too, each from the date on which
it is known, and the shares of errors that the ends of intervals are quantiles of move against what
each date missed: charts drift, and intervals follow them. Right after a fit nothing has been
missed. Quantiles nearer to the middle stay: all songs of a date lie on one side of it together, and
what one date did says little of one eight weeks later.

Where a song leaves the chart it is not learned from, and not scored: a low forecast for a song near
the last place says what it has if it stays.

References
----------
Montero-Manso and Hyndman (2021), Principles and algorithms for forecasting groups of time series;
Lei et al. (2018), Distribution-free predictive inference for regression (locally weighted);
Barber et al. (2021), Predictive inference with the jackknife+ (errors of models without the date);
Vovk et al. (2003), Mondrian confidence machine (errors of first dates apart);
Gibbs and Candès (2021), Adaptive conformal inference under distribution shift (shares that move).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.parameters import Allowed, Number, OneOf, SequenceOf, Whole, check_parameters
from spdkit.common.serialization import Arrays, Saved, State
from spdkit.forecast.charts.chart_table import ChartTable, check_chart
from spdkit.forecast.charts.song_features import (
    ChartHistory,
    Floats,
    Origins,
    RegionHistory,
    song_features,
    step_features,
)
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_horizon
from spdkit.forecast.data.panel import Numbers
from spdkit.forecast.models import serialization
from spdkit.forecast.models.boosted_trees import (
    BACKEND,
    TREES,
    Backend,
    BoostedTrees,
    mean_prediction,
)
from spdkit.forecast.scoring.intervals import check_level

Loss = Literal["streams", "log"]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

_DAY_BANDS, _WEEK_BANDS = (1, 7, 28, 56), (1, 4, 8)  # last step of each
_LEAST_ROWS = 200  # songs on two dates, to learn a band from
_BINS = 64
_OUTERMOST = 0.005  # quantile of errors, and as much below 1
_FEWEST_ERRORS = 200  # of a region and step; with fewer, errors of all regions
_SMALLEST_ERROR = 1e-3
_DEBUT_DRAWS = 10  # how much likelier a song's first week is drawn than another, if all count alike
_DRIFT = 0.5  # of a chart's usual move, how much is expected of the next one
_RATE = 0.06  # by how much shares move of what a date missed
_TAIL = 0.1 + 1e-9  # shares as far as that from 0 or 1 move
_TEXTS = ("region", "track_id", "title", "artist")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Features of all rows of some regions, from which pairs of origin and step are taken.

    Attributes
    ----------
    step : Timedelta
    history : ChartHistory
    regions : tuple of RegionHistory
    features : tuple of ndarray of float32, shape (n_rows, n_features)
        Of each region.
    """

    step: pd.Timedelta
    history: ChartHistory
    regions: tuple[RegionHistory, ...]
    features: tuple[Floats, ...]

    @classmethod
    def of(cls, table: ChartTable) -> _Rows:
        history = ChartHistory.of(table)
        regions = tuple(history.regions.values())
        columns = (song_features(history, region) for region in regions)
        features = tuple(np.column_stack([*part.values()]) for part in columns)
        return cls(table.step, history, regions, features)

    def pairs(self, steps: Sequence[int], first: int, last: int) -> _Pairs:
        """Pairs of which both dates are known, the later one within `first` to `last`."""
        parts = []
        for place, region in enumerate(self.regions):
            for step in steps:
                then = region.rows.date + step
                inside = np.flatnonzero((then >= first) & (then <= last))
                known = np.isfinite(region.change(region.rows.at(inside), step))
                rows = inside[known]
                parts.append(np.stack([np.full(len(rows), place), rows, np.full(len(rows), step)]))
        return _Pairs(*np.concatenate(parts, axis=1))

    def ends(self, steps: Sequence[int]) -> _Pairs:
        """Pairs of each region's last date with all `steps`."""
        parts = []
        for place, region in enumerate(self.regions):
            rows = np.flatnonzero(region.rows.date == region.last)
            row, step = (cells.ravel() for cells in np.meshgrid(rows, steps, indexing="ij"))
            parts.append(np.stack([np.full(len(row), place), row, step]))
        return _Pairs(*np.concatenate(parts, axis=1))

    def inputs(self, pairs: _Pairs) -> Floats:
        """Features of pairs, shape (n_pairs, n_features)."""
        X: Floats | None = None
        for place, region in enumerate(self.regions):
            here = np.flatnonzero(pairs.region == place)
            rows = pairs.row[here]
            asked = step_features(self.history, region, region.rows.at(rows), pairs.step[here])
            own = np.column_stack([self.features[place][rows], *asked.values()])
            if X is None:
                X = np.empty((len(pairs), own.shape[1]), np.float32)
            X[here] = own
        assert X is not None  # a table has a region
        return X

    def changes(self, pairs: _Pairs) -> Numbers:
        """What is learned: changes of log streams, shape (n_pairs,)."""
        return self._by_region(pairs, lambda region, at, step: region.change(at, step))

    def moves(self, pairs: _Pairs) -> Numbers:
        """Medians of the changes of all songs of a chart from the origin on, shape (n_pairs,)."""

        def of_dates(region: RegionHistory, at: Origins, step: Places) -> Floats:
            asked, which = np.unique(step, return_inverse=True)
            return np.stack([region.moves(one) for one in asked.tolist()])[which, at.date]

        return self._by_region(pairs, of_dates)

    def usual_moves(self, steps: Sequence[int]) -> dict[tuple[str, int], float]:
        """Median over dates of a chart's moves, by region and step; 0 where none is known."""
        usual = {}
        for region in self.regions:
            for step in steps:
                moves = region.moves(step)
                known = moves[np.isfinite(moves)]
                usual[region.name, step] = float(np.median(known)) if len(known) else 0.0
        return usual

    def log_streams(self, pairs: _Pairs) -> Numbers:
        """Log streams at the origins, shape (n_pairs,)."""
        return self._by_region(pairs, lambda region, at, step: region.log_streams[at.date, at.song])

    def dates(self, pairs: _Pairs) -> Places:
        """Steps of the origins on the clock, shape (n_pairs,)."""
        return self._by_region(pairs, lambda region, at, step: at.date).astype(np.int64)

    def debuts(self, pairs: _Pairs) -> Flags:
        """Whether origins are songs' first dates in a chart, shape (n_pairs,)."""
        return self._by_region(pairs, lambda region, at, step: region.debuts[at.date, at.song]) > 0

    def _by_region(
        self,
        pairs: _Pairs,
        values: Callable[[RegionHistory, Origins, Places], NDArray[Any]],
    ) -> Numbers:
        joined = np.full(len(pairs), np.nan)
        for place, region in enumerate(self.regions):
            here = np.flatnonzero(pairs.region == place)
            joined[here] = values(region, region.rows.at(pairs.row[here]), pairs.step[here])
        return joined

    def names(self, pairs: _Pairs) -> pd.DataFrame:
        """Region, song, origin and date of pairs: ``region, track_id, cutoff, ds``."""
        names, songs = np.empty(len(pairs), object), np.empty(len(pairs), object)
        for place, region in enumerate(self.regions):
            here = np.flatnonzero(pairs.region == place)
            names[here] = region.name
            songs[here] = region.ids[region.rows.song[pairs.row[here]]]
        cutoff = self.history.dates[0] + self.dates(pairs) * self.step
        frame = pd.DataFrame({"region": names, "track_id": songs, "cutoff": cutoff})
        frame["ds"] = frame["cutoff"] + pairs.step * self.step
        return frame.astype({"region": "str", "track_id": "str"})


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Origins and steps: places of regions, of their rows, and steps, each shape (n_pairs,)."""

    region: Places
    row: Places
    step: Places

    def __len__(self) -> int:
        return len(self.region)

    def at(self, chosen: NDArray[Any]) -> _Pairs:
        return _Pairs(self.region[chosen], self.row[chosen], self.step[chosen])

    def sample(
        self, most: int, generator: np.random.Generator, weights: Numbers | None = None
    ) -> _Pairs:
        """At most that many of them, in their order; by weights, one may be drawn twice."""
        if weights is None and len(self) <= most:
            return self
        n = min(most, len(self))
        p = None if weights is None else weights / weights.sum()
        drawn = generator.choice(len(self), n, replace=weights is not None, p=p)
        return self.at(np.sort(drawn))


@dataclass(frozen=True, eq=False)
class _Errors:
    """Errors of forecasts over their expected size, each shape (n_errors,).

    Attributes
    ----------
    region : ndarray of str
    step : ndarray of int64
    debut : ndarray of bool
        Whether the origin is the song's first date in the chart.
    origin, known : ndarray of datetime64
        The date of the origin, and the one that was forecast.
    relative : ndarray of float64
        NaN of dates that are not known.
    """

    region: NDArray[np.object_]
    step: Places
    debut: Flags
    origin: NDArray[np.datetime64]
    known: NDArray[np.datetime64]
    relative: Numbers

    @classmethod
    def of(cls, rows: _Rows, pairs: _Pairs, relative: Numbers) -> _Errors:
        names = rows.names(pairs)
        region, origin, known = (names[name].to_numpy() for name in ("region", "cutoff", "ds"))
        debut = rows.debuts(pairs)
        return cls(region.astype(object), pairs.step, debut, origin, known, relative)

    def at(self, chosen: Places) -> _Errors:
        """Some of them."""
        return _Errors(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def off(self, later: _Errors, fitted: np.datetime64, shares: Sequence[float]) -> Numbers:
        """Quantiles of errors as each later forecast is made, shape (n_later, len(shares)).

        That is when its origin is known and the model fitted, whichever is later. Where a region
        has too few errors, those of all regions count; then those of all songs, and of all steps of
        the band.
        """
        off = np.empty((len(later.step), len(shares)))
        kinds = pd.DataFrame({"region": later.region, "step": later.step, "debut": later.debut})
        kind = kinds.groupby([*kinds]).ngroup().to_numpy()
        for one in range(kind.max() + 1):
            here = np.flatnonzero(kind == one)
            asked = self.step == later.step[here[0]]
            alike = asked & (self.debut == later.debut[here[0]])
            some = (alike & (self.region == later.region[here[0]]), alike, asked)
            enough = (part for part in some if part.sum() >= _FEWEST_ERRORS)
            pool = self.relative[next(enough, slice(None))]
            off[here] = later.at(here).moving_quantiles(pool, fitted, shares)
        return off

    def moving_quantiles(
        self, pool: Numbers, fitted: np.datetime64, shares: Sequence[float]
    ) -> Numbers:
        """Quantiles of earlier errors and of these as they are known, shape (n_errors, n_shares).

        Each date after the fit moves shares near 0 and 1 by `_RATE` of what it missed, once it is
        known.
        """
        asked = np.asarray(shares)
        order, moved = np.argsort(asked), asked.copy()
        rate = np.where(np.minimum(asked, 1 - asked) <= _TAIL, _RATE, 0.0)
        new = (self.known > fitted) & np.isfinite(self.relative)
        to_come = [*np.unique(self.known[new])]
        made = np.maximum(self.origin, fitted)
        quantiles = np.empty((len(made), len(asked)))
        for now in np.unique(made):
            while to_come and to_come[0] <= now:
                of_date = new & (self.known == to_come.pop(0))
                below = self.relative[of_date, None] <= quantiles[of_date]
                moved += rate * (asked - below.mean(axis=0))
            past = self.relative[new & (self.known <= now)]
            used = np.empty_like(asked)
            used[order] = np.sort(np.clip(moved, _OUTERMOST, 1 - _OUTERMOST))
            quantiles[made == now] = np.quantile(np.append(pool, past), used)
        return quantiles


@dataclass(frozen=True, eq=False)
class _Member:
    """One of a band's models.

    Attributes
    ----------
    trees : regressor
        Change of log streams, from the features.
    left_out : int
        Part of the dates that it does not know; -1 for none.
    beyond_chart : bool
        Whether it learned by how much a song changes more than its chart.
    """

    trees: Any
    left_out: int
    beyond_chart: bool


@dataclass(frozen=True, eq=False)
class _Band:
    """Models of a range of steps.

    Attributes
    ----------
    members : tuple of _Member
    usual_moves : mapping of (region, step) to float
    """

    members: tuple[_Member, ...]
    usual_moves: Mapping[tuple[str, int], float]

    def leaving_out(self, part: int) -> _Band:
        """Those that do not know a part of the dates."""
        without = tuple(member for member in self.members if member.left_out == part)
        return _Band(without, self.usual_moves)

    def changes(self, rows: _Rows, pairs: _Pairs, X: Floats) -> Numbers:
        """Changes of log streams, shape (n_pairs,): the mean of the models."""
        beyond = np.mean([member.beyond_chart for member in self.members])
        names = [region.name for region in rows.regions]
        keys = zip(pairs.region.tolist(), pairs.step.tolist(), strict=True)
        usual = [self.usual_moves[names[place], step] for place, step in keys] if beyond else 0.0
        change = mean_prediction([member.trees for member in self.members], X)
        change += float(beyond) * _DRIFT * np.asarray(usual)
        return change


@dataclass(frozen=True, eq=False)
class _Spread:
    """How far forecasts of a band are off.

    Attributes
    ----------
    size : regressor
        Logarithm of the size of an error, from the features.
    errors : _Errors
        Of dates that were left out.
    """

    size: Any
    errors: _Errors


@dataclass(eq=False, repr=False)
class ChartModel(Saved, BaseEstimator):
    """Gradient boosting over the songs of all charts, direct: one answer a step ahead.

    Parameters
    ----------
    horizon : int
        Steps ahead that it learns: days, at most 56, or weeks, at most 8, as the chart has.
    steps : sequence of int, optional
        Those that will be asked for; all up to the horizon if not given. Bands without any of them
        are not learned.
    loss : {"streams", "log"}
        What absolute errors are to be small in: streams, where a song counts by how many it has, or
        their logarithm, where all count the same.
    backend : {"hist", "lightgbm"}
        scikit-learn's HistGradientBoostingRegressor, or LightGBM.
    n_trees, learning_rate, max_leaves, min_leaf
        Of each model; `min_leaf` is rows.
    feature_share : float
        Share of the features that are tried at each split.
    n_models : int
        Models of a band, on different samples, averaged.
    max_rows : int
        At most that many pairs of origin and step are learned from by each, drawn at random.
    calibration : float
        Share of the dates that each model leaves out, the first one the last of them: intervals are
        made of its errors there. 0 for no intervals, and all dates for all models.
    seed : int

    Attributes
    ----------
    table_ : ChartTable
        The charts that it was fitted on.
    bands_ : dict of int to models
        By the last step of their band.
    """

    horizon: int = 7
    _: KW_ONLY
    steps: Sequence[int] | None = None
    loss: Loss = "streams"
    backend: Backend = "hist"
    n_trees: int = 300
    learning_rate: float = 0.05
    max_leaves: int = 31
    min_leaf: int = 100
    feature_share: float = 0.4
    n_models: int = 4
    max_rows: int = 60_000
    calibration: float = 0.25
    seed: int = 0

    _form: ClassVar = serialization.FORM
    _parameter_constraints: ClassVar[Mapping[str, Allowed]] = {
        "steps": (None, SequenceOf(Whole())),
        "loss": OneOf(*get_args(Loss)),
        "backend": BACKEND,
        **dict.fromkeys(("horizon", "n_models", "max_rows"), Whole()),
        **TREES,
        "calibration": Number(0, 0.5, closed="low"),
    }

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return type(self).__name__

    def fit(self, df: pd.DataFrame | ChartTable, *, freq: str | None = None) -> Self:
        """Learn from charts.

        Parameters
        ----------
        df : DataFrame or ChartTable
            In the one layout, see `spdkit.forecast.charts.chart_table.check_chart`.
        freq : str, optional
            The step of a DataFrame; found if not given.

        Raises
        ------
        ForecastError
            When these are no charts, a parameter is not what it may be, or a chart is too short to
            learn a step from, with how many rows there are.
        """
        check_parameters(self.get_params(deep=False), self._parameter_constraints, ForecastError)
        table = df if isinstance(df, ChartTable) else check_chart(df, freq=freq)
        limits = _DAY_BANDS if table.freq == "D" else _WEEK_BANDS
        if self.horizon > limits[-1]:
            raise ForecastError(
                f"horizon={self.horizon}: a chart of {'days' if table.freq == 'D' else 'weeks'} is "
                f"forecast {limits[-1]} steps ahead at most"
            )
        rows = _Rows.of(table)
        last = len(rows.history.dates) - 1
        self.bands_: dict[int, _Band] = {}
        self.spreads_: dict[int, _Spread] = {}
        asked = range(1, self.horizon + 1) if self.steps is None else self.steps
        for band in _bands(self.horizon, limits):
            if not set(band) & set(asked):
                continue
            pairs = rows.pairs(band, 0, last)
            members = self._members(rows, pairs)
            models = _Band(members, rows.usual_moves(band))
            self.bands_[band[-1]] = models
            if self.calibration:
                self.spreads_[band[-1]] = self._spread(rows, pairs, models)
        self.table_, self._rows = table, rows
        return self

    def predict(
        self, h: int | None = None, *, level: Sequence[float] = (), quantiles: Sequence[float] = ()
    ) -> pd.DataFrame:
        """Forecast the songs of each region's last chart, if they stay in it.

        Parameters
        ----------
        h : int, optional
            The horizon; all that was learned if not given. Of `steps` those up to it.
        level : sequence of float
            Per cent that intervals should hold, such as ``[90]``.
        quantiles : sequence of float
            Above 0 and below 1; their columns are ``ChartModel-q0.1``.

        Returns
        -------
        DataFrame, a row for each song and step
            ``region, track_id, ds``, the forecast under `label` in streams, and a column each of
            the intervals' ends and quantiles.

        Raises
        ------
        ForecastError
            When the horizon is longer than what was learned, or intervals cannot be had.
        """
        self._require_fitted()
        h = self.horizon if h is None else check_horizon(h)
        steps = [step for step in self.steps or range(1, h + 1) if step <= h]
        self._require_learned([h])
        pairs = self._rows.ends(steps)
        frame = self._forecasts(self._rows, pairs, level, quantiles)
        return frame.drop(columns="cutoff")

    def forecast_past(
        self,
        df: pd.DataFrame | ChartTable,
        steps: Sequence[int],
        *,
        since: str | pd.Timestamp,
        level: Sequence[float] = (),
        quantiles: Sequence[float] = (),
    ) -> pd.DataFrame:
        """Forecast dates that are known, each from so many steps before, with what was learned.

        Parameters
        ----------
        df : DataFrame or ChartTable
            Charts that reach beyond those of `fit`. Features of an origin see no later date, and
            intervals learn from the errors that are known on it.
        steps : sequence of int
        since : date
            The first date that is forecast.
        level, quantiles : sequence of float
            As in `predict`.

        Returns
        -------
        DataFrame, a row for each song that is in the chart on both dates
            ``region, track_id, cutoff, ds, y, last_value`` and the columns of `predict`.

        Raises
        ------
        ForecastError
            As `predict`, and naming a region that was not trained.
        """
        self._require_fitted()
        self._require_learned(steps)
        table = df if isinstance(df, ChartTable) else check_chart(df, freq=self.table_.freq)
        if unknown := [name for name in table.regions if name not in self.table_.regions]:
            raise ForecastError(
                f"{self.label} was not trained on region {listing(unknown, quote=True)}: it knows "
                f"{listing(self.table_.regions, COLUMNS_SHOWN, quote=True)}"
            )
        if table.freq != self.table_.freq:
            raise ForecastError(
                f"{self.label} was trained on charts of freq={self.table_.freq!r}, these have "
                f"{table.freq!r}"
            )
        rows = _Rows.of(table)
        first = int(rows.history.dates.searchsorted(pd.Timestamp(since)))
        # Intervals learn from what came after the fit, also where that was not asked for.
        until = self.table_.frame["ds"].max()
        fitted = int(rows.history.dates.searchsorted(until, side="right"))
        pairs = rows.pairs(list(steps), min(first, fitted), len(rows.history.dates) - 1)
        frame = self._forecasts(rows, pairs, level, quantiles)
        known = np.exp(rows.log_streams(pairs))
        frame.insert(4, "y", known * np.exp(rows.changes(pairs)))
        frame.insert(5, "last_value", known)
        return frame[frame["ds"] >= since].reset_index(drop=True)

    def saved_state(self) -> State:
        """The charts that it was fitted on: it is fitted again when it is loaded."""
        self._require_fitted()
        frame = self.table_.frame
        facts: dict[str, Any] = {"freq": self.table_.freq}
        arrays = {name: frame[name].to_numpy() for name in ("position", "streams")}
        arrays["ds"] = frame["ds"].to_numpy("datetime64[ns]").astype(np.int64)
        for name in _TEXTS:
            arrays[name], texts = pd.factorize(frame[name].fillna("").to_numpy(object))
            facts[name] = texts.tolist()
        return facts, arrays

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        columns: dict[str, Any] = {
            name: np.array(facts[name], dtype=object)[arrays[name]] for name in _TEXTS
        }
        columns |= {name: arrays[name] for name in ("position", "streams")}
        columns["ds"] = arrays["ds"].astype("datetime64[ns]")
        self.fit(pd.DataFrame(columns), freq=facts["freq"])

    def _forecasts(
        self, rows: _Rows, pairs: _Pairs, level: Sequence[float], quantiles: Sequence[float]
    ) -> pd.DataFrame:
        """Forecasts of pairs, with ends of intervals and quantiles, in streams."""
        frame, shares = rows.names(pairs), self._shares(level, quantiles)
        forecast = np.full((len(pairs), 1 + len(shares)), np.nan)
        ends = np.array([*self.bands_])
        band = ends[np.searchsorted(ends, pairs.step)]
        for end, models in self.bands_.items():
            here = np.flatnonzero(band == end)
            if not len(here):
                continue
            some = pairs.at(here)
            X = rows.inputs(some)
            change = models.changes(rows, some, X)
            forecast[here, 0] = change
            if shares:
                spread = self.spreads_[end]
                size = np.exp(mean_prediction([spread.size], X))
                later = _Errors.of(rows, some, (rows.changes(some) - change) / size)
                fitted = self.table_.frame["ds"].max().to_datetime64()
                off = spread.errors.off(later, fitted, [*shares.values()])
                forecast[here, 1:] = change[:, None] + size[:, None] * off
        streams = np.exp(rows.log_streams(pairs)[:, None] + forecast)
        for column, values in zip([self.label, *shares], streams.T, strict=True):
            frame[column] = values
        return frame

    def _shares(self, level: Sequence[float], quantiles: Sequence[float]) -> dict[str, float]:
        """Share of outcomes that should lie below each column."""
        shares: dict[str, float] = {}
        for one in level:
            check_level(one)
            shares[f"{self.label}-lo-{one:g}"] = 0.5 - one / 200
            shares[f"{self.label}-hi-{one:g}"] = 0.5 + one / 200
        for share in quantiles:
            if not 0 < share < 1:
                raise ForecastError(f"a quantile is above 0 and below 1, got {share!r}")
            shares[f"{self.label}-q{share:g}"] = share
        least = _OUTERMOST - 1e-9
        outside = [share for share in shares.values() if not least <= share <= 1 - least]
        if outside:
            raise ForecastError(
                f"errors are known from the quantile {_OUTERMOST:g} to {1 - _OUTERMOST:g}, not "
                f"{outside[0]:g}: ask for a level of 99 or less"
            )
        if shares and not self.calibration:
            raise ForecastError(
                f"{self.label} was fitted without intervals: give calibration, the share of the "
                f"dates that they are made of, such as 0.25"
            )
        return shares

    def _members(self, rows: _Rows, pairs: _Pairs) -> tuple[_Member, ...]:
        generator = np.random.default_rng(self.seed)
        parts = self._parts(rows, pairs)
        trees, members = BoostedTrees.of(self, max_bins=_BINS), []
        for i in range(self.n_models):
            learned = pairs.at((parts != self._left_out(i)).all(axis=0))
            if len(learned) < _LEAST_ROWS:
                names = [region.name for region in rows.regions]
                raise ForecastError(
                    f"{len(learned)} songs of {listing(names, COLUMNS_SHOWN, quote=True)} are in "
                    f"the chart on two dates so far apart, {_LEAST_ROWS} are needed: give a longer "
                    f"chart or a shorter horizon"
                )
            some = learned.sample(self.max_rows, generator, self._weights(rows, learned))
            # Scored is the absolute error of streams, learned are logarithms: neither loss is that.
            # How a chart moves in weeks is known of few dates, and no more of what all songs did
            # is expected than half; of single days the weekday tells it.
            squared = self.loss == "streams" and i % 2 == 1
            beyond_chart = self.loss == "log" and i % 2 == 1 and not rows.history.daily
            change = rows.changes(some) - (rows.moves(some) if beyond_chart else 0)
            model = trees.fit(
                rows.inputs(some),
                change,
                seed=self.seed + i,
                loss="squared_error" if squared else "absolute_error",
            )
            members.append(_Member(model, self._left_out(i), beyond_chart))
        return tuple(members)

    def _weights(self, rows: _Rows, pairs: _Pairs) -> Numbers | None:
        """How often pairs are drawn: by their streams, as these count in what is scored.

        Drawing costs boosting half of what weights cost it. All regions are drawn alike. Where all
        songs count alike, first weeks are drawn oftener: they are few, and changes are largest.
        """
        if self.loss == "log":
            if rows.history.daily:
                return None
            return np.where(rows.debuts(pairs), float(_DEBUT_DRAWS), 1.0)
        streams = np.exp(rows.log_streams(pairs))
        means = np.bincount(pairs.region, streams) / np.maximum(np.bincount(pairs.region), 1)
        weights: Numbers = streams / means[pairs.region]
        return weights

    def _parts(self, rows: _Rows, pairs: _Pairs) -> Places:
        """Parts of the dates, from the last, of origins and of what is forecast, (2, n_pairs)."""
        n_dates, origins = len(rows.history.dates), rows.dates(pairs)
        n_parts = round(1 / self.calibration) if self.calibration else 1
        back: Places = n_dates - 1 - np.stack([origins, origins + pairs.step])
        return back * n_parts // n_dates

    def _left_out(self, model: int) -> int:
        """Part of the dates that a model does not know; -1 for none."""
        return model % round(1 / self.calibration) if self.calibration else -1

    def _spread(self, rows: _Rows, pairs: _Pairs, models: _Band) -> _Spread:
        """Errors of each model in the part of the dates that it does not know."""
        part = self._parts(rows, pairs)[1]
        without = {member.left_out for member in models.members}
        some = pairs.at(np.isin(part, [*without])).sample(
            self.max_rows, np.random.default_rng(self.seed)
        )
        if len(some) < _LEAST_ROWS:
            raise ForecastError(
                f"the dates that models leave out have {len(some)} songs to make intervals of, "
                f"{_LEAST_ROWS} are needed: give calibration=0 for none"
            )
        X, part = rows.inputs(some), self._parts(rows, some)[1]
        error = rows.changes(some)
        for out in without:
            here = np.flatnonzero(part == out)
            error[here] -= models.leaving_out(out).changes(rows, some.at(here), X[here])
        log_size = np.log(np.maximum(np.abs(error), _SMALLEST_ERROR))
        # A size that was learned from an error is too near to it: each half takes the other's.
        date = rows.dates(some)
        second = date // (4 * rows.history.spans.month) % 2 == 1
        expected = np.empty(len(some))
        for half in (second, ~second):
            if half.any():
                other = ~half if (~half).any() else half
                expected[half] = self._size(X[other], log_size[other]).predict(X[half])
        size = self._size(X, log_size)
        relative = error / np.exp(expected)
        return _Spread(size, _Errors.of(rows, some, relative))

    def _size(self, X: Floats, log_size: Numbers) -> Any:
        """Logarithms of the sizes of errors, learned from the features."""
        trees = BoostedTrees(60, 0.1, 8, max(20, len(X) // 100), max_bins=_BINS)
        return trees.fit(X, log_size, seed=self.seed)

    def _require_fitted(self) -> None:
        if not hasattr(self, "table_"):
            raise NotFittedError(f"{self.label} is not fitted yet: call fit first")

    def _require_learned(self, steps: Sequence[int]) -> None:
        for step in steps:
            known = self.steps is None or step in self.steps
            if check_horizon(step) > self.horizon or not known:
                raise ForecastError(
                    f"{self.label} learned to forecast {self.horizon} steps"
                    f"{'' if self.steps is None else f', of these {list(self.steps)}'}, {step} are "
                    f"asked for: give horizon={max(step, self.horizon)}, and steps that hold it"
                )


def _bands(horizon: int, limits: Sequence[int]) -> list[range]:
    """Steps of each band, up to the one that holds the horizon."""
    firsts = [1, *(limit + 1 for limit in limits)]
    pairs = zip(firsts, limits, strict=False)
    return [range(first, last + 1) for first, last in pairs if first <= horizon]
