"""Action logs to counts a day, out of core: the work of `spdkit.catalogs.tianchi`.

Conventions
-----------
A log is a text file without a header, plain or gzipped, one action a line, commas between cells and
no quotes: a row is a line, whatever is in it, so that row numbers are line numbers (from 1). Line
ends are of one kind. DuckDB reads it in a stream, and groups in a bounded amount of memory; what
does not fit goes to a temporary folder.

Every row is accounted for: it is counted, or it has the first of `FAULTS` that applies to it. When
any row has one, the log is read a second time to tell where.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spdkit.catalogs.database import reason_of
from spdkit.catalogs.errors import SHOWN_ROWS, CatalogError, rows_at_fault
from spdkit.common.files import replacing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Level = Literal["artist", "song"]
Fill = Literal["log", "series", "none"]
Listening = Literal["play", "any"]

_LAST_YEAR = 2099


@dataclass(frozen=True)
class Fault:
    """Why a row of the log cannot be counted.

    Attributes
    ----------
    name : str
        As the counts of left-out rows have it.
    column : str
        Empty where it is the row as a whole.
    what : str
    rule : str
        True in SQL of a row that has it and none of the faults before.
    value : str
        What to show of the row, in SQL.
    """

    name: str
    column: str
    what: str
    rule: str
    value: str


# Numbers and days must be written as they are counted with: "1.0", "+1" and " 1" are none.
FAULTS = (
    Fault("columns", "", "not 5 columns", "len(cells) <> 5", "line"),
    Fault("user", "user_id", "empty", "cells[1] = ''", "NULL"),
    Fault("song", "song_id", "empty", "cells[2] = ''", "NULL"),
    Fault(
        *("time", "gmt_create", "no unix time in whole seconds"),
        rule="coalesce(unix < 0 OR unix::VARCHAR <> cells[3], true)",
        value="cells[3]",
    ),
    Fault(
        *("action", "action_type", "neither 1 (play) nor 2 (download) nor 3 (collect)"),
        rule="cells[4] NOT IN ('1', '2', '3')",
        value="cells[4]",
    ),
    Fault("date", "Ds", "no date as YYYYMMDD", "day IS NULL", "cells[5]"),
    Fault(
        *("day", "Ds", "not the day of gmt_create in any time zone"),
        rule="$same_day AND abs(day - DATE '1970-01-01' - unix // 86400) > 1",
        value="cells[5] || ' for ' || cells[3]",
    ),
    Fault("unknown_song", "song_id", "not in the table of songs", "key IS NULL", "cells[2]"),
)

_LINES = """
    read_csv($path, columns = {'line': 'VARCHAR'}, header = false, delim = '\x01', quote = '',
             escape = '', auto_detect = false, strict_mode = true)
"""
_CALENDAR = f"""
    CREATE TEMP TABLE calendar AS
    SELECT strftime(day, '%Y%m%d') AS text, day::DATE AS day
    FROM generate_series(DATE '1970-01-01', DATE '{_LAST_YEAR}-12-31', INTERVAL 1 DAY) AS d(day)
"""
_FAULT = " ".join(f"WHEN {fault.rule} THEN {i}" for i, fault in enumerate(FAULTS, 1))
_ACTIONS = f"""
    SELECT CASE {_FAULT} ELSE 0 END AS fault, *
    FROM (
        SELECT *, cells[1] AS user, cells[4] AS action, try_cast(cells[3] AS BIGINT) AS unix
        FROM (SELECT *, string_split(coalesce(line, ''), ',') AS cells FROM {{lines}})
    ) LEFT JOIN calendar ON text = cells[5] LEFT JOIN songs ON song_id = cells[2]
"""
# One row a user first: a distinct count within the groups would not spill to the disk.
_DAILY = f"""
    CREATE TEMP TABLE daily AS
    SELECT fault, key, day, sum(n)::BIGINT AS n, sum(plays)::BIGINT AS plays,
           sum(downloads)::BIGINT AS downloads, sum(collects)::BIGINT AS collects,
           count(*) FILTER (plays > 0 OR $any_action) AS listeners
    FROM (
        SELECT fault, CASE fault WHEN 0 THEN key END AS key, CASE fault WHEN 0 THEN day END AS day,
               CASE fault WHEN 0 THEN user END AS user, count(*) AS n,
               count(*) FILTER (action = '1') AS plays,
               count(*) FILTER (action = '2') AS downloads,
               count(*) FILTER (action = '3') AS collects
        FROM ({_ACTIONS.format(lines=_LINES)}) GROUP BY ALL
    ) GROUP BY ALL
"""
_VALUE = " ".join(f"WHEN {i} THEN {fault.value}" for i, fault in enumerate(FAULTS, 1))
# Numbering makes DuckDB read in order; the three first of each are all that it keeps.
_FIRST_FAULTS = f"""
    SELECT fault, arg_min({{{{'row': row, 'value': CASE fault {_VALUE} END}}}}, row, {SHOWN_ROWS})
    FROM ({_ACTIONS}) WHERE fault > 0 GROUP BY fault ORDER BY fault
""".format(lines=f"(SELECT line, row_number() OVER () AS row FROM {_LINES})")
_DAYS = {
    "log": """
        SELECT key, day::DATE AS day FROM (SELECT DISTINCT key FROM counted),
        (SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY)) AS day FROM counted)
    """,
    "series": """
        SELECT key, unnest(generate_series(min(day), max(day), INTERVAL 1 DAY))::DATE AS day
        FROM counted GROUP BY key
    """,
    "none": "SELECT key, day FROM counted",
}
_SERIES = """
    SELECT unique_id, days.day::TIMESTAMP AS ds, coalesce(plays, 0) AS y,
           coalesce(downloads, 0) AS downloads, coalesce(collects, 0) AS collects,
           coalesce(listeners, 0) AS listeners
    FROM ({days}) AS days JOIN names USING (key) LEFT JOIN counted USING (key, day)
    ORDER BY unique_id, ds
"""


def read_songs(connection: DuckDBPyConnection, path: Path, by: Level) -> list[str]:
    """Read the table of songs into `songs` (song_id, key) and `names` (key, unique_id).

    Returns
    -------
    list of str
        What was passed over: songs that are there twice with the same artist.

    Raises
    ------
    CatalogError
        Naming rows without six columns, a song or an artist, and songs of two artists.
    """
    _execute(
        connection,
        path,
        f"""
        CREATE TEMP TABLE song_rows AS
        SELECT line, row, cells[1] AS song_id, cells[2] AS artist_id, len(cells) AS n_cells,
               arg_min(cells[2], row) OVER (PARTITION BY cells[1]) AS first_artist
        FROM (SELECT *, string_split(coalesce(line, ''), ',') AS cells
              FROM (SELECT line, row_number() OVER () AS row FROM {_LINES}))
        """,
    )
    problems = []
    for column, what, rule, value in (
        ("", "not 6 columns", "n_cells <> 6", "line"),
        ("column 'song_id': ", "empty", "n_cells = 6 AND song_id = ''", "NULL"),
        ("column 'artist_id': ", "empty", "n_cells = 6 AND artist_id = ''", "NULL"),
        (
            *("column 'artist_id': ", "another artist than in an earlier row of the song"),
            "n_cells = 6 AND artist_id <> first_artist",
            "artist_id || ' for ' || song_id",
        ),
    ):
        rows = connection.execute(
            f"SELECT row, {value} FROM song_rows WHERE {rule} ORDER BY row"
        ).fetchall()
        if rows:
            fault = rows_at_fault(what, rows[:SHOWN_ROWS], len(rows))
            problems.append(f"{path.name}: {column}{fault}")
    if problems:
        raise CatalogError(f"{path}: not a table of songs", tuple(problems))
    unique_id = "artist_id" if by == "artist" else "song_id"
    connection.execute(f"""
        CREATE TEMP TABLE names AS
        SELECT row_number() OVER (ORDER BY unique_id)::INTEGER AS key, unique_id
        FROM (SELECT DISTINCT {unique_id} AS unique_id FROM song_rows)
    """)
    connection.execute(f"""
        CREATE TEMP TABLE songs AS
        SELECT DISTINCT song_id, key FROM song_rows JOIN names ON {unique_id} = unique_id
    """)
    repeated = _number(connection, "SELECT count(*) - count(DISTINCT song_id) FROM song_rows")
    what = f"{path.name}: rows that repeat an earlier song and its artist, passed over: {repeated}"
    return [what] if repeated else []


def count(
    connection: DuckDBPyConnection, path: Path, *, listening: Listening, same_day: bool
) -> dict[Fault, int]:
    """Count the actions of a log by series and day into `counted`; `songs` must be there.

    Returns
    -------
    dict of Fault to int
        The number of rows that have each, of those that any row has.

    Raises
    ------
    CatalogError
        When the file cannot be read as text.
    """
    connection.execute(_CALENDAR)
    _execute(connection, path, _DAILY, any_action=listening == "any", same_day=same_day)
    connection.execute("CREATE TEMP VIEW counted AS SELECT * FROM daily WHERE fault = 0")
    rows = connection.execute("SELECT fault, n FROM daily WHERE fault > 0 ORDER BY fault")
    return {FAULTS[fault - 1]: n for fault, n in rows.fetchall()}


def locate(
    connection: DuckDBPyConnection, path: Path, counts: dict[Fault, int], *, same_day: bool
) -> tuple[str, ...]:
    """Say where the rows at fault are that `count` found: a line for each fault."""
    rows = _execute(connection, path, _FIRST_FAULTS, same_day=same_day).fetchall()
    lines = []
    for number, first in rows:
        fault = FAULTS[number - 1]
        column = f"column {fault.column!r}: " if fault.column else ""
        cells = [(cell["row"], cell["value"]) for cell in first]
        lines.append(f"{path.name}: {column}{rows_at_fault(fault.what, cells, counts[fault])}")
    return tuple(lines)


def series_query(fill: Fill) -> str:
    """SQL of the daily series in the long format, in order of series and day."""
    return _SERIES.format(days=_DAYS[fill])


def copy(connection: DuckDBPyConnection, fill: Fill, output: Path, options: str) -> None:
    """Write the daily series to a file, whole or not at all, without holding them in memory.

    Raises
    ------
    CatalogError
        When the file cannot be written.
    """
    import duckdb

    # The file is ours already: a name of DuckDB's own would outlive a kill.
    query = f"COPY ({series_query(fill)}) TO $output ({options}, USE_TMP_FILE false)"
    with replacing(output, CatalogError) as temporary:
        try:
            connection.execute(query, {"output": str(temporary)})
        except duckdb.IOException as error:
            raise CatalogError(f"{output}: cannot be written: {reason_of(error)}") from error


def facts(connection: DuckDBPyConnection, fill: Fill) -> tuple[Any, ...]:
    """Names in the table of songs, series, rows of the result, filled rows, first and last day."""
    rows = connection.execute(f"""
        SELECT (SELECT count(*) FROM names), count(DISTINCT key), count(*),
               count(*) - (SELECT count(*) FROM counted), min(day), max(day)
        FROM ({_DAYS[fill]})
    """).fetchall()
    return rows[0]


def _execute(connection: DuckDBPyConnection, path: Path, sql: str, **parameters: Any) -> Any:
    """Run SQL over the lines of a file, whose faults it names."""
    import duckdb

    try:
        return connection.execute(sql, {"path": glob.escape(str(path)), **parameters})
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        raise CatalogError(
            f"{path}: cannot be read as lines of text: {reason_of(error)}"
        ) from error


def _number(connection: DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])
