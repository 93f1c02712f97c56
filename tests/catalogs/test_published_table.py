"""Published table: cells of its kinds."""

from __future__ import annotations

import pandas as pd

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
