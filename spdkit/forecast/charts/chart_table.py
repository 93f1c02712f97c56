"""Chart table: who stood where in the chart of a region, date by date, checked.

Conventions
-----------
One row a place: ``region``, ``ds`` (the day, or the last day of the week), ``position`` (1 is the
top), ``track_id``, ``title``, ``artist``, ``streams``. Columns besides these are not looked at. A
song that has no row on a date was below the last place, not at zero; a date without any row has no
chart, which is another thing. Regions may begin and end where they like, and share one step.

Nothing is repaired unasked. What cannot be right (a song, or a place, that stands twice on a date;
no streams; a date off the step) is refused with the region and the date; ``duplicates="first"``
keeps the first row of the table and counts the others. What may be right is told as a remark: dates
without a chart, rows out of order, places that are missing, streams that rise with the place, songs
without a title.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.parameters import OneOf, check_parameters
from spdkit.common.table_io import require_columns
from spdkit.forecast.data.calendar import parse_times, shown
from spdkit.forecast.data.checks import ForecastError, quoted

Numbers = NDArray[np.float64]

COLUMNS = ("region", "ds", "position", "track_id", "title", "artist", "streams")
# Whole years of what pandas counts in nanoseconds.
FIRST_DAY, LAST_DAY = pd.Timestamp(1678, 1, 1), pd.Timestamp(2261, 12, 31)
FREQS = ("D", *(f"W-{day}" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")))
# What messages call the way to keep the first row, in Python and as a command.
KEEP_FIRST = 'duplicates="first" (spdkit charts read --duplicates first)'


@dataclass(frozen=True, eq=False)
class RegionChart:
    """The chart of one region as matrices, one row a date and one column a song.

    Attributes
    ----------
    name : str
    dates : DatetimeIndex, length n_dates
        From the first to the last, without a hole.
    songs : Index of str, length n_songs
        Ids, in the order in which they entered; those of one date by their place.
    streams, positions : ndarray of float64, shape (n_dates, n_songs)
        NaN where the song was not in the chart, or no chart is there.
    missing : ndarray of bool, shape (n_dates,)
        Whether no chart is there.
    last_place : ndarray of float64, shape (n_dates,)
        Streams of the last place, above which nobody knows what an absent song had; NaN where no
        chart is there.
    """

    name: str
    dates: pd.DatetimeIndex
    songs: pd.Index[str]
    streams: Numbers
    positions: Numbers
    missing: NDArray[np.bool_]
    last_place: Numbers


@dataclass(frozen=True, eq=False)
class ChartTable:
    """Checked charts of one step, of one region or several.

    Attributes
    ----------
    frame : DataFrame
        `COLUMNS`, in the order of region, ds and position; ds is datetime64[ns] at midnight,
        position int64, streams float64, the others text, in which title and artist may be missing.
    freq : str
        "D", or "W-THU" where the last day of a week is a Thursday.
    remarks : tuple of str
        What is to be known of it.
    """

    frame: pd.DataFrame
    freq: str
    remarks: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions, sorted."""
        return tuple(self.frame["region"].unique())

    @property
    def songs(self) -> pd.DataFrame:
        """Title and artist by track_id, as in the song's first row in time."""
        first = self.frame.sort_values("ds", kind="stable").drop_duplicates("track_id")
        return first.set_index("track_id")[["title", "artist"]]

    @property
    def step(self) -> pd.Timedelta:
        """The time from a chart to the next: a day, or a week."""
        return pd.Timedelta(days=1 if self.freq == "D" else 7)

    def summary(self) -> pd.DataFrame:
        """How much there is of each region, by its name.

        Returns
        -------
        DataFrame
            ``n_rows, n_songs, n_dates, n_missing`` (dates without a chart), ``first, last``.
        """
        by_region = self.frame.groupby("region")
        table = by_region.agg(
            n_rows=("ds", "size"),
            n_songs=("track_id", "nunique"),
            n_dates=("ds", "nunique"),
            first=("ds", "min"),
            last=("ds", "max"),
        )
        whole = (table["last"] - table["first"]).dt.days // self.step.days + 1
        table.insert(3, "n_missing", whole - table["n_dates"])
        return table

    def until(self, date: str | pd.Timestamp) -> ChartTable:
        """The charts of `date` and before; a region that begins later is not in it.

        Raises
        ------
        ForecastError
            When there is none.
        """
        past = self.frame[self.frame["ds"] <= pd.Timestamp(date)]
        if past.empty:
            raise ForecastError(
                f"no chart is there until {shown(pd.Timestamp(date))}: the first is of "
                f"{shown(self.frame['ds'].min())}"
            )
        return replace(self, frame=past.reset_index(drop=True))

    def region(self, name: str) -> RegionChart:
        """The chart of one region as matrices.

        Raises
        ------
        ForecastError
            When the table has no such region, naming those that it has.
        """
        rows = self.frame[self.frame["region"] == name]
        if rows.empty:
            raise ForecastError(
                f"no region {quoted(name)} in the chart; there are "
                f"{listing(self.regions, COLUMNS_SHOWN, quote=True)}"
            )
        dates = pd.date_range(rows["ds"].min(), rows["ds"].max(), freq=self.freq, unit="ns")
        at, (columns, songs) = (
            dates.get_indexer(pd.DatetimeIndex(rows["ds"])),
            pd.factorize(rows["track_id"]),
        )
        streams, positions = (np.full((len(dates), len(songs)), np.nan) for _ in range(2))
        streams[at, columns], positions[at, columns] = rows["streams"], rows["position"]
        last_place = np.full(len(dates), np.nan)
        last_place[at] = rows["streams"]  # of the rows of a date the last is the last place
        return RegionChart(
            name=name,
            dates=dates,
            songs=pd.Index(songs),
            streams=streams,
            positions=positions,
            missing=np.isnan(last_place),
            last_place=last_place,
        )


def check_chart(
    df: pd.DataFrame, *, freq: str | None = None, duplicates: str = "refuse"
) -> ChartTable:
    """Check a chart in the one layout.

    Parameters
    ----------
    df : DataFrame
        With the columns `COLUMNS`; rows may come in any order, which is told.
    freq : str, optional
        "D" for a daily chart, "W-THU" for one of weeks that end on a Thursday. By default what the
        dates have: weeks where all dates of each region lie whole weeks apart, else days.
    duplicates : {"refuse", "first"}
        What to do where a song or a place stands twice on a date of a region: refuse, or keep the
        first row of the table. A song goes first: where it stands twice, its second row goes, and
        the place with it.

    Returns
    -------
    ChartTable

    Raises
    ------
    ForecastError
        Naming the column, or the region and date: a column that is not there, no rows, an empty
        region or id, a date that is none, of a time zone, of an hour, or off the step; a place that
        is no whole number from 1, streams that are no positive number; what stands twice.

    Examples
    --------
    >>> chart = check_chart(spdkit.read_table("chart.parquet"))  # doctest: +SKIP
    >>> chart.region("PH").streams.shape  # doctest: +SKIP
    (1601, 3495)
    """
    check_parameters(
        {"freq": freq, "duplicates": duplicates},
        {"freq": (None, OneOf(*FREQS)), "duplicates": OneOf("refuse", "first")},
        ForecastError,
    )
    frame = _typed(df)
    rows, remarks = _once_each(frame, duplicates)
    step = _step(rows) if freq is None else freq
    _refuse_off_step(rows, step)
    in_order = rows.sort_values(["region", "ds", "position"], kind="stable")
    if (moved := _out_of_order(rows)) is not None:
        remarks.append(f"rows are not in the order of date and place: {moved}; sorted")
    table = ChartTable(in_order.reset_index(drop=True), step)
    return replace(table, remarks=(*remarks, *_remarks(table)))


class LearnedFromCharts(Protocol):
    """A model that knows the charts of some regions, of one step."""

    regions_: tuple[str, ...]
    freq_: str


def require_learned(model: LearnedFromCharts, regions: Iterable[str], freq: str) -> None:
    """Refuse regions that a model did not learn from, by name, and charts of another step."""
    name = type(model).__name__
    if unknown := sorted(set(regions) - set(model.regions_)):
        raise ForecastError(
            f"{name} did not learn from region {listing(unknown, quote=True)}: it knows "
            f"{listing(model.regions_, COLUMNS_SHOWN, quote=True)}"
        )
    if freq != model.freq_:
        raise ForecastError(
            f"{name} learned from charts of freq={model.freq_!r}, these have {freq!r}"
        )


def _typed(df: pd.DataFrame) -> pd.DataFrame:
    """The columns of a chart in their types; what is no value of them is refused."""
    if not isinstance(df, pd.DataFrame):
        raise ForecastError(f"a pandas DataFrame is needed, got {type(df).__name__}")
    require_columns(df.columns, COLUMNS, "the chart", ForecastError)
    if df.empty:
        raise ForecastError("the chart has no rows")
    frame = df[list(COLUMNS)].reset_index(drop=True)
    for name in ("region", "track_id", "title", "artist"):
        frame[name] = frame[name].astype("string").astype("str")  # by way of one that keeps NA
    for name in ("region", "track_id"):
        empty = (frame[name].isna() | (frame[name].str.strip() == "")).to_numpy()
        if empty.any():
            raise ForecastError(
                f"row {int(empty.argmax())} (counted from 0) of the chart has no {name} "
                f"({int(empty.sum())} such rows)"
            )
    dates = parse_times(frame["ds"], frame["region"])
    if not isinstance(dates, pd.DatetimeIndex):
        raise ForecastError(
            "column 'ds' holds whole numbers, not dates: convert them (20150831 by "
            "pandas.to_datetime(..., format='%Y%m%d'))"
        )
    if dates.tz is not None:
        raise ForecastError("column 'ds' has a time zone: charts are of days, without one")
    frame["ds"] = dates
    beyond = (dates < FIRST_DAY) | (dates > LAST_DAY)
    _refuse(frame, beyond, f"ds is no day of the years {FIRST_DAY.year} to {LAST_DAY.year}")
    frame["ds"] = dates.as_unit("ns")
    _refuse(frame, frame["ds"] != frame["ds"].dt.normalize(), "ds has an hour, charts are of days")
    for name in ("position", "streams"):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise ForecastError(f"column {name!r} of the chart holds {df[name].dtype}, not numbers")
        numbers = frame[name].to_numpy(np.float64, na_value=np.nan)
        whole = numbers == np.round(numbers) if name == "position" else np.isfinite(numbers)
        what = "no whole number from 1" if name == "position" else "no positive number"
        _refuse(frame, ~(whole & (numbers > 0)), f"{name} is {what}", name)
        frame[name] = numbers.astype(np.int64) if name == "position" else numbers
    return frame


def _once_each(frame: pd.DataFrame, duplicates: str) -> tuple[pd.DataFrame, list[str]]:
    """Rows without a song or a place that stands twice on a date, and what was left out."""
    remarks: list[str] = []
    rows = frame
    for name, what in (("track_id", "song"), ("position", "place")):
        double = rows.duplicated(["region", "ds", name])
        if not double.any():
            continue
        again = rows[double].groupby(["region", name], sort=False)["ds"].agg(["size", "min"])
        places = [
            f"{region} {what} {quoted(value)} on {n} dates from {shown(day)}"
            for (region, value), n, day in zip(
                again.index, again["size"], again["min"], strict=True
            )
        ]
        text = (
            f"a {what} stands more than once on a date ({int(double.sum())} rows too many"
            f"{_alike(rows)}): {listing(places)}"
        )
        if duplicates == "refuse":
            raise ForecastError(
                f"{text}. Correct the table, or keep the first of each row by {KEEP_FIRST}."
            )
        remarks.append(f"{text}; the first row of each is kept")
        rows = rows[~double]
    return rows, remarks


def _alike(rows: pd.DataFrame) -> str:
    same = int(rows.duplicated().sum())
    return f", {same} of them repeat a whole row" if same else ""


def _refuse(frame: pd.DataFrame, wrong: Any, what: str, name: str | None = None) -> None:
    wrong = np.asarray(wrong, bool)
    if wrong.any():
        row = frame.iloc[int(wrong.argmax())]
        value = "" if name is None else f": {row[name]}"
        raise ForecastError(
            f"{row['region']} {shown(row['ds'])} {quoted(row['title'])}: {what}{value} "
            f"({int(wrong.sum())} such rows)"
        )


def _dates_of(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DatetimeIndex]]:
    """Each region with its dates, sorted."""
    for name, dates in rows.groupby("region")["ds"]:
        yield str(name), pd.DatetimeIndex(dates.unique()).sort_values()


def _step(rows: pd.DataFrame) -> str:
    """The step that the dates have; charts of days and of weeks together are refused."""
    steps: dict[str, str] = {}
    for name, dates in _dates_of(rows):
        if len(dates) == 1:
            continue
        days = np.diff(dates.to_numpy().astype("datetime64[D]")).astype(np.int64)
        part = days % 7 != 0
        if part.any() and np.median(days) >= 7:
            here = int(part.argmax())
            raise ForecastError(
                f"{name}: from {shown(dates[here])} to {shown(dates[here + 1])} are "
                f"{days[here]} days, no whole weeks. Weeks that end on another day are another "
                "chart: check them apart; a chart of days needs freq D"
            )
        steps.setdefault("D" if part.any() else f"W-{dates[0].strftime('%a').upper()}", name)
    if not steps:
        raise ForecastError(
            "every region has one date, too few to find the step: give freq, D for a chart of "
            "days or W-THU for one of weeks that end on a Thursday"
        )
    if len(steps) > 1:
        example = " and ".join(f"{step} ({name})" for step, name in sorted(steps.items()))
        raise ForecastError(
            f"regions have different steps: {example}. Check them apart; a chart of days of which "
            "only one weekday is there needs freq D"
        )
    return next(iter(steps))


def _refuse_off_step(rows: pd.DataFrame, step: str) -> None:
    if step == "D":
        return
    wrong = rows["ds"].dt.day_name().str[:3].str.upper() != step.removeprefix("W-")
    what = f"the date is none of freq={step!r}; weeks that end on another day are another chart"
    _refuse(rows, wrong, what)


def _out_of_order(rows: pd.DataFrame) -> str | None:
    """The first row of a region that comes after one that it should come before; how many do."""
    rows = rows.sort_values("region", kind="stable")
    same, days = rows["region"] == rows["region"].shift(), rows["ds"].diff()
    late = same & (
        (days < pd.Timedelta(0)) | ((days == pd.Timedelta(0)) & (rows["position"].diff() < 0))
    )
    if not late.any():
        return None
    row = rows[late].iloc[0]
    place = f"{row['region']} {shown(row['ds'])} place {row['position']}"
    return f"{place} comes late ({int(late.sum())} such rows)"


def _remarks(table: ChartTable) -> Iterator[str]:
    """What may be right and should be known."""
    for name, dates in _dates_of(table.frame):
        whole = pd.date_range(dates[0], dates[-1], freq=table.freq, unit="ns")
        gone = [shown(date) for date in whole.difference(dates)]
        if gone:
            yield f"{name}: {len(gone)} of {len(whole)} dates have no chart: {listing(gone)}"
    frame = table.frame
    by_date = frame.groupby(["region", "ds"], sort=False)
    places = by_date["position"].agg(["size", "max"])
    risen = (by_date["streams"].diff() > 0).groupby([frame["region"], frame["ds"]], sort=False)
    usual = places.groupby("region")["max"].transform("median")
    for what, wrong in {
        "places are missing": places["size"] < places["max"],
        "the chart is shorter than it mostly is": places["max"] < usual,
        "streams rise from a place to the next": risen.any(),
    }.items():
        if wrong.any():
            names = [f"{region} {shown(date)}" for region, date in wrong.index[wrong]]
            yield f"{what} on {len(names)} dates: {listing(names)}"
    for name in ("title", "artist"):
        if empty := int((frame[name].isna() | (frame[name] == "")).sum()):
            yield f"{empty} rows have no {name}"
