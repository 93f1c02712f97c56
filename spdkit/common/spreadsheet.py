"""Spreadsheets: cells of text that Excel, LibreOffice and Google Sheets take for formulas.

A name such as ``=HYPERLINK("http://…")`` is text in a table and runs when a person opens it in a
spreadsheet (CSV injection, CWE-1236). An apostrophe before it keeps it text there, and makes it
another text for everything else, so that rows no longer join by it: it is written when asked for,
and there is a remark when it would have been of use.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from spdkit.common.errors import SpdkitWarning
from spdkit.common.messages import listing

if TYPE_CHECKING:
    import pandas as pd

# OWASP's list, and the full-width forms that East Asian Excel reads alike. Numbers are numbers.
_FORMULA = re.compile(r"(?![+-][\d.,]+\Z)[=+\-@\t\r\n＝＋－＠]")


def is_formula(cell: object) -> bool:
    """Whether a spreadsheet would take a cell for a formula.

    Examples
    --------
    >>> [is_formula(cell) for cell in ("=1+1", "@SUM(A1)", "-5", "AC/DC", -5.0)]
    [True, True, False, False, False]
    """
    return isinstance(cell, str) and _FORMULA.match(cell) is not None


def for_spreadsheet(table: pd.DataFrame, *, safe: bool) -> pd.DataFrame:
    """Return a table with ``'`` before each cell or column name that is a formula, if `safe`.

    Otherwise it is returned as it is, with an `SpdkitWarning` when there are such cells.
    """
    names = [column for column, values in table.items() if not _is_numeric(values)]
    hits = {column: table[column].map(is_formula) for column in names}
    columns = [str(column) for column in table if is_formula(column)]
    if not columns and not any(hit.any() for hit in hits.values()):
        return table
    if safe:
        guarded = table.astype(dict.fromkeys(names, object))
        for column, hit in hits.items():
            guarded.loc[hit.to_numpy(dtype=bool), column] = "'" + table[column][hit]
        return guarded.rename(columns=lambda name: f"'{name}" if is_formula(name) else name)
    cells = [*columns, *(cell for column, hit in hits.items() for cell in table[column][hit])]
    warnings.warn(
        f"{len(cells)} cells begin with =, +, - or @, which a spreadsheet takes for a formula: "
        f"{listing(cells, 3, quote=True)}. spreadsheet_safe (--spreadsheet-safe) writes ' before "
        "them; programs that join rows by them need them as they are",
        SpdkitWarning,
        stacklevel=2,
    )
    return table


def _is_numeric(values: pd.Series) -> bool:
    return values.dtype.kind in "biufcM"
