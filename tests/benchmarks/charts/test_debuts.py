"""Debuts' benchmark: baselines by hand, spans of regions, and the command on a chart of its own."""

from __future__ import annotations

import functools
import json
import math

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import scripts_on_path

from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.charts.debuts import DebutModel

with scripts_on_path():
    from benchmarks.charts.debuts import FORECASTS, main, parts_of, with_baselines
    from benchmarks.charts.spans import spans, without_last

WEEK = pd.Timedelta(weeks=1)
START = pd.Timestamp("2021-01-07")


def chart(*weeks, region="IN", start=START):
    """Weeks of (song, artist, streams)."""
    return pd.DataFrame(
        [
            (region, start + i * WEEK, place, song, song, artist, float(streams))
            for i, week in enumerate(weeks)
            for place, (song, artist, streams) in enumerate(week, 1)
        ],
        columns=list(COLUMNS),
    )


def long_chart(n_weeks=30, region="IN", start=START, seed=0):
    """Four new songs a week, of ten artists, above songs that are always there."""
    rng = np.random.default_rng(seed)
    weeks = []
    for week in range(n_weeks):
        new = [(f"{region} {week} {i}", f"A{rng.integers(10)}", 200 + 9 * i) for i in range(4)]
        weeks.append([("old", "Z", 1000), *reversed(new), ("older", "Z", 100)])
    return chart(*weeks, region=region, start=start)


def test_baselines_by_hand():
    old = ("old", "Z", 900)
    weeks = [
        [old],
        [old, ("a", "A", 400)],
        [old, ("b", "A, C", 200), ("c", "B", 100)],
        [old, ("d", "A", 800)],
    ]
    songs = with_baselines(check_chart(chart(*weeks))).set_index("track_id")
    assert songs["earlier"].to_dict() == {"a": 0, "b": 1, "c": 0, "d": 2}
    assert math.isnan(songs.loc["a", "median"])
    assert songs.loc["b", "median"] == pytest.approx(math.log(400))
    # Of 400, 200 and 100.
    assert songs.loc["d", "median"] == pytest.approx(math.log(200))
    # A's first debut has no median before it; the second was log 2 below, of one: times 1 / 3.
    expected = math.log(200) - math.log(2) / 3
    assert songs.loc["d", "artist_offset"] == pytest.approx(expected)
    assert songs.loc["c", "artist_offset"] == songs.loc["c", "median"]


def test_debuts_of_more_than_eight_weeks_ago_are_not_recent():
    weeks = [[("old", "Z", 900)] for _ in range(11)]
    for week, streams in ((1, 100), (2, 200), (10, 300)):
        weeks[week] = [*weeks[week], (f"s{week}", "A", streams)]
    songs = with_baselines(check_chart(chart(*weeks))).set_index("track_id")
    assert songs.loc["s10", "median"] == pytest.approx(math.log(200))


def test_a_span_knows_nothing_of_any_region_after_it_begins():
    table = check_chart(
        pd.concat(
            [
                chart(*[[("a", "A", 9)]] * 6, region="IN"),
                chart(*[[("a", "A", 9)]] * 6, region="MA"),
                chart(*[[("a", "A", 9)]] * 6, region="RU", start=START + 4 * WEEK),
            ]
        )
    )
    early, late = spans(table, 2)
    assert early.regions == ("IN", "MA") and late.regions == ("RU",)
    assert early.since == START + 4 * WEEK and late.since == START + 8 * WEEK
    assert early.past.frame["ds"].max() < early.since and early.past.regions == ("IN", "MA")
    assert early.until.regions == ("IN", "MA")
    assert late.past.frame["ds"].max() < late.since and late.past.regions == ("IN", "MA", "RU")
    assert late.until.frame["ds"].max() == START + 9 * WEEK
    cut = without_last(table, 3).frame.groupby("region")["ds"].max()
    assert ((cut - START) // WEEK).to_dict() == {"IN": 2, "MA": 2, "RU": 6}


def test_a_region_without_a_past_is_named(capsys):
    table = pd.concat([long_chart(4), long_chart(2, "RU", START + 2 * WEEK)])
    (span,) = spans(check_chart(table), 2)
    assert span.regions == ("IN",)
    assert "RU has nothing before the dates that are scored" in capsys.readouterr().err


def test_parts_share_no_artist_with_what_is_learned():
    songs = with_baselines(check_chart(long_chart()))
    past, scored = songs[songs["ds"] < START + 20 * WEEK], songs[songs["ds"] >= START + 20 * WEEK]
    parts = list(parts_of(past, scored))
    assert len(parts) == 5
    assert sorted(pd.concat([some for some, _ in parts]).index) == sorted(scored.index)
    for some, others in parts:
        assert len(others) and not set(some["artist_key"]) & set(others["artist_key"])


def test_the_command(tmp_path, capsys, monkeypatch):
    small = functools.partial(DebutModel, n_trees=5, n_models=1)
    monkeypatch.setattr("benchmarks.charts.debuts.DebutModel", small)
    path = tmp_path / "chart.csv"
    table = pd.concat([long_chart(14), long_chart(14, region="MA", seed=1)])
    table.to_csv(path, index=False)
    assert main(["--file", str(path), "--test-dates", "2", "--held-out", "1", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    # All ten artists have been there by then.
    assert results["n"] == {"all": 16, "with_earlier_debuts": 16, "IN": 8, "MA": 8}
    assert set(results["mae"]["all"]) == set(FORECASTS)
    # 200, 209, 218 and 227: the median is 213.5, or so.
    expected = np.abs(np.log(np.array([200, 209, 218, 227])) - np.log([209, 218]).mean()).mean()
    assert results["mae"]["all"]["median"] == pytest.approx(expected, abs=1e-9)
    value, low, high = results["difference"]["all"]["ours"]
    assert results["artists"]["all"] < 10 and low is high is None  # too few for an interval
    assert value == pytest.approx(
        results["mae"]["all"]["ours"] - results["mae"]["all"]["artist_offset"]
    )
