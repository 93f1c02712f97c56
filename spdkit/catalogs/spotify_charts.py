"""Spotify's charts: every form in which people have them, to one table.

Like `spdkit.catalogs.tianchi` this is no `Catalog` but a module of functions: it has neither labels
nor features.

>>> from spdkit.catalogs import spotify_charts
>>> chart = spotify_charts.read_charts(sorted(Path("charts").glob("*.csv")))  # doctest: +SKIP
>>> merged = spotify_charts.read_charts("m.csv", columns={"streams": "Plays"})  # doctest: +SKIP
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

A column is known by its name (`ALIASES`), whatever the case and order, or by the one that is
given, and others are not looked at. Without a column of places songs are ranked by streams. Region
and date are those of the rows, or of a page's heading; else of a file's name as the sites have it
(``regional-ph-daily-2020-05-20.csv``), from which what is given may not differ; else those that are
given; else what another name says for sure (``us_weekly_2021-05-20.csv``), which is told. A week is
dated by its last day: one that is written as from a Friday to the next Friday ends on the Thursday.
Regions become codes (`spdkit.catalogs.chart_regions`); ids are taken from addresses and URIs; rows
without one, or with a word for that (`NO_VALUE`), are matched by artist and title
(`spdkit.catalogs.song_ids`).

Nothing is repaired unasked. Numbers with thousands separators (but kworb's own), weeks and days in
one column, rows without an id and a title, a song or a place that stands twice on a date, and a
date that stands in two files are refused by name, all at once, until an argument says what to do.
"""

from __future__ import annotations

import datetime
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spdkit.catalogs.chart_regions import is_market, region_code
from spdkit.catalogs.errors import SHOWN_ROWS, CatalogError, rows_at_fault
from spdkit.catalogs.kworb_pages import TOTALS, parted, read_page
from spdkit.catalogs.song_ids import UNTITLED, fill_ids
from spdkit.common.errors import ParameterError
from spdkit.common.files import absence, user_path
from spdkit.common.messages import listing
from spdkit.common.parameters import TEXT, OneOf, check_parameters
from spdkit.common.table_io import column_names, columns_there, read_table, require_unique
from spdkit.common.text import composed
from spdkit.forecast.charts.chart_table import (
    COLUMNS,
    FIRST_DAY,
    FREQS,
    KEEP_FIRST,
    LAST_DAY,
    ChartTable,
    check_chart,
)
from spdkit.forecast.charts.song_metadata import SONG_METADATA
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
# What R, pandas, databases and spreadsheets write for an id that is missing, in lower case.
NO_VALUE = ("na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil")
OF_SONGS = (*SONG_METADATA, "release_date", "duration_ms", "explicit")
OF_ARTISTS = ("genres", "followers", "total_followers", "artist_genres")
PAGES = (".html", ".htm")
SEPARATORS = {",": ",", ".": r"\.", "space": "[ \u00a0\u202f]", "'": "['’]"}
SHOWN_PROBLEMS = 20
SPOTIFYS_WEEK = "W-THU"
_NOTE = "note_that_these_figures"
_ID = re.compile(r"(?:^|track[/:])([0-9A-Za-z]{22})(?:$|[?/#])")
_DAY = r"\d{4}-?\d\d-?\d\d"
_DATE = re.compile(rf"(?<!\d)({_DAY})(?:[T ]00:00(?::00)?)?(?:\s*-{{1,2}}\s*({_DAY}))?(?!\d)")
_DAY_OR_MONTH = r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"
_SITES_NAME = re.compile(r"regional-(global|[a-z]{2})-(daily|weekly)-", re.IGNORECASE)
_CHART_NAME = re.compile(r"(?:^|[-_ ])(global|[a-z]{2})[-_ ](daily|weekly)(?![a-z])", re.IGNORECASE)
_GROUPED = r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+"
_WORDS = {"region": "the region", "ds": "the date"}


@dataclass(frozen=True)
class _Name:
    """What the name of a file says, None of what it does not say for sure.

    Attributes
    ----------
    region, ds : str or None
        The region's code; a day, or a week.
    weekly : bool or None
    of_site : bool
        Whether it is as the sites name theirs.
    """

    region: str | None
    ds: str | None
    weekly: bool | None
    of_site: bool

    @classmethod
    def of(cls, path: Path) -> _Name:
        site = _SITES_NAME.match(path.name)
        chart = site or _CHART_NAME.search(path.name)
        days = [match[0] for match in _DATE.finditer(path.name)]
        return cls(
            region=region_code(chart[1]) if chart and (site or is_market(chart[1])) else None,
            ds=days[0] if len(days) == 1 and _last_day(days[0]) else None,
            weekly=chart[2].casefold() == "weekly" if chart else None,
            of_site=site is not None,
        )

    def refused(self, column: str, value: str) -> bool:
        """Whether it is sure that what is given is wrong."""
        if not self.of_site:
            return False
        if column == "region":
            return is_market(self.region or value) and region_code(value) != self.region
        return _last_day(value) != _last_day(self.ds or value)


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
    names : dict of str to str
        What it calls the columns.
    needed : list of str
        Which of region and ds its rows and its heading do not say.
    of_name : list of str
        What its name says that nothing else does, unless it is as the sites name theirs.
    problems : list of str
        What is wrong with its cells.
    notes : Counter of str
        What is to be known of its rows -> of how many.
    """

    path: Path
    rows: pd.DataFrame
    weekly: bool | None = None
    thousands: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)
    of_name: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def column(self, name: str) -> str:
        """A column as the file calls it."""
        return f"column {self.names.get(name, name)!r}"

    def fault(
        self, what: str, wrong: pd.Series[bool], cells: pd.Series[Any], advice: str = ""
    ) -> None:
        """Keep what is wrong with some cells, if there are any."""
        if wrong.any():
            first = cells[wrong][:SHOWN_ROWS]
            texts = [None if pd.isna(cell) else str(cell) for cell in first]
            rows = [*zip((first.index + 1).tolist(), texts, strict=True)]
            fault = rows_at_fault(what, rows, int(wrong.sum()))
            self.problems.append(f"{self.path}: {fault}{advice}")


def read_charts(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    region: str | None = None,
    date: str | None = None,
    freq: str | None = None,
    chart: str = "top200",
    columns: Mapping[str, str] | None = None,
    duplicates: str = "refuse",
    thousands: str | None = None,
    progress: Callable[[Path], None] = lambda path: None,
) -> ChartTable:
    """Read charts in any form, from one file or many, to one table.

    Parameters
    ----------
    files : path or sequence of path
        CSV, TSV or Parquet as `spdkit.read_table` reads them, or pages of kworb.net (.html).
    region, date : str, optional
        Of the files whose rows say none; a code or a name, and a day as 2021-05-20, of weeks the
        last.
    freq : str, optional
        "D", or "W-THU" for weeks that end on a Thursday; by default what names and dates say.
    chart : str
        Which rows count where there is a column chart.
    columns : dict of str to str, optional
        What files call a column by another name than those that are known, such as
        ``{"streams": "Plays"}``. Every table must have it.
    duplicates : {"refuse", "first"}
        With "first", the first row of a song and of a place on a date counts, and of a date that is
        in two files the first file; rows without an id and a title are one song.
    thousands : {",", ".", "space", "'"}, optional
        What stands between the thousands of streams and places; kworb's commas are known besides.
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
        named as such), cells that are no number or date, a region or date that nothing says, or
        that the name of a file denies, and what stands twice.
    ParameterError
        When an argument is none of what it may be.

    Examples
    --------
    >>> read_charts(["regional-ph-daily-2020-05-20.csv", "ph_daily.html"])  # doctest: +SKIP
    """
    if isinstance(files, str | os.PathLike):
        files = [files]
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
    if date is not None and not _last_day(date):
        raise ParameterError(f"date must be a day as 2021-05-20, got {date!r}")
    options = {"region": region, "ds": date}
    names = _names_of_columns(columns or {})
    read: list[_File] = []
    problems: list[str] = []
    remarks: list[str] = []
    for name in files:
        path = user_path(name, CatalogError)
        try:
            file = _read(path, names)
            remarks += _select(file, chart)
            _complete(file, options)
            _convert(file, thousands)
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
        lacking = rows["track_id"].isna()
        rows["track_id"], matches = fill_ids(rows)
        rows, untitled = _untitled(rows, lacking, duplicates, problems)
        notes = sum((file.notes for file in read), Counter[str]())
        remarks += [f"{n} {text}" for text, n in notes.items()]
        remarks += [*more, *matches, *untitled, *_of_names(read), *_unused(read, options)]
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


def _names_of_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Column of the one table -> what files call it, as it is given."""
    names = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
    if unknown := [name for name in columns if _plain(name) not in names]:
        raise ParameterError(
            f"columns must be named by {listing([*ALIASES], len(ALIASES))}, got {unknown[0]!r}"
        )
    return {names[_plain(name)]: column for name, column in columns.items()}


def _read(path: Path, own_names: Mapping[str, str]) -> _File:
    """Rows of a file as text, by the names of the one table."""
    if not path.exists():
        raise CatalogError(f"{path}: {absence(path)}")
    if path.suffix.lower() in PAGES:
        page = read_page(path)
        heading = {"region": page.region, "ds": page.date}
        rows = pd.DataFrame({name: _as_text(page.rows[name]) for name in page.rows})
        rows = rows.assign(**{name: text for name, text in heading.items() if text})
        return _File(path, rows, page.weekly, ",", {"position": "Pos", "streams": "Streams"})
    names = column_names(path, CatalogError)
    noted = any(_plain(name).startswith(_NOTE) for name in names)
    if noted:  # the header is the first row
        table = read_table(path, text=True, error=CatalogError)
        if table.empty:
            raise CatalogError(f"{path}: no rows after the note that the old site begins with")
        names = require_unique(table.iloc[0].fillna("").tolist(), path, CatalogError)
    columns = _columns(names)
    plain = {_plain(name): name for name in names}
    for name, column in own_names.items():
        if _plain(column) not in plain:
            raise CatalogError(f"{path}: no column {column!r} ({name}); {columns_there(names)}")
        columns[name] = column if column in names else plain[_plain(column)]
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
    return _File(path, rows, thousands="," if from_kworb else None, names=columns)


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
    if "credit" in columns and "position" in lacking:
        raise CatalogError(f"{path}: {TOTALS}")
    if lacking in ([], ["position"]):  # streams tell the places
        return
    viral = "; a viral chart has none" if lacking == ["streams"] else ""
    columns_of = "; no column of ".join(" or ".join(ALIASES[name]) for name in lacking)
    raise CatalogError(
        f"{path}: no column of {columns_of}{viral}; {columns_there(names)}{_advice(names, columns)}"
    )


def _advice(names: Sequence[str], columns: dict[str, str]) -> str:
    """What to do about a table that lacks columns of a chart."""
    if len(names) == 1:  # that it is one is told
        return ""
    plain = {_plain(name) for name in names}
    if not columns.keys() & {"position", "streams", "ds"}:
        for kind, known, what in (
            ("songs", OF_SONGS, "charts forecast takes it by --metadata"),
            ("artists", OF_ARTISTS, "no chart is in it"),
        ):
            if columns_of_kind := [name for name in known if name in plain]:
                return f". This looks like a table of {kind} ({listing(columns_of_kind)}): {what}"
    return (
        '. What is there by another name is read by columns={"streams": "Plays"} (spdkit charts '
        "read --column streams=Plays)"
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


def _complete(file: _File, options: Mapping[str, str | None]) -> None:
    """Add the region and the date that rows lack: those that are given, else of the file's name."""
    name = _Name.of(file.path)
    file.needed = [column for column in options if column not in file.rows]
    values = {column: options[column] or getattr(name, column) for column in file.needed}
    if unknown := [column for column, value in values.items() if not value]:
        what = " and ".join(_WORDS[column] for column in unknown)
        raise CatalogError(
            f"{file.path}: neither the rows nor the name of the file say {what}: give it, or call "
            "the file as the site did (regional-ph-daily-2020-05-20.csv)"
        )
    for column, value in values.items():
        if options[column] and name.refused(column, value):
            raise CatalogError(
                f"{file.path}: its name says {getattr(name, column)}, and {value} is given as "
                f"{_WORDS[column]}: correct one of them"
            )
        sure = name.of_site and (column == "ds" or is_market(value))
        if not options[column] and not sure:
            file.of_name.append(value)
        file.rows[column] = value
    # Another name than the sites' does not say what dates can, nor what is given otherwise.
    region = options["region"]
    same = name.region is not None and (region is None or region_code(region) == name.region)
    if file.weekly is None and (
        name.of_site or (same and file.rows["ds"].nunique(dropna=False) == 1)
    ):
        file.weekly = name.weekly


def _convert(file: _File, thousands: str | None) -> None:
    """Text to the types of the one table; what is none is named."""
    rows = file.rows
    for name in ("region", "ds"):
        file.fault(f"{file.column(name)}: empty", rows[name].isna(), rows[name])
    converted = {"region": _mapped(rows["region"], region_code), "ds": _dates(file)}
    placed = "position" in rows
    for name in ("position", "streams") if placed else ("streams",):
        converted[name] = _numbers(file, name, thousands)
    if not placed:
        converted["position"] = _ranks(file, pd.DataFrame(converted))
    converted |= {name: rows[name] for name in ("title", "artist")}
    converted["track_id"] = _ids(file)
    file.rows = pd.DataFrame(converted)[list(COLUMNS)]
    if (empty := _empty(file)).any():
        file.rows.loc[empty, ["title", "artist"]] = None


def _dates(file: _File) -> pd.Series[pd.Timestamp]:
    """The days that cells name, of weeks the last; weeks and days together are a problem."""
    cells = file.rows["ds"]
    dates = _mapped(cells, _last_day)
    undated = dates.isna() & cells.notna()
    turned = undated & cells.fillna("").str.fullmatch(_DAY_OR_MONTH)
    advice = (
        ". Which number is the day and which the month is not guessed: convert them, by pandas."
        "to_datetime(…, format='%d/%m/%Y') or '%m/%d/%Y'"
    )
    what = f"{file.column('ds')}: no date as 2021-05-20 and no week"
    file.fault(what, undated, cells, advice if turned.any() else "")
    weeks = _mapped(cells, _is_week).eq(True) & dates.notna()
    if weeks.any():
        week = cells[weeks].iloc[0]
        if file.weekly is False:
            file.problems.append(
                f"{file.path}: its name or heading says a chart of a day, and {week!r} is a week"
            )
        what = f"{file.column('ds')}: {week!r} is a week, and this a day: read them apart"
        file.fault(what, ~weeks & dates.notna(), cells)
        file.weekly = True
    return pd.to_datetime(dates)


def _numbers(file: _File, name: str, thousands: str | None) -> pd.Series[Any]:
    """The whole numbers of a column."""
    cells, column = file.rows[name], file.column(name)
    signs = [sign for sign in (file.thousands, thousands) if sign is not None]
    numbers = pd.to_numeric(_mapped(cells, partial(_number, signs=signs)))
    wrong = numbers.isna()
    grouped = wrong & cells.fillna("").str.fullmatch(_GROUPED)
    other = "" if thousands is None else f" that are no {thousands!r}"
    what = f"{column}: thousands separators{other}: say which by the option thousands"
    file.fault(what, grouped, cells)
    file.fault(f"{column}: no whole number from 1", wrong & ~grouped, cells)
    return numbers


def _ranks(file: _File, rows: pd.DataFrame) -> pd.Series[Any]:
    """Places by streams; equal streams on a date are a problem."""
    tied = rows.duplicated(keep=False) & rows.notna().all(axis=1)
    what = (
        f"no column of {' or '.join(ALIASES['position'])}, and streams that are equal on a date "
        "do not tell the places: they are needed"
    )
    file.fault(what, tied, file.rows["streams"])
    file.notes["rows have no place: songs are ranked by streams within region and date"] = len(rows)
    ranks = rows.groupby(["region", "ds"])["streams"].rank(ascending=False, method="first")
    return ranks.astype("Int64")


def _ids(file: _File) -> pd.Series[str]:
    """The ids of the rows; words for a missing one are taken for it, and counted."""
    if "track_id" not in file.rows:
        return pd.Series(None, file.rows.index, dtype=object)
    cells = file.rows["track_id"]
    words = _mapped(cells, _is_no_value).eq(True)
    for word, n in cells[words].value_counts().items():
        file.notes[f"ids are {word!r}, a word for a missing one, and taken for that"] = n
    return _mapped(cells.mask(words), _own_id)


def _empty(file: _File) -> pd.Series[bool]:
    """Which rows have no id, and words for a missing value for both title and artist."""
    rows = file.rows
    empty = rows["track_id"].isna()
    for name in ("title", "artist"):
        empty &= _mapped(rows[name], _is_no_value).eq(True)
    if n := int(empty.sum()):
        text = "rows without an id have such words as title and artist, and are taken to have none"
        file.notes[text] = n
    return empty


def _number(text: str, signs: Sequence[str]) -> int | None:
    """Whole number from 1 that a text is, with such signs between thousands; None of any other."""
    for separator in (SEPARATORS[sign] for sign in signs):
        if re.fullmatch(rf"\d{{1,3}}(?:{separator}\d{{3}})+", text):
            text = re.sub(separator, "", text)
    match = re.fullmatch(r"(\d{1,15})(?:\.0)?", text)
    return int(match[1]) or None if match else None


def _own_id(text: str) -> str | None:
    """Id in a URI, an address or alone; other catalogues' as they are, None of other addresses."""
    if match := _ID.search(text):
        return match[1]
    return None if text.startswith(("http", "spotify:")) else text


def _is_no_value(text: str) -> bool:
    return text.casefold() in NO_VALUE


def _is_week(text: str) -> bool:
    match = _DATE.fullmatch(text.replace("/", "-"))
    return match is not None and match[2] is not None


def _last_day(text: str) -> datetime.date | None:
    """The day that a text names, or the last day of the week that it does; None of any other."""
    match = _DATE.fullmatch(text.replace("/", "-"))
    if not match:
        return None
    try:
        first, *last = (datetime.date.fromisoformat(day) for day in match.groups() if day)
    except ValueError:  # 30 February
        return None
    if last:
        # From a Friday to the next Friday, of which it holds no hour, or to the Thursday.
        beyond = (last[0] - first).days - 6
        if beyond not in (0, 1):
            return None
        first += datetime.timedelta(days=6)
    return first if FIRST_DAY.date() <= first <= LAST_DAY.date() else None


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


def _of_names(files: Sequence[_File]) -> Iterator[str]:
    """Say what was taken of names that are not the sites'."""
    names = [f"{' and '.join(of)} of {file.path.name}" for file in files if (of := file.of_name)]
    if names:
        yield (
            f"the names of {len(names)} files say the region or the date, and nothing else does: "
            f"{listing(names)}"
        )


def _unused(files: Sequence[_File], options: Mapping[str, str | None]) -> Iterator[str]:
    """Say which of what is given no file needed, if it is not what all of them say."""
    for column, convert in (("region", region_code), ("ds", lambda day: str(_last_day(day)))):
        value = options[column]
        if value is None or any(column in file.needed for file in files):
            continue
        if any(file.rows[column].astype("str").ne(convert(value)).any() for file in files):
            what = "date" if column == "ds" else column
            yield f"{what} {value} is not used: every file says its own"


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
    rows: pd.DataFrame, lacking: pd.Series[bool], duplicates: str, problems: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Take rows without an id and a title for one song, a row a date; else they are a problem.

    Where all of them were written as that song before, they are what they were then.
    """
    untitled = rows["track_id"] == UNTITLED
    if not untitled.any():
        return rows, []
    if not (untitled & lacking).any():
        return rows, [
            f"{int(untitled.sum())} rows are the song {UNTITLED!r}, as those without an id and a "
            "title were written"
        ]
    again = untitled & rows.duplicated(["region", "ds", "track_id"])
    of = (rows[untitled][name] for name in ("region", "ds", "position"))
    names = [f"{name} {day:%Y-%m-%d} place {place}" for name, day, place in zip(*of, strict=True)]
    text = f"{len(names)} rows have neither an id nor a title: {listing(names)}"
    if duplicates == "refuse":
        problems.append(f"{text}. Correct them, or take them for one song by {KEEP_FIRST}.")
    text += "; they are one song, of which the first row of a date counts"
    return rows[~again], [f"{text} ({int(again.sum())} rows are left out)"]
