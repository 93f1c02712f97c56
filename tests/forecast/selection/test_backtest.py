"""Scores at cutoffs: their numbers by hand, and which rows they say they are of."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import play_tables
import pytest

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.data.panel import day, steps
from spdkit.forecast.models.classical import SMA, SeasonalNaive
from spdkit.forecast.scoring.intervals import ConformalIntervals
from spdkit.forecast.selection.backtest import Validation, residuals, run_windows


def two_levels():
    """100 for 20 days, then 80 for 5, then 50 for 5; and 10 throughout."""
    frame = play_tables.constant([1, 10], days=30)
    frame.loc[frame["unique_id"] == "a", "y"] = np.repeat([100.0, 80.0, 50.0], [20, 5, 5])
    return check_frame(frame)


def validated(panel, h=5, n=2, **forecasters):
    chosen = forecasters or {"sma": SMA(5), "naive": SeasonalNaive(1)}
    return Validation(run_windows(panel, chosen, h, n), tuple(chosen))


def test_scores_by_hand():
    # SMA(5) says 100 for what is 80, then 80 for what is 50; of b it is right.
    found = validated(two_levels()).scores().loc["sma"]
    phi = [math.sqrt(400), math.sqrt(250), math.sqrt(50)]
    f = (1 - 20 / 80) * phi[0] + (1 - 30 / 50) * phi[1] + 2 * phi[2]
    assert found["f"] == pytest.approx(f / 2)
    assert found["f_share"] == pytest.approx(f / (phi[0] + phi[1] + 2 * phi[2]))
    assert found["wape"] == pytest.approx((100 + 150) / (400 + 250 + 50 + 50))
    assert found["mean_wape"] == pytest.approx((100 / 400 + 150 / 250 + 0 + 0) / 4)
    assert found["mae"] == pytest.approx((20 + 30 + 0 + 0) / 4)
    assert found["rmse"] == pytest.approx(math.sqrt((20**2 + 30**2) / 4))


def test_rows_are_named():
    # Thirty days from 1 January: the last two windows of five are 21 to 25 and 26 to 30.
    rows = "2 windows of 5 days, 21 January 2025 to 30 January 2025, of 2 series"
    assert validated(two_levels()).rows == rows
    assert validated(two_levels(), n=1).rows.startswith("1 window of 5 days, 26 January 2025")


def test_a_day_without_plays_takes_f_away_and_nothing_else():
    panel = check_frame(play_tables.constant([1, 0], days=30))
    found = validated(panel)
    assert found.metrics == ("wape", "mean_wape", "mae", "rmse")
    assert found.scores().loc["sma", "wape"] == 0.0
    silence = validated(check_frame(play_tables.constant([0, 0], days=30)))
    assert silence.metrics == ("mae", "rmse")


@pytest.mark.parametrize("zero", [False, True])
def test_a_difference_is_that_of_the_scores(zero):
    frame = play_tables.weekly(12, 60, seed=3)
    if zero:
        frame.loc[frame.index[-1], "y"] = 0
        frame.loc[frame["unique_id"] == "song 2", "y"] = 0
    found = validated(check_frame(frame), h=7)
    difference, table = found.difference("naive"), found.scores()
    metric = found.metrics[0]
    assert metric == ("wape" if zero else "f")
    expected = table.loc["sma", metric] - table.loc["naive", metric]
    assert difference.value == pytest.approx(expected)
    assert difference.low < difference.value < difference.high


@pytest.mark.parametrize("n_series", [1, 2, 9, 10])
def test_few_series_have_no_interval(n_series):
    found = validated(check_frame(play_tables.weekly(n_series, 40)))
    difference = found.difference("naive")
    assert (difference.reason == "") == np.isfinite(difference.low) == (n_series >= 10)


def test_a_forecaster_is_not_compared_with_itself():
    panel = check_frame(play_tables.weekly(12, 40))
    found = validated(panel, sma=SMA(1), naive=SeasonalNaive(1), other=SMA(2))
    assert found.same("naive") and found.difference("naive") is None
    assert not found.same("other") and found.difference("other") is not None


def test_residuals_are_those_that_intervals_learn():
    panel = check_frame(play_tables.weekly(5, 80))
    windows = run_windows(panel, {"sma": SMA(7)}, 10, 3)
    learned = SMA(7).past_residuals(panel, ConformalIntervals(10, 3))
    np.testing.assert_allclose(residuals(windows, "sma").scaled, learned.scaled)


def test_rivals_take_part_in_the_last_windows_alone():
    panel, ticks = check_frame(play_tables.weekly(2, 60)), []
    both = {"sma": SMA(3), "naive": SeasonalNaive(7)}
    windows = run_windows(panel, both, 5, 3, scored=1, tick=lambda: ticks.append(1))
    assert [set(window.forecasts) for window in windows] == [{"sma"}, {"sma"}, {"sma", "naive"}]
    assert len(ticks) == 4


def test_nothing_after_a_cutoff_changes_what_was_said_before_it():
    frame = play_tables.weekly(3, 60)
    planted = frame.assign(y=frame["y"].where(frame["ds"] < "2025-02-20", 1e9))
    said = []
    for each in (frame, planted):
        windows = run_windows(check_frame(each), {"naive": SeasonalNaive(7)}, 5, 2)
        said.append(windows[0].forecasts["naive"])  # of 20 to 24 February
    np.testing.assert_array_equal(*said)


def test_a_series_too_short_is_named():
    panel = check_frame(play_tables.constant([1], days=9))
    with pytest.raises(ForecastError, match="series 'a' has 9 rows, at least 11 are needed"):
        run_windows(panel, {"naive": SeasonalNaive(1)}, 5, 2)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (pd.Timestamp("2015-06-02"), "2 June 2015"),
        (pd.Timestamp("2015-06-02 13:00"), "2 June 2015, 13:00"),
        (17, "17"),
    ],
)
def test_dates_in_words(time, words):
    assert day(time) == words


@pytest.mark.parametrize(
    ("freq", "words"),
    [
        ("D", "3 days"),
        ("h", "3 hours"),
        ("W-MON", "3 weeks"),
        ("MS", "3 months"),
        ("2D", "3 steps"),
    ],
)
def test_steps_in_the_words_of_the_frequency(freq, words):
    dates = pd.date_range("2024-01-01", periods=6, freq=freq)
    panel = check_frame(pd.DataFrame({"unique_id": "a", "ds": dates, "y": 1.0}))
    assert steps(3, panel) == words
