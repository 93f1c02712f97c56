"""Published table: cells of every kind, and the ends of what numbers may be."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from catalog_tables import FACTORIES

from spdkit import catalogs
from spdkit.catalogs.published_table import Column, TableSpec, read_published


def read(folder, column, *cells):
    pd.DataFrame({"id": [f"t{i}" for i in range(len(cells))], column.name: cells}).to_csv(
        folder / "t.csv", index=False
    )
    return read_published(folder, TableSpec("t", "t.csv", "id", (Column("id"), column)))


def test_a_flag_is_written_in_any_of_three_ways(tmp_path):
    cells = ("True", "False", "true", "false", "1", "0", "")
    found = read(tmp_path, Column("flag", "flag"), *cells)
    assert found.problems == []
    assert found.frame["flag"].tolist()[:6] == [True, False] * 3
    assert found.frame["flag"].isna().tolist() == [False] * 6 + [True]
    found = read(tmp_path, Column("flag", "flag"), "True", "yes")
    assert found.problems == ["t.csv: column 'flag': neither True nor False: 'yes' in row 2"]


BOUNDED = [
    pytest.param(table, column, FACTORIES[name]()[table.file], id=f"{table.file} {column.name}")
    for name in catalogs.available()
    for table in catalogs.get(name).tables
    for column in table.columns
    if (column.low, column.high) != (float("-inf"), float("inf"))
]


@pytest.mark.parametrize(("table", "column", "frame"), BOUNDED)
def test_a_number_may_be_at_its_ends_and_not_beyond(table, column, frame, tmp_path):
    for end, away in ((column.low, -2), (column.high, 2)):  # a key of -1 is a missing one
        if abs(end) == float("inf"):
            continue
        for value, wrong in ((end, False), (end + away, True)):
            value = int(value) if column.kind == "integer" else value
            changed = frame.astype({column.name: object}) if column.name in frame else frame
            changed = changed.assign(**{column.name: value})
            changed.to_csv(tmp_path / table.file, index=False)
            told = [p for p in read_published(tmp_path, table).problems if repr(column.name) in p]
            assert bool(told) == wrong, (value, told)


ENDS = {
    **dict.fromkeys(("popularity", "artist_popularity"), (0, 100)),
    **dict.fromkeys(("followers", "artist_followers", "num_available_markets"), (0, math.inf)),
    **{"key": (0, 11), "mode": (0, 1)},
}


def test_what_numbers_may_be():
    found = {}
    for param in BOUNDED:
        _, column, _ = param.values
        found.setdefault(column.name, set()).add((column.low, column.high))
    assert found == {name: {ends} for name, ends in ENDS.items()}
    named = [c for n in catalogs.available() for t in catalogs.get(n).tables for c in t.columns]
    assert all((c.low, c.high) == ENDS[c.name] for c in named if c.name in ENDS)
