"""Long tables in files: series, dates and values, read as they are and parsed without guessing.

Conventions
-----------
A table is one that `spdkit.read_table` reads, one row an observation. The three columns that a
forecast needs are taken, others are left out. Series are named by text, so that 007 stays 007.
Dates are ISO 8601 text, or whole numbers: of eight digits they are dates (20150831), otherwise
steps (1, 2, 3 …). A ``freq`` that is a whole number makes steps of all of them.

Values that are no numbers are refused here, with their line; what is empty becomes NaN and is
refused by `spdkit.forecast.data.long_table.check_frame`, with its series and date.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spdkit.common.files import user_path
from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.table_io import column_names, place_of_row, read_table
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame, fill_gaps
from spdkit.forecast.data.panel import Columns, Panel

_FREQ = re.compile(r"\bfreq='?([^',\s:]+?)'?(?=[,.:;]?(?:\s|$))")  # as Python writes it
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
        CSV, TSV or Parquet, by its ending.
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
        raise ForecastError(
            f"{len(names)} different columns are needed, got {listing(names, COLUMNS_SHOWN)}"
        )
    file = user_path(path, ForecastError)
    there = column_names(file, ForecastError)
    if missing := [name for name in names if name not in there]:
        raise ForecastError(
            f"{file}: no column {listing(missing, COLUMNS_SHOWN, quote=True)}; the columns are "
            f"{listing(there, COLUMNS_SHOWN)}. Say what they are called by --id-col, --time-col "
            "and --target-col (in Python: Columns)."
        )
    text = [columns.unique_id, columns.ds]
    frame = read_table(file, names, text=text, error=ForecastError)
    # Rows without any value, such as spreadsheets have at the end, say nothing.
    frame = frame[~(frame.isna() | (frame == "")).all(axis=1)]
    if not len(frame):
        raise ForecastError(f"{file}: the table has no rows")
    series = frame[columns.unique_id]
    _refuse(file, series.isna() | (series.astype(str).str.strip() == ""), f"no {series.name}")
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
        hint = _FREQ.sub(r"--freq \1", hint.replace("give freq, such as ", "give "))
        raise ForecastError(f"{path}: {hint}") from error


def _refuse(file: Path, wrong: pd.Series[bool], what: str) -> None:
    """Refuse a table that has rows at fault; their labels are their numbers in the file."""
    if wrong.any():
        place = place_of_row(file, wrong.index[wrong.to_numpy()][0])
        raise ForecastError(f"{file}, {place}: {what} ({int(wrong.sum())} such rows)")


def _values(file: Path, column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_bool_dtype(column):
        raise ForecastError(f"{file}: column {column.name!r} holds true and false, not numbers")
    if not pd.api.types.is_numeric_dtype(column):
        column = column.mask(column.isin(_NO_VALUE))
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    _refuse(
        file,
        wrong,
        f"{column.name} is {listing(column[wrong][:1].tolist(), quote=True)}, no number",
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
    _refuse(file, text.isna() | (text == ""), f"no {column.name}")
    if text.str.fullmatch(r"-?\d{1,15}(?:\.0*)?").all():
        text = text.str.split(".").str[0]
    if text.str.fullmatch(r"-?\d{1,18}").all() and (steps or not text.str.len().eq(8).all()):
        return text.astype("int64")
    return text
