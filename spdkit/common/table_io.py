"""CSV tables written row by row and put in place whole: a reader never sees half of one."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spdkit.collect.errors import CollectError


@contextmanager
def table_writer(
    path: Path, columns: Sequence[str], *, numbered: bool = False
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Write a CSV table (UTF-8, header row) that replaces `path` when the context ends well.

    None becomes an empty cell; lists and mappings become Python literals, as SpotGenTrack has them;
    line breaks within a cell become newlines.

    Parameters
    ----------
    path : Path
        The table.
    columns : sequence of str
        Its header; a key of a row that is not among them is an error.
    numbered : bool
        Whether an unnamed first column counts the rows from 0, as pandas writes its index.

    Yields
    ------
    callable
        To call with each row, a mapping from column to value.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["", *columns] if numbered else columns)
            n_rows = 0

            def write(row: Mapping[str, Any]) -> None:
                nonlocal n_rows
                if unknown := row.keys() - set(columns):
                    raise KeyError(f"{path.name} has no columns {sorted(unknown)}")
                cells = [_cell(row.get(column)) for column in columns]
                writer.writerow([n_rows, *cells] if numbered else cells)
                n_rows += 1

            yield write
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise CollectError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return repr(value)
    # A lone carriage return would end the row for some readers, quoted or not.
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value
