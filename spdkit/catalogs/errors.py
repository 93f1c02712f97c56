"""Errors of catalogs, and the rows that they name."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spdkit.common.errors import SpdkitError
from spdkit.common.escapes import escaped

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 3
_LONGEST_SHOWN = 60


class CatalogError(SpdkitError):
    """A catalog that is not there or not what it should be.

    Parameters
    ----------
    message : str
    problems : tuple of str
        One line each, naming file and column.
    """

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, problems)
        self.message = message
        self.problems = problems

    def __str__(self) -> str:
        return "\n- ".join(map(escaped, [self.message, *self.problems]))


@contextmanager
def read_to_its_end(path: Path) -> Iterator[None]:
    """Turn what reading and unpacking a file may fail with into a `CatalogError`.

    Raises
    ------
    CatalogError
        Also when the file is encrypted, or packed in a way that Python does not know.
    """
    try:
        yield
    except (
        *(OSError, EOFError, RuntimeError),
        *(zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
    ) as error:
        reason = getattr(error, "strerror", None) or error
        raise CatalogError(f"{path}: cannot be read to its end: {reason}") from error


def rows_at_fault(what: str, rows: Sequence[tuple[int, str | None]], n_rows: int) -> str:
    """Name a fault, the first rows that have it, and how many more there are."""
    names = ", ".join(
        f"row {row}" if value is None else f"{_short(value)} in row {row}" for row, value in rows
    )
    more = f" and {n_rows - len(rows)} more" if n_rows > len(rows) else ""
    return f"{what}: {names}{more}"


def cells_at_fault(what: str, wrong: pd.Series[bool], cells: pd.Series) -> str:
    """Name a fault and the first cells that have it, as `rows_at_fault` does."""
    places = wrong.to_numpy().nonzero()[0]
    first = cells.iloc[places[:SHOWN_ROWS]]
    empty = first.isna() | (first == "")
    rows = [
        (int(place) + 1, None if nothing else str(cell))
        for place, cell, nothing in zip(places, first, empty, strict=False)
    ]
    return rows_at_fault(what, rows, len(places))


def _short(value: str) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}…'"
