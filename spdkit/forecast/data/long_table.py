"""Long table of series, checked: one row an observation, and nothing missing between two.

Conventions
-----------
``unique_id`` names the series, ``ds`` the date (dates and times, with or without a time zone, or
whole numbers), ``y`` the value; any name can be given. Whole numbers that look like dates, such as
201501 or seconds since 1970, are refused unless ``freq`` is a whole number, too. A day is a day
also where a clock that is moved makes it begin an hour later. Rows of a series come in the order of
time; series may be of different lengths and start and end where they like. Nothing is repaired in
passing: what is wrong is refused with the series and the date, and `fill_gaps` is there for who
wants zeros where no row is.

Columns besides these three are not looked at unless a forecaster names them (``hist_exog``: known
up to the end of the history; ``futr_exog``: known of the future, too).

References
----------
Nixtla's long format: https://nixtlaverse.nixtla.io/statsforecast/docs/getting-started/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.parameters import OneOf, Whole, check_parameters
from spdkit.forecast.data.calendar import (
    dates_at,
    future_times,
    infer_freq,
    parse_times,
    places,
    shown,
)
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.frequencies import Freq, freq_name
from spdkit.forecast.data.panel import Columns, Numbers, Panel

_LARGEST = 1e100  # of values, whose squares are added up
# A filled frame may have so many rows, or so many times its own.
MAX_FILLED, MAX_FILLED_RATIO = 1 << 25, 50
_GAP_ADVICE = (
    "If no row means no plays, use fill_gaps.",
    "If no row means no plays, use fill_gaps; if these are dates as whole numbers, convert them by "
    "pandas.to_datetime.",
)


def check_frame(
    df: pd.DataFrame,
    *,
    freq: str | int | pd.DateOffset | None = None,
    exog: Sequence[str] = (),
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
) -> Panel:
    """Check a frame in the long format.

    Parameters
    ----------
    df : DataFrame
        One row an observation.
    freq : str, int or DateOffset, optional
        The step between dates, in pandas' words ("D", "W-MON", "h") or a whole number for dates
        that are whole numbers. Found in the longest series if not given.
    exog : sequence of str, optional
        Columns of numbers to take along.
    id_col, time_col, target_col : str
        What the frame calls them.

    Raises
    ------
    ForecastError
        Naming the column, or the series and the date: a column that is not there, no rows, no
        numbers, NaN, infinite or huge values (beyond 1e100), dates that are none, double, unsorted,
        off the frequency's grid, or missing between two others.
    """
    columns = Columns(id_col, time_col, target_col)
    if len({id_col, time_col, target_col}) < 3 or {id_col, time_col} & set(exog):
        names = ", ".join(map(repr, (id_col, time_col, target_col, *exog)))
        raise ForecastError(f"series, dates and values need columns of their own, got {names}")
    _require_columns(df, [id_col, time_col, target_col, *exog])
    codes, ids = _series_of(df, id_col)
    ds = parse_times(df[time_col], df[id_col])
    # Stable: rows of a series keep their order, so that unsorted dates are still seen.
    order = np.argsort(codes, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(ids)))])
    ds = ds[order]
    panel = Panel(
        ids=ids,
        indptr=indptr.astype(np.int64),
        ds=ds,
        y=_numbers(df[target_col])[order],
        exog=pd.DataFrame(
            {name: _numbers(df[name])[order] for name in exog}, index=pd.RangeIndex(len(df))
        ),
        freq=infer_freq(ds, indptr, freq, ids),
        columns=columns,
    )
    for name, values in ((target_col, panel.y), *((name, panel.exog[name]) for name in exog)):
        numbers = np.asarray(values, np.float64)
        advice = ". Fill it, or drop the series."
        panel.refuse(~np.isfinite(numbers), f"{name} is", numbers, advice)
        advice = f", beyond the {_LARGEST:g} that forecasts can hold. Give it in a larger unit."
        panel.refuse(np.abs(numbers) > _LARGEST, f"{name} is", numbers, advice)
    _check_dates(panel, codes[order])
    return panel


def fill_gaps(
    df: pd.DataFrame,
    *,
    value: float | Mapping[str, float] = 0,
    freq: str | int | pd.DateOffset | None = None,
    start: str = "per_series",
    end: str = "per_series",
    id_col: str = "unique_id",
    time_col: str = "ds",
) -> pd.DataFrame:
    """Add a row for every date that a series has none for.

    Parameters
    ----------
    df : DataFrame
        Long format; every other column holds numbers. Rows may come in any order.
    value : float or mapping of str to float
        What the added rows hold, in all columns or in each.
    freq : str, int or DateOffset, optional
        As in `check_frame`.
    start, end : {"per_series", "global"}
        Whether a series is also filled from the first date of all series, and up to the last.
    id_col, time_col : str

    Returns
    -------
    DataFrame
        Sorted by series, in the order in which they first occur, and date. It has
        ``len(result) - len(df)`` rows more.

    Raises
    ------
    ForecastError
        As in `check_frame`, or when a column holds no numbers or `value` lacks one, or dates lie
        so far apart that there would be very many rows (`MAX_FILLED`).
    """
    reach = OneOf("per_series", "global")
    check_parameters({"start": start, "end": end}, {"start": reach, "end": reach}, ForecastError)
    _require_columns(df, [id_col, time_col])
    others = [name for name in df.columns if name not in (id_col, time_col)]
    values = dict(value) if isinstance(value, Mapping) else dict.fromkeys(others, value)
    if unknown := [name for name in values if name not in others]:
        raise ForecastError(f"value names {unknown[0]!r}, which is no column to be filled")
    for name in others:
        if not pd.api.types.is_numeric_dtype(df[name]):
            raise ForecastError(f"column {name!r} holds no numbers: drop it, or convert it first")
        if name not in values:
            raise ForecastError(f"column {name!r} has no value to be filled with: add it to value")
    codes, ids = _series_of(df, id_col)
    ds = parse_times(df[time_col], df[id_col])
    order = np.lexsort((ds.asi8 if isinstance(ds, pd.DatetimeIndex) else ds.to_numpy(), codes))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(ids)))])
    ds = ds[order]
    step = infer_freq(ds, indptr, freq, ids, gaps=True)
    positions = _positions(ds, step, ids, codes[order])
    _refuse_double(positions, ds, ids, codes[order])
    low, high = positions[indptr[:-1]], positions[indptr[1:] - 1] + 1
    low = np.full_like(low, low.min()) if start == "global" else low
    high = np.full_like(high, high.max()) if end == "global" else high
    lengths = high - low
    limit = max(MAX_FILLED, MAX_FILLED_RATIO * len(df))
    if (n_rows := lengths.sum(dtype=np.float64)) > limit:
        worst = int(np.argmax(lengths - np.diff(indptr)))
        own = positions[indptr[worst] : indptr[worst + 1]]
        marks = np.array([low[worst], *own, high[worst] - 1])
        gap = int(np.argmax(np.diff(marks)))
        before, after = map(shown, dates_at(marks[gap : gap + 2], ds, step))
        raise ForecastError(
            f"series {quoted(ids[worst])} has no row between {before} and {after}: "
            f"the {len(df):,} rows would become {n_rows:,.0f} when all "
            f"gaps are filled, and they may become {limit:,}. Correct the dates, give a longer "
            f"freq, or leave the series out."
        )
    starts = np.concatenate([[0], np.cumsum(lengths)])
    there = starts[codes[order]] + positions - low[codes[order]]
    offsets = np.arange(starts[-1]) - np.repeat(starts[:-1] - low, lengths)
    times = pd.Series(dates_at(offsets, ds, step))
    times.iloc[there] = ds  # as they are, also where a clock was moved
    filled: dict[Any, Any] = {id_col: ids.repeat(lengths), time_col: times}
    for name in others:
        old = df[name].to_numpy()
        if old.dtype == object:  # pandas' own numbers, some of them missing: they stay so
            old = df[name].to_numpy(np.float64, na_value=np.nan)
        try:
            column = np.full(starts[-1], values[name], np.result_type(old, values[name]))
        except OverflowError as reason:
            raise ForecastError(f"column {name!r} cannot hold {values[name]}: {reason}") from reason
        column[there] = old[order]
        filled[name] = column
    return pd.DataFrame(filled)[list(df.columns)]


def check_future(panel: Panel, h: int, exog: Sequence[str], X_df: pd.DataFrame | None) -> Numbers:
    """Take what is known of the next `h` dates, shape (n_series, h, n_exog).

    Raises
    ------
    ForecastError
        When a column is missing, or a row: naming the series and the date.
    """
    if not exog:
        return np.empty((len(panel), h, 0))
    if X_df is None:
        raise ForecastError(
            f"the next {h} values of {', '.join(exog)} are needed: give them as X_df, with the "
            f"columns {panel.columns.unique_id}, {panel.columns.ds}, {', '.join(exog)}"
        )
    keys = [panel.columns.unique_id, panel.columns.ds]
    _require_columns(X_df, [*keys, *exog])
    ahead = X_df.loc[:, [*keys, *exog]].copy()
    ahead[keys[1]] = _as_in(panel, parse_times(ahead[keys[1]], ahead[keys[0]]))
    for name in exog:
        if not pd.api.types.is_numeric_dtype(ahead[name]):
            raise ForecastError(f"column {name!r} of X_df holds {ahead[name].dtype}, not numbers")
        ahead[name] = ahead[name].to_numpy(np.float64, na_value=np.nan)
    if (double := ahead.duplicated(keys)).any():
        row = ahead[double].iloc[0]
        raise ForecastError(
            f"X_df has series {quoted(row[keys[0]])}, {shown(row[keys[1]])} more than once"
        )
    origin = "_merge"
    while origin in ahead:
        origin += "_"
    try:
        joined = panel.future(h).merge(ahead, how="left", on=keys, indicator=origin)
    except ValueError as reason:  # text beside numbers
        raise ForecastError(
            f"X_df does not name its series as the history does: {ahead[keys[0]].dtype} in place "
            f"of {panel.ids.dtype}"
        ) from reason
    for name in exog:
        if (bad := ~np.isfinite(joined[name].to_numpy(np.float64))).any():
            row = joined[bad].iloc[0]
            why = "no row" if row[origin] == "left_only" else f"{name} = {row[name]}"
            raise ForecastError(
                f"X_df has {why} for series {quoted(row[keys[0]])}, {shown(row[keys[1]])} "
                f"({int(bad.sum())} of {len(joined)} values of {name} are missing)"
            )
    return joined[list(exog)].to_numpy(np.float64).reshape(len(panel), h, len(exog))


def _as_in(panel: Panel, times: pd.Index[Any]) -> pd.Index[Any]:
    """Dates in the time zone and unit of a panel's, refused where they are of another kind."""
    history = panel.ds
    zones = [getattr(one, "tz", None) for one in (times, history)]
    if type(times) is not type(history) or (zones[0] is None) != (zones[1] is None):
        raise ForecastError(
            f"X_df has dates of {times.dtype}, the history of {history.dtype}: convert them, or "
            f"give both a time zone"
        )
    if not isinstance(times, pd.DatetimeIndex) or not isinstance(history, pd.DatetimeIndex):
        return times
    return times.tz_convert(history.tz) if history.tz is not None else times


def check_horizon(h: int) -> int:
    """Return `h` as an int of at least 1.

    Raises
    ------
    ForecastError
        When it is none.
    """
    name = "the horizon h"
    check_parameters({name: h}, {name: Whole()}, ForecastError)
    return int(h)


def _require_columns(df: pd.DataFrame, names: Sequence[str]) -> None:
    if not isinstance(df, pd.DataFrame):
        raise ForecastError(f"a pandas DataFrame is needed, got {type(df).__name__}")
    missing = [name for name in names if name not in df.columns]
    if missing:
        raise ForecastError(
            f"the frame has no column {listing(missing, COLUMNS_SHOWN, quote=True)}, only "
            f"{listing([*df.columns], COLUMNS_SHOWN, quote=True)}. Rename them, or say what they "
            f"are called (id_col, time_col, target_col)."
        )
    double = df.columns[df.columns.duplicated()]
    if wrong := [name for name in names if name in double]:
        raise ForecastError(f"the frame has more than one column {wrong[0]!r}: drop all but one")
    if not len(df):
        raise ForecastError("the frame has no rows")


def _series_of(df: pd.DataFrame, id_col: str) -> tuple[NDArray[np.int64], pd.Index[Any]]:
    codes, ids = pd.factorize(df[id_col])
    if (missing := codes < 0).any():
        raise ForecastError(
            f"row {int(np.flatnonzero(missing)[0])} (counted from 0) has no {id_col} "
            f"({int(missing.sum())} such rows)"
        )
    return codes.astype(np.int64), pd.Index(ids)


def _numbers(column: pd.Series[Any]) -> Numbers:
    """Values of a column, which has to be of numbers; what is missing is NaN."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_complex_dtype(column):
        raise ForecastError(f"column {column.name!r} holds {column.dtype}, not numbers")
    return column.to_numpy(np.float64, na_value=np.nan)


def _check_dates(panel: Panel, codes: NDArray[np.int64]) -> None:
    positions = _positions(panel.ds, panel.freq, panel.ids, codes)
    steps = np.diff(positions)
    steps[panel.indptr[1:-1] - 1] = 1  # from one series to the next
    _refuse_double(positions, panel.ds, panel.ids, codes)
    if (back := np.flatnonzero(steps < 1)).size:
        i = int(back[0]) + 1
        raise ForecastError(
            f"series {quoted(panel.ids[codes[i]])}: {shown(panel.ds[i])} comes after "
            f"{shown(panel.ds[i - 1])}. Sort the frame by "
            f"[{panel.columns.unique_id!r}, {panel.columns.ds!r}]."
        )
    if (gaps := np.flatnonzero(steps > 1)).size:
        i = int(gaps[0])
        missing = future_times(panel.ds[[i]], 1, panel.freq)[0]
        raise ForecastError(
            f"series {quoted(panel.ids[codes[i]])} has no row for {shown(missing)}: "
            f"{int((steps[gaps] - 1).sum())} dates are missing in "
            f"{len(np.unique(codes[gaps]))} series. {_GAP_ADVICE[isinstance(panel.freq, int)]}"
        )


def _positions(
    ds: pd.Index[Any], freq: Freq, ids: pd.Index[Any], codes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Place of each date on the grid of all dates; one that is not on it is refused."""
    positions = places(ds, freq)
    if (off := positions < 0).any():
        i = int(np.flatnonzero(off)[0])
        name = freq_name(freq)
        raise ForecastError(
            f"series {quoted(ids[codes[i]])}: {shown(ds[i])} is not a date of freq={name!r} "
            f"counted from {shown(ds.min())} ({int(off.sum())} such rows). Give another freq, "
            f"or round the dates."
        )
    return positions


def _refuse_double(
    positions: NDArray[np.int64], ds: pd.Index[Any], ids: pd.Index[Any], codes: NDArray[np.int64]
) -> None:
    double = pd.DataFrame({"series": codes, "position": positions}).duplicated().to_numpy()
    if double.any():
        i = int(np.flatnonzero(double)[0])
        raise ForecastError(
            f"series {quoted(ids[codes[i]])} has {shown(ds[i])} more than once "
            f"({int(double.sum())} rows too many). Keep one, or add them up."
        )
