"""Databases: what they may take, what they may open, and what they print: nothing."""

from __future__ import annotations

import duckdb
import pytest

from spdkit.catalogs.database import Limits, database, database_file
from spdkit.catalogs.errors import CatalogError

SMALL = Limits(memory="64MB", threads=1)


def setting(connection, name):
    return connection.execute("SELECT current_setting(?)", [name]).fetchone()[0]


def test_a_database_keeps_to_its_limits_and_its_folder(tmp_path):
    limits = Limits(memory="64MB", threads=1, folder=tmp_path)
    with database(limits, "a test") as connection:
        assert setting(connection, "threads") == 1
        assert not setting(connection, "enable_progress_bar")
        (scratch,) = tmp_path.iterdir()
        assert setting(connection, "temp_directory") == str(scratch)
    assert not list(tmp_path.iterdir())


def test_a_file_opens_no_other(tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with database_file(tmp_path / "it's.db", SMALL, "a test", read_only=False) as (
        connection,
        scratch,
    ):
        assert not setting(connection, "enable_progress_bar")
        (scratch / "own.csv").write_text("a\n1\n")
        own = f"SELECT * FROM read_csv('{scratch}/own.csv')"
        assert connection.execute(own).fetchall() == [(1,)]
        for sql in (
            f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
            f"ATTACH '{tmp_path}/other.db'",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
    assert {path.name for path in tmp_path.iterdir()} == {"secret.csv", "it's.db"}


def test_errors_of_a_file_name_it(tmp_path):
    (tmp_path / "t.db").write_text("years of work")

    def refused(path):
        with (
            pytest.raises(CatalogError, match=str(path)) as caught,
            database_file(path, SMALL, "a test", read_only=True),
        ):
            pass
        return str(caught.value)

    assert "not a valid DuckDB database" in refused(tmp_path / "t.db")
    refused(tmp_path / "nowhere.db")
