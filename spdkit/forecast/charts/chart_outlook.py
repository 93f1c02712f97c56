"""Chart outlook: the charts of the next days or weeks, who stays, and how good such outlooks were.

Conventions
-----------
Forecast are the songs of each region's last chart, from its date. A song's streams are what it has
if it stays (`spdkit.forecast.charts.chart_model`), and its place is its rank by them among these
songs: as many come in as leave, and who comes in is not known, but for releases that metadata
announce (`spdkit.forecast.charts.debuts`). The probability of being in the chart
(`spdkit.forecast.charts.presence`) is learned one step ahead, at the horizon and once between, and
on the other dates its log-odds lie on lines over the logarithm of the step.

Past scores are of the last windows of the table, each as long as the horizon. What forecasts them
was fitted once more, on what lies before all of them; every window is forecast from the date before
it; intervals also learn from errors that are known by then. Scored are songs that are in the chart
on both dates, in regions that go up to the last date.

Fits of a large chart run side by side in processes; the numbers are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression

from spdkit.common.messages import listing
from spdkit.common.parameters import SEED, Allowed, Whole, check_parameters
from spdkit.common.release_dates import read_release_dates
from spdkit.common.table_io import require_columns, require_ids
from spdkit.evaluation.bootstrap import Difference, paired_bootstrap
from spdkit.forecast.charts.chart_model import ChartModel
from spdkit.forecast.charts.chart_table import ChartTable, Numbers
from spdkit.forecast.charts.debuts import DebutModel
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
_TITLES, _ARTISTS = ("title", "track_name"), ("artist", "artist_name")
_NAMES = ("track_id", "release_date", *_TITLES, *_ARTISTS)
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
        ``lo-90, hi-90`` where there are intervals; NaN where a song was not there a season before.
    presence : DataFrame
        ``region, track_id, cutoff, stayed`` (0 or 1), ``probability``, and ``by_place``, that of a
        logistic regression on the place and the region.
    n_windows : int
    level : float or None
        Of the intervals.
    first, last : Timestamp
        Dates that were forecast.
    """

    forecasts: pd.DataFrame
    presence: pd.DataFrame
    n_windows: int
    level: float | None
    first: pd.Timestamp
    last: pd.Timestamp

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
            ``places``, how many places they lie off on average, among the songs that are there on
            both dates.
        """
        rows = self.forecasts[self.forecasts[column].notna()]
        off = (rows[column] - rows["y"]).abs()
        dates = [rows["region"], rows["cutoff"], rows["ds"]]
        order = [
            rows[name].groupby(dates).rank(ascending=False, method="first")
            for name in (column, "y")
        ]
        return {
            "n": len(rows),
            "mae": float(off.mean()),
            "wape": float(off.sum() / rows["y"].sum()),
            "places": float((order[0] - order[1]).abs().mean()),
        }

    def difference(self, rival: str) -> Difference:
        """Mean absolute error of the model less that of a rival, where both exist, over songs."""
        rows = self.forecasts[self.forecasts[rival].notna()]
        return paired_bootstrap(
            rows["y"], rows["streams"], rows[rival], "mae", groups=rows["track_id"]
        )

    @property
    def coverage(self) -> float:
        """Share of what came that lies within the intervals; NaN where there are none."""
        if self.level is None:
            return math.nan
        low, high = (self.forecasts[name] for name in ends_of(self.level))
        return float(self.forecasts["y"].between(low, high).mean())

    def brier(self, column: str = "probability") -> float:
        """Mean squared difference of a probability of staying from what came."""
        return float(((self.presence[column] - self.presence["stayed"]) ** 2).mean())


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
        artist, position`` (its place), ``streams``, ``lo-90, hi-90`` where there are intervals,
        ``p_in_chart``, ``last_position``, ``change`` (places up).
    entering : DataFrame
        Songs below the first places: ``region, track_id, last_position, first_places``, and
        ``probability`` of being among them on any date up to the horizon; the likeliest first.
    releases : DataFrame
        Announced songs, if they get into the chart: ``region, ds, track_id, title, artist``,
        ``position`` among the forecast of that date, ``streams, lo-90, hi-90``.
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

    def chart(self, region: str) -> pd.DataFrame:
        """The last chart that is forecast for a region, in the order of the places."""
        rows = self.forecasts[self.forecasts["region"] == region]
        return pd.DataFrame(rows[rows["ds"] == rows["ds"].max()].reset_index(drop=True))

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
    table: ChartTable,
    request: OutlookRequest,
    metadata: pd.DataFrame | None = None,
    *,
    regions: Sequence[str] = (),
    n_jobs: int = 1,
    progress: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> ChartOutlook:
    """Forecast the next charts.

    Parameters
    ----------
    table : ChartTable
    request : OutlookRequest
    metadata : DataFrame, optional
        One row a song, by ``track_id``. A song that is not in the charts and whose ``release_date``
        lies within the dates that are forecast is forecast as a release, by its ``title`` (or
        ``track_name``) and ``artist`` (or ``artist_name``). Releases are also learned from its
        columns of numbers, which must be known before a song comes out. Remarks say what was used.
    regions : sequence of str
        Those to forecast, all if none; all are learned from.
    n_jobs : int
        Processes for the fits of a large chart.
    progress : callable
        Is called with how many parts there are; what it returns, after each.

    Raises
    ------
    ForecastError
        When the chart is too short or has no such region, the horizon is longer than what can be
        learned, or the metadata are none.
    """
    for name in regions:
        table.region(name)
    h, remarks = request.horizon, list[str]()
    _refuse_short(table, h)
    upcoming = None if metadata is None else _upcoming(table, h, metadata, remarks)
    cutoffs = _cutoffs(table, request, remarks)
    parts: dict[Any, Any] = {"streams": delayed(_streams)(table, request)}
    if len(cutoffs):
        parts["past"] = delayed(_past)(table, request, cutoffs)
        parts["past presence"] = delayed(_past_presence)(table, request, cutoffs)
    steps = sorted({1, round(math.sqrt(h)), h})
    for step in steps:
        parts[step] = delayed(_presence)(table, step, request.seed)
    parts["entering"] = delayed(_entering)(table, h, request.seed)
    if upcoming is not None and len(upcoming):
        parts["releases"] = delayed(_releases)(table, request, upcoming, metadata)
    elif unused := _descriptors(metadata):
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
    frame, level, lost = results["streams"]
    scores, past_level, unscored = None, None, ""
    if len(cutoffs):
        past, past_level, unscored = results["past"]
        if not unscored:
            dates = cutoffs[0] + table.step, past["ds"].max()
            presence = results["past presence"]
            scores = PastScores(past, presence, len(cutoffs), past_level, *dates)
    releases, learned = results.get("releases", (None, []))
    charts = _charts(table, frame, {step: results[step] for step in steps}, level)
    chosen = list(regions) or table.regions
    forecasts = _of_regions(charts, chosen)
    return ChartOutlook(
        request=request,
        table=table,
        forecasts=forecasts,
        entering=_of_regions(results["entering"], chosen),
        releases=_placed(forecasts, releases),
        scores=scores,
        level=level,
        remarks=(*remarks, *learned, *filter(None, (lost, unscored)), *_late(table)),
    )


def _refuse_short(table: ChartTable, h: int) -> None:
    dates = table.frame.groupby("region")["ds"].nunique()
    if (short := dates[dates <= h]).size:
        raise ForecastError(
            f"{short.index[0]} has a chart of {short.iloc[0]} dates, of which none lies {h} after "
            f"another ({len(short)} such regions): give a longer chart or a shorter horizon, or "
            "leave the region out"
        )


def _late(table: ChartTable) -> Iterator[str]:
    ends = table.frame.groupby("region")["ds"].max()
    for name, end in ends[ends < ends.max()].items():
        yield (
            f"{name} ends on {end:%Y-%m-%d}, others on {ends.max():%Y-%m-%d}: it is forecast from "
            "its own end, and not scored"
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
    table: ChartTable, request: OutlookRequest, cutoffs: Sequence[pd.Timestamp]
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
        replace(table, frame=_of_regions(table.frame, past.regions)),
        range(1, request.horizon + 1),
        since=cutoffs[0] + step,
        level=() if level is None else (level,),
    )
    ends = table.frame.groupby("region")["ds"].max()
    frame = _of_regions(frame[frame["cutoff"].isin(cutoffs)], ends.index[ends == ends.max()])
    if frame.empty:
        return frame, None, "how good it was is not scored: no song is there on both dates"
    season = _DAYS if table.freq == "D" else _WEEKS
    back = -(-_steps_ahead(frame, frame["cutoff"], table) // season) * season
    before = [frame["region"], frame["track_id"], frame["ds"] - back * step]
    streams = table.frame.set_index([*_KEYS, "ds"])["streams"]
    frame["seasonal_naive"] = streams.reindex(pd.MultiIndex.from_arrays(before)).to_numpy()
    return _plainly_named(frame, model.label, level), level, ""


def _past_presence(
    table: ChartTable, request: OutlookRequest, cutoffs: Sequence[pd.Timestamp]
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
    frame = frame.reset_index(drop=True)
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
) -> pd.DataFrame:
    """The rows of `ChartOutlook.forecasts`."""
    frame = forecasts.merge(table.songs, left_on="track_id", right_index=True, how="left")
    last = table.frame.groupby("region")["ds"].transform("max") == table.frame["ds"]
    places = table.frame[last].set_index(_KEYS)["position"]
    keys = pd.MultiIndex.from_frame(frame[_KEYS])
    frame["last_position"] = places.reindex(keys).to_numpy()
    ends = table.frame.groupby("region")["ds"].max()
    ahead = _steps_ahead(frame, frame["region"].map(ends), table)
    frame["p_in_chart"] = _between(keys, ahead.to_numpy(), presence)
    # Of equal forecasts the song that stands higher now comes first.
    order = ["region", "ds", "streams", "last_position"]
    frame = frame.sort_values(order, ascending=[True, True, False, True], kind="stable")
    frame["position"] = frame.groupby(["region", "ds"]).cumcount() + 1
    frame["change"] = frame["last_position"] - frame["position"]
    columns = ["region", "ds", "track_id", "title", "artist", "position", "streams"]
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


def _upcoming(
    table: ChartTable, h: int, metadata: pd.DataFrame, remarks: list[str]
) -> pd.DataFrame:
    """Songs of the metadata that come out on a date that is forecast, in each region."""
    require_columns(metadata.columns, ("track_id",), "the metadata", ForecastError)
    ids = metadata["track_id"].astype("str").fillna("")
    require_ids(ids.tolist(), "the metadata", ForecastError)
    songs = table.songs.index
    known = ids.isin(songs)
    n_known, n_others = int(known.sum()), int((~known).sum())
    remarks.append(
        f"metadata: {n_known:,} of the {len(songs):,} songs of the charts are in it, and "
        f"{n_others:,} songs that are in no chart"
    )
    title, artist = (
        next((name for name in names if name in metadata), None) for names in (_TITLES, _ARTISTS)
    )
    if "release_date" not in metadata or title is None or artist is None:
        remarks.append(
            "metadata: no release is forecast, which takes the columns release_date, title and "
            "artist"
        )
        return pd.DataFrame()
    dates, unreadable = read_release_dates(metadata["release_date"][~known])
    days = [d.first_day if d is not None and d.precision == "day" else None for d in dates]
    unknown = len(days) - sum(day is not None for day in days) - len(unreadable)
    for n, what in ((len(unreadable), "no date"), (unknown, "not known to the day")):
        if n:
            remarks.append(f"metadata: of their release dates {n:,} are {what}")
    columns = {"track_id": ids, "title": metadata[title], "artist": metadata[artist]}
    named = pd.DataFrame(columns)[~known]
    parts = [_coming_out(table, name, h, named, days) for name in table.regions]
    upcoming = pd.concat(parts, ignore_index=True)
    n = upcoming["track_id"].nunique()
    remarks.append(f"metadata: {n:,} of them come out on dates that are forecast")
    return upcoming[["region", "ds", "track_id", "title", "artist"]]


def _coming_out(
    table: ChartTable, region: str, h: int, songs: pd.DataFrame, days: Sequence[date | None]
) -> pd.DataFrame:
    """Songs whose first chart of a region, that of the day or week, is one that is forecast."""
    end = table.frame["ds"][table.frame["region"] == region].max()
    out = pd.to_datetime([str(day or "") for day in days])
    ahead = np.ceil(((out - end) / table.step).to_numpy())
    rows = songs.assign(region=region, ds=end + ahead * table.step)
    return pd.DataFrame(rows[(ahead >= 1) & (ahead <= h)])


def _descriptors(metadata: pd.DataFrame | None) -> list[str]:
    """Columns besides what songs are called and when they come out."""
    return [] if metadata is None else [str(name) for name in metadata if name not in _NAMES]


def _releases(
    table: ChartTable, request: OutlookRequest, upcoming: pd.DataFrame, metadata: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Forecasts of releases, and what is to be said of the numbers that they were learned from."""
    level = request.level or LEVEL
    model = DebutModel(levels=[level], seed=request.seed)
    model.fit(table, static_df=metadata[["track_id", *_descriptors(metadata)]])
    # What is learned of the songs that share a date is nothing: they may stay below the chart.
    frame = model.predict(table, upcoming)
    frame = _plainly_named(frame, "DebutModel", level).drop(columns="debut")
    frame.insert(2, "track_id", upcoming["track_id"].to_numpy())
    remarks = [f"metadata: {text}" for text in model.remarks_]
    lacking = upcoming["track_id"][model.describe(upcoming).isna().any(axis=1)].nunique()
    if lacking:
        remarks.append(f"metadata: {lacking:,} songs that come out lack some of these numbers")
    return frame, remarks


def _placed(charts: pd.DataFrame, releases: pd.DataFrame | None) -> pd.DataFrame:
    """Releases with the places that they would take in the charts that are forecast."""
    if releases is None:
        return pd.DataFrame()
    frame = releases[releases["region"].isin(charts["region"])].reset_index(drop=True)
    dates = charts.groupby(["region", "ds"])["streams"]
    streams = {date: np.sort(values.to_numpy()) for date, values in dates}
    above = [
        len(streams[region, ds]) - int(np.searchsorted(streams[region, ds], own, side="left"))
        for region, ds, own in zip(frame["region"], frame["ds"], frame["streams"], strict=True)
    ]
    frame.insert(5, "position", np.array(above, np.int64) + 1)
    order = ["region", "ds", "position", "title"]
    return frame.sort_values(order, kind="stable", ignore_index=True)
