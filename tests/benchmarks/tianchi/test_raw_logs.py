"""The benchmark of raw logs runs on few counts, finds them again, and shows what is wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import script, scripts

from spdkit.catalogs import tianchi

__all__ = ["scripts"]  # a fixture
_benchmark = script("benchmark", "benchmarks.tianchi.raw_logs")
_expansion = script("expansion", "benchmarks.tianchi.expansion")
# Artist a1 has two songs: 4 plays, 1 download, 2 collects on 1 March, and 1 play on 3 March.
SONGS = """\
artist_id,song_id,ds,plays,downloads,collects,publish_time,song_init_plays,language,gender
a1,s1,20150301,3,1,0,20121125,187156,3,3
a1,s2,20150301,1,0,2,20140407,290133,3,3
a1,s1,20150303,1,0,0,20121125,187156,3,3
a2,s3,20150302,60,20,0,20121125,10,100,1
"""
ARTISTS = """\
artist_id,ds,plays,downloads,collects,listeners
a1,20150301,4,1,2,3
a1,20150302,0,0,0,0
a1,20150303,1,0,0,1
a2,20150301,0,0,0,0
a2,20150302,60,20,0,40
a2,20150303,0,0,0,0
a3,20150301,9,9,9,9
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, text in (("song", SONGS), ("artist", ARTISTS)):
        frame = pd.DataFrame([row.split(",") for row in text.splitlines()])
        frame.to_csv(folder / f"{name}_daily_p1.csv.gz", header=False, index=False)
    return folder


@pytest.fixture(scope="module")
def run(benchmark, data, tmp_path_factory):
    """Exit status, JSON, page and what is left of the scratch folder."""
    output = tmp_path_factory.mktemp("results") / "new" / "tianchi_logs.json"
    scratch = tmp_path_factory.mktemp("scratch")
    options = ["--data", str(data), "--rounds", "2", "--times", "2", "--scratch", str(scratch)]
    status = benchmark.main([*options, "--threads", "1", "-o", str(output)])
    result = json.loads(output.read_text(encoding="utf-8"))
    page = output.with_suffix(".md").read_text(encoding="utf-8")
    return status, result, page, list(scratch.iterdir())


def test_the_log_has_the_counts_twice_and_is_gone(run):
    status, result, _, left = run
    assert (status, left) == (0, [])
    assert (result["log"]["rows"], result["log"]["songs"], result["log"]["artists"]) == (176, 3, 2)
    counts = result["agreement"]
    # 2 · (4 + 1 + 60) plays, 2 · (1 + 20) downloads; 2 artists, 3 days, half of them empty.
    assert (counts["plays"], counts["downloads"], counts["collects"]) == (130, 42, 4)
    assert (counts["artists"], counts["days"], counts["filled_days"]) == (2, 6, 3)
    assert (counts["differences"], counts["differences_from_pandas"]) == (0, 0)
    assert counts["published_listeners"] == pytest.approx(44 / 6)


def test_every_contestant_ran_each_round_and_ratios_are_over_the_first(run):
    _, result, page, _ = run
    assert list(result["table"]) == ["spdkit, 1 thread", "pandas", "pandas, pyarrow"]
    first = result["table"]["spdkit, 1 thread"]
    assert first["wall_ratio"] == first["cpu_ratio"] == first["memory_ratio"] == 1
    for name, row in result["table"].items():
        runs = result["runs"][name]
        assert len(runs) == 2
        assert row["cpu_s"] == pytest.approx(sum(each["cpu_s"] for each in runs) / 2)
        assert row["cpu_ratio"] == pytest.approx(row["cpu_s"] / first["cpu_s"])
        assert row["peak_mb"] == max(each["peak_mb"] for each in runs) > 50
        assert f"| {name} | {row['wall_s']:.2f} |" in page
    assert all(bar["met"] for bar in result["bars"].values())


def test_command_machine_and_versions_are_told_without_folders(run, data):
    _, result, page, _ = run
    command = "python benchmarks/tianchi/raw_logs.py --data DATA --rounds 2 --times 2 --threads 1"
    assert result["command"] == command and f"`{command}`" in page
    assert {"python", "duckdb", "pandas", "spdkit"} <= result["versions"].keys()
    assert str(data) not in page + json.dumps(result)


def test_counts_that_differ_are_seen(benchmark, data):
    published = tianchi.read_artist_daily(data / "artist_daily_p1.csv.gz")
    ours = published[published["unique_id"] != "a3"].set_index(["unique_id", "ds"])
    assert benchmark.agree({"spdkit": ours, "pandas": ours}, data, 1).differences == 0
    changed = ours.copy()
    changed.iloc[0, 0] += 1
    agreement = benchmark.agree({"spdkit": changed, "pandas": ours}, data, 1)
    assert (agreement.differences, agreement.differences_from_pandas) == (1, 1)
    # A day that lacks: 60 plays and 20 downloads are two counts.
    lacking = ours.drop(index=("a2", pd.Timestamp("2015-03-02")))
    assert benchmark.agree({"spdkit": lacking, "pandas": ours}, data, 1).differences == 2


def test_pools_make_the_listeners_expectable(expansion):
    # Two draws from m users find 2 - 1/m of them, expectably: 1.5 from two, 1 from one.
    pools = expansion.pool_sizes(np.array([1, 40, 5]), np.array([2, 80, 5]))
    assert pools[0] == 1
    assert pools[2] > 1000  # as many listeners as actions: nobody comes twice
    users = expansion.draw_users(
        np.random.default_rng(0), np.full(500, 40), np.full(500, 80), np.repeat(range(500), 80), 1
    )
    distinct = [len(set(each)) for each in users.reshape(500, 80)]
    assert np.mean(distinct) == pytest.approx(40, rel=0.02)


def test_the_same_counts_give_the_same_log(expansion, data, tmp_path):
    logs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        expansion.expand(data, tmp_path / name, 1)
        logs.append((tmp_path / name / tianchi.ACTIONS).read_text())
    assert logs[0] == logs[1]
    rows = [line.split(",") for line in logs[0].splitlines()]
    assert len(rows) == 88 and {len(row) for row in rows} == {5}
    assert len({row[2] for row in rows}) > 10  # hours of the day


def test_a_process_that_fails_says_why(benchmark, tmp_path):
    with pytest.raises(RuntimeError, match="no such file"):
        benchmark.run_process(benchmark._SPDKIT, "1", tmp_path)


def test_impossible_options_are_refused(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(["--data", "x", "--rounds", "0"])
    assert "must be at least 1" in capsys.readouterr().err
