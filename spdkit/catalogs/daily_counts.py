"""Daily counts: tables of one row a series and day, to the long format or to named problems.

Conventions
-----------
A table is one that `spdkit.read_table` reads: an id, ``ds`` as YYYYMMDD, and counts, which
are whole numbers from 0. Rows are numbered from 1, the header not counted. What the long format
is, `spdkit.catalogs.tianchi` says.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spdkit.catalogs.errors import CatalogError, cells_at_fault
from spdkit.common.files import user_path
from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.table_io import column_names, read_table

COUNTS = ("plays", "downloads", "collects")
_DATE, _COUNT = r"\d{8}", r"\d{1,18}"


def read_daily(
    path: str | os.PathLike[str], key: str, counts: Sequence[str], keep: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a table of daily counts.

    Parameters
    ----------
    path : path
    key : str
        The column that becomes ``unique_id``.
    counts : sequence of str
        ``plays``, which becomes ``y``, and others.
    keep : sequence of str
        Columns to append, with one value a series, as text.

    Returns
    -------
    DataFrame

    Raises
    ------
    CatalogError
        Naming what lacks or is wrong, with column and row, all at once.
    """
    place = user_path(path, CatalogError)
    cells = _cells(place, (key, "ds", *counts, *keep))
    days = cells["ds"].where(cells["ds"].str.fullmatch(_DATE))
    days = pd.to_datetime(days, format="%Y%m%d", errors="coerce")
    wrong = [(f"column {key!r}: empty", cells[key] == "", cells[key])]
    wrong.append(("column 'ds': no date as YYYYMMDD", days.isna(), cells["ds"]))
    for name in counts:
        no_count = ~cells[name].str.fullmatch(_COUNT)
        wrong.append((f"column {name!r}: no whole number from 0", no_count, cells[name]))
    pair = cells[key] + " on " + cells["ds"]
    wrong.append(("the day of a series is there twice", pair.duplicated(), pair))
    for name in keep:
        first = cells.groupby(key)[name].transform("first")
        what = f"column {name!r}: another value than in an earlier row of the same {key}"
        wrong.append((what, cells[name] != first, cells[name] + " for " + cells[key]))
    problems = [cells_at_fault(what, rows, values) for what, rows, values in wrong if rows.any()]
    if problems:
        raise CatalogError(f"{place}: not a table of daily counts", tuple(problems))
    frame = pd.DataFrame({"unique_id": cells[key], "ds": days})
    for name in counts:
        frame["y" if name == "plays" else name] = cells[name].astype("int64")
    frame = frame.join(cells[list(keep)]).sort_values(["unique_id", "ds"], ignore_index=True)
    return in_long_format(frame)


def in_long_format(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the days of a long frame one unit, whatever made them."""
    return frame.assign(ds=frame["ds"].astype("datetime64[ns]"))


def _cells(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """The needed columns as text."""
    header = column_names(path, CatalogError)
    columns = list(dict.fromkeys(needed))
    lacking = [name for name in columns if name not in header]
    if lacking:
        only = listing(header, COLUMNS_SHOWN)
        problems = [f"no column {name!r}, only {only}" for name in lacking]
        raise CatalogError(f"{path}: not a table of daily counts", tuple(problems))
    cells = read_table(path, columns, text=True, error=CatalogError)
    if cells.empty:
        raise CatalogError(f"{path}: not a table of daily counts: no rows")
    return cells.fillna("")
