"""Long tables in files: series, dates and values, read as they are and parsed without guessing.

Conventions
-----------
A table is CSV (also ``.csv.gz``) or Parquet, one row an observation. The three columns that a
forecast needs are taken, others are left out. Series are named by text, so that 007 stays 007.
Dates are ISO 8601 text, or whole numbers: of eight digits they are dates (20150831), otherwise
steps (1, 2, 3 …). A ``freq`` that is a whole number makes steps of all of them.

Values that are no numbers are refused here, with their line; what is empty becomes NaN and is
refused by `spdkit.forecast.data.long_table.check_frame`, with its series and date.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spdkit.common.errors import SpdkitError
from spdkit.common.files import replacing, write_text
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame, fill_gaps
from spdkit.forecast.data.panel import Columns, Panel

CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")
_NO_VALUE = ["", "NA", "NaN", "nan", "null", "None"]


def read_long(
    path: str | os.PathLike[str],
    columns: Columns | None = None,
    freq: str | int | pd.DateOffset | None = None,
    exog: Sequence[str] = (),
) -> pd.DataFrame:
    """Read the three columns of a long table, and others that are asked for.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz`` or ``.parquet``.
    columns : Columns, optional
        What the table calls them; ``unique_id, ds, y`` by default.
    freq : str, int or DateOffset, optional
        The step between dates, if known; see the conventions of this module.
    exog : sequence of str
        Further columns of numbers.

    Returns
    -------
    DataFrame
        Those columns, with their own names: text; dates or whole numbers; numbers.

    Raises
    ------
    ForecastError
        When the file is not there, is no such table, lacks a column, or holds no rows, or a value
        that is no number: with its line.
    """
    columns = columns or Columns()
    names = [columns.unique_id, columns.ds, columns.y, *exog]
    if len(set(names)) < len(names):
        raise ForecastError(f"{len(names)} different columns are needed, got {', '.join(names)}")
    file = Path(path).expanduser()
    frame = _read(file, names, [columns.y, *exog])
    # Lines without any value, such as one at the end, say nothing; the others keep their numbers.
    frame = frame[~(frame.isna() | (frame == "")).all(axis=1)]
    if not len(frame):
        raise ForecastError(f"{file}: the table has no rows")
    series = frame[columns.unique_id]
    missing = series.isna() | (series.astype(str).str.strip() == "")
    if missing.any():
        first = missing.idxmax()
        raise ForecastError(
            f"{file}, {_place(file, first)}: no {columns.unique_id} ({int(missing.sum())} such "
            f"rows)"
        )
    read = {
        columns.unique_id: series.astype(str),
        columns.ds: _times(file, frame[columns.ds], freq),
        **{name: _values(file, frame[name]) for name in (columns.y, *exog)},
    }
    return pd.DataFrame(read).reset_index(drop=True)


def read_panel(
    path: str | os.PathLike[str],
    columns: Columns | None = None,
    freq: str | int | None = None,
    filled: float | None = None,
    remark: Callable[[str], None] = lambda text: None,
    exog: Sequence[str] = (),
) -> Panel:
    """Read and check a table for the command line.

    Parameters
    ----------
    path, columns, freq, exog
        As in `read_long`.
    filled : float, optional
        What goes where a date has no row, up to the last date of all series.
    remark : callable
        Takes a sentence on how many dates were filled.

    Raises
    ------
    ForecastError
        As `read_long` and `spdkit.forecast.data.long_table.check_frame` do, naming the file.
    """
    columns = columns or Columns()
    frame = read_long(path, columns, freq, exog)
    keys = {"id_col": columns.unique_id, "time_col": columns.ds}
    try:
        if filled is not None:
            whole = fill_gaps(frame, value=filled, freq=freq, end="global", **keys)
            series = columns.unique_id
            more = whole[series].value_counts() - frame[series].value_counts()
            if added := len(whole) - len(frame):
                remark(
                    f"{added:,} dates without a row, in {int((more > 0).sum()):,} of "
                    f"{len(more):,} series, are taken for {filled:g}"
                )
            frame = whole
        return check_frame(frame, freq=freq, exog=exog, target_col=columns.y, **keys)
    except ForecastError as error:
        hint = str(error).replace("use fill_gaps", "use --fill-gaps 0")
        raise ForecastError(f"{path}: {hint}") from error


def write_long(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table as CSV or Parquet, by the suffix, whole or not at all.

    Raises
    ------
    SpdkitError
        When the suffix is another one, or the file cannot be written.
    """
    file = Path(path).expanduser()
    require_suffix(file)
    if _suffix(file) == ".csv":
        write_text(file, frame.to_csv(index=False, float_format="%.10g"))
        return
    try:
        with replacing(file) as made:
            if _suffix(file) == ".csv.gz":
                frame.to_csv(made, index=False, float_format="%.10g", compression="gzip")
            else:
                frame.to_parquet(made, index=False)
    except ImportError as error:
        raise _no_parquet(file) from error
    except OSError as error:
        raise SpdkitError(f"{file}: cannot be written: {error.strerror or error}") from error


def require_suffix(path: Path) -> None:
    """Refuse a name that says no format of ours.

    Raises
    ------
    ForecastError
    """
    if _suffix(path) not in (*CSV_SUFFIXES, *PARQUET_SUFFIXES):
        raise ForecastError(
            f"{path}: tables are .csv, .csv.gz or .parquet, by the end of their name"
        )


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])


def _read(file: Path, names: list[str], numbers: list[str]) -> pd.DataFrame:
    require_suffix(file)
    if not file.is_file():
        raise ForecastError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}")
    parquet = _suffix(file) in PARQUET_SUFFIXES
    try:
        if parquet:
            there = _parquet_columns(file)
            _require(file, there, names)
            return pd.read_parquet(file, columns=names)
        there = list(pd.read_csv(file, nrows=0, encoding="utf-8-sig").columns)
        _require(file, there, names)
        text = {name: str for name in names if name not in numbers}
        return pd.read_csv(
            file,
            usecols=names,
            dtype=text,
            keep_default_na=False,
            na_values=dict.fromkeys(numbers, _NO_VALUE),
            skip_blank_lines=False,
            encoding="utf-8-sig",
            low_memory=False,
        )
    except ImportError as error:
        raise _no_parquet(file) from error
    except pd.errors.EmptyDataError as error:
        raise ForecastError(f"{file}: the file is empty") from error
    except (OSError, ValueError) as error:  # UnicodeDecodeError and ParserError are ValueErrors
        raise ForecastError(f"{file}: cannot be read as a table: {error}") from error


def _parquet_columns(file: Path) -> list[str]:
    from pyarrow.parquet import read_schema

    return [str(name) for name in read_schema(file).names]


def _no_parquet(file: Path) -> ForecastError:
    return ForecastError(f"{file}: Parquet needs pyarrow: pip install 'spdkit[parquet]'")


def _require(file: Path, there: list[str], names: list[str]) -> None:
    missing = [name for name in names if name not in there]
    if missing:
        raise ForecastError(
            f"{file}: no column {', '.join(map(repr, missing))}; the columns are "
            f"{', '.join(there)}. Say what they are called by --id-col, --time-col and "
            f"--target-col (in Python: Columns)."
        )


def _place(file: Path, row: Any) -> str:
    # Counted as an editor does: the header is line 1. A quoted line break would put it off.
    return f"row {row + 1}" if _suffix(file) in PARQUET_SUFFIXES else f"line {row + 2}"


def _values(file: Path, column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_bool_dtype(column):
        raise ForecastError(f"{file}: column {column.name!r} holds true and false, not numbers")
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        first = wrong.idxmax()
        raise ForecastError(
            f"{file}, {_place(file, first)}: {column.name} is {column[wrong].iloc[0]!r}, no number "
            f"({int(wrong.sum())} such rows)"
        )
    return numbers.astype("float64")


def _times(
    file: Path, column: pd.Series[Any], freq: str | int | pd.DateOffset | None
) -> pd.Series[Any]:
    """Dates as text or as they are; whole numbers where they are steps."""
    steps = isinstance(freq, int)
    if pd.api.types.is_integer_dtype(column) and not column.isna().any():
        dates = bool(column.between(1000_00_00, 9999_12_31).all())
        return column if steps or not dates else column.astype(str)
    if not pd.api.types.is_string_dtype(column):
        return column  # dates of Parquet; what is none is refused by the check of the frame
    text = column.str.strip()
    if (empty := text.isna() | (text == "")).any():
        first = empty.idxmax()
        raise ForecastError(
            f"{file}, {_place(file, first)}: no {column.name} ({int(empty.sum())} such rows)"
        )
    if text.str.fullmatch(r"-?\d{1,18}").all() and (steps or not text.str.len().eq(8).all()):
        return text.astype("int64")
    return text
