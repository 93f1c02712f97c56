"""Features of songs in charts: by hand on small charts, and blind to every later date."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.charts.song_features import (
    ChartHistory,
    Origins,
    song_features,
    step_features,
)


def rows(region, first, places, freq="D", artist=str.upper, title=str):
    """A chart a date: songs from the first place on, each with its streams."""
    dates = pd.date_range(first, periods=len(places), freq=freq)
    return pd.DataFrame(
        [
            (region, ds, place + 1, song, title(song), artist(song), streams)
            for ds, chart in zip(dates, places, strict=True)
            for place, (song, streams) in enumerate(chart.items())
        ],
        columns=list(COLUMNS),
    )


def features(df, region="PH"):
    """Features by date of the month and song."""
    history = ChartHistory.of(check_chart(df))
    here = history.regions[region]
    index = pd.MultiIndex.from_arrays([history.dates[here.rows.date].day, here.ids[here.rows.song]])
    return pd.DataFrame(song_features(history, here), index=index)


e = math.e
# a1 and a2 are of one artist; b leaves on the 2nd and returns.
DAYS = rows(
    "PH",
    "2021-01-01",
    [
        {"a1": e**5, "b": e**4},
        {"a1": e**6, "c": e**5, "a2": e**4},
        {"a2": e**7, "a1": e**6, "b": e**3},
    ],
    artist=lambda song: song[0].upper() if song[0] != "a" else "A, X" if song == "a2" else "A",
)


@pytest.mark.parametrize(
    ("name", "by_row"),
    {
        # medians: 4.5, 5, 6
        "level": {(1, "a1"): 0.5, (2, "a1"): 1, (3, "a1"): 0, (3, "b"): -3},
        "above_last": {(1, "b"): 0, (2, "a1"): 2, (3, "a1"): 3},
        "below_first": {(2, "c"): 1, (3, "a1"): 1},
        "position": {(2, "c"): 2, (3, "b"): 3},
        "below_peak": {(2, "a1"): 0, (3, "a1"): 1, (3, "b"): 2.5},
        "change_1": {(2, "a1"): 0.5, (3, "a1"): -1, (3, "b"): math.nan},
        "change_2": {(3, "a1"): -0.5, (3, "b"): -2.5},
        "age": {(1, "a1"): 0, (3, "b"): 2, (3, "a2"): 1},
        "was_there_first": {(1, "a1"): 1, (3, "b"): 1, (2, "a2"): 0},
        "steps_present": {(3, "a1"): 3, (3, "b"): 2},
        "run": {(3, "a1"): 3, (3, "b"): 1, (2, "c"): 1},
        "since_peak": {(2, "a1"): 0, (3, "a1"): 1},
        "artist_songs": {(2, "a1"): 2, (2, "c"): 1},
        # a song of the chart's first date has no debut
        "artist_debuts": {(1, "a1"): 0, (2, "a1"): 1, (2, "c"): 1, (3, "a1"): 0},
        "artist_debuts_before": {(2, "a2"): 0, (3, "a2"): 1},
        "artist_best": {(2, "a2"): 2, (3, "a2"): 0},
        "artist_career_best": {(1, "a1"): math.nan, (2, "a1"): -0.5, (3, "a1"): 1},
        "artist_steps": {(1, "a1"): 0, (3, "a2"): 3},
        "rank_in_artist": {(2, "a1"): 0, (2, "a2"): 1, (3, "a2"): 0},
        "artist_others_change_1": {(3, "a1"): 2, (3, "a2"): -1, (2, "a1"): math.nan},
        # a2 came in on the 2nd and rose by 2: of one song, the region's mean is its own
        "artist_decay_1": {(2, "a1"): math.nan, (3, "a1"): 0},
        "artist_decays_1": {(2, "a1"): 0, (3, "a1"): 1},
        "artist_stays_1": {(3, "a1"): 2 / 3},
        # the market: a1 rose by 1; then a1 0 and a2 3
        "market_step_0": {(1, "a1"): math.nan, (2, "c"): 1, (3, "b"): 1.5},
        "market_step_1": {(3, "b"): 1},
        "debuts_of_date": {(1, "b"): 0, (2, "a1"): 2},
    }.items(),
)
def test_by_hand(name, by_row):
    column = features(DAYS)[name]
    for row, expected in by_row.items():
        assert column[row] == pytest.approx(expected, abs=1e-5, nan_ok=True), row


def test_moves_of_a_chart():
    here = ChartHistory.of(check_chart(DAYS)).regions["PH"]
    np.testing.assert_allclose(here.moves(1), [1, 1.5, math.nan], atol=1e-5)  # a1; a1 0 and a2 3
    np.testing.assert_allclose(here.moves(2), [0, math.nan, math.nan], atol=1e-5)  # a1 1, b -1


def test_another_id_of_the_same_work():
    df = rows(
        "IN",
        "2021-01-07",
        [{"x": 9, "z": 5}, {"x": 9, "y": 5}],
        freq="7D",
        artist=lambda song: "Z" if song == "z" else "Abhi, Guest" if song == "y" else "Abhi",
        title=lambda song: "Z" if song == "z" else "Song" if song == "y" else "SONG",
    )
    column = features(df, "IN")
    assert column["age"][14, "y"] == 0
    assert column["work_age"][14, "y"] == 1
    assert column["work_age"][14, "x"] == 1


def test_other_regions():
    ma = rows("MA", "2021-01-01", [{"n": 4, "m": 1}, {"m": 2}, {"m": 8, "b": 1}])
    column = features(pd.concat([DAYS, ma.replace({"track_id": {"m": "a2", "n": "q"}})]))
    # a2 came into MA on the 1st, below the median by log 2; on the 2nd it is the median.
    assert column["regions_with_it"][2, "a2"] == 1
    assert column["level_elsewhere"][2, "a2"] == pytest.approx(0)
    assert column["step_elsewhere"][2, "a2"] == pytest.approx(math.log(2))
    assert column["age_elsewhere"][2, "a2"] == 1
    assert column["age_anywhere"][2, "a2"] == 1
    assert column["age"][2, "a2"] == 0
    assert column["position_elsewhere"][2, "a2"] == 1
    assert column["regions_with_it"][2, "a1"] == 0
    assert math.isnan(column["level_elsewhere"][2, "a1"])
    # b is in MA on the 3rd, and not yet on the 1st.
    assert column["regions_that_had_it"][1, "b"] == 0
    assert math.isnan(column["age_elsewhere"][1, "b"])
    assert column["regions_that_had_it"][3, "b"] == 1


def test_steps_of_days_go_between_the_same_weekdays():
    # Friday, 1 January, to Friday, 29 January; s has e^(day), the others stay.
    charts = [{"s": e ** (day % 7 + 9), "m": e**2, "n": e} for day in range(29)]
    history = ChartHistory.of(check_chart(rows("PH", "2021-01-01", charts)))
    region = history.regions["PH"]
    song = region.ids.get_loc("s")
    origins = Origins(np.array([27, 27, 8]), np.array([song] * 3))  # Thursday, Thursday, Saturday
    steps = step_features(history, region, origins, np.array([1, 8, 1]))
    np.testing.assert_allclose(steps["same_steps_1"], [-6, -6 + 0, 1], atol=1e-5)
    np.testing.assert_allclose(steps["same_steps_4"], [math.nan] * 3)
    np.testing.assert_allclose(steps["same_steps_mean"], [-6, -6, 1], atol=1e-5)
    np.testing.assert_allclose(steps["market_same_steps_mean"], [0, 0, 0], atol=1e-5)
    assert steps["weekday"].tolist() == [4, 4, 6]
    assert steps["steps"].tolist() == [1, 8, 1]


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_later_dates_change_nothing(data):
    n_dates = data.draw(st.integers(3, 12))
    streams = st.dictionaries(
        st.sampled_from("abcdef"), st.integers(1, 10**6), min_size=1, max_size=4
    )
    regions = {
        name: data.draw(st.lists(streams, min_size=n_dates, max_size=n_dates))
        for name in ("AE", "PH")
    }
    cut = data.draw(st.integers(1, n_dates - 1))
    absurd = data.draw(st.integers(1, 10**9))

    def table(charts):
        frames = [
            rows(name, "2021-01-01", of, artist=lambda song: song if song > "c" else "abc")
            for name, of in charts.items()
        ]
        return pd.concat(frames)

    changed = {
        name: of[:cut] + [{"new": absurd, "a": 1} for _ in of[cut:]] for name, of in regions.items()
    }
    for name in regions:
        before, after = (features(table(charts), name) for charts in (regions, changed))
        past = before.index.get_level_values(0) <= cut
        past_of_changed = after.index.get_level_values(0) <= cut
        pd.testing.assert_frame_equal(
            before[past].sort_index(), after[past_of_changed].sort_index(), rtol=1e-5
        )
