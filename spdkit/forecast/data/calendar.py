"""Dates of series: read, their step found, and counted on."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.forecast.data.calendar_numbers import refuse_calendar_numbers
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.frequencies import (
    Freq,
    checked,
    freq_name,
    monthly,
    months_asked_for,
    offset_of,
)

_LARGEST = 2.0**53  # beyond it numbers with a point leave out whole ones
MAX_DATES = 1 << 25  # from the first date of all series to the last, such as 63 years of minutes
_SHORTEST_DAY, _JUMP = pd.Timedelta("22h"), pd.Timedelta("1h")  # of a clock that is moved


def shown(time: object) -> str:
    """Write a date without its midnight."""
    text = str(time)
    return text.removesuffix(" 00:00:00")


def parse_times(column: pd.Series[Any], series: pd.Series[Any]) -> pd.Index[Any]:
    """Read a column of dates: dates and times, their ISO 8601 text, or whole numbers.

    Parameters
    ----------
    column, series : Series
        Dates, and the series they belong to.

    Returns
    -------
    DatetimeIndex or Index of int64
    """
    _refuse_missing(column.isna(), column, series)
    if pd.api.types.is_float_dtype(column):
        column = _whole(column, series)
    if pd.api.types.is_bool_dtype(column):
        raise ForecastError(
            f"column {column.name!r} holds {column.dtype}, not dates or whole numbers"
        )
    if pd.api.types.is_integer_dtype(column):
        numbers: pd.Index[Any] = pd.Index(column.to_numpy(np.int64))
        return numbers
    if isinstance(column.dtype, pd.PeriodDtype):
        raise ForecastError(
            f"column {column.name!r} holds periods: convert it by .dt.to_timestamp()"
        )
    try:
        times = pd.DatetimeIndex(pd.to_datetime(column, format="ISO8601"))
    except (ValueError, TypeError) as reason:
        wrong = _first_wrong(column)
        if wrong is None:
            raise ForecastError(
                f"column {column.name!r} has dates of several time zones, or of a clock that is "
                f"moved. Write days without the hour (2015-08-31), others all of one time zone: "
                f"pandas.to_datetime({column.name}, utc=True)."
            ) from reason
        raise ForecastError(
            f"series {quoted(series.iloc[wrong])}: {quoted(column.iloc[wrong])} is no date. Dates "
            f"are ISO 8601 (2015-08-31, 20150831), all of one time zone; convert others by "
            f"pandas.to_datetime."
        ) from reason
    _refuse_missing(pd.Series(times.isna(), column.index), column, series)  # "" and "NaT"
    return times


def _refuse_missing(
    missing: pd.Series[bool], column: pd.Series[Any], series: pd.Series[Any]
) -> None:
    if missing.any():
        raise ForecastError(
            f"series {quoted(series[missing].iloc[0])} has a row without {column.name} "
            f"({int(missing.sum())} such rows)"
        )


def _whole(column: pd.Series[Any], series: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers with a point that are whole all the same, as spreadsheets and gaps make them."""
    numbers = column.to_numpy(np.float64)
    broken = (numbers != np.round(numbers)) | (np.abs(numbers) >= _LARGEST)
    if broken.any():
        row = int(np.argmax(broken))
        raise ForecastError(
            f"series {quoted(series.iloc[row])}: {column.name} is {numbers[row]:g}, neither a date "
            f"nor a whole number ({int(broken.sum())} such rows)"
        )
    return pd.Series(numbers.astype(np.int64), column.index, name=column.name)


def _first_wrong(column: pd.Series[Any]) -> int | None:
    """Row of the first text that is no date by itself; None when they only do not fit together."""
    for row, text in enumerate(column):
        if pd.isna(pd.to_datetime(pd.Series([text]), format="ISO8601", errors="coerce")).iloc[0]:
            return row
    return None


def infer_freq(
    ds: pd.Index[Any],
    indptr: NDArray[np.int64],
    freq: str | int | pd.DateOffset | None,
    ids: pd.Index[Any],
    *,
    gaps: bool = False,
) -> Freq:
    """Check the step between dates, or find it: the shortest in the longest series.

    Parameters
    ----------
    ds : Index
        Dates of all series, one after the other.
    indptr : ndarray of int, shape (n_series + 1,)
    freq : str, int, DateOffset or None
    ids : Index
    gaps : bool
        Whether dates may be missing: then the shortest step is looked for in the dates of all
        series together.
    """
    if freq is not None:
        months = months_asked_for(freq)
        if months is not None and isinstance(ds, pd.DatetimeIndex):
            # Months are months, on whichever day the dates have them.
            freq = monthly(wall_times(ds.unique().sort_values()), months) or freq
        return checked(freq, not isinstance(ds, pd.DatetimeIndex))
    longest = int(np.argmax(np.diff(indptr)))
    # Unsorted and double dates are refused later, by their own names.
    times = (ds if gaps else ds[indptr[longest] : indptr[longest + 1]]).unique().sort_values()
    if len(times) < 2:
        example = "'D'" if isinstance(times, pd.DatetimeIndex) else "1"
        where = "the frame" if gaps else f"series {quoted(ids[longest])}"
        raise ForecastError(
            f"{where} has {len(times)} date, too few to find the frequency: give freq, such as "
            f"freq={example}"
        )
    if not isinstance(times, pd.DatetimeIndex):
        refuse_calendar_numbers(ds.to_numpy(np.int64))
        return int(np.diff(times.to_numpy()).min())
    return offset_of(_shortest(times))


def _shortest(times: pd.DatetimeIndex) -> str | pd.Timedelta:
    """Shortest step between sorted dates, in pandas' words.

    `pandas.infer_freq` knows no gaps, and cannot tell a day of 23 hours from 23 hours.
    """
    local = wall_times(times)
    days = local.normalize()
    if len((local - days).unique()) > 1:
        steps = np.diff(times.asi8.view(np.uint64))  # beyond 2**63 where dates are centuries apart
        return pd.Timedelta(int(steps.min()), unit=times.unit)
    if months := monthly(local):
        return months
    dates = days.to_numpy().astype("datetime64[D]")
    step = int(np.diff(dates).astype(int).min())
    if step % 7 == 0:
        return f"{step // 7}W-{local[0].strftime('%a').upper()}"
    workdays = step == 1 and len(dates) > 5 and bool(np.is_busday(dates).all())
    if workdays and bool((np.busday_count(dates[:-1], dates[1:]) == 1).all()):
        return "B"
    return f"{step}D"


def is_hours(freq: pd.DateOffset) -> bool:
    """Whether a frequency counts hours or less, which are as long on every day."""
    return isinstance(freq, pd.offsets.Tick) and not isinstance(freq, pd.offsets.Day)


def wall_times(ds: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Times by the clock on the wall, those of days that it moved by an hour put right.

    A day begins at one o'clock where the clock skips midnight, and days written in the time of
    another zone begin at one hour in winter and at the next in summer. They are days all the same.
    """
    local = ds.tz_localize(None)
    unique = ds.unique().sort_values()
    clock = unique.tz_localize(None)
    hours = (clock - clock.normalize()).unique().sort_values()
    seconds = unique.as_unit("s")  # nanoseconds between two dates may be too many for pandas
    if len(hours) != 2 or len(unique) < 3 or (seconds[1:] - seconds[:-1]).min() < _SHORTEST_DAY:
        return local
    low, high = hours
    if high - low > pd.Timedelta("12h"):  # an hour before midnight, and midnight
        low, high = high, low + pd.Timedelta("1D")
    return local if high - low > _JUMP else (local - low).floor("D") + low


def dates_at(positions: NDArray[np.int64], ds: pd.Index[Any], freq: Freq) -> pd.Index[Any]:
    """Dates at places counted from the first of `ds` on, up to the last."""
    if isinstance(freq, int):
        return pd.Index(freq * positions + int(ds.min()))
    times = cast("pd.DatetimeIndex", ds)
    if is_hours(freq):
        return _dates(times.min(), freq, end=times.max())[positions].as_unit(times.unit)
    wall = wall_times(times)
    dates = _localized(_dates(wall.min(), freq, end=wall.max()), times)
    return dates[positions].as_unit(times.unit)


def places(ds: pd.Index[Any], freq: Freq) -> NDArray[np.int64]:
    """Place of each date, counted from the first of all; -1 where the step passes it by."""
    if isinstance(freq, int):
        steps, rest = np.divmod(ds.to_numpy(np.int64) - ds.min(), freq)
        positions: NDArray[np.int64] = np.where(rest > 0, -1, steps)
        return positions
    times = cast("pd.DatetimeIndex", ds)
    if not is_hours(freq):
        times = wall_times(times)
    return _dates(times.min(), freq, end=times.max()).get_indexer(times).astype(np.int64)


def future_times(
    ds: pd.Index[Any], h: int, freq: Freq, indptr: NDArray[np.int64] | None = None
) -> pd.Index[Any]:
    """Return the `h` dates after the end of each series, one series after the other.

    Parameters
    ----------
    ds : Index
        Dates of all series, one after the other.
    h : int
    freq : DateOffset or int
    indptr : ndarray of int, shape (n_series + 1,), optional
        Where each series begins and ends; if not given, each date is a series.
    """
    ends = np.arange(len(ds)) if indptr is None else indptr[1:] - 1
    last = ds[ends]
    if isinstance(freq, int):
        return pd.Index((last.to_numpy()[:, None] + freq * np.arange(1, h + 1)).ravel())
    if not is_hours(freq):
        # The hour of the last row goes on if it is that of the one before, too: not where it is
        # the day on which the clock skipped midnight.
        wall = wall_times(cast("pd.DatetimeIndex", ds))
        moved = cast("pd.DatetimeIndex", ds).tz_localize(None) - wall
        before = ends if indptr is None else np.maximum(ends - 1, indptr[:-1])
        kept = np.where(moved[ends] == moved[before], moved[ends], np.timedelta64(0))
        last = wall[ends] + pd.TimedeltaIndex(kept)
    unique = last.unique()
    after = {time: _dates(time, freq, periods=h + 1)[1:] for time in unique}
    codes = unique.get_indexer(last)
    joined = after[unique[0]].append([after[time] for time in unique[1:]])
    rows = codes[:, None] * h + np.arange(h)
    times = pd.DatetimeIndex(joined[rows.ravel()])
    if not is_hours(freq):
        times = _localized(times, cast("pd.DatetimeIndex", ds))
    return times.as_unit(ds.unit)  # type: ignore[attr-defined]


def _localized(wall: pd.DatetimeIndex, ds: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Times by the clock on the wall in the zone of `ds`, moved to when it goes on if it skips."""
    if ds.tz is None:
        return wall
    ambiguous = np.ones(len(wall), bool)
    return wall.tz_localize(ds.tz, nonexistent="shift_forward", ambiguous=ambiguous)


def _dates(first: pd.Timestamp, freq: pd.DateOffset, **until: Any) -> pd.DatetimeIndex:
    """Dates from the first on, up to an ``end`` or so many ``periods``."""
    try:
        if (end := until.get("end", first)) > first:
            hours = is_hours(freq)
            step = freq.nanos / 1e9 if hours else (first + freq).timestamp() - first.timestamp()
            n_dates = (end.timestamp() - first.timestamp()) // step
            if n_dates > MAX_DATES:
                raise ForecastError(
                    f"from {shown(first)} to {shown(end)} are {n_dates:,.0f} dates of "
                    f"freq={freq_name(freq)!r}, and they may be {MAX_DATES:,}. Give a longer freq, "
                    f"or correct the dates."
                )
        return pd.date_range(first, freq=freq, **until)
    except (OverflowError, pd.errors.OutOfBoundsDatetime) as reason:
        raise ForecastError(
            f"dates from {shown(first)} on with freq={freq_name(freq)!r} leave the calendar: "
            f"{reason}"
        ) from reason
