"""Tianchi's "Popular Music Prediction": plays, downloads and collects a day of artists and songs.

The set of the LSTM-RPA paper. It has neither popularity labels nor tracks with features, so it is
no `Catalog` and not in `spdkit.catalogs.available()`, but a module of functions:

>>> from spdkit.catalogs import tianchi
>>> series = tianchi.aggregate_logs("tianchi/")  # doctest: +SKIP
>>> series.frame, series.facts.remarks  # doctest: +SKIP
>>> frame = tianchi.read_artist_daily("artist_daily_p1.csv.gz")  # doctest: +SKIP

Conventions
-----------
Everything comes in the long format that forecasters take, in order of series and day, one row a
series and day: ``unique_id`` (artist or song), ``ds`` (datetime64[ns], midnight), ``y`` (plays),
``downloads``, ``collects`` and ``listeners``, all int64.

The day of an action is its ``Ds``, the day under which the competition collected it, as in every
aggregate that has been published. ``gmt_create`` only serves to check it, to a day, because nobody
says in which time zone ``Ds`` is.

A listener is a user who played the artist or the song that day, counted once however often.
Published tables of daily counts count a user who only downloaded, too: on 86 of 9,150 days in
``artist_daily_p1.csv.gz`` there are more listeners than plays. ``listening="any"`` does the same.

Rows are numbered from 1; the raw logs have no header, and that of other tables is not counted.

References
----------
The competition's page, `SOURCE`; "LSTM-RPA: A Simple but Effective Long Sequence Prediction
Algorithm for Music Popularity Prediction".
"""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from spdkit.catalogs import action_logs
from spdkit.catalogs.action_logs import Fill, Level, Listening
from spdkit.catalogs.daily_counts import COUNTS, in_long_format, read_daily
from spdkit.catalogs.database import Limits, database
from spdkit.catalogs.errors import CatalogError
from spdkit.common.escapes import escaped
from spdkit.common.files import user_path

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

TITLE = "Tianchi Popular Music Prediction"
CITATION = (
    "Alibaba Music, Tianchi (2016). Popular Music Prediction (competition 231531): actions of "
    "users from 1 March to 30 August 2015."
)
LICENCE = (
    "As stated at the source: read the competition's terms there before you publish anything made "
    "from it."
)
SOURCE = "https://tianchi.aliyun.com/competition/entrance/231531"
ACTIONS, SONGS = "mars_tianchi_user_actions.csv", "mars_tianchi_songs.csv"
DOWNLOAD_NOTES = (
    f"Put {ACTIONS} and {SONGS} (or .csv.gz) into one folder, as they come: comma-separated, "
    "without a header. Files of another name, such as those of the second round, go as a pair "
    "(actions, songs)."
)

_FORMATS = {
    ".csv": "FORMAT csv, HEADER, TIMESTAMPFORMAT '%Y-%m-%d'",
    ".csv.gz": "FORMAT csv, HEADER, TIMESTAMPFORMAT '%Y-%m-%d', COMPRESSION gzip",
    ".parquet": "FORMAT parquet",
}
_Logs = str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]]
FaultyRows = Literal["refuse", "leave_out"]
_USUAL_FILL: dict[Level, Fill] = {"artist": "log"}
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DailyFacts:
    """What is to be known of daily series besides the series.

    Attributes
    ----------
    n_series, n_rows : int
    first, last : date
        Of the whole result.
    n_filled : int
        Rows without any action, made here and all zero.
    left_out : mapping of str to int
        For each fault (``columns``, ``user``, ``song``, ``time``, ``action``, ``date``, ``day``,
        ``unknown_song``) the number of rows of the log that have it and were not counted.
    remarks : tuple of str
        The same in words, with rows, and what else was passed over or made.
    """

    n_series: int
    n_rows: int
    first: datetime.date
    last: datetime.date
    n_filled: int
    left_out: Mapping[str, int]
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class DailySeries:
    """Daily series in the long format, and what is to be known of them."""

    frame: pd.DataFrame
    facts: DailyFacts


@dataclass(frozen=True)
class _Request:
    """What is asked of the logs."""

    by: Level
    fill: Fill
    listening: Listening
    faulty_rows: FaultyRows
    same_day: bool

    def __post_init__(self) -> None:
        kinds = {"by": Level, "fill": Fill, "listening": Listening, "faulty_rows": FaultyRows}
        for name, kind in kinds.items():
            value, allowed = getattr(self, name), get_args(kind)
            if value not in allowed:
                raise CatalogError(f"{name}={value!r}: can be {', '.join(allowed)}")


def aggregate_logs(
    logs: _Logs,
    *,
    by: Level = "artist",
    fill: Fill | None = None,
    listening: Listening = "play",
    faulty_rows: FaultyRows = "refuse",
    same_day: bool = True,
    limits: Limits | None = None,
) -> DailySeries:
    """Count the raw logs by artist or song and day, out of core.

    Parameters
    ----------
    logs : path, or pair of paths
        The folder with both files, plain or gzipped; or the file of actions and that of songs.
    by : {"artist", "song"}
    fill : {"log", "series", "none"}, optional
        Days without an action are zeros from the first to the last day of the whole log ("log",
        the default for artists), from the first to the last day of the series ("series"), or not
        in the result ("none", the default for songs: one that is not out yet has no plays, which
        is not the same as none).
    listening : {"play", "any"}
        Which actions make a user a listener.
    faulty_rows : {"refuse", "leave_out"}
        What to do when rows of the log cannot be counted; left out, they are told. A table of
        songs with faulty rows is always refused.
    same_day : bool
        Whether a row is at fault whose ``Ds`` is not the day of its ``gmt_create`` anywhere on
        earth, that is, more than a day from that in UTC.
    limits : Limits, optional
        Memory, threads and temporary folder.

    Returns
    -------
    DailySeries
        Artists or songs without any action are not in it; their number is in the remarks.

    Raises
    ------
    CatalogError
        Naming the missing file, or the faults with the first rows that have each; when duckdb is
        not installed; when memory or disk do not suffice.
    """
    filled = fill or _USUAL_FILL.get(by, "none")
    request = _Request(by, filled, listening, faulty_rows, same_day)
    with _counted(logs, request, limits or Limits()) as (connection, facts):
        frame = connection.execute(action_logs.series_query(request.fill)).df()
        return DailySeries(in_long_format(frame), facts)


def write_daily(
    logs: _Logs,
    output: str | os.PathLike[str],
    *,
    by: Level = "artist",
    fill: Fill | None = None,
    listening: Listening = "play",
    faulty_rows: FaultyRows = "refuse",
    same_day: bool = True,
    limits: Limits | None = None,
) -> DailyFacts:
    """Write what `aggregate_logs` returns to a file, without holding it in memory.

    Parameters
    ----------
    output : path
        A .parquet, .csv or .csv.gz file; it is replaced whole or not at all.
    logs, by, fill, listening, faulty_rows, same_day, limits
        As in `aggregate_logs`.

    Returns
    -------
    DailyFacts

    Raises
    ------
    CatalogError
        As `aggregate_logs` does; when the file cannot be written, or has another ending.
    """
    target = user_path(output, CatalogError)
    ending = next((end for end in reversed(_FORMATS) if target.name.endswith(end)), None)
    if ending is None:
        raise CatalogError(f"{target}: can be {', '.join(_FORMATS)} only")
    filled = fill or _USUAL_FILL.get(by, "none")
    request = _Request(by, filled, listening, faulty_rows, same_day)
    with _counted(logs, request, limits or Limits()) as (connection, facts):
        action_logs.copy(connection, request.fill, target, _FORMATS[ending])
        return facts


@contextmanager
def _counted(
    logs: _Logs, request: _Request, limits: Limits
) -> Iterator[tuple[DuckDBPyConnection, DailyFacts]]:
    """The counts in a database that is open, and their facts."""
    actions, songs = _files(logs)
    with database(limits, "counting raw logs") as connection:
        # Not knowing how long a log is, DuckDB takes it for short, and holds it in memory to join
        # the tables of songs and days with it: joins stay as they are written.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        remarks = action_logs.read_songs(connection, songs, request.by)
        counts = action_logs.count(
            connection, actions, listening=request.listening, same_day=request.same_day
        )
        if counts:
            problems = action_logs.locate(connection, actions, counts, same_day=request.same_day)
            if request.faulty_rows == "refuse":
                raise CatalogError(
                    f"{actions}: rows that cannot be counted: {sum(counts.values())}; with "
                    'faulty_rows="leave_out" the others are',
                    problems,
                )
            remarks += [f"{problem}; left out" for problem in problems]
        facts = _facts(connection, actions, request, counts, remarks)
        for remark in facts.remarks:
            _logger.warning("tianchi: %s", escaped(remark))
        yield connection, facts


def _facts(
    connection: DuckDBPyConnection,
    actions: Path,
    request: _Request,
    counts: Mapping[action_logs.Fault, int],
    remarks: list[str],
) -> DailyFacts:
    names, n_series, n_rows, n_filled, first, last = action_logs.facts(connection, request.fill)
    if not n_series:
        raise CatalogError(f"{actions}: no actions" + (" but faulty ones" if counts else ""))
    silent = names - n_series
    if silent:
        remarks.append(f"{request.by}s without any action, not in the result: {silent} of {names}")
    if n_filled:
        remarks.append(f"days without an action, filled with zeros: {n_filled} of {n_rows}")
    left_out = {fault.name: n for fault, n in counts.items()}
    return DailyFacts(n_series, n_rows, first, last, n_filled, left_out, tuple(remarks))


def _files(logs: _Logs) -> tuple[Path, Path]:
    """The files of actions and of songs."""
    if isinstance(logs, tuple):
        paths = [user_path(each, CatalogError) for each in logs]
        problems = [f"{path}: no such file" for path in paths if not path.is_file()]
    else:
        folder = user_path(logs, CatalogError)
        if not folder.is_dir():
            what = "not a folder" if folder.exists() else "no such folder"
            raise CatalogError(f"{folder}: {what}. {TITLE} is at {SOURCE}. {DOWNLOAD_NOTES}")
        pairs = [[folder / end for end in (n, f"{n}.gz")] for n in (ACTIONS, SONGS)]
        there = [[path for path in pair if path.is_file()] for pair in pairs]
        problems = [
            f"{name}: {'there twice, also as' if len(paths) else 'no such file, nor'} {name}.gz"
            for name, paths in zip((ACTIONS, SONGS), there, strict=True)
            if len(paths) != 1
        ]
        paths = [pair[0] for pair in there if pair]
    if problems:
        raise CatalogError(f"{logs}: not the logs of {TITLE}. {DOWNLOAD_NOTES}", tuple(problems))
    actions, songs = paths
    return actions, songs


def read_artist_daily(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read daily counts by artist, as they are passed round: artist_daily_p1.csv.gz and others.

    Parameters
    ----------
    path : path
        A CSV file with header, plain or gzipped, with the columns ``artist_id``, ``ds``
        (YYYYMMDD), ``plays``, ``downloads``, ``collects`` and ``listeners``.

    Returns
    -------
    DataFrame
        The days that the file has, and no others.

    Raises
    ------
    CatalogError
        Naming columns that lack, and cells at fault with their rows: empty ids, what is no date
        or no count, days that are there twice.
    """
    return read_daily(path, "artist_id", (*COUNTS, "listeners"))


def read_song_daily(path: str | os.PathLike[str], *, keep: Sequence[str] = ()) -> pd.DataFrame:
    """Read daily counts by song: song_daily_p1.csv.gz and others. It has no listeners.

    Parameters
    ----------
    path : path
        A CSV file with header, plain or gzipped, with the columns ``song_id``, ``ds`` (YYYYMMDD),
        ``plays``, ``downloads`` and ``collects``.
    keep : sequence of str
        Other columns of the file to append, one value a song, as text: ``artist_id``,
        ``publish_time``, ``song_init_plays``, ``language``, ``gender``.

    Returns
    -------
    DataFrame
        The days that the file has, and no others: in the published file those with an action.

    Raises
    ------
    CatalogError
        As `read_artist_daily` does; naming songs with two values in a column of `keep`.
    """
    return read_daily(path, "song_id", COUNTS, keep)
