"""Taste Profile: how often each user played each song, from triplets of text to a database.

The log of the play-count paper (48,373,586 lines). It has neither labels nor features, so it is no
`Catalog`, but a module of functions:

>>> from spdkit.catalogs import taste_profile
>>> taste_profile.import_triplets("train_triplets.txt", "taste.duckdb")  # doctest: +SKIP
>>> log = taste_profile.TasteProfile.open("taste.duckdb")  # doctest: +SKIP
>>> users = log.top_users(5)["user_id"]  # doctest: +SKIP
>>> songs = log.shared_songs(users, min_users=2)["song_id"]  # doctest: +SKIP
>>> tables = dict(list(log.plays(users, songs).groupby("user_id")))  # doctest: +SKIP

Conventions
-----------
A record is one line: a user, a song, and a whole number of plays from 1. Queries leave out records
of more than `MAX_PLAYS` plays, as the paper does, unless they are given another ``max_plays``.

An import goes on where it was stopped, killed or not. While it lasts it is in a file of its own
beside the database (``taste.duckdb.importing``), to which each part of the text is committed
together with how far it reaches; what was read of a part that was not committed is read again. The
database has its name when it is whole, and not before. The file of text is known again by its size
and three blocks of its content, as a track is: what was changed elsewhere, between two runs and
without another size, is not noticed. Another file does not take the place of one that is there.

References
----------
Bertin-Mahieux, Ellis, Whitman, Lamere (2011), "The Million Song Dataset"; Salitrik, Takasawa
(2018), whose queries these are.
"""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from spdkit.catalogs.database import Limits, database_file
from spdkit.catalogs.errors import SHOWN_ROWS, CatalogError, rows_at_fault
from spdkit.catalogs.foreign_ids import ForeignIds, read_mapping
from spdkit.catalogs.triplet_text import FAULTS, BadLine, Part, read_parts, sift
from spdkit.common.files import (
    beside,
    end_of_links,
    make_folder,
    room_advice,
    scratch_folder,
    sync_folder,
    user_path,
)
from spdkit.common.messages import listing
from spdkit.common.parameters import Number, Whole, check_parameters
from spdkit.tracks.fingerprint import digest_file, stamp

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

__all__ = ["ForeignIds", "Limits", "Summary", "TasteProfile", "import_triplets", "read_mapping"]

TITLE = "Taste Profile subset of the Million Song Dataset"
CITATION = (
    "Bertin-Mahieux, T., Ellis, D. P. W., Whitman, B. and Lamere, P. (2011). The Million Song "
    "Dataset. ISMIR."
)
LICENCE = "For research, non-commercial: read the terms of The Echo Nest at the source."
SOURCE = "http://millionsongdataset.com/tasteprofile"
MAX_PLAYS = 200
PART = 1 << 26  # bytes of text that are committed at once
_FORMAT = "spdkit taste profile 1"
_PURPOSE = "a database of triplets"
_MOST = 999_999_999
_ALLOWED_PLAYS = (None, Whole())
_TABLES = {
    "plays": {"user_id": "VARCHAR", "song_id": "VARCHAR", "plays": "INTEGER"},
    "bad_lines": {"line": "BIGINT", "fault": "VARCHAR", "value": "VARCHAR"},
    "parts": {"n_lines": "BIGINT", "n_bytes": "BIGINT"},
    "source": {
        **{"format": "VARCHAR", "name": "VARCHAR", "size": "BIGINT"},
        **{"modified": "VARCHAR", "content": "VARCHAR"},
    },
}
# Songs are in no order: packing them takes DuckDB as long as all the rest, and saves 0.5 GB of 1.2.
_STORED = {"song_id": "USING COMPRESSION uncompressed"}
# Not views, which could do anything.
_COLUMNS = """
    SELECT table_name, column_name, data_type FROM duckdb_columns()
    WHERE (schema_name, table_name) IN (SELECT (schema_name, table_name) FROM duckdb_tables())
"""
_REACH = "SELECT sum(n_lines), max(n_bytes) FROM parts"
_FIRST_FAULTS = f"""
    SELECT fault, count(*), arg_min({{'line': line, 'value': value}}, line, {SHOWN_ROWS})
    FROM bad_lines GROUP BY fault ORDER BY min(line)
"""
_LINES = """
    read_csv($path, columns = {'user_id': 'VARCHAR', 'song_id': 'VARCHAR', 'text': 'VARCHAR'},
             header = false, delim = '\t', quote = '', escape = '', comment = '', new_line = '\\n',
             auto_detect = false, strict_mode = true)
"""
# Numbers that are not written as they are counted with fail here, as do lines without three cells:
# then the part is looked at line by line.
_INSERT = f"""
    INSERT INTO plays
    SELECT user_id, song_id,
           CASE WHEN user_id IS NOT NULL AND song_id IS NOT NULL AND n BETWEEN 1 AND 999999999
                     AND n::VARCHAR = text THEN n ELSE error('a malformed line') END
    FROM (SELECT *, try_cast(text AS INTEGER) AS n FROM {_LINES})
"""


@dataclass(frozen=True)
class Summary:
    """What an import found.

    Attributes
    ----------
    source : str
        Name of the file of triplets.
    n_lines, n_records, n_plays : int
        Lines of the text, those that are triplets, and plays of all of these.
    n_over : int
        Records of more than `MAX_PLAYS` plays, which are there, and which queries leave out.
    faults : mapping of str to int
        For each fault (``columns``, ``user``, ``song``, ``plays``, ``text``) that any line has, the
        number of lines that were left out for it.
    remarks : tuple of str
        The same in words, with the first lines.
    resumed_after : int
        Lines that were there from an earlier run; all where there was nothing left to do.
    """

    source: str
    n_lines: int
    n_records: int
    n_plays: int
    n_over: int
    faults: dict[str, int]
    remarks: tuple[str, ...]
    resumed_after: int = 0

    @property
    def n_bad(self) -> int:
        """Lines that were left out."""
        return sum(self.faults.values())


@dataclass(frozen=True)
class _Source:
    """A file of triplets, as a database knows it again."""

    name: str
    size: int
    modified: str
    content: str

    @classmethod
    def of(cls, path: Path) -> Self:
        if not path.is_file():
            what = "no file" if path.exists() else "no such file"
            raise CatalogError(f"{path}: {what}. {TITLE} is at {SOURCE}")
        try:
            now = stamp(str(path))
            return cls(path.name, now.size, now.modified, digest_file(str(path)))
        except OSError as error:
            raise CatalogError(f"{path}: cannot be read: {error.strerror or error}") from error

    def same_as(self, other: _Source) -> bool:
        return self.content == other.content

    def __str__(self) -> str:
        return f"{self.name} of {self.size:,} bytes, last changed {self.modified[:19]}"


def _silent(done: int, total: int) -> None:
    pass


def import_triplets(
    file: str | os.PathLike[str],
    database: str | os.PathLike[str],
    *,
    max_bad: float = 0.001,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = _silent,
    part_size: int = PART,
) -> Summary:
    """Import triplets into a database; the same call goes on with what an earlier one left.

    Parameters
    ----------
    file : path
        Lines of a user, a song and a number of plays, with tabs between and no header; plain, .gz,
        or .zip with one file in it.
    database : path
        The DuckDB file to make. When it is there already, of the same triplets, nothing is done.
    max_bad : float
        Share of malformed lines, in [0, 1), beyond which the file is refused: of the lines up to
        the end of each part. Fewer are left out, counted and told.
    limits : Limits, optional
        Memory, threads and temporary folder.
    progress : callable
        Is called after each part with the bytes of the file that are done, and all of them.
    part_size : int
        Bytes of text that are committed at once, and lost by a kill at most.

    Returns
    -------
    Summary

    Raises
    ------
    CatalogError
        When the file is not there, cannot be read, has no triplets or too many malformed lines
        (which are told with their numbers); when the database is another file, or of other
        triplets, or so is the import that was left beside it; when memory or disk do not suffice;
        when duckdb is not installed.
    """
    check_parameters(
        {"max_bad": max_bad, "part_size": part_size},
        {"max_bad": Number(0, 1, "low"), "part_size": Whole()},
    )
    path, limits = user_path(file, CatalogError), limits or Limits()
    source = _Source.of(path)
    place = user_path(database, CatalogError)
    try:
        target = end_of_links(place)
        if target.exists():
            with _opened(target, limits) as (connection, _):
                _require_same(target, source, connection)
                summary = _summary(connection)
                return replace(summary, resumed_after=summary.n_lines)
        make_folder(target.parent)
        run = _Import(path, source, beside(target, ".importing"), limits, max_bad, part_size)
        summary = run.finish(progress)
        if source != _Source.of(path):
            raise CatalogError(
                f"{path}: changed while it was imported: delete {run.partial}, and import it again"
            )
        _rename(run.partial, target)
    except OSError as error:
        reason = f"{error.strerror or error}{room_advice(error, stays=False)}"
        raise CatalogError(f"{place}: cannot be written: {reason}") from error
    return summary


@dataclass(frozen=True)
class _Import:
    """An import that goes on in `partial`, a database of whole parts, each safe when it is there.

    The first part is imported in a temporary folder, so that there is no database without any.
    """

    path: Path
    source: _Source
    partial: Path
    limits: Limits
    max_bad: float
    part_size: int

    def finish(self, progress: Callable[[int, int], None]) -> Summary:
        """Import what is not there yet, and sum up all of it."""
        n_before, parts = 0, None
        if not self.partial.exists():
            parts = read_parts(self.path, self.part_size)
            progress(self._begin(parts).n_read, self.source.size)
        with _opened(self.partial, self.limits, read_only=False) as (connection, scratch):
            if parts is None:
                _require_same(self.partial, self.source, connection)
                n_before, end = map(int, _row(connection, _REACH))
                parts = read_parts(self.path, self.part_size, start=end, n_lines=n_before)
            self._add(connection, scratch, parts, progress)
            return replace(_summary(connection), resumed_after=n_before)

    def _begin(self, parts: Iterator[Part]) -> Part:
        """Make a database of the first part; return that."""
        first = next(parts, None)
        if first is None:
            raise CatalogError(f"{self.path}: no triplets: it is empty")
        with scratch_folder(self.partial.parent, CatalogError) as folder:
            new = folder / "new.duckdb"
            with database_file(new, self.limits, _PURPOSE, read_only=False) as (
                connection,
                scratch,
            ):
                for table in _TABLES:
                    columns = [
                        f"{name} {kind} {_STORED.get(name, '')}"
                        for name, kind in _TABLES[table].items()
                    ]
                    connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
                source = [_FORMAT, *vars(self.source).values()]
                connection.execute("INSERT INTO source VALUES (?, ?, ?, ?, ?)", source)
                self._add(connection, scratch, [first])
            _rename(new, self.partial)
        return first

    def _add(
        self,
        connection: DuckDBPyConnection,
        scratch: Path,
        parts: Iterable[Part],
        progress: Callable[[int, int], None] = _silent,
    ) -> None:
        import duckdb

        # Rows need no order: more than one thread may write them.
        connection.execute("SET preserve_insertion_order = false")
        for part in parts:
            suspect = b"\0" in part.text or b"\r" in part.text  # which DuckDB may pass over
            try:
                text, bad = sift(part) if suspect else (part.text, [])
                self._commit(connection, scratch / "part.txt", part, text, bad)
            except (duckdb.InvalidInputException, duckdb.ConversionException):
                text, bad = sift(part)
                self._commit(connection, scratch / "part.txt", part, text, bad)
            progress(part.n_read, self.source.size)
        connection.execute("CHECKPOINT")

    def _commit(
        self,
        connection: DuckDBPyConnection,
        file: Path,
        part: Part,
        text: bytes,
        bad: list[BadLine],
    ) -> None:
        """Add the triplets and the malformed lines of a part, and that they are there, or nothing.

        Raises
        ------
        duckdb.InvalidInputException, duckdb.ConversionException
            When some line of the text is malformed.
        CatalogError
            When too many lines are.
        """
        import duckdb

        connection.begin()
        try:
            if text:
                file.write_bytes(text)
                (n_rows,) = _row(connection, _INSERT, path=glob.escape(str(file)))
                if n_rows != part.n_lines - len(bad):  # DuckDB passes over them
                    raise duckdb.InvalidInputException("empty lines")
            if bad:
                columns = zip(*((line.number, line.fault, line.value) for line in bad), strict=True)
                connection.execute(
                    "INSERT INTO bad_lines SELECT unnest(?), unnest(?), unnest(?)",
                    [list(column) for column in columns],
                )
            connection.execute("INSERT INTO parts VALUES (?, ?)", [part.n_lines, part.end])
            self._require_few_bad(connection)
            connection.commit()
        except BaseException:
            with suppress(duckdb.Error):  # of a database that failed
                connection.rollback()
            raise

    def _require_few_bad(self, connection: DuckDBPyConnection) -> None:
        n_bad, n_lines = _row(
            connection,
            "SELECT (SELECT count(*) FROM bad_lines), (SELECT sum(n_lines) FROM parts)",
        )
        if n_bad > self.max_bad * n_lines:
            raise CatalogError(
                f"{self.path}: {n_bad:,} of the first {n_lines:,} lines are malformed, more than "
                f"{self.max_bad:g} of them (max_bad): a line is a user, a song and a number of "
                "plays, with tabs between",
                _faults(connection)[1],
            )


def _rename(file: Path, target: Path) -> None:
    """Give a database another name, when all of it is in the one file."""
    if (log := file.with_name(f"{file.name}.wal")).exists():
        raise OSError(errno.EIO, f"{log.name} could not be joined with it")
    file.replace(target)
    sync_folder(target.parent)


@contextmanager
def _opened(
    file: Path, limits: Limits, *, read_only: bool = True
) -> Iterator[tuple[DuckDBPyConnection, Path]]:
    """Open a database that an import has made, with the folder whose files it may read."""
    if not file.is_file():
        raise CatalogError(f"{file}: {'no file' if file.exists() else 'no such file'}")
    with database_file(file, limits, _PURPOSE, read_only=read_only) as (connection, scratch):
        columns: dict[str, dict[str, str]] = {}
        for table, name, kind in connection.execute(_COLUMNS).fetchall():
            columns.setdefault(table, {})[name] = kind
        if columns != _TABLES or _row(connection, "SELECT min(format) FROM source") != (_FORMAT,):
            raise CatalogError(f"{file}: another database, not triplets that spdkit has imported")
        yield connection, scratch


def _require_same(file: Path, source: _Source, connection: DuckDBPyConnection) -> None:
    """Refuse a database of another file of triplets."""
    there = _Source(*_row(connection, "SELECT name, size, modified, content FROM source"))
    if not source.same_as(there):
        raise CatalogError(
            f"{file}: holds triplets of another file, {there}, and not of {source}: give another "
            "name, or delete it"
        )


def _summary(connection: DuckDBPyConnection) -> Summary:
    (name,) = _row(connection, "SELECT name FROM source")
    (n_lines,) = _row(connection, "SELECT sum(n_lines) FROM parts")
    n_records, n_plays, n_over = _row(
        connection,
        "SELECT count(*), coalesce(sum(plays), 0), count(*) FILTER (plays > ?) FROM plays",
        MAX_PLAYS,
    )
    return Summary(name, int(n_lines), n_records, int(n_plays), n_over, *_faults(connection))


def _faults(connection: DuckDBPyConnection) -> tuple[dict[str, int], tuple[str, ...]]:
    """How many lines have each fault, and the same in words."""
    rows = connection.execute(_FIRST_FAULTS).fetchall()
    remarks = []
    for fault, n, first in rows:
        lines = [(line["line"], line["value"]) for line in first]
        remarks.append(f"{FAULTS[fault]}: {rows_at_fault('', lines, n)[2:]}")
    return {fault: n for fault, n, _ in rows}, tuple(remarks)


def _row(connection: DuckDBPyConnection, sql: str, *values: Any, **named: Any) -> tuple[Any, ...]:
    row = connection.execute(sql, named or list(values)).fetchone()
    assert row is not None
    return row


@dataclass(frozen=True)
class TasteProfile:
    """Records of who played what, in a database on disk; each query opens and closes it.

    Attributes
    ----------
    path : Path
    summary : Summary
        Of its import.
    limits : Limits
        What a query may take.

    Examples
    --------
    >>> log = TasteProfile.open("taste.duckdb")  # doctest: +SKIP
    >>> log.top_users(5)  # doctest: +SKIP
    """

    path: Path
    summary: Summary
    limits: Limits

    @classmethod
    def open(cls, database: str | os.PathLike[str], *, limits: Limits | None = None) -> Self:
        """Open a database that `import_triplets` has finished.

        Raises
        ------
        CatalogError
            When it is not there, another file, or not finished; when duckdb is not installed.
        """
        path, limits = user_path(database, CatalogError), limits or Limits()
        if not path.exists() and (partial := beside(path, ".importing")).exists():
            raise CatalogError(
                f"{path}: not there yet, its import was stopped ({partial.name}): run it again, "
                "and it goes on"
            )
        with _opened(path, limits) as (connection, _):
            return cls(path, _summary(connection), limits)

    def count(self, *, max_plays: int | None = MAX_PLAYS) -> tuple[int, int]:
        """Count the users and the songs of all records, but those of more than `max_plays`."""
        check_parameters({"max_plays": max_plays}, {"max_plays": _ALLOWED_PLAYS})
        with self._connection() as connection:
            n_users, n_songs = _row(
                connection,
                "SELECT (SELECT count(DISTINCT user_id) FROM plays WHERE plays <= $most), "
                "(SELECT count(DISTINCT song_id) FROM plays WHERE plays <= $most)",
                most=_MOST if max_plays is None else max_plays,
            )
        return n_users, n_songs

    def bad_lines(self) -> pd.DataFrame:
        """Lines that were left out: ``line`` (its number, from 1), ``fault``, ``value``."""
        with self._connection() as connection:
            return connection.execute("SELECT * FROM bad_lines ORDER BY line").df()

    def top_users(self, k: int, *, max_plays: int | None = MAX_PLAYS) -> pd.DataFrame:
        """Users of the most plays.

        Parameters
        ----------
        k : int
            How many.
        max_plays : int, optional
            Records of more plays do not count; None for all.

        Returns
        -------
        DataFrame
            ``user_id, plays, n_songs`` (records), by falling plays; of equal ones by id.

        Raises
        ------
        CatalogError
            When there are fewer users.
        """
        check_parameters(
            {"k": k, "max_plays": max_plays}, {"k": Whole(), "max_plays": _ALLOWED_PLAYS}
        )
        with self._connection() as connection:
            frame = connection.execute(
                """
                SELECT user_id, sum(plays)::BIGINT AS plays, count(*) AS n_songs FROM plays
                WHERE plays <= ? GROUP BY user_id ORDER BY plays DESC, user_id LIMIT ?
                """,
                [_MOST if max_plays is None else max_plays, k],
            ).df()
        if len(frame) < k:
            raise CatalogError(f"{self.path}: {len(frame)} users, not {k}")
        return frame

    def shared_songs(
        self, users: Iterable[str], *, min_users: int = 2, max_plays: int | None = MAX_PLAYS
    ) -> pd.DataFrame:
        """Songs that several of some users heard.

        Parameters
        ----------
        users : iterable of str
        min_users : int
            How many of them at least.
        max_plays : int, optional
            Records of more plays do not count; None for all.

        Returns
        -------
        DataFrame
            ``song_id, n_users, plays`` (of these users), by id.

        Raises
        ------
        CatalogError
            Naming users who are not in the log.
        """
        check_parameters({"min_users": min_users}, {"min_users": Whole()})
        return self._ask(
            """
            SELECT song_id, count(DISTINCT user_id) AS n_users, sum(plays)::BIGINT AS plays
            FROM of_users WHERE plays <= $most
            GROUP BY song_id HAVING n_users >= $min_users ORDER BY song_id
            """,
            users,
            max_plays,
            min_users=min_users,
        )

    def plays(
        self,
        users: Iterable[str],
        songs: Iterable[str] | None = None,
        *,
        max_plays: int | None = MAX_PLAYS,
    ) -> pd.DataFrame:
        """Records of some users; ``groupby("user_id")`` makes one table a user.

        Parameters
        ----------
        users : iterable of str
        songs : iterable of str, optional
            Of which songs; one that a user did not hear has no row. All by default.
        max_plays : int, optional
            Records of more plays are left out; None for all.

        Returns
        -------
        DataFrame
            ``user_id, song_id, plays`` (int64), by user and song.

        Raises
        ------
        CatalogError
            Naming users who are not in the log, and songs of which a user has two records.
        """
        frame = self._ask(
            """
            SELECT user_id, song_id, plays::BIGINT AS plays FROM of_users
            WHERE plays <= $most AND ($songs IS NULL OR song_id IN (SELECT unnest($songs)))
            ORDER BY ALL
            """,
            users,
            max_plays,
            songs=None if songs is None else list(songs),
        )
        repeated = frame.loc[frame.duplicated(["user_id", "song_id"]), ["user_id", "song_id"]]
        if len(repeated):
            names = [f"{song} of {user}" for user, song in repeated.itertuples(index=False)]
            raise CatalogError(f"{self.path}: songs with two records of a user: {listing(names)}")
        return frame

    def _ask(
        self, sql: str, users: Iterable[str], max_plays: int | None, **values: Any
    ) -> pd.DataFrame:
        """Query the records of some users, `of_users`."""
        check_parameters({"max_plays": max_plays}, {"max_plays": _ALLOWED_PLAYS})
        asked = list(users)
        with self._connection() as connection:
            connection.execute(
                "CREATE TEMP TABLE of_users AS "
                "SELECT * FROM plays WHERE user_id IN (SELECT unnest(?))",
                [asked],
            )
            there = connection.execute("SELECT DISTINCT user_id FROM of_users").fetchall()
            if unknown := sorted(set(asked) - {user for (user,) in there}):
                raise CatalogError(
                    f"{self.path}: users who are not there: {listing(unknown, quote=True)}"
                )
            most = _MOST if max_plays is None else max_plays
            return connection.execute(sql, {"most": most, **values}).df()

    @contextmanager
    def _connection(self) -> Iterator[DuckDBPyConnection]:
        with _opened(self.path, self.limits) as (connection, _):
            yield connection
