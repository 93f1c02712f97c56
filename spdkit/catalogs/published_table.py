"""Published table: its description, and reading it into typed columns or named problems.

Every cell is accounted for: it becomes a value of its column's type, a missing value because it is
empty or the column's own marker for missing, or a problem with its row.
"""

from __future__ import annotations

import ast
import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spdkit.catalogs.errors import cells_at_fault
from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.release_dates import read_release_dates
from spdkit.common.table_io import TableError, column_names, read_table

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "date", "number", "integer", "flag", "texts", "mapping"]
_NUMERIC = ("number", "integer")
_FLAGS = {"True": True, "False": False, "true": True, "false": False, "1": True, "0": False}
_WRONG = {
    "number": "no number",
    "integer": "no whole number",
    "flag": "neither True nor False",
    "texts": "no list of texts, such as ['a', 'b']",
    "mapping": "no mapping of texts, such as {'a': 'b'}",
}


@dataclass(frozen=True)
class Column:
    """One column of a published table.

    Attributes
    ----------
    name : str
        As its header has it.
    kind : {"text", "date", "number", "integer", "flag", "texts", "mapping"}
        A date is a text that `spdkit.common.release_dates` reads, of any precision; what it cannot
        read is missing, and told: it takes no other fact along. "texts" and "mapping" are Python
        literals in a cell, a list of texts and a dict from text to text.
    missing : str or float, optional
        What means missing here besides the empty cell.
    low, high : float
        The values that a number can take.
    needed : bool
        Whether the file must have it; what lacks is filled with missing values, and told.
    """

    name: str
    kind: Kind = "text"
    missing: str | float | None = None
    low: float = float("-inf")
    high: float = float("inf")
    needed: bool = True


def columns_named(*names: str, **options: Any) -> tuple[Column, ...]:
    """Columns that differ by their names alone; the options are those of `Column`."""
    return tuple(Column(name, **options) for name in names)


@dataclass(frozen=True)
class TableSpec:
    """One published table.

    Attributes
    ----------
    name : str
    file : str
        Name of the CSV file (UTF-8, header row); with ``.gz`` behind it, gzipped.
    key : str
        The column that identifies rows; never empty.
    columns : tuple of Column
        Other columns of the file are passed over.
    """

    name: str
    file: str
    key: str
    columns: tuple[Column, ...]


@dataclass
class TableResult:
    """What reading a table gave: a frame, or problems."""

    frame: pd.DataFrame
    file: str = ""
    sha256: str = ""
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_published(folder: Path, spec: TableSpec) -> TableResult:
    """Read one table of a catalog; what is wrong with it is in the result, all at once."""
    import pandas as pd

    result = TableResult(pd.DataFrame())
    paths = [folder / name for name in (spec.file, f"{spec.file}.gz") if (folder / name).exists()]
    if len(paths) != 1:
        what = "no such file, nor" if not paths else "there twice, also as"
        result.problems.append(f"{spec.file}: {what} {spec.file}.gz")
        return result
    path = paths[0]
    result.file = path.name
    try:
        header = column_names(path)
        _compare_columns(header, spec, result)
        present = [column for column in spec.columns if column.name in header]
        raw = read_table(
            path,
            [column.name for column in present],
            text=[column.name for column in present if column.kind not in _NUMERIC],
        )
        if raw.empty:
            result.problems.append(f"{path.name}: no rows")
        else:
            _fill(result, raw, spec)
        with path.open("rb") as file:
            result.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except TableError as error:  # it names the folder, which the error of the catalog does, too
        result.problems.append(str(error).removeprefix(f"{folder}{os.sep}"))
    return result


def _compare_columns(header: list[str], spec: TableSpec, result: TableResult) -> None:
    lacking = [column for column in spec.columns if column.name not in header]
    result.problems += [f"{result.file}: no column {c.name!r}" for c in lacking if c.needed]
    unneeded = [column.name for column in lacking if not column.needed]
    if unneeded:
        result.remarks.append(f"{result.file}: no columns {', '.join(unneeded)}: all missing")
    declared = {column.name for column in spec.columns}
    others = [name for name in header if name and name not in declared]  # pandas' index has no name
    if others:
        passed = listing(others, COLUMNS_SHOWN)
        result.remarks.append(f"{result.file}: passed over the columns {passed}")


def _fill(result: TableResult, raw: pd.DataFrame, spec: TableSpec) -> None:
    """Give the result its frame, typed; or its problems, those of every column."""
    import numpy as np
    import pandas as pd

    columns = {}
    for column in spec.columns:
        present = column.name in raw
        cells = raw[column.name] if present else pd.Series(float("nan"), index=raw.index)
        values, wrong = _typed(cells, column)
        if column.kind == "date":
            odd = [row for row, _ in read_release_dates(values)[1]]
            if odd:
                what = f"column {column.name!r}: no date, and taken for missing"
                rows = pd.Series(np.isin(np.arange(len(cells)), odd), cells.index)
                result.remarks.append(f"{result.file}: {cells_at_fault(what, rows, cells)}")
                values = values.mask(rows, "")
        if column.name == spec.key and present:
            wrong = [*wrong, ("empty", values == "")]
        for what, where in wrong:
            if where.any():
                problem = cells_at_fault(f"column {column.name!r}: {what}", where, cells)
                result.problems.append(f"{result.file}: {problem}")
        columns[column.name] = values
    if not result.problems:
        result.frame = _first_of_each(pd.DataFrame(columns), spec, result)


def _first_of_each(frame: pd.DataFrame, spec: TableSpec, result: TableResult) -> pd.DataFrame:
    """Keep the first row of each key; tell how many others there were, and how many differed."""
    repeated = frame[spec.key].duplicated()
    if not repeated.any():
        return frame
    first, dropped = frame[~repeated], frame[repeated]
    originals = first.set_index(spec.key).loc[dropped[spec.key]].reset_index()[list(frame.columns)]
    dropped_rows = dropped.reset_index(drop=True)
    same = (originals == dropped_rows) | (originals.isna() & dropped_rows.isna())
    n_different = int((~same.fillna(False).astype(bool).all(axis=1)).sum())
    result.remarks.append(
        f"{result.file}: rows that repeat an earlier {spec.key}: {len(dropped)}, of which "
        f"{n_different} with other values; the first of each is kept"
    )
    return first.reset_index(drop=True)


_Wrong = list[tuple[str, "pd.Series[bool]"]]


def _typed(cells: pd.Series, column: Column) -> tuple[pd.Series, _Wrong]:
    """Values of a column's type, and where cells are wrong and how."""
    if column.kind in _NUMERIC:
        return _numbers(cells, column)
    absent = cells.isna()
    if column.missing is not None:
        absent |= cells.astype(object).str.strip() == str(column.missing)
    texts = cells.astype(object).where(~absent, "")
    if column.kind in ("text", "date"):
        return texts, []
    if column.kind == "flag":
        flags = texts.map(_FLAGS).astype("boolean")
        return flags, [(_WRONG["flag"], ~absent & flags.isna())]
    values = _literals(texts, _as_texts if column.kind == "texts" else _as_mapping)
    return values, [(_WRONG[column.kind], ~absent & values.isna())]


def _numbers(cells: pd.Series, column: Column) -> tuple[pd.Series, _Wrong]:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_bool_dtype(cells.dtype):
        cells = cells.astype(object).map(str)
    # On arrays: of the hundreds of columns of a table, pandas' own steps take most of the time.
    numbers = np.array(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
    wrong = (cells.notna().to_numpy() & np.isnan(numbers)) | np.isinf(numbers)
    if column.missing is not None:
        numbers[numbers == column.missing] = np.nan
    if column.kind == "integer":
        with np.errstate(invalid="ignore"):  # of infinity, which is wrong already
            wrong |= ~np.isnan(numbers) & (numbers % 1 != 0)
    outside = ~wrong & ((numbers < column.low) | (numbers > column.high))
    ends = f"outside [{column.low:g}, {column.high:g}]"
    faults: _Wrong = [
        (what, pd.Series(where, cells.index))
        for what, where in ((_WRONG[column.kind], wrong), (ends, outside))
        if where.any()
    ]
    values = pd.Series(numbers, cells.index, name=cells.name)
    if column.kind == "integer" and not wrong.any():
        return values.astype("Int64"), faults
    return values, faults


def _literals(texts: pd.Series, check: Callable[[object], object]) -> pd.Series:
    """Python literals, each distinct text parsed once; None where empty or of another type."""
    import pandas as pd

    parsed: dict[str, object] = {"": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in the texts: they are no code of ours
        for text in texts.unique():
            if text:
                parsed[text] = check(_literal(text))
    return pd.Series([parsed[text] for text in texts], index=texts.index, dtype=object)


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None  # told as a problem of its row


def _as_texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def _as_mapping(value: object) -> dict[str, str] | None:
    if isinstance(value, dict) and all(
        isinstance(item, str) for pair in value.items() for item in pair
    ):
        return dict(value)
    return None
