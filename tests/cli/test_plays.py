"""The commands of plays: a log is imported, told, resumed and refused in words."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from command_line import invoke

from spdkit.catalogs.taste_profile import TasteProfile, import_triplets

TEXT = "u1\ts1\t2\nu1\ts2\t3\nu1\ts9\t300\nu2\ts1\t1\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text(TEXT)
    return path


def test_help_teaches():
    text = " ".join(invoke("plays", "import", "--help").stdout.replace("│", " ").split())
    for word in (
        *("--output", "--max-bad", "--memory", "--json", "FILE.duckdb", "tabs between"),
        *("goes on when the same command is run again", "more than 200 plays", "Example:"),
    ):
        assert word in text, word


def test_a_log_is_imported(log, tmp_path):
    database = tmp_path / "t.duckdb"
    done = invoke("plays", "import", log, "-o", database, "--json")
    assert done.exit_code == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["n_lines"] == content["n_records"] == 4 and content["n_over"] == 1
    assert (content["n_users"], content["n_songs"], content["n_plays"]) == (2, 2, 306)
    assert content["top_users"] == [
        {"user_id": "u1", "plays": 5, "n_songs": 2},
        {"user_id": "u2", "plays": 1, "n_songs": 1},
    ]
    assert [*TasteProfile.open(database).plays(["u1"])["plays"]] == [2, 3]
    again = invoke("plays", "import", log, "-o", database, "--top", 1)
    assert again.exit_code == 0 and "lines that were there already: 4" in again.stderr
    assert "from t.txt" in again.stdout and "u1" in again.stdout and "u2" not in again.stdout


def test_an_import_goes_on(log, tmp_path):
    database = tmp_path / "t.duckdb"

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_triplets(log, database, progress=stop, part_size=8)
    done = invoke("plays", "import", log, "-o", database, "--top", 0)
    assert done.exit_code == 0 and "lines that were there already: 1" in done.stderr
    assert "users of the most plays" not in done.stdout


def test_a_user_whose_records_are_all_left_out_is_not_listed(log, tmp_path):
    for name, text, users in (
        ("a", "u1\ts1\t300\nu2\ts1\t1\n", ["u2"]),
        ("b", "u1\ts1\t300\n", []),
    ):
        log.write_text(text)
        done = invoke("plays", "import", log, "-o", tmp_path / name, "--json")
        assert done.exit_code == 0, done.stderr
        content = json.loads(done.stdout)
        assert [user["user_id"] for user in content["top_users"]] == users
        assert content["n_users"] == len(users)


def test_malformed_lines_are_told_or_refused(log, tmp_path):
    log.write_text(f"{TEXT}rubb\x1bish\n")
    words = ("plays", "import", log, "-o", tmp_path / "t.duckdb")
    done = invoke(*words)
    assert done.exit_code == 1
    assert "1 of the first 5 lines are malformed, more than 0.001 of them" in done.stderr
    assert "row 5" in done.stderr and "\x1b" not in done.stderr
    done = invoke(*words, "--max-bad", 0.5)
    assert done.exit_code == 0
    assert "left out: not 3 columns: " in done.stderr and "row 5" in done.stderr
    quiet = invoke(*words, "--quiet")
    assert quiet.exit_code == 0 and quiet.stderr == ""


def test_what_is_there_is_not_overwritten(log, tmp_path):
    done = invoke("plays", "import", log, "-o", log)
    assert done.exit_code == 1 and "not a valid DuckDB database file" in done.stderr
    assert log.read_text() == TEXT
    done = invoke("plays", "import", log, "-o", tmp_path / "t.duckdb", "--memory", "lots")
    assert done.exit_code == 1 and "memory='lots'" in done.stderr


def test_the_command_is_light():
    code = (
        "import sys, spdkit.cli.plays\n"
        "heavy = {'pandas', 'numpy', 'duckdb', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
