"""The benchmark of triplets runs on few rows, and its log has the shape that it says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import script, scripts

__all__ = ["scripts"]  # a fixture
_benchmark = script("benchmark", "benchmarks.play_counts.triplets")
_made = script("made", "benchmarks.play_counts.made_triplets")
NAMES = ["user_id", "song_id", "plays"]


@pytest.fixture(scope="module")
def run(benchmark, tmp_path_factory):
    """JSON, page and what is left of the folder of work."""
    output = tmp_path_factory.mktemp("results") / "new" / "triplets.json"
    work = tmp_path_factory.mktemp("work") / "new"
    options = ["--rows", "5000", "--work", str(work), "--threads", "1", "--chunk", "700"]
    assert benchmark.main([*options, "-o", str(output)]) == 0
    page = output.with_suffix(".md").read_text(encoding="utf-8")
    return json.loads(output.read_text(encoding="utf-8")), page, list(work.iterdir()), work


def test_contestants_agree_and_ratios_are_over_the_first(run):
    result, page, left, work = run
    assert left == [] and str(work) not in page + json.dumps(result)
    assert result["tables"]["differences"] == 0
    assert result["tables"]["users"] == 5 and result["tables"]["rows"] > 10
    assert list(result["table"]) == ["spdkit, 1 thread", "pandas", "pandas, guide"]
    first = result["table"]["spdkit, 1 thread"]
    assert first["wall_ratio"] == first["query_ratio"] == 1
    for name, row in result["table"].items():
        (each,) = result["runs"][name]
        assert row["wall_s"] == pytest.approx(each["import_s"] + each["queries_s"])
        assert row["wall_ratio"] == pytest.approx(row["wall_s"] / first["wall_s"])
        assert row["query_ratio"] == pytest.approx(row["queries_s"] / first["queries_s"])
        assert row["peak_mb"] > 50
        assert f"| {name} | {row['import_s']:.2f} |" in page
    assert result["bars"]["rows of the tables that differ"]["met"]
    command = "python benchmarks/play_counts/triplets.py --rows 5000 --rounds 1 --chunk 700"
    assert result["command"] == f"{command} --threads 1" and f"`{command} --threads 1`" in page


def test_rows_that_differ_are_counted(benchmark):
    ours = pd.DataFrame([("a", "x", 1), ("a", "y", 2)], columns=NAMES)
    other = pd.DataFrame([("a", "x", 1), ("a", "y", 3), ("b", "x", 1)], columns=NAMES)
    found = benchmark.compare({"spdkit": ours, "pandas": other})
    # (a, y, 2) is ours alone, (a, y, 3) and (b, x, 1) are of the other.
    assert (found.users, found.songs, found.rows, found.plays, found.differences) == (1, 2, 2, 3, 3)


def test_json_is_printed_where_that_is_asked(benchmark, tmp_path, capsys, monkeypatch):
    run = benchmark.Run(1.0, 1.0, 1.0, 60.0)
    tables = pd.DataFrame([("a", "x", 1)], columns=NAMES)
    monkeypatch.setattr(benchmark, "run_process", lambda *of: (run, tables))
    words = ["--rows", "1000", "--json", "--work", str(tmp_path), "-o", str(tmp_path / "t.json")]
    assert benchmark.main(words) == 0
    assert json.loads(capsys.readouterr().out)["log"]["rows"] == 1000


def test_the_log_has_the_shape_of_the_real_one(made, tmp_path):
    log = made.write_triplets(tmp_path / "t.txt", 100_000)
    frame = pd.read_csv(tmp_path / "t.txt", sep="\t", header=None, names=NAMES)
    assert len(frame) == log.rows == 100_000
    assert (frame["plays"] > 200).sum() == log.over_200
    assert (frame["user_id"].nunique(), frame["song_id"].nunique()) == (log.users, log.songs)
    assert log.users == round(1_019_318 * 100_000 / 48_373_586)
    assert not frame.duplicated(["user_id", "song_id"]).any()
    assert (frame["user_id"] != frame["user_id"].shift()).sum() == log.users  # lines together
    assert frame["user_id"].str.fullmatch("[0-9a-f]{40}").all()
    assert frame["song_id"].str.fullmatch("SO[A-Z]{5}[0-9A-F]{11}").all()
    assert frame["user_id"].value_counts().min() >= 10
    assert (frame["plays"] == 1).mean() == pytest.approx(0.59, abs=0.01)
    assert frame["plays"].mean() == pytest.approx(2.7, abs=0.15)
    again = made.write_triplets(tmp_path / "again.txt", 100_000)
    assert again == log
    assert (tmp_path / "again.txt").read_bytes() == (tmp_path / "t.txt").read_bytes()


def test_a_user_has_half_of_the_songs_at_most(made):
    sizes = made.songs_a_user(np.random.default_rng(0), 40_000, 500, 200)
    assert sizes.sum() == 40_000 and sizes.max() <= 100 and sizes.min() >= 10


def test_lines_are_the_rows(made):
    ids = [
        np.frombuffer(letters.encode(), np.uint8).reshape(3, -1) for letters in ("aabbcc", "xyz")
    ]
    text = made.lines(*ids, np.array([1, 40, 99_999]))
    assert text == b"aa\tx\t1\nbb\ty\t40\ncc\tz\t99999\n"


def test_impossible_options_are_refused(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(["--rows", "10"])
    assert "must be at least 1000" in capsys.readouterr().err
