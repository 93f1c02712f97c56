"""Chart outlook: the charts of the next days or weeks, who stays, and how good such outlooks were.

Conventions
-----------
Forecast are the songs of each region's last chart, from its date. A song's streams are what it has
if it stays (`spdkit.forecast.charts.chart_model`). Its place is the one among all songs that is
expected then: its rank by streams among these songs, each counted by the probability that it stays,
and as many more as songs that came in stood above such a rank lately
(`spdkit.forecast.charts.chart_places`). Who comes in is not known, but for releases that metadata
announce (`spdkit.forecast.charts.chart_releases`). The probability of being in the chart
(`spdkit.forecast.charts.presence`) is learned one step ahead, at the horizon and once between, and
on the other dates its log-odds lie on lines over the logarithm of the step.

Past scores are of the last windows of the table, each as long as the horizon. What forecasts them
was fitted once more, on what lies before all of them; every window is forecast from the date before
it; intervals also learn from errors that are known by then. Scored are songs that are in the chart
on both dates, in regions that go up to the last date and began before the first window. Places that
were forecast are ranks among these songs, as above, beside places that came; the last value's place
is that of the date before the window.

Fits of a large chart run side by side in processes; the numbers are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression

from spdkit.common.messages import listing
from spdkit.common.parameters import SEED, Allowed, Whole, check_parameters
from spdkit.evaluation.bootstrap import Difference, paired_bootstrap
from spdkit.forecast.charts.chart_model import ChartModel
from spdkit.forecast.charts.chart_places import ChartPlaces, ranks_among
from spdkit.forecast.charts.chart_releases import (
    descriptors,
    forecast_releases,
    join_songs,
    upcoming_songs,
)
from spdkit.forecast.charts.chart_table import ChartTable, Numbers, as_chart
from spdkit.forecast.charts.presence import PresenceModel
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_horizon
from spdkit.forecast.scoring.intervals import check_level

LEVEL = 90.0
MOST_WINDOWS = 4
FIRST_PLACES = 50
RIVALS = {"last_value": "last value", "seasonal_naive": "seasonal naive"}
_PAST_SHARE = 3  # a third of the dates at most is scored
_DAYS, _WEEKS = 7, 52  # in a season
_SMALL = 5_000  # rows; a smaller chart is fitted in one process
_PRESENCE_ROWS = 50_000
_COVERAGE_OFF = 7.5  # points that intervals may hold more or less than they should
_FEWEST_JUDGED = 200  # rows; of fewer nothing is said
IF_IT_STAYS = "if it stays"
_KEYS = ["region", "track_id"]


@dataclass(frozen=True)
class OutlookRequest:
    """What is asked for.

    Attributes
    ----------
    horizon : int
        Steps ahead: at most 56 days, or 8 weeks.
    level : float or None
        Per cent that intervals should hold; None is `LEVEL`, or no intervals where the chart is too
        short for them, which a remark says.
    n_windows : int or None
        Windows of the past to score; 0 for none. None is `MOST_WINDOWS`, or fewer.
    seed : int

    Raises
    ------
    ForecastError
        When one of them is none of these.
    """

    horizon: int
    level: float | None = None
    n_windows: int | None = None
    seed: int = 0

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "n_windows": (None, Whole(0)),
        "seed": SEED,
    }

    def __post_init__(self) -> None:
        check_horizon(self.horizon)
        check_parameters(vars(self), self._parameter_constraints, ForecastError)
        if self.level is not None:
            check_level(self.level)


@dataclass(frozen=True, eq=False)
class PastScores:
    """Outlooks of windows that were not known when they were made, and what came.

    Attributes
    ----------
    forecasts : DataFrame
        ``region, track_id, cutoff, ds, y, last_value, seasonal_naive, streams`` (of the model),
        ``lo-90, hi-90`` where there are intervals, and the place of each of them, ``y place`` and
        so on; NaN where a song was not there a season before. ``step`` is how many steps ahead.
    presence : DataFrame
        ``region, track_id, cutoff, stayed`` (0 or 1), ``probability``, and ``by_place``, that of a
        logistic regression on the place and the region.
    level : float or None
        Of the intervals.
    """

    forecasts: pd.DataFrame
    presence: pd.DataFrame
    level: float | None

    @property
    def n_windows(self) -> int:
        """Windows of which there are forecasts."""
        return int(self.forecasts["cutoff"].nunique())

    @property
    def first(self) -> pd.Timestamp:
        """First date that was forecast."""
        return pd.Timestamp(self.forecasts["ds"].min())

    @property
    def last(self) -> pd.Timestamp:
        """Last date that was forecast."""
        return pd.Timestamp(self.forecasts["ds"].max())

    @property
    def rivals(self) -> tuple[str, ...]:
        """Simple forecasts that exist for some of the rows."""
        return tuple(name for name in RIVALS if self.forecasts[name].notna().any())

    def errors(self, column: str) -> dict[str, float]:
        """Scores of one forecast, over the rows that it has.

        Returns
        -------
        dict of str to float
            ``n``; ``mae`` in streams; ``wape``, the sum of the errors' sizes over that of streams;
            ``places``, how many places they lie off on average; ``places_bias``, the mean of the
            places that were forecast less that of those that came.
        """
        rows = self.forecasts[self.forecasts[column].notna()]
        off = (rows[column] - rows["y"]).abs()
        places = rows[f"{column} place"] - rows["y place"]
        return {
            "n": len(rows),
            "mae": float(off.mean()),
            "wape": float(off.sum() / rows["y"].sum()),
            "places": float(places.abs().mean()),
            "places_bias": float(places.mean()),
        }

    def errors_ahead(self) -> pd.DataFrame:
        """Scores by how many steps ahead.

        Returns
        -------
        DataFrame
            ``step, n``, and the wape of each forecast: ``streams`` and the `rivals`.
        """
        parts = [
            replace(self, forecasts=rows) for _, rows in self.forecasts.groupby("step", sort=True)
        ]
        columns = ("streams", *self.rivals)
        return pd.DataFrame(
            [
                {"step": int(part.forecasts["step"].iloc[0]), "n": len(part.forecasts)}
                | {name: part.errors(name)["wape"] for name in columns}
                for part in parts
            ]
        )

    def difference(self, rival: str) -> Difference:
        """Mean absolute error of the model less that of a rival, where both exist, over songs."""
        rows = self.forecasts[self.forecasts[rival].notna()]
        return paired_bootstrap(
            rows["y"], rows["streams"], rows[rival], "mae", groups=rows["track_id"]
        )

    @property
    def coverage(self) -> float:
        """Share of what came that lies within the intervals; NaN where there are none."""
        return self._within("")

    @property
    def place_coverage(self) -> float:
        """Share of the places that came within the intervals of places, rounded to whole ones."""
        return self._within(" place")

    def _within(self, of: str) -> float:
        if self.level is None:
            return math.nan
        low, high = (self.forecasts[f"{name}{of}"] for name in ends_of(self.level))
        if of:
            low, high = low.round(), high.round()
        return float(self.forecasts[f"y{of}"].between(low, high).mean())

    def brier(self, column: str = "probability") -> float:
        """Mean squared difference of a probability of staying from what came."""
        return float(((self.presence[column] - self.presence["stayed"]) ** 2).mean())

    @property
    def cautions(self) -> tuple[str, ...]:
        """What was bad, in words; nothing of what too few rows tell."""
        texts = []
        if len(self.forecasts) >= _FEWEST_JUDGED:
            own, last = (self.errors(name)["wape"] for name in ("streams", "last_value"))
            if own > last:
                texts.append(
                    f"the forecasts missed the streams by {100 * own:.1f} % in the past windows, "
                    f"the last value by {100 * last:.1f} %: rather take the last value"
                )
            for what, held in {"streams": self.coverage, "places": self.place_coverage}.items():
                if self.level is not None and abs(100 * held - self.level) > _COVERAGE_OFF:
                    wide = "narrow" if 100 * held < self.level else "wide"
                    texts.append(
                        f"the {self.level:g} % intervals of {what} held {100 * held:.1f} % in the "
                        f"past windows: they are too {wide}"
                    )
        if len(self.presence) >= _FEWEST_JUDGED and self.brier() > self.brier("by_place"):
            texts.append(
                f"the probabilities of staying were worse in the past windows (Brier score "
                f"{self.brier():.4f}) than those by the place alone ({self.brier('by_place'):.4f})"
            )
        return tuple(texts)


@dataclass(frozen=True, eq=False)
class ChartOutlook:
    """Charts of the next dates, and what such outlooks are worth.

    Attributes
    ----------
    request : OutlookRequest
    table : ChartTable
        What it was learned from.
    forecasts : DataFrame
        A row for each date and song, in the order of the places: ``region, ds, track_id, title,
        artist, position`` (the place that is expected if it stays, whole), ``streams``; where there
        are intervals ``lo-90, hi-90`` of streams and ``position-lo-90, position-hi-90``;
        ``p_in_chart``, ``last_position``, ``change`` (places up).
    entering : DataFrame
        Songs below the first places: ``region, track_id, last_position, first_places``, and
        ``probability`` of being among them on any date up to the horizon; the likeliest first.
    releases : DataFrame
        Announced songs, if they get into the chart: ``region, ds, track_id, title, artist``,
        ``position, streams, lo-90, hi-90`` and ``basis``, what they rest on.
    scores : PastScores or None
    level : float or None
        Of the intervals; None where there are none.
    remarks : tuple of str
    """

    request: OutlookRequest
    table: ChartTable
    forecasts: pd.DataFrame
    entering: pd.DataFrame
    releases: pd.DataFrame
    scores: PastScores | None
    level: float | None
    remarks: tuple[str, ...]

    @property
    def regions(self) -> tuple[str, ...]:
        """Those that are forecast."""
        return tuple(self.forecasts["region"].unique())

    @property
    def rows(self) -> pd.DataFrame:
        """Forecasts and releases, by ``kind`` ("song", "release"), and the ``basis`` of each.

        What is not known of releases, such as ``p_in_chart``, is missing.
        """
        songs = self.forecasts.assign(basis=IF_IT_STAYS)
        songs.insert(0, "kind", "song")
        if self.releases.empty:
            return songs
        releases = self.releases.assign(kind="release")
        columns = [*songs, *(name for name in releases if name not in songs)]
        both = pd.concat([songs, releases]).reindex(columns=columns)
        whole = dict.fromkeys(("last_position", "change"), "Int64")
        both = both.astype({name: kind for name, kind in whole.items() if name in both})
        order = ["region", "ds", "kind"]
        both = both.sort_values(order, ascending=[True, True, False], kind="stable")
        return both.reset_index(drop=True)

    def chart(self, region: str, *, first: bool = False) -> pd.DataFrame:
        """The last or the first chart that is forecast for a region, by the places."""
        rows = self.forecasts[self.forecasts["region"] == region]
        date = rows["ds"].min() if first else rows["ds"].max()
        return pd.DataFrame(rows[rows["ds"] == date].reset_index(drop=True))

    def newcomers(self, region: str) -> pd.DataFrame:
        """Rows of `chart` of songs that came in within as many dates as are forecast."""
        rows = self.table.frame[self.table.frame["region"] == region]
        entry = rows.groupby("track_id")["ds"].min()
        since = rows["ds"].max() - self.request.horizon * self.table.step
        new = entry.index[(entry > since) & (entry > rows["ds"].min())]
        chart = self.chart(region)
        return chart[chart["track_id"].isin(new)].reset_index(drop=True)


def ends_of(level: float | None) -> tuple[str, ...]:
    """Columns of the ends of intervals; none without intervals."""
    return () if level is None else (f"lo-{level:g}", f"hi-{level:g}")


def _steps_ahead(frame: pd.DataFrame, ends: pd.Series[Any], table: ChartTable) -> pd.Series[Any]:
    """How many steps dates lie behind others."""
    ahead: pd.Series[Any] = (frame["ds"] - ends).dt.days // table.step.days
    return ahead


def outlook(
    df: pd.DataFrame | ChartTable,
    horizon: int = 7,
    *,
    metadata: pd.DataFrame | None = None,
    level: float | None = None,
    n_windows: int | None = None,
    regions: Sequence[str] = (),
    freq: str | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> ChartOutlook:
    """Forecast the next charts.

    Parameters
    ----------
    df : DataFrame or ChartTable
        In the one layout, see `spdkit.forecast.charts.chart_table.check_chart`.
    horizon, level, n_windows, seed
        As in `OutlookRequest`.
    metadata : DataFrame, optional
        One row a song, by ``track_id``, or by ``title`` (or ``track_name``) and ``artist`` (or
        ``artist_name``). A song that is not in the charts and whose ``release_date`` lies within
        the dates that are forecast is forecast as a release. Releases are also learned from its
        columns of numbers, which must be known before a song comes out. Remarks say what was used.
    regions : sequence of str
        Those to forecast, all if none; all are learned from.
    freq : str, optional
        The step of a DataFrame; found if not given.
    n_jobs : int
        Processes for the fits of a large chart.
    progress : callable
        Is called with how many parts there are; what it returns, after each.

    Raises
    ------
    ForecastError
        When these are no charts, they are too short or have no such region, the horizon is longer
        than what can be learned, or the metadata are none.

    Examples
    --------
    >>> chart = spdkit.read_table("chart.parquet")  # doctest: +SKIP
    >>> week = outlook(chart, horizon=7, level=80)  # doctest: +SKIP
    >>> week.chart("PH"), week.scores.errors("streams")  # doctest: +SKIP
    """
    request = OutlookRequest(horizon, level, n_windows, seed)
    table = as_chart(df, freq)
    for name in regions:
        table.region(name)
    h, remarks = request.horizon, list[str]()
    _refuse_short(table, h)
    songs = None if metadata is None else join_songs(table, metadata, remarks)
    upcoming = None if songs is None else upcoming_songs(table, h, songs, remarks)
    cutoffs = _cutoffs(table, request, remarks)
    parts: dict[Any, Any] = {"streams": delayed(_streams)(table, request)}
    scored = _scored_regions(table, request, cutoffs) if cutoffs else []
    if scored:
        parts["past"] = delayed(_past)(table, request, cutoffs, scored)
        parts["past presence"] = delayed(_past_presence)(table, request, cutoffs, scored)
    steps = sorted({1, round(math.sqrt(h)), h})
    for step in steps:
        parts[step] = delayed(_presence)(table, step, request.seed)
    parts["entering"] = delayed(_entering)(table, h, request.seed)
    if songs is not None and upcoming is not None and len(upcoming):
        size = request.level or LEVEL, request.seed
        parts["releases"] = delayed(forecast_releases)(table, h, *size, upcoming, songs)
    elif unused := descriptors(metadata):
        remarks.append(
            f"metadata: nothing learns from {listing(unused)}, which serve releases: none is "
            "forecast"
        )
    tick, results = progress(len(parts)), dict[Any, Any]()
    jobs = n_jobs if len(table.frame) >= _SMALL else 1
    running = Parallel(n_jobs=jobs, return_as="generator")(parts.values())
    for name, result in zip(parts, running, strict=True):
        results[name] = result
        tick()
    frame, own_level, lost = results["streams"]
    scores, unscored = None, ""
    if scored:
        past, past_level, unscored = results["past"]
        if not unscored:
            scores = PastScores(past, results["past presence"], past_level)
            remarks += _without_rows(scores, cutoffs)
    releases, learned = results.get("releases", (None, []))
    places = ChartPlaces.of(table, h)
    charts = _charts(table, frame, {step: results[step] for step in steps}, own_level, places)
    chosen = list(regions) or table.regions
    remarks += _not_scored(table, cutoffs, scored)
    return ChartOutlook(
        request=request,
        table=table,
        forecasts=_of_regions(charts, chosen),
        entering=_of_regions(results["entering"], chosen),
        releases=_placed(table, _of_regions(charts, chosen), releases, places),
        scores=scores,
        level=own_level,
        remarks=(*remarks, *learned, *filter(None, (lost, unscored))),
    )


def _refuse_short(table: ChartTable, h: int) -> None:
    dates = table.frame.groupby("region")["ds"].nunique()
    if (short := dates[dates <= h]).size:
        raise ForecastError(
            f"{short.index[0]} has a chart of {short.iloc[0]} dates, of which none lies {h} after "
            f"another ({len(short)} such regions): give a longer chart or a shorter horizon, or "
            "leave the region out"
        )


def _scored_regions(
    table: ChartTable, request: OutlookRequest, cutoffs: Sequence[pd.Timestamp]
) -> list[str]:
    """Regions that go up to the last date, and have more than a window's dates before the first."""
    ends = table.frame.groupby("region")["ds"].max()
    before = table.frame[table.frame["ds"] <= cutoffs[0]].groupby("region")["ds"].nunique()
    long = before.index[before > request.horizon]
    scored = [name for name in ends.index[ends == ends.max()] if name in long]
    if not scored and request.n_windows is not None:
        raise ForecastError(
            f"no region has more than {request.horizon} dates before {len(cutoffs)} windows of "
            f"{request.horizon} dates: ask for fewer"
        )
    return scored


def _not_scored(
    table: ChartTable, cutoffs: Sequence[pd.Timestamp], scored: Sequence[str]
) -> Iterator[str]:
    dates = table.frame.groupby("region")["ds"].agg(["min", "max"])
    last = dates["max"].max()
    for name, (first, end) in dates.drop(index=list(scored)).iterrows():
        if end < last:
            yield (
                f"{name} ends on {end:%Y-%m-%d}, others on {last:%Y-%m-%d}: it is forecast from "
                "its own end, and not scored"
            )
        elif cutoffs:
            yield (
                f"{name} begins on {first:%Y-%m-%d}, too late to be scored on what comes after "
                f"{cutoffs[0]:%Y-%m-%d}: it is forecast, and not scored"
            )


def _without_rows(scores: PastScores, cutoffs: Sequence[pd.Timestamp]) -> Iterator[str]:
    there = set(scores.forecasts["cutoff"])
    if gone := [f"{cutoff:%Y-%m-%d}" for cutoff in cutoffs if cutoff not in there]:
        yield (
            f"{len(gone)} of {len(cutoffs)} windows have no forecast, for want of a chart on the "
            f"date before them or in them: those after {listing(gone)}"
        )


def _model(table: ChartTable, request: OutlookRequest) -> tuple[ChartModel, str]:
    """A fitted model, with intervals if the chart is long enough; what is to be said of it."""
    # Two models, one of each loss, are nearly as good as four and take half of the time.
    settings: dict[str, Any] = {"n_models": 2, "seed": request.seed}
    model = ChartModel(request.horizon, **settings)
    try:
        return model.fit(table), ""
    except ForecastError:
        if request.level is not None:
            raise
    model = ChartModel(request.horizon, calibration=0.0, **settings)
    return model.fit(table), "no intervals: the chart is too short to learn them"


def _streams(table: ChartTable, request: OutlookRequest) -> tuple[pd.DataFrame, float | None, str]:
    """Forecasts of all regions' last charts; the level of their intervals; what is to be said."""
    model, lost = _model(table, request)
    level = None if lost else request.level or LEVEL
    frame = model.predict(level=() if level is None else (level,))
    return _plainly_named(frame, model.label, level), level, lost


def _plainly_named(frame: pd.DataFrame, label: str, level: float | None) -> pd.DataFrame:
    ends = {f"{label}-{end}": end for end in ends_of(level)}
    return frame.rename(columns={label: "streams", **ends})


def _cutoffs(table: ChartTable, request: OutlookRequest, remarks: list[str]) -> list[pd.Timestamp]:
    """Last known dates of the windows that are scored."""
    n, h, ds = request.n_windows, request.horizon, table.frame["ds"]
    step = table.step
    n_dates = (ds.max() - ds.min()) // step + 1
    fits = n_dates // _PAST_SHARE // h
    if n is None:
        n = min(MOST_WINDOWS, fits)
        if not n:
            remarks.append(
                f"how good it was is not scored: of {n_dates} dates a third is too few for a "
                f"window of {h}"
            )
    elif n > (n_dates - 1) // h:
        raise ForecastError(
            f"{n} windows of {h} dates are asked for, the chart has {n_dates}: ask for fewer"
        )
    return [ds.max() - i * h * step for i in range(n, 0, -1)]


def _past(
    table: ChartTable,
    request: OutlookRequest,
    cutoffs: Sequence[pd.Timestamp],
    regions: Sequence[str],
) -> tuple[pd.DataFrame, float | None, str]:
    """Forecasts of the windows, by what was fitted before them, as of `_streams`."""
    step, past = table.step, table.until(cutoffs[0])
    try:
        model, lost = _model(past, request)
    except ForecastError as error:
        if request.n_windows is not None:
            raise
        text = f"how good it was is not scored, for on what lies before the windows: {error}"
        return pd.DataFrame(), None, text
    level = None if lost else request.level or LEVEL
    frame = model.forecast_past(
        replace(table, frame=_of_regions(table.frame, past.regions)),  # all tell of each other
        range(1, request.horizon + 1),
        since=cutoffs[0] + step,
        level=() if level is None else (level,),
    )
    frame = _of_regions(frame[frame["cutoff"].isin(cutoffs)], regions)
    if frame.empty:
        return frame, None, "how good it was is not scored: no song is there on both dates"
    season = _DAYS if table.freq == "D" else _WEEKS
    frame["step"] = _steps_ahead(frame, frame["cutoff"], table)
    back = -(-frame["step"] // season) * season
    known = table.frame.set_index([*_KEYS, "ds"])[["streams", "position"]]
    dates = {
        "y": frame["ds"],
        "last_value": frame["cutoff"],
        "seasonal_naive": frame["ds"] - back * step,
    }
    for name, ds in dates.items():
        songs = pd.MultiIndex.from_arrays([frame["region"], frame["track_id"], ds])
        frame[[name, f"{name} place"]] = known.reindex(songs).to_numpy()
    frame = _plainly_named(frame, model.label, level)
    places = ChartPlaces.of(past, request.horizon)
    for name in ("streams", *ends_of(level)):
        frame[f"{name} place"] = np.nan
    for _, rows in frame.groupby(["region", "cutoff", "ds"]):
        for name, values in _song_places(rows, np.ones(len(rows)), level, places).items():
            frame.loc[rows.index, f"{name} place"] = values
    return frame, level, ""


def _song_places(
    rows: pd.DataFrame, stays: Numbers, level: float | None, places: ChartPlaces
) -> dict[str, Numbers]:
    """Places of the songs of one date, and the ends of theirs: with the most streams the lowest."""
    region, step = str(rows["region"].iloc[0]), int(rows["step"].iloc[0])
    streams = rows["streams"].to_numpy()
    asked = dict(zip(ends_of(level), reversed(ends_of(level)), strict=True))
    return {
        name: places.of_ranks(
            region, step, ranks_among(streams, stays, rows[of].to_numpy(), own=True)
        )
        for name, of in {"streams": "streams", **asked}.items()
    }


def _past_presence(
    table: ChartTable,
    request: OutlookRequest,
    cutoffs: Sequence[pd.Timestamp],
    regions: Sequence[str],
) -> pd.DataFrame:
    """Probabilities of staying up to the ends of the windows, and who stayed."""
    past = table.until(cutoffs[0])
    h, step = request.horizon, table.step
    try:
        model = _presence_model(h, request.seed).fit(past)
    except ForecastError:  # the windows are not scored, and say so
        return pd.DataFrame()
    known = replace(table, frame=_of_regions(table.frame, model.regions_))
    frame = model.predict(known, since=cutoffs[0])
    frame = frame[frame["cutoff"].isin(cutoffs) & _has_chart(table, frame)]
    frame = _of_regions(frame, regions)
    frame["stayed"] = _is_in(table, frame)
    rows = past.frame.assign(ds=past.frame["ds"] + h * step)
    rows = rows[_has_chart(past, rows)]
    stayed = _is_in(past, rows)
    frame["by_place"] = stayed.mean()
    if len(set(stayed)) == 2:
        places = LogisticRegression(max_iter=1000).fit(_places(rows, model.regions_), stayed)
        frame["by_place"] = places.predict_proba(_places(frame, model.regions_))[:, 1]
    columns = [*_KEYS, "cutoff", "stayed", "probability", "by_place"]
    return pd.DataFrame(frame[columns])


def _of_regions(frame: pd.DataFrame, regions: Iterable[str]) -> pd.DataFrame:
    return pd.DataFrame(frame[frame["region"].isin([*regions])].reset_index(drop=True))


def _has_chart(table: ChartTable, rows: pd.DataFrame) -> Any:
    dates = pd.MultiIndex.from_frame(table.frame[["region", "ds"]].drop_duplicates())
    return pd.MultiIndex.from_frame(rows[["region", "ds"]]).isin(dates)


def _is_in(table: ChartTable, rows: pd.DataFrame) -> Numbers:
    songs = pd.MultiIndex.from_frame(table.frame[[*_KEYS, "ds"]])
    return pd.MultiIndex.from_frame(rows[[*_KEYS, "ds"]]).isin(songs).astype(np.float64)


def _places(rows: pd.DataFrame, regions: Sequence[str]) -> Numbers:
    of_region = [rows["region"] == name for name in regions]
    return np.column_stack([np.log(rows["position"]), *of_region]).astype(np.float64)


def _presence_model(step: int, seed: int, **asked: Any) -> PresenceModel:
    return PresenceModel(step, max_rows=_PRESENCE_ROWS, seed=seed, **asked)


def _presence(table: ChartTable, step: int, seed: int) -> pd.Series[float]:
    """Probability of being in the chart so many steps on, by region and song."""
    frame = _presence_model(step, seed).fit(table).predict(table)
    return frame.set_index(_KEYS)["probability"]


def _entering(table: ChartTable, h: int, seed: int) -> pd.DataFrame:
    """Songs that may come among the first places: 50, or a quarter of a chart of 50 or fewer."""
    longest = int(table.frame["position"].max())
    places = FIRST_PLACES if longest > FIRST_PLACES else max(1, longest // 4)
    model = _presence_model(h, seed, places=places, within=True).fit(table)
    frame = model.predict(table).rename(columns={"position": "last_position"})
    frame = frame.assign(first_places=places)
    order = ["region", "probability", "last_position"]
    frame = frame.sort_values(order, ascending=[True, False, True], kind="stable")
    return frame[[*_KEYS, "last_position", "first_places", "probability"]].reset_index(drop=True)


def _charts(
    table: ChartTable,
    forecasts: pd.DataFrame,
    presence: dict[int, pd.Series[float]],
    level: float | None,
    places: ChartPlaces,
) -> pd.DataFrame:
    """The rows of `ChartOutlook.forecasts`."""
    frame = forecasts.merge(table.songs, left_on="track_id", right_index=True, how="left")
    last = table.frame.groupby("region")["ds"].transform("max") == table.frame["ds"]
    now = table.frame[last].set_index(_KEYS)["position"]
    keys = pd.MultiIndex.from_frame(frame[_KEYS])
    frame["last_position"] = now.reindex(keys).to_numpy()
    ends = table.frame.groupby("region")["ds"].max()
    frame["step"] = _steps_ahead(frame, frame["region"].map(ends), table)
    frame["p_in_chart"] = _between(keys, frame["step"].to_numpy(), presence)
    # Of equal forecasts the song that stands higher now comes first.
    order = ["region", "ds", "streams", "last_position"]
    frame = frame.sort_values(order, ascending=[True, True, False, True], kind="stable")
    frame = frame.reset_index(drop=True)
    named = {"streams": "position", **{end: f"position-{end}" for end in ends_of(level)}}
    frame = frame.assign(**dict.fromkeys(named.values(), 0))
    for _, rows in frame.groupby(["region", "ds"]):
        stays = rows["p_in_chart"].to_numpy()
        for name, values in _song_places(rows, stays, level, places).items():
            frame.loc[rows.index, named[name]] = np.round(values).astype(np.int64)
    frame["change"] = frame["last_position"] - frame["position"]
    columns = ["region", "ds", "track_id", "title", "artist", *named.values(), "streams"]
    columns += [*ends_of(level), "p_in_chart", "last_position", "change"]
    return frame[columns].reset_index(drop=True)


def _between(keys: pd.MultiIndex, ahead: Any, presence: dict[int, pd.Series[float]]) -> Numbers:
    """Probabilities on each date from those of some steps, by their log-odds."""
    steps = np.log(np.array([*presence], float))
    shares = np.array([of.reindex(keys).to_numpy() for of in presence.values()])
    odds = np.log(np.clip(shares, 1e-6, 1 - 1e-6) / (1 - np.clip(shares, 1e-6, 1 - 1e-6)))
    rows = zip(np.log(ahead), odds.T, strict=True)
    between = np.array([np.interp(at, steps, own) for at, own in rows])
    shares = 1 / (1 + np.exp(-between))
    return np.asarray(shares, np.float64)


def _placed(
    table: ChartTable, charts: pd.DataFrame, releases: pd.DataFrame | None, places: ChartPlaces
) -> pd.DataFrame:
    """Releases with the places that are expected in the charts that are forecast."""
    if releases is None:
        return pd.DataFrame()
    frame = _of_regions(releases, charts["region"].unique())
    ends = table.frame.groupby("region")["ds"].max()
    ahead = _steps_ahead(frame, frame["region"].map(ends), table)
    frame.insert(5, "position", 0)
    for _, rows in frame.groupby(["region", "ds"]):
        region, ds = rows[["region", "ds"]].iloc[0]
        there = charts[(charts["region"] == region) & (charts["ds"] == ds)]
        streams, stays = (there[name].to_numpy() for name in ("streams", "p_in_chart"))
        ranks = ranks_among(streams, stays, rows["streams"].to_numpy(), own=False)
        own = np.round(places.of_ranks(region, int(ahead[rows.index[0]]), ranks))
        frame.loc[rows.index, "position"] = own.astype(np.int64)
    order = ["region", "ds", "position", "title"]
    return frame.sort_values(order, kind="stable", ignore_index=True)
