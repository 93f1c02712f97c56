"""Release dates: one reader for every form in which tables, tags and services write them.

Conventions
-----------
A date is read as precisely as its text is sure, to the day, the month or the year, between 1000 and
2100:

* "1975", "1975-03", "1975-03-21", with ``-``, ``/``, ``.`` or ``:`` between the parts, one digit or
  two, and any time behind them, which is passed over; "19750321"; "March 1975", "21 March 1975",
  "Mar 21, 1975", "03/1975". A part that is 0 is not known: "1975-00-00" is a year.
* Numbers are the same written as numbers: 1975, 1975.0 and 19750321. Never seconds or nanoseconds:
  a number of another length is no date, nor is one of six digits (197503, 750321).
* With the year last, "03/21/1975" has one reading. "03/04/1975" has two, of which the year alone is
  sure; so has a day that does not exist ("1975-02-30", "19750230").
* Other text is the one year of four digits that it names ("spring 1975", "© 1975"), but no decade.
* ``datetime``, ``date``, pandas' and numpy's dates; a list of one of these.

Nothing was said where a cell is empty, or holds None, NaN, NaT, "n/a", a year 0, -1 or -99. All
else (two years, "199x", "12") cannot be read: `ReleaseDateError`, which callers count, tell, and
take for missing. In order, a date counts as its first day: "1975" is before "1975-03" and with
"1975-01-01".
"""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from numbers import Real
from typing import Literal

import numpy as np

from spdkit.common.messages import listing

FIRST_YEAR, LAST_YEAR = 1000, 2100
# Where tracks have their release, best first: a table's date comes before the year of a tag.
RELEASE_FACTS = ("release_date", "release_year", "date", "year")
_MISSING_WORDS = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat"})
_SEPARATOR = r"[-/.:\u2010-\u2015\u2212]"
_TIME = r"(?:[T ]\s*\d{1,2}(?::?\d{2}.*)?)?"
_NOT_KNOWN = re.compile(rf"-1|-99|0+(?:{_SEPARATOR}0+){{0,2}}{_TIME}")
_COMPACT = re.compile(rf"(\d{{4}})(\d\d)(\d\d){_TIME}")
# "2019.5" may be half of a year.
_YEAR_MONTH = re.compile(rf"(\d{{4}})(?:(?![.]){_SEPARATOR}(\d{{1,2}}))?{_TIME}")
_YEAR_FIRST = re.compile(rf"(\d{{4}}){_SEPARATOR}(\d{{1,2}}){_SEPARATOR}(\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}}){_SEPARATOR}(\d{{1,2}}){_SEPARATOR}(\d{{4}}){_TIME}")
_MONTH_YEAR = re.compile(rf"(\d{{1,2}}){_SEPARATOR}(\d{{4}})")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_NTH = r"(\d{1,2})(?:st|nd|rd|th)?\.?"
_NAMED = re.compile(rf"(?:{_NTH}(?: of)?[ -])?{_MONTH}(?:[ -]{_NTH})?,?[ -](\d{{4}})", re.I)
_YEAR = re.compile(r"(?<![0-9])[12][0-9]{3}(?![0-9]|['\u2019]?s\b|[x?]{1,2}\b)", re.I)

Precision = Literal["year", "month", "day"]


class ReleaseDateError(ValueError):
    """Something that is no release date; the message says why."""


@dataclass(frozen=True)
class ReleaseDate:
    """When something came out, as precisely as it is known.

    Attributes
    ----------
    year : int
    month, day : int
        0 where not known.
    """

    year: int
    month: int = 0
    day: int = 0

    @property
    def precision(self) -> Precision:
        """What is known of it."""
        return "day" if self.day else "month" if self.month else "year"

    @property
    def first_day(self) -> date:
        """What it counts as in an order: the first day that it can be."""
        return date(self.year, self.month or 1, self.day or 1)


def is_missing(value: object) -> bool:
    """Whether a cell says nothing: None, NaN, NaT, NA, blank text, words such as "nan", "null"."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # without importing pandas
        return True
    if isinstance(value, str):
        return value.strip().lower() in _MISSING_WORDS
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return isinstance(value, Real | Decimal) and value != value  # noqa: PLR0124 (isnan overflows: 10**400)


def read_release_date(value: object) -> ReleaseDate | None:
    """Read a date of any precision and type.

    Returns
    -------
    ReleaseDate or None
        None where nothing is said.

    Raises
    ------
    ReleaseDateError
        When something is said that is no date.

    Examples
    --------
    >>> read_release_date("1975-03")
    ReleaseDate(year=1975, month=3, day=0)
    >>> read_release_date(19750321).first_day
    datetime.date(1975, 3, 21)
    """
    value = _alone(value)
    if is_missing(value):
        return None
    text = _text(value)
    if _NOT_KNOWN.fullmatch(text):
        return None
    released = _dated(text)
    if released is None:
        raise ReleaseDateError("is no date")
    if not FIRST_YEAR <= released.year <= LAST_YEAR:
        raise ReleaseDateError(f"is no date from {FIRST_YEAR} to {LAST_YEAR}")
    return released


def read_release_dates(
    values: Iterable[object],
) -> tuple[list[ReleaseDate | None], list[tuple[int, object]]]:
    """Read many: the dates, None where there is none, and place and value of what is no date."""
    dates: list[ReleaseDate | None] = []
    unreadable: list[tuple[int, object]] = []
    for place, value in enumerate(values):
        try:
            dates.append(read_release_date(value))
        except ReleaseDateError:
            dates.append(None)
            unreadable.append((place, value))
    return dates, unreadable


def release_date_of(facts: Mapping[str, object]) -> ReleaseDate | None:
    """When a track came out, by its facts: the first of `RELEASE_FACTS` that can be read.

    A later one that is of the same year and more precise is taken instead.
    """
    candidates, _ = read_release_dates(facts.get(name) for name in RELEASE_FACTS)
    dates = [each for each in candidates if each is not None]
    return max(
        (each for each in dates if each.year == dates[0].year),
        key=lambda each: (each.month > 0, each.day > 0),
        default=None,
    )


def unreadable_dates(tracks: Iterable[tuple[str, Mapping[str, object]]]) -> list[str]:
    """A remark on facts of tracks that should be dates and are none; empty without such.

    Parameters
    ----------
    tracks : iterable of (str, mapping)
        What each track is called, and its facts.
    """
    faults = [
        f"{name} {reprlib.repr(facts[name])} of {track!r}"
        for track, facts in tracks
        for name in _unread(facts)
    ]
    count = len(faults)
    return [f"{count} dates cannot be read and are missing: {listing(faults)}"] if count else []


def _unread(facts: Mapping[str, object]) -> Iterator[str]:
    names = [name for name in RELEASE_FACTS if name in facts]
    for place, _ in read_release_dates(facts[name] for name in names)[1]:
        yield names[place]


def _alone(value: object) -> object:
    """The value of a list of one, None of an empty one, numpy's scalar of an array of one."""
    while isinstance(value, list | tuple | set | frozenset | np.ndarray):
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return value[()]
        value = list(value)
        if len(value) > 1:
            raise ReleaseDateError(f"holds {len(value)} values, not one date")
        value = value[0] if len(value) else None
    return value


def _text(value: object) -> str:
    """A value as the text that would be written for it, with digits 0 to 9."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, np.datetime64) or type(value).__name__ == "Period":  # pandas', unimported
        return str(value)
    if isinstance(value, bool | np.bool_):
        raise ReleaseDateError("is no date")
    if isinstance(value, int | np.integer | Decimal | float | np.floating):
        whole = -100 < value < 1e9 and value == int(value)
        return str(int(value)) if whole else ""
    if not isinstance(value, str):
        raise ReleaseDateError("is no date")
    # Digits of any script, and of any width.
    plain = "".join(str(unicodedata.decimal(letter, letter)) for letter in value.strip())
    return re.sub(r"\.0+$", "", plain) if re.fullmatch(r"-?\d+\.0+", plain) else plain


def _dated(text: str) -> ReleaseDate | None:
    """The date that a text is, or None."""
    if match := _COMPACT.fullmatch(text):
        year, month, day = map(int, match.groups())
        # Without separators it is a date only if it is like one.
        return _exact(year, month, day) or (ReleaseDate(year) if month < 13 and day < 32 else None)
    if match := _YEAR_MONTH.fullmatch(text):
        return _exact(int(match[1]), int(match[2] or 0), 0)
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = map(int, match.groups())
        return _exact(year, month, day) or ReleaseDate(year)
    if match := _YEAR_LAST.fullmatch(text):
        return _year_last(*map(int, match.groups()))
    if match := _MONTH_YEAR.fullmatch(text):
        return _exact(int(match[2]), int(match[1]), 0)
    if match := _NAMED.search(text):
        month = 1 + _MONTHS.index(match[2][:3].lower())
        return _exact(int(match[4]), month, int(match[1] or match[3] or 0)) or _lone_year(text)
    return _iso_week(text) or _lone_year(text)


def _exact(year: int, month: int, day: int) -> ReleaseDate | None:
    """A date with what is known of it, 0 for what is not; None where there is no such day."""
    try:
        date(max(year, 1), month or 1, (day or 1) if month else 1)
    except ValueError:
        return None
    return ReleaseDate(year, month, day if month else 0)


def _year_last(first: int, second: int, year: int) -> ReleaseDate:
    months = (first, second), (second, first)
    readings = {each for month, day in months if (each := _exact(year, month, day))}
    return readings.pop() if len(readings) == 1 else ReleaseDate(year)


def _iso_week(text: str) -> ReleaseDate | None:
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ReleaseDate(day.year, day.month, day.day)


def _lone_year(text: str) -> ReleaseDate | None:
    years: Sequence[str] = list(set(_YEAR.findall(text)))
    return ReleaseDate(int(years[0])) if len(years) == 1 else None
