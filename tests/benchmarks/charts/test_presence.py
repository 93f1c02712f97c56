"""Presence's benchmark: the calibration error by hand, what is scored, and the command."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import scripts_on_path

from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.charts.presence import PresenceModel

with scripts_on_path():
    from benchmarks.charts.presence import answers, calibration_error, main, truths

START = pd.Timestamp("2021-01-01")
DAY = pd.Timedelta(days=1)


def random_chart(n_days=40, places=15, region="PH", seed=0):
    """Songs whose streams are drawn anew each day about levels of their own."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(8, 0.7, 25)
    rows = []
    for day in range(n_days):
        logs = levels + rng.normal(0, 0.4, 25)
        for place, song in enumerate(np.argsort(-logs)[:places], 1):
            name = f"s{song}"
            rows.append(
                (region, START + day * DAY, place, name, name, "A", round(math.exp(logs[song])))
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_calibration_error_by_hand():
    # Ten bins of two rows each: in one of them 0.5 was said and both came.
    y = np.array([0, 1] * 9 + [1, 1], float)
    assert calibration_error(y, np.full(20, 0.5)) == pytest.approx(0.05)
    assert calibration_error(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0


def test_what_is_scored_lies_in_the_last_dates():
    table = check_chart(random_chart())
    model = PresenceModel(7, n_trees=5)
    rows = answers(table, model, 10)
    assert rows["ds"].min() == START + 30 * DAY and rows["ds"].max() == START + 39 * DAY
    assert len(rows) == 10 * 15
    charted = set(zip(table.frame["ds"], table.frame["track_id"], strict=True))
    later = [pair in charted for pair in zip(rows["ds"], rows["track_id"], strict=True)]
    assert rows["y"].tolist() == [float(one) for one in later]
    assert rows["logistic"].between(0, 1).all() and rows["ours"].between(0, 1).all()
    # What it learned from ends before: the day of its last origin is seven days before that.
    assert model.n_origins_ == 23 * 15


def test_songs_that_are_up_there_are_not_asked_whether_they_come():
    rows = truths(check_chart(random_chart()), PresenceModel(3, places=5, within=True))
    assert rows["position"].min() == 6


def test_the_command(tmp_path, capsys):
    path = tmp_path / "chart.csv"
    both = pd.concat([random_chart(), random_chart(region="VN", seed=1)])
    both.to_csv(path, index=False)
    command = ["--file", str(path), "--steps", "2", "--test-dates", "6", "--held-out", "3"]
    assert main([*command, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["n"] == {"all": 180, "PH": 90, "VN": 90}
    brier, (value, low, high) = results["brier"]["all"], results["brier_difference"]["all"]
    assert brier["ratio"] == pytest.approx(brier["ours"] / brier["logistic"])
    assert value == pytest.approx(brier["ours"] - brier["logistic"])
    assert low <= value <= high
    assert 0 <= results["ece"]["all"]["ours"] <= 1
