"""Next day and weeks ahead of any chart: naive errors by hand, duplicates counted, one cutoff."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import script as fixture_of, scripts

from spdkit.forecast.charts.chart_model import ChartModel

__all__ = ["scripts"]  # a fixture
_next_day = fixture_of("next_day", "benchmarks.charts.next_day")
_weeks_ahead = fixture_of("weeks_ahead", "benchmarks.charts.weeks_ahead")


@pytest.fixture(autouse=True)
def quick(monkeypatch, next_day, weeks_ahead):
    """Fewer and smaller trees: what is measured here are the naive forecasts."""

    quick = partial(ChartModel, n_trees=3, n_models=1, min_leaf=5, max_rows=500)
    for module in (next_day, weeks_ahead):
        monkeypatch.setattr(module, "ChartModel", quick)


def table(n_dates, freq, n_songs=15):
    """Songs that are always there, but s0, which has left before the last five dates."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2021-01-07", periods=n_dates, freq=freq)
    streams = np.exp(rng.normal(0, 0.2, (n_dates, n_songs)) + np.linspace(9, 5, n_songs)).round()
    df = pd.DataFrame(
        [
            (f"{ds:%Y-%m-%d}", f"s{song}", f"a{song}", streams[row, song])
            for row, ds in enumerate(dates)
            for song in range(n_songs)
            if song or row < n_dates - 5
        ],
        columns=["date", "title", "artist", "streams"],
    )
    ranks = df.groupby("date")["streams"].rank(ascending=False, method="first").astype(int)
    df.insert(0, "position", ranks)
    return df, streams


def test_next_day(next_day, tmp_path, capsys):
    df, streams = table(60, "D")
    untitled = df.iloc[[3]].assign(title="", artist="", position=99)
    doubled = df.iloc[[0]].assign(streams=1e9, position=98)
    file = tmp_path / "chart.csv"
    pd.concat([df, untitled, doubled]).to_csv(file, index=False)
    args = ["--file", str(file), "--region", "ph", "--test-days", "4", "--json"]
    assert next_day.main(args) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    known = streams[:, 1:]
    assert result["n"] == {"last_value": 56, "seasonal_naive": 56, "sma": 56, "ours": 56}
    last = np.abs(known[-4:] - known[-5:-1]).mean()
    week = np.abs(known[-4:] - known[-11:-7]).mean()
    assert result["mae"]["last_value"] == pytest.approx(last, rel=1e-5)
    assert result["mae"]["seasonal_naive"] == pytest.approx(week, rel=1e-5)
    means = np.stack([known[day - 7 : day].mean(axis=0) for day in range(-4, 0)])
    assert result["mae"]["sma"] == pytest.approx(np.abs(known[-4:] - means).mean(), rel=1e-5)
    assert result["mae"]["ours"] > 0
    assert "1 rows have neither an id nor a title" in err
    assert "stands more than once on a date (1 rows too many)" in err
    assert next_day.main([*args, "--ahead", "9"]) == 0
    result = json.loads(capsys.readouterr().out)
    last = np.abs(known[-4:] - known[-13:-9]).mean()
    two_weeks = np.abs(known[-4:] - known[-18:-14]).mean()
    assert result["mae"]["last_value"] == pytest.approx(last, rel=1e-5)
    assert result["mae"]["seasonal_naive"] == pytest.approx(two_weeks, rel=1e-5)


def test_weeks_ahead(weeks_ahead, tmp_path, capsys):
    df, streams = table(80, "7D")
    file = tmp_path / "chart.csv"
    df.assign(region="MA").to_csv(file, index=False)
    args = ["--file", str(file), "--test-weeks", "6", "--weeks", "4", "--json"]
    assert weeks_ahead.main(args) == 0
    result = json.loads(capsys.readouterr().out)
    logs = np.log(streams)
    errors = np.abs(logs[-6:, 1:] - logs[-10:-4, 1:]).ravel()
    # s0 has its last date six before the end: the first that is forecast.
    errors = np.append(errors, np.abs(logs[-6, 0] - logs[-10, 0]))
    assert result["n"]["all"]["4"]["ours"] == len(errors)
    assert result["mae"]["all"]["4"]["last_value"] == pytest.approx(errors.mean(), rel=1e-5)
    # Nobody came in: the first week of a chart is no debut.
    assert result["n"]["first_week"]["4"]["ours"] == 0
    assert result["mae"]["first_week"]["4"]["ours"] is None


def test_a_chart_of_the_other_step_is_refused(next_day, weeks_ahead, tmp_path, capsys):
    for module, freq, other in ((next_day, "7D", "weeks_ahead"), (weeks_ahead, "D", "next_day")):
        file = tmp_path / "chart.csv"
        table(30, freq)[0].assign(region="MA").to_csv(file, index=False)
        assert module.main(["--file", str(file)]) == 1
        assert other in capsys.readouterr().err
