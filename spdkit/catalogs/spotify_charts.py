"""Spotify's charts: every form in which people have them, to one table.

Like `spdkit.catalogs.tianchi` this is no `Catalog` but a module of functions: it has neither labels
nor features.

>>> from spdkit.catalogs import spotify_charts
>>> chart = spotify_charts.read_charts(sorted(Path("charts").glob("*.csv")))  # doctest: +SKIP
>>> chart.frame, chart.remarks  # doctest: +SKIP

Conventions
-----------
What comes out is `spdkit.forecast.charts.chart_table.ChartTable`: ``region, ds, position, track_id,
title, artist, streams``, one row a place. What goes in:

* the old site's files (spotifycharts.com, until 2021), with or without the note before the header:
  Position, Track Name, Artist, Streams, URL;
* the new site's (charts.spotify.com): rank, uri, artist_names, track_name, …, streams;
* tables that were merged of them, such as Kaggle's: with a region and a date in each row, and a
  column chart, of which one is read ("top200");
* pages of kworb.net, saved as HTML or made a table of (`spdkit.catalogs.kworb_pages`);
* the one table itself, also without ids.

A column is known by its name (`ALIASES`), whatever the case and order, and others are not looked
at. Region and date are those of the rows, or of a page's heading; else of the name of the file
(``regional-ph-daily-2020-05-20.csv``, ``us_weekly_2021-05-20.csv``); else those that are given. A
week is dated by its last day: one that is written as from a Friday to the next Friday ends on the
Thursday. Regions become codes (`spdkit.catalogs.chart_regions`); ids are taken from addresses and
URIs; rows without one are matched by artist and title (`spdkit.catalogs.song_ids`).

Nothing is repaired unasked. Numbers with thousands separators (but kworb's own), rows without an id
and a title, a song or a place that stands twice on a date, and a date that stands in two files are
refused by name, all at once, until an argument says what to do.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spdkit.catalogs.chart_regions import region_code
from spdkit.catalogs.errors import SHOWN_ROWS, CatalogError, rows_at_fault
from spdkit.catalogs.kworb_pages import TOTALS, parted, read_page
from spdkit.catalogs.song_ids import UNTITLED, fill_ids
from spdkit.common.errors import ParameterError
from spdkit.common.files import user_path
from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.parameters import TEXT, OneOf, check_parameters
from spdkit.common.table_io import column_names, read_table
from spdkit.common.text import composed
from spdkit.forecast.charts.chart_table import COLUMNS, FREQS, KEEP_FIRST, ChartTable, check_chart
from spdkit.forecast.data.checks import ForecastError

TITLE = "Spotify Charts"
SOURCE = "https://charts.spotify.com"
LICENCE = (
    "Spotify's, and that of whoever merged them: read the terms where your files come from. "
    "Spotify's developer terms forbid training models on what its interface gives."
)
# What forms call a column, in lower case, the surest name first.
ALIASES: dict[str, tuple[str, ...]] = {
    "region": ("region", "country", "market"),
    "ds": ("ds", "date", "chart_date", "day", "week"),
    "position": ("position", "rank", "pos", "chart_position"),
    "track_id": ("track_id", "uri", "spotify_uri", "url", "spotify_url", "track_url", "link"),
    "title": ("title", "track_name", "track", "song", "song_name"),
    "artist": ("artist", "artist_names", "artist_name", "artists", "performer"),
    "streams": ("streams",),
    "chart": ("chart",),
    "credit": ("artist_and_title",),
}
PAGES = (".html", ".htm")
SEPARATORS = {",": ",", ".": r"\.", "space": "[ \u00a0\u202f]", "'": "['’]"}
SHOWN_PROBLEMS = 20
SPOTIFYS_WEEK = "W-THU"
_NOTE = "note_that_these_figures"
_ID = re.compile(r"(?:^|track[/:])([0-9A-Za-z]{22})(?:$|[?/#])")
_DAY = r"\d{4}-?\d\d-?\d\d"
_DATE = re.compile(rf"(?<!\d)({_DAY})(?:[T ]00:00(?::00)?)?(?:\s*-{{1,2}}\s*({_DAY}))?(?!\d)")
_CHART_NAME = re.compile(r"(?:^|[-_ ])(global|[a-z]{2})[-_ ](daily|weekly)(?![a-z])", re.IGNORECASE)
_GROUPED = r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+"
_WORDS = {"region": "the region", "ds": "the date"}


@dataclass
class _File:
    """One file: its rows as text, by the names of the one table, and what is said around them.

    Attributes
    ----------
    path : Path
    rows : DataFrame
        The columns of `ALIASES` that it has; their index counts the rows of the file.
    weekly : bool or None
        Whether its heading or its name says that it is of a week; None where neither does.
    thousands : str or None
        The separator that its form has.
    problems : list of str
        What is wrong with its cells.
    """

    path: Path
    rows: pd.DataFrame
    weekly: bool | None = None
    thousands: str | None = None
    problems: list[str] = field(default_factory=list)

    def fault(self, what: str, wrong: pd.Series[bool], cells: pd.Series[Any]) -> None:
        """Keep what is wrong with some cells, if there are any."""
        if wrong.any():
            first = cells[wrong][:SHOWN_ROWS]
            texts = [None if pd.isna(cell) else str(cell) for cell in first]
            rows = [*zip((first.index + 1).tolist(), texts, strict=True)]
            self.problems.append(f"{self.path}: {rows_at_fault(what, rows, int(wrong.sum()))}")


def read_charts(
    files: Sequence[str | os.PathLike[str]],
    *,
    region: str | None = None,
    date: str | None = None,
    freq: str | None = None,
    chart: str = "top200",
    duplicates: str = "refuse",
    thousands: str | None = None,
    progress: Callable[[Path], None] = lambda path: None,
) -> ChartTable:
    """Read charts in any form, from one file or many, to one table.

    Parameters
    ----------
    files : sequence of path
        CSV, TSV or Parquet as `spdkit.read_table` reads them, or pages of kworb.net (.html).
    region, date : str, optional
        Of the files that say none; a code or a name, and a day as 2021-05-20, of weeks the last.
    freq : str, optional
        "D", or "W-THU" for weeks that end on a Thursday; by default what names and dates say.
    chart : str
        Which rows count where there is a column chart.
    duplicates : {"refuse", "first"}
        With "first", the first row of a song and of a place on a date counts, and of a date that is
        in two files the first file; rows without an id and a title are one song.
    thousands : {",", ".", "space", "'"}, optional
        What stands between the thousands of streams and places.
    progress : callable
        Is called with each file when it is read.

    Returns
    -------
    ChartTable
        Its remarks say what was matched, left out and missing.

    Raises
    ------
    CatalogError
        Naming files, rows and dates, all at once: what is no chart (totals and viral charts are
        named as such), cells that are no number or date, a region or date that nothing says, and
        what stands twice.

    Examples
    --------
    >>> read_charts(["regional-ph-daily-2020-05-20.csv", "ph_daily.html"])  # doctest: +SKIP
    """
    check_parameters(
        {"freq": freq, "duplicates": duplicates, "thousands": thousands, "chart": chart},
        {
            "freq": (None, OneOf(*FREQS)),
            "duplicates": OneOf("refuse", "first"),
            "thousands": (None, OneOf(*SEPARATORS)),
            "chart": TEXT,
        },
    )
    if not files:
        raise ParameterError("files must be one or more, got none")
    defaults = {"region": region, "ds": date}
    read: list[_File] = []
    problems: list[str] = []
    remarks: list[str] = []
    for name in files:
        path = user_path(name, CatalogError)
        try:
            file = _read(path)
            remarks += _select(file, chart)
            _complete(file, defaults)
            _convert(file, file.thousands or thousands)
        except CatalogError as error:
            problems += [error.message, *error.problems]
        else:
            problems += file.problems
            read.append(file)
        progress(path)
    if not problems:
        freq = freq or _freq_of_names(read)
        parts = [file.rows.assign(file=number) for number, file in enumerate(read)]
        rows = pd.concat(parts, ignore_index=True)
        rows, more = _first_of_dates(rows, [file.path.name for file in read], duplicates, problems)
        rows["track_id"], matches = fill_ids(rows)
        rows, untitled = _untitled(rows, duplicates, problems)
        remarks += [*more, *matches, *untitled]
        try:
            table = check_chart(rows[list(COLUMNS)], freq=freq, duplicates=duplicates)
        except ForecastError as error:
            problems.append(str(error))
    if problems:
        count = f"{len(files)} files" if len(files) > 1 else str(files[0])
        hidden = len(problems) - SHOWN_PROBLEMS
        more = [f"… and {hidden} more"] if hidden > 0 else []
        raise CatalogError(f"{count}: not charts as they are", (*problems[:SHOWN_PROBLEMS], *more))
    if table.freq not in ("D", SPOTIFYS_WEEK):
        remarks.append(
            f"weeks are dated {table.freq}, and Spotify's are {SPOTIFYS_WEEK} (W-SUN until March "
            "2015): these may be the days on which weeks begin"
        )
    return replace(table, remarks=(*remarks, *table.remarks))


def _read(path: Path) -> _File:
    """Rows of a file as text, by the names of the one table."""
    if path.suffix.lower() in PAGES:
        page = read_page(path)
        heading = {"region": page.region, "ds": page.date}
        rows = pd.DataFrame({name: _as_text(page.rows[name]) for name in page.rows})
        rows = rows.assign(**{name: text for name, text in heading.items() if text})
        return _File(path, rows, page.weekly, ",")
    names = column_names(path, CatalogError)
    noted = any(_plain(name).startswith(_NOTE) for name in names)
    if noted:  # the header is the first row
        table = read_table(path, text=True, error=CatalogError)
        names = table.iloc[0].fillna("").tolist() if len(table) else []
    columns = _columns(names)
    _require_chart(path, names, columns)
    if noted:
        rows = table[1:].set_axis(names, axis=1)[list(columns.values())]
    else:
        rows = read_table(path, [*columns.values()], text=True, error=CatalogError)
    rows = rows.set_axis(list(columns), axis=1).reset_index(drop=True)
    rows = pd.DataFrame({name: _as_text(rows[name]) for name in rows})
    if rows.empty:
        raise CatalogError(f"{path}: the chart has no rows")
    from_kworb = "credit" in columns
    if from_kworb:
        rows[["title", "artist"]] = [parted(text) for text in rows.pop("credit").fillna("")]
    return _File(path, rows, thousands="," if from_kworb else None)


def _columns(names: Sequence[str]) -> dict[str, str]:
    """Column of the one table -> what a file calls it."""
    plain = {_plain(name): name for name in reversed(names)}
    return {
        name: plain[next(alias for alias in aliases if alias in plain)]
        for name, aliases in ALIASES.items()
        if plain.keys() & set(aliases)
    }


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name.strip().casefold())


def _require_chart(path: Path, names: Sequence[str], columns: dict[str, str]) -> None:
    """Refuse a table that is no chart, as what it is where that is known."""
    needed = ["position", "streams", *([] if "credit" in columns else ["title", "artist"])]
    lacking = [name for name in needed if name not in columns]
    if not lacking:
        return
    if "credit" in columns and "position" in lacking:
        raise CatalogError(f"{path}: {TOTALS}")
    viral = "; a viral chart has none" if lacking == ["streams"] else ""
    columns_of = "; no column of ".join(" or ".join(ALIASES[name]) for name in lacking)
    raise CatalogError(
        f"{path}: no column of {columns_of}{viral}; the columns are "
        f"{listing([*names], COLUMNS_SHOWN)}"
    )


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Cells as text, stripped and composed, empty ones missing; Parquet has numbers and dates."""
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d %H:%M:%S")
    return _mapped(column, lambda cell: composed(str(cell).strip()) or None).astype("str")


def _mapped(column: pd.Series[Any], of: Callable[[Any], Any]) -> pd.Series[Any]:
    """What a function says of each cell, of equal ones once; what is missing stays so."""
    codes, cells = pd.factorize(column)  # a cell that is missing has the code -1
    values = np.array([*map(of, cells), None], object)
    return pd.Series(values[codes], column.index, dtype=object)


def _select(file: _File, chart: str) -> Iterator[str]:
    """Leave the rows of one chart, and say what was left out."""
    if "chart" not in file.rows:
        return
    names = file.rows.pop("chart")
    other = names.str.casefold() != chart.casefold()
    if other.all():
        raise CatalogError(
            f"{file.path}: no rows of the chart {chart!r}, only of "
            f"{listing(sorted(names.dropna().unique()), quote=True)}"
        )
    if other.any():
        counts = names[other].fillna("(none)").value_counts()
        kinds = ", ".join(f"{n} of {name!r}" for name, n in counts.items())
        yield f"{file.path.name}: rows of other charts, left out: {kinds}"
        file.rows = file.rows[~other]


def _complete(file: _File, defaults: Mapping[str, str | None]) -> None:
    """Add the region and the date that rows lack: of the file's name, else the defaults."""
    name = file.path.name
    chart, day = _CHART_NAME.search(name), _DATE.search(name)
    if file.weekly is None and chart:
        file.weekly = chart[2].casefold() == "weekly"
    of_name = {"region": chart and chart[1], "ds": day and day[0]}
    lacking = {column for column in of_name if column not in file.rows}
    unknown = [column for column in lacking if not (of_name[column] or defaults[column])]
    if unknown:
        what = " and ".join(_WORDS[column] for column in sorted(unknown, reverse=True))
        raise CatalogError(
            f"{file.path}: neither the rows nor the name of the file say {what}: give it, or call "
            "the file as the site did (regional-ph-daily-2020-05-20.csv)"
        )
    for column in lacking:
        file.rows[column] = of_name[column] or defaults[column]


def _convert(file: _File, thousands: str | None) -> None:
    """Text to the types of the one table; what is none is named."""
    rows = file.rows
    for name in ("region", "ds"):
        file.fault(f"column {name!r}: empty", rows[name].isna(), rows[name])
    dates = _mapped(rows["ds"], _last_day)
    undated = dates.isna() & rows["ds"].notna()
    file.fault("column 'ds': no date as 2021-05-20 and no week", undated, rows["ds"])
    converted = {"region": _mapped(rows["region"], region_code), "ds": pd.to_datetime(dates)}
    for name in ("position", "streams"):
        converted[name] = pd.to_numeric(_mapped(rows[name], partial(_number, thousands=thousands)))
        wrong = converted[name].isna()
        grouped = wrong & rows[name].fillna("").str.fullmatch(_GROUPED)
        what = f"column {name!r}: thousands separators: say which by the option thousands"
        file.fault(what, grouped, rows[name])
        file.fault(f"column {name!r}: no whole number from 1", wrong & ~grouped, rows[name])
    ids = rows["track_id"] if "track_id" in rows else pd.Series(None, rows.index, dtype=object)
    converted["track_id"] = _mapped(ids, _own_id)
    converted |= {name: rows[name] for name in ("title", "artist")}
    file.rows = pd.DataFrame(converted)[list(COLUMNS)]


def _number(text: str, thousands: str | None) -> int | None:
    """Whole number from 1 that a text is; None of any other."""
    if thousands is not None:
        separator = SEPARATORS[thousands]
        if re.fullmatch(rf"\d{{1,3}}(?:{separator}\d{{3}})+", text):
            text = re.sub(separator, "", text)
    match = re.fullmatch(r"(\d{1,15})(?:\.0)?", text)
    return int(match[1]) or None if match else None


def _own_id(text: str) -> str | None:
    """Id in a URI, an address or alone; other catalogues' as they are, None of other addresses."""
    if match := _ID.search(text):
        return match[1]
    return None if text.startswith(("http", "spotify:")) else text


def _last_day(text: str) -> datetime.date | None:
    """The day that a text names, or the last day of the week that it does; None of any other."""
    match = _DATE.fullmatch(text.replace("/", "-"))
    if not match:
        return None
    try:
        first, *last = (datetime.date.fromisoformat(day) for day in match.groups() if day)
    except ValueError:  # 30 February
        return None
    if not last:
        return first
    # From a Friday to the next Friday, of which it holds no hour, or to the Thursday.
    beyond = (last[0] - first).days - 6
    return last[0] - datetime.timedelta(days=beyond) if beyond in (0, 1) else None


def _freq_of_names(files: Sequence[_File]) -> str | None:
    """The step that headings and names of files say; two of them are refused."""
    weekly = {file.weekly: file for file in files}
    if True in weekly and False in weekly:
        raise CatalogError(
            f"{weekly[False].path} is a chart of a day, {weekly[True].path} of a week: read them "
            "apart"
        )
    if True in weekly:
        return f"W-{weekly[True].rows['ds'].iloc[0].strftime('%a').upper()}"
    return "D" if False in weekly else None


def _first_of_dates(
    rows: pd.DataFrame, files: Sequence[str], duplicates: str, problems: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Leave a date of a region to the first file that has it; two files are a problem otherwise."""
    first = rows.groupby(["region", "ds"])["file"].transform("first")
    again = rows["file"] != first
    if not again.any():
        return rows, []
    pairs = rows.assign(first=first)[again].drop_duplicates(["region", "ds", "file"])
    keys = ("region", "ds", "first", "file")
    names = [
        f"{region} {day:%Y-%m-%d} in {files[first]} and {files[file]}"
        for region, day, first, file in zip(*(pairs[key] for key in keys), strict=True)
    ]
    text = f"{len(names)} dates stand in two files: {listing(names)}"
    if duplicates == "refuse":
        problems.append(f"{text}. Leave one out, or keep the first file by {KEEP_FIRST}.")
    return rows[~again], [f"{text}; the first file counts ({int(again.sum())} rows are left out)"]


def _untitled(
    rows: pd.DataFrame, duplicates: str, problems: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Take rows without an id and a title for one song, a row a date; else they are a problem."""
    untitled = rows["track_id"] == UNTITLED
    if not untitled.any():
        return rows, []
    again = untitled & rows.duplicated(["region", "ds", "track_id"])
    of = (rows[untitled][name] for name in ("region", "ds", "position"))
    names = [f"{name} {day:%Y-%m-%d} place {place}" for name, day, place in zip(*of, strict=True)]
    text = f"{len(names)} rows have neither an id nor a title: {listing(names)}"
    if duplicates == "refuse":
        problems.append(f"{text}. Correct them, or take them for one song by {KEEP_FIRST}.")
    text += "; they are one song, of which the first row of a date counts"
    return rows[~again], [f"{text} ({int(again.sum())} rows are left out)"]
