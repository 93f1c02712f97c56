"""Frequencies: steps between dates, by their names.

Names are pandas' ("D", "W-MON", "h", "MS" for months by their start, "ME" by their end), and
"M-15", "3M-15" for what pandas has none: steps of months on one day of the month (the last where
the month is shorter).
"""

from __future__ import annotations

import re
from typing import cast

import numpy as np
import pandas as pd

from spdkit.forecast.data.checks import ForecastError

Freq = pd.DateOffset | int

_ON_A_DAY = re.compile(r"([1-9][0-9]*)?M-0?([1-9]|[12][0-9]|3[01])")
_MONTHS = re.compile(r"([1-9][0-9]*)?([MQYA])[SE]?")
_MONTHS_OF = {"M": 1, "Q": 3, "Y": 12, "A": 12}
# Of older versions of pandas.
_OLD = {"M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "AS": "YS", "H": "h", "T": "min", "S": "s"}
_OLD_NAME = re.compile(rf"([1-9][0-9]*)?({'|'.join(_OLD)})(-[A-Z]{{3}})?")


def offset_of(freq: object) -> pd.DateOffset:
    """Make an offset of its name, or of what pandas takes for one.

    Raises
    ------
    ValueError, TypeError
        When it is none.
    """
    if isinstance(freq, str):
        if on_a_day := _ON_A_DAY.fullmatch(freq):
            return pd.DateOffset(months=int(on_a_day[1] or 1), day=int(on_a_day[2]))
        if old := _OLD_NAME.fullmatch(freq):
            freq = f"{old[1] or ''}{_OLD[old[2]]}{old[3] or ''}"
    return cast("pd.DateOffset", pd.tseries.frequencies.to_offset(freq))  # type: ignore[call-overload]


def months_on_a_day(freq: Freq) -> int:
    """Months of a step on one day of the month; 0 for any other."""
    if type(freq) is pd.DateOffset and freq.kwds.keys() == {"months", "day"} and freq.n == 1:
        return int(freq.kwds["months"])
    return 0


def freq_name(freq: Freq) -> str | int:
    """What a step is called; `offset_of` reads it."""
    if isinstance(freq, int):
        return freq
    months = months_on_a_day(freq)
    return f"{months if months > 1 else ''}M-{freq.kwds['day']}" if months else freq.freqstr


def checked(freq: object, whole: bool) -> Freq:
    """Return the step that a user gives, for dates that are whole numbers or none.

    Raises
    ------
    ForecastError
        When it is none, or one of another kind than the dates.
    """
    number = isinstance(freq, int | np.integer) and not isinstance(freq, bool | np.timedelta64)
    if whole and not number:
        raise ForecastError(
            f"the dates are whole numbers, but freq={freq!r} is not. Give freq=1, or convert the "
            f"dates (20150831 by pandas.to_datetime(..., format='%Y%m%d'))."
        )
    if number:
        if not whole or int(freq) < 1:  # type: ignore[call-overload]
            raise ForecastError(
                f"freq={freq!r}: dates and times need a frequency such as 'D', 'W-MON' or 'h', "
                f"whole numbers a step of at least 1"
            )
        return int(freq)  # type: ignore[call-overload, no-any-return]
    try:
        offset = offset_of(freq)
    except (ValueError, TypeError) as reason:
        raise ForecastError(
            f"freq={freq!r} is no frequency that pandas knows: give D, W-MON, h, MS (months by "
            f"their start), ME (by their end), M-15 (on the 15th) or another"
        ) from reason
    if offset.n < 1:
        raise ForecastError(f"freq={freq!r} does not go on in time")
    return offset


def months_asked_for(freq: object) -> int | None:
    """Months of a step that is called M, MS, ME, Q, Y or the like; None for any other."""
    name = _MONTHS.fullmatch(freq) if isinstance(freq, str) else None
    return int(name[1] or 1) * _MONTHS_OF[name[2]] if name else None


def monthly(local: pd.DatetimeIndex, months: int | None = None) -> str | None:
    """Name of a step of months, if all dates lie on one day of the month, or on its last.

    Parameters
    ----------
    local : DatetimeIndex
        Different dates in order, without a time zone.
    months : int, optional
        Of the step; the fewest between two dates if not given.
    """
    if months is None:
        months = int(np.diff(local.year * 12 + local.month).min())
    if months < 1:
        return None
    for ends, letter in ((local.is_month_start, "S"), (local.is_month_end, "E")):
        if ends.all():
            name = local[-1].strftime("%b").upper()
            steps = {1: f"M{letter}", 3: f"Q{letter}-{name}", 12: f"Y{letter}-{name}"}
            return steps.get(months, f"{months}M{letter}")
    day = int(local.day.max())
    if (local.day == np.minimum(day, local.days_in_month)).all():
        return f"{months if months > 1 else ''}M-{day}"
    return None
