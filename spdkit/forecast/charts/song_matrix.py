"""Song matrix: streams of a chart's songs by date, what is missing in it, and its windows.

Conventions
-----------
Rows are dates without a hole, columns are songs. A song that is absent on a date was below the last
place, which is not zero: its streams are missing (NaN). Gaps of up to `max_gap` dates between two
that are there are interpolated on a straight line and marked; longer ones, and what lies before a
song's first date and behind its last, stay missing. A song may enter, leave and return.

What is interpolated is known no sooner than the gap ends: `SongMatrix.until` takes back what rests
on later dates, and `Windows.known` leaves out of each window what its target's date would tell.

References
----------
The CS137 report: the matrix of d days and s songs with gaps of one day filled; its windows X
(batch, lookback, songs) and Y (batch, 1, songs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from spdkit.common.parameters import Whole, check_parameters
from spdkit.common.table_io import require_columns
from spdkit.forecast.data.calendar import dates_at, infer_freq, parse_times, places, shown
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.frequencies import Freq
from spdkit.forecast.data.panel import Numbers

Flags = NDArray[np.bool_]
Step = str | int | pd.DateOffset | None


@dataclass(frozen=True, eq=False)
class Windows:
    """Lookback windows and what follows each, as views of the matrix.

    Attributes
    ----------
    X : ndarray, shape (n_windows, lookback, n_songs)
        Streams of the dates before each target, the latest last.
    Y : ndarray, shape (n_windows, 1, n_songs)
        Streams of the targets' dates.
    dates : Index, length n_windows
        Of the targets.
    rows : ndarray of int, shape (n_windows,)
        Of the targets in the matrix.
    known_from : ndarray of int, shape (n_windows, lookback, n_songs)
        The row at which each value of X is known: its own, or where its gap ends.
    observed : ndarray of bool, shape (n_windows, n_songs)
        Whether the song was in the chart on the target's date.
    """

    X: Numbers
    Y: Numbers
    dates: pd.Index[Any]
    rows: NDArray[np.int64]
    known_from: NDArray[np.int64]
    observed: Flags

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def known(self) -> Flags:
        """Whether each value of X is known on the date before the target."""
        known: Flags = self.known_from < self.rows[:, None, None]
        return known

    def between(self, first: int, stop: int) -> Windows:
        """Windows whose targets are rows `first` to `stop` (not included) of the matrix.

        Of two neighbouring spans none of the windows of the first reaches into the second; those of
        the second look back at dates that are known by then.
        """
        i, j = (int(np.searchsorted(self.rows, row)) for row in (first, stop))
        return Windows(
            self.X[i:j],
            self.Y[i:j],
            self.dates[i:j],
            self.rows[i:j],
            self.known_from[i:j],
            self.observed[i:j],
        )


@dataclass(frozen=True, eq=False)
class SongMatrix:
    """Streams by date and song.

    Attributes
    ----------
    dates : Index, length n_dates
        Without a hole, in the order of time.
    songs : Index, length n_songs
    streams : ndarray of float64, shape (n_dates, n_songs)
        NaN where they are missing.
    interpolated : ndarray of bool, shape (n_dates, n_songs)
        Whether they are not the chart's own.
    freq : DateOffset or int
        The step from one date to the next.
    """

    dates: pd.Index[Any]
    songs: pd.Index[Any]
    streams: Numbers
    interpolated: Flags
    freq: Freq

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def observed(self) -> Flags:
        """Whether the song was in the chart, shape (n_dates, n_songs)."""
        observed: Flags = np.isfinite(self.streams) & ~self.interpolated
        return observed

    @cached_property
    def known_from(self) -> NDArray[np.int64]:
        """The row at which each value is known, shape (n_dates, n_songs); n_dates is never."""
        _, after = _neighbours(self.observed)
        return np.where(np.isfinite(self.streams), after, len(self))

    def until(self, row: int) -> SongMatrix:
        """The matrix as it was known before a row: what later dates interpolate is missing."""
        known = self.known_from[:row] < row
        return replace(
            self,
            dates=self.dates[:row],
            streams=np.where(known, self.streams[:row], np.nan),
            interpolated=self.interpolated[:row] & known,
        )

    def last(self, n: int) -> SongMatrix:
        """The last `n` dates."""
        return replace(
            self,
            dates=self.dates[-n:],
            streams=self.streams[-n:],
            interpolated=self.interpolated[-n:],
        )

    def take(self, songs: NDArray[Any] | Sequence[int]) -> SongMatrix:
        """Some of the songs: their places, or a flag each."""
        places = np.asarray(songs)
        return replace(
            self,
            songs=self.songs[places],
            streams=self.streams[:, places],
            interpolated=self.interpolated[:, places],
        )

    def missing_shares(self, first: int = 0, stop: int | None = None) -> Numbers:
        """Share of the rows from `first` to `stop` on which each song is missing, (n_songs,)."""
        shares: Numbers = np.isnan(self.streams[first:stop]).mean(axis=0)
        return shares

    def counts(
        self, shares: Sequence[float], first: int = 0, stop: int | None = None
    ) -> dict[float, int]:
        """How many songs are missing on at most each share of some rows."""
        missing = self.missing_shares(first, stop)
        return {share: int((missing <= share).sum()) for share in shares}

    def windows(self, lookback: int) -> Windows:
        """Every window of `lookback` dates that has a date behind it, without copying.

        Raises
        ------
        ForecastError
            When there are too few dates for one.
        """
        check_parameters({"lookback": lookback}, {"lookback": Whole()}, ForecastError)
        if len(self) <= lookback:
            raise ForecastError(
                f"there are {len(self)} dates, at least {lookback + 1} are needed for a lookback "
                f"of {lookback} and a date to forecast: give more dates, or a shorter lookback"
            )

        def sliding(values: NDArray[Any]) -> NDArray[Any]:
            return sliding_window_view(values, lookback, axis=0).transpose(0, 2, 1)

        return Windows(
            X=sliding(self.streams[:-1]),
            Y=self.streams[lookback:, None],
            dates=self.dates[lookback:],
            rows=np.arange(lookback, len(self)),
            known_from=sliding(self.known_from[:-1]),
            observed=self.observed[lookback:],
        )

    @classmethod
    def of(
        cls,
        dates: pd.Index[Any],
        songs: pd.Index[Any],
        streams: ArrayLike,
        max_gap: int = 1,
        *,
        freq: Step = None,
    ) -> Self:
        """The matrix of streams, its short gaps interpolated.

        Parameters
        ----------
        dates : Index, length n_dates
            Without a hole, such as ``RegionChart.dates``.
        songs : Index, length n_songs
        streams : array-like, shape (n_dates, n_songs)
            NaN where a song was not in the chart.
        max_gap : int
            Dates of the longest gap that is interpolated; 0 for none.
        freq : str, int or DateOffset, optional
            The step between dates; found if not given.

        Raises
        ------
        ForecastError
            When shapes do not fit, or `max_gap` is none.
        """
        check_parameters({"max_gap": max_gap}, {"max_gap": Whole(0)}, ForecastError)
        values = np.array(streams, np.float64)
        if values.shape != (len(dates), len(songs)):
            raise ForecastError(
                f"streams must have shape {(len(dates), len(songs))}, dates and songs, got "
                f"{values.shape}"
            )
        before, after = _neighbours(np.isfinite(values))
        gap = after - before - 1
        filled = np.isnan(values) & (before >= 0) & (after < len(values)) & (gap <= max_gap)
        row, song = np.nonzero(filled)
        left, right = before[filled], after[filled]
        share = (row - left) / (right - left)
        values[filled] = (1 - share) * values[left, song] + share * values[right, song]
        step = infer_freq(dates, np.array([0, len(dates)]), freq, songs, gaps=True)
        return cls(dates, songs, values, filled, step)


def _neighbours(there: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the last value up to each place and of the next from it on; -1 and n for none."""
    n = len(there)
    rows = np.arange(n)[:, None]
    before = np.maximum.accumulate(np.where(there, rows, -1), axis=0)
    after = np.minimum.accumulate(np.where(there, rows, n)[::-1], axis=0)[::-1]
    return before, after


def read_matrix(
    df: pd.DataFrame,
    *,
    max_gap: int = 1,
    freq: Step = None,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
) -> SongMatrix:
    """Make the matrix of a long table: one row a song and date on which it was in the chart.

    Parameters
    ----------
    df : DataFrame
        Rows in any order. One chart: where there are several regions, take one of them.
    max_gap : int
        As in `SongMatrix.of`.
    freq : str, int or DateOffset, optional
        The step between dates; found if not given.
    id_col, time_col, target_col : str
        What the frame calls songs, dates and streams.

    Returns
    -------
    SongMatrix
        Songs in the order in which they first occur.

    Raises
    ------
    ForecastError
        Naming the column, or the song and the date: a column that is not there, no rows, no song,
        streams that are no positive number, dates that are none, twice for a song, or off the step.
    """
    if not isinstance(df, pd.DataFrame):
        raise ForecastError(f"a pandas DataFrame is needed, got {type(df).__name__}")
    require_columns(df.columns, (id_col, time_col, target_col), "the chart", ForecastError)
    if not len(df):
        raise ForecastError("the chart has no rows")
    column, songs = pd.factorize(df[id_col])
    if (missing := column < 0).any():
        raise ForecastError(
            f"row {int(missing.argmax())} (counted from 0) has no {id_col} "
            f"({int(missing.sum())} such rows)"
        )
    ds = parse_times(df[time_col], df[id_col])
    step = infer_freq(ds, np.array([0, len(ds)]), freq, pd.Index(songs), gaps=True)
    row = places(ds, step)

    def refuse(wrong: Flags, what: str) -> None:
        if wrong.any():
            i = int(wrong.argmax())
            raise ForecastError(
                f"song {quoted(songs[column[i]])}, {shown(ds[i])}: {what} "
                f"({int(wrong.sum())} such rows)"
            )

    if not pd.api.types.is_numeric_dtype(df[target_col]):
        raise ForecastError(f"column {target_col!r} holds {df[target_col].dtype}, not numbers")
    streams = df[target_col].to_numpy(np.float64, na_value=np.nan)
    advice = "is no positive number. A song that is not in the chart has no row"
    refuse(~(np.isfinite(streams) & (streams > 0)), f"{target_col} {advice}")
    refuse(row < 0, f"no date of freq={freq or step!r}. Give another freq, or correct the dates")
    twice = pd.DataFrame({"row": row, "column": column}).duplicated().to_numpy()
    refuse(twice, "stands more than once. Keep one row, or take one region at a time")
    n_dates = int(row.max()) + 1
    matrix = np.full((n_dates, len(songs)), np.nan)
    matrix[row, column] = streams
    dates = dates_at(np.arange(n_dates), ds, step)
    return SongMatrix.of(dates, pd.Index(songs), matrix, max_gap, freq=step)
