"""Panel: checked series, one after the other in one array, which forecasters work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.parameters import Whole, check_parameters
from spdkit.forecast.data.calendar import future_times, shown
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.frequencies import Freq, freq_name, months_on_a_day

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """What a frame calls its series, dates and values.

    Attributes
    ----------
    unique_id, ds, y : str
    """

    unique_id: str = "unique_id"
    ds: str = "ds"
    y: str = "y"


@dataclass(frozen=True, eq=False)
class Panel:
    """Checked series, one after the other.

    Attributes
    ----------
    ids : Index, length n_series
        In the order in which they first occur.
    indptr : ndarray of int64, shape (n_series + 1,)
        Rows ``indptr[i]`` to ``indptr[i + 1]`` are those of series i.
    ds : Index, length n_rows
        Dates and times, or whole numbers.
    y : ndarray of float64, shape (n_rows,)
    exog : DataFrame, n_rows rows
        The columns that were asked for, as float64.
    freq : DateOffset or int
        The step from one row of a series to the next.
    columns : Columns
        The frame's own names.
    """

    ids: pd.Index[Any]
    indptr: NDArray[np.int64]
    ds: pd.Index[Any]
    y: Numbers
    exog: pd.DataFrame
    freq: Freq
    columns: Columns

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Rows of each series, shape (n_series,)."""
        return np.diff(self.indptr)

    def series(self, i: int) -> Numbers:
        """Values of series `i`, in the order of time."""
        return self.y[self.indptr[i] : self.indptr[i + 1]]

    def last(self, n: int) -> Numbers:
        """Return the last `n` values of every series, shape (n_series, n).

        Raises
        ------
        ForecastError
            When a series is shorter.
        """
        self.require(n, f"its last {n} values are needed")
        last: Numbers = self.y[self.indptr[1:, None] - n + np.arange(n)]
        return last

    @property
    def freq_name(self) -> str | int:
        """What the step between dates is called."""
        return freq_name(self.freq)

    def require(self, n: int, why: str) -> None:
        """Refuse series of fewer than `n` rows.

        Raises
        ------
        ForecastError
            Naming the first and counting the others.
        """
        short = np.flatnonzero(self.lengths < n)
        if short.size:
            more = f" The same holds of {short.size - 1} more series." * (short.size > 1)
            raise ForecastError(
                f"series {quoted(self.ids[short[0]])} has {self.lengths[short[0]]} rows, at least "
                f"{n} are needed: {why}.{more} Give a longer history, or leave the series out."
            )

    def place(self, row: int) -> str:
        """Series and date of a row, in words."""
        series = int(np.searchsorted(self.indptr, row, side="right")) - 1
        return f"series {quoted(self.ids[series])}, {shown(self.ds[row])}"

    def refuse(
        self, wrong: NDArray[np.bool_], what: str, values: Numbers | None = None, advice: str = ""
    ) -> None:
        """Refuse the rows marked as wrong, shape (n_rows,).

        Raises
        ------
        ForecastError
            Naming series and date of the first, its value (y if not given) after `what`, how many
            there are, and what to do.
        """
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            value = (self.y if values is None else values)[row]
            raise ForecastError(
                f"{self.place(row)}: {what} {value:g} ({int(wrong.sum())} such rows){advice}"
            )

    def negatives(self) -> str:
        """Say how many values are below 0, as no number of plays is; empty where none is."""
        negative = self.y < 0
        if not negative.any():
            return ""
        row = int(np.argmax(negative))
        return (
            f"{self.columns.y} is below 0 in {int(negative.sum()):,} of {negative.size:,} rows, "
            f"the first {self.y[row]:g} ({self.place(row)}): no plays are. They are used as they "
            "are; correct them if they are faults"
        )

    def rows(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Panel:
        """Take rows `starts[i]` to `stops[i]` of each series i, counted within the series."""
        first, lengths = self.indptr[:-1] + starts, stops - starts
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(first - indptr[:-1], lengths) + np.arange(indptr[-1])
        return replace(
            self,
            indptr=indptr,
            ds=self.ds[rows],
            y=self.y[rows],
            exog=self.exog.iloc[rows].reset_index(drop=True),
        )

    def tail(self, n: int | NDArray[np.int64]) -> Panel:
        """Take at most the last `n` rows of every series, or the last ``n[i]`` of series i."""
        return self.rows(self.lengths - np.minimum(self.lengths, n), self.lengths)

    def without_last(self, n: int) -> Panel:
        """Take every series without its last `n` rows."""
        return self.rows(np.zeros_like(self.lengths), self.lengths - n)

    def future(self, h: int) -> pd.DataFrame:
        """The `h` dates that follow each series: columns as the frame called them."""
        return pd.DataFrame(
            {
                self.columns.unique_id: self.ids.repeat(h),
                self.columns.ds: future_times(self.ds, h, self.freq, self.indptr),
            }
        )

    def frame(self) -> pd.DataFrame:
        """The series in the long format."""
        columns: dict[Any, Any] = {
            self.columns.unique_id: self.ids.repeat(self.lengths),
            self.columns.ds: self.ds,
            self.columns.y: self.y,
        }
        return pd.DataFrame(columns | {name: self.exog[name] for name in self.exog})


def check_windows(h: int, n_windows: int, step_size: int | None) -> int:
    """The step between cutoffs, `h` if it is not given; numbers below 1 are refused."""
    step = h if step_size is None else step_size
    numbers = {"n_windows": n_windows, "step_size": step}
    check_parameters(numbers, dict.fromkeys(numbers, Whole()), ForecastError)
    return step


def cutoffs(
    panel: Panel, h: int, n_windows: int = 1, step_size: int | None = None
) -> Iterator[tuple[Panel, Panel]]:
    """Split series at each cutoff, the earliest first.

    Parameters
    ----------
    panel : Panel
    h : int
        Rows after a cutoff.
    n_windows : int
        Cutoffs; the last lies `h` rows before the end of each series.
    step_size : int, optional
        Rows between two cutoffs; `h` if not given.

    Yields
    ------
    past, future : Panel
        Everything up to the cutoff, and the `h` rows after it.

    Raises
    ------
    ForecastError
        When a number is below 1, or a series has no row before its first cutoff, by name.
    """
    step = check_windows(h, n_windows, step_size)
    span = h + (n_windows - 1) * step
    panel.require(
        span + 1, f"{n_windows} windows of {h} rows, {step} apart, and one row before them"
    )
    for window in range(n_windows):
        after = (n_windows - 1 - window) * step
        ends = panel.lengths - after
        yield panel.rows(np.zeros_like(ends), ends - h), panel.rows(ends - h, ends)


def day(time: Any) -> str:
    """A date in words, such as 2 June 2015; a whole number as it is."""
    if not isinstance(time, pd.Timestamp):
        return f"{time}"
    clock = "" if time == time.normalize() else f", {time:%H:%M}"
    return f"{time.day} {time:%B %Y}{clock}"


def steps(n: int, panel: Panel) -> str:
    """A number of rows in the words of the frequency, such as 30 days."""
    words = {"D": "day", "h": "hour", "W": "week", "MS": "month", "ME": "month", "min": "minute"}
    freq = panel.freq
    if months := months_on_a_day(freq):
        word = {1: "month", 3: "quarter", 12: "year"}.get(months, "step")
    elif isinstance(freq, int) or freq.n != 1:
        word = "step"
    else:
        word = words.get(freq.rule_code.split("-")[0], "step")
    return f"{n:,} {word}{'s' * (n != 1)}"


def series_count(n: int) -> str:
    """How many series, in words."""
    return f"{n:,} series"
