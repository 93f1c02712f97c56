"""Database: DuckDB in a bounded amount of memory, in memory or in a file, that opens nothing else.

DuckDB spills what does not fit to a temporary folder of its own, which is gone at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spdkit.catalogs.errors import CatalogError
from spdkit.common.files import scratch_folder
from spdkit.common.messages import needs_extra
from spdkit.common.threads import usable_cores

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Limits:
    """How much of the machine a database may take.

    Attributes
    ----------
    memory : str
        Of DuckDB's buffers, such as "512MB"; the interpreter and the result come on top.
    threads : int, optional
        As many as there are usable cores, but at most 4, by default.
    folder : path, optional
        Where to keep what does not fit; the system's temporary folder by default.
    """

    memory: str = "512MB"
    threads: int | None = None
    folder: str | os.PathLike[str] | None = None


@contextmanager
def database(limits: Limits, purpose: str) -> Iterator[DuckDBPyConnection]:
    """Open a database in memory.

    Parameters
    ----------
    limits : Limits
    purpose : str
        What needs it, such as ``"counting raw logs"``.

    Raises
    ------
    CatalogError
        When duckdb is not installed, a limit is none, or the memory or the disk do not suffice.
    """
    with (
        scratch_folder(limits.folder, CatalogError) as scratch,
        _connection(":memory:", limits, scratch, purpose) as connection,
    ):
        yield connection


@contextmanager
def database_file(
    file: Path, limits: Limits, purpose: str, *, read_only: bool
) -> Iterator[tuple[DuckDBPyConnection, Path]]:
    """Open a database in a file; what is in it can open no other.

    Yields
    ------
    DuckDBPyConnection
    Path
        The temporary folder, the only one whose files can be read.

    Raises
    ------
    CatalogError
        As `database` does; when the file is no database or in use, and whatever fails in the
        context.
    """
    with needs_extra(purpose, "forecast", CatalogError):
        import duckdb
    with scratch_folder(limits.folder, CatalogError) as scratch:
        try:
            with _connection(str(file), limits, scratch, purpose, read_only) as connection:
                connection.execute(f"SET allowed_directories = [{_quoted(scratch)}]")
                connection.execute("SET enable_external_access = false")
                yield connection, scratch
        except duckdb.Error as error:
            raise CatalogError(f"{file}: {reason_of(error)}") from error


@contextmanager
def _connection(
    place: str, limits: Limits, scratch: Path, purpose: str, read_only: bool = False
) -> Iterator[DuckDBPyConnection]:
    with needs_extra(purpose, "forecast", CatalogError):
        import duckdb
    threads = min(4, usable_cores()) if limits.threads is None else limits.threads
    if threads < 1:
        raise CatalogError(f"threads={threads}: at least 1")
    settings: dict[str, Any] = {
        "memory_limit": limits.memory,
        "threads": threads,
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": False,  # never to the network
    }
    try:
        connection = duckdb.connect(place, read_only=read_only, config=settings)
    except duckdb.ParserException as error:
        raise CatalogError(f"memory={limits.memory!r}: {reason_of(error)}") from error
    try:
        with connection:
            connection.execute("SET enable_progress_bar = false")  # it would go to stdout
            yield connection
    except duckdb.OutOfMemoryException as error:
        raise CatalogError(
            f"memory={limits.memory!r} with threads={threads} does not suffice, or the "
            f"temporary folder is full: allow more, or fewer threads ({reason_of(error)})"
        ) from error


def _quoted(path: Path) -> str:
    doubled = str(path).replace("'", "''")
    return f"'{doubled}'"


def reason_of(error: Exception) -> str:
    """DuckDB's message without the line itself, which may be long, and its hints for SQL."""
    lines = str(error).strip().split("\n\n")[0].split("\nPossible")[0].splitlines()
    return " ".join(line for line in lines if not line.startswith("Original Line:"))
