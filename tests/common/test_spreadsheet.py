"""Spreadsheets: text that would run as a formula is guarded on demand, and told otherwise."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from spdkit.common.errors import SpdkitWarning
from spdkit.common.spreadsheet import for_spreadsheet

TABLE = pd.DataFrame(
    {
        "track_id": ['=HYPERLINK("x")', "@SUM(A1)", "-2+3+cmd|' /C calc'!A0", "+49", "ok", "\t=1"],
        "=name": [-1.5, 2, 3, 4, 5, 6],
        "note": [None, "", "-", "a=b", "-5,000.1", "\uff1d1"],
    }
)


def test_formulas_are_guarded_and_all_else_is_as_it_was():
    safe = for_spreadsheet(TABLE, safe=True)
    assert list(safe) == ["track_id", "'=name", "note"]
    ids = ['\'=HYPERLINK("x")', "'@SUM(A1)", "'-2+3+cmd|' /C calc'!A0", "+49", "ok", "'\t=1"]
    assert list(safe["track_id"]) == ids
    assert pd.isna(safe["note"][0])
    assert list(safe["note"][1:]) == ["", "'-", "a=b", "-5,000.1", "'\uff1d1"]
    assert list(safe["'=name"]) == list(TABLE["=name"])
    one = for_spreadsheet(pd.DataFrame({"a": ["=1", "b"], "c": ["d", "e"]}), safe=True)
    assert one.to_dict("list") == {"a": ["'=1", "b"], "c": ["d", "e"]}


def test_without_it_the_table_is_the_same_and_a_remark_counts_the_cells():
    with pytest.warns(SpdkitWarning, match="^7 cells .*'=name'.* and 4 more.*--spreadsheet-safe"):
        assert for_spreadsheet(TABLE, safe=False) is TABLE


@pytest.mark.parametrize("safe", [True, False])
def test_nothing_is_said_or_done_where_there_is_no_formula(safe):
    table = pd.DataFrame({"a": ["x", None], "b": [-1.0, 2.0], "c": ["-1", "1-2"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert for_spreadsheet(table, safe=safe) is table


@given(st.lists(st.text(), min_size=1))
def test_no_cell_of_a_safe_table_begins_a_formula(cells):
    safe = for_spreadsheet(pd.DataFrame({"a": cells}, dtype=object), safe=True)
    for before, after in zip(cells, safe["a"], strict=True):
        assert after in (before, f"'{before}")
        number = before[1:].replace(".", "").replace(",", "").isdecimal()
        assert after[:1] not in tuple("=+-@\t\r\n") or (before[0] in "+-" and number)
