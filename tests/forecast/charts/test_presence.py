"""Presence in a chart: outcomes by hand, the past alone, and songs that leave as censored."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.exceptions import NotFittedError

from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.charts.presence import PresenceModel, outcomes, with_leavers
from spdkit.forecast.charts.song_features import ChartHistory, song_features
from spdkit.forecast.data.checks import ForecastError

X = math.nan


def chart(places, region="PH", start="2021-01-01", songs=None):
    """Days, each the songs of the day from the first place on."""
    days = pd.date_range(start, periods=len(places))
    rows = [
        (region, day, place, song, song.upper(), f"artist of {song}", 100.0 * (20 - place))
        for day, line in zip(days, places, strict=True)
        for place, song in enumerate(line, 1)
    ]
    return check_chart(pd.DataFrame(rows, columns=list(COLUMNS)))


# b leaves on the second day and returns on the fifth; there is no chart on the fourth.
RETURN = chart(["ab", "ac", "ca", "", "ba"])


def drifting(n_days=60, n_songs=40, places=20, seed=0, region="PH"):
    """Songs whose streams wander, the first `places` of them in the chart."""
    rng = np.random.default_rng([seed, 1])
    logs = np.empty((n_days, n_songs))
    logs[0] = 0
    for day in range(1, n_days):
        logs[day] = 0.9 * logs[day - 1] + rng.normal(0, 0.2, n_songs)
    logs += rng.normal(8, 0.4, n_songs)
    rows = []
    for day, line in zip(pd.date_range("2021-01-01", periods=n_days), logs, strict=True):
        for place, song in enumerate(np.argsort(-line)[:places], 1):
            name = f"s{song}"
            rows.append((region, day, place, name, name, f"artist {song}", math.exp(line[song])))
    return pd.DataFrame(rows, columns=list(COLUMNS))


SMALL = {"n_trees": 40, "min_leaf": 10}


@pytest.mark.parametrize(
    ("horizon", "places", "within", "expected"),
    [
        # In the order of date and song (a b | a c | a c | | a b): a column is one of a, b, c.
        (1, None, False, [1, 0, 1, 1, X, X, X, X]),  # no chart on the fourth day
        (2, None, False, [1, 0, X, X, 1, 0, X, X]),
        (4, None, False, [1, 1, X, X, X, X, X, X]),  # b has returned
        (1, 1, False, [1, 0, 0, 1, X, X, X, X]),
        (4, 1, True, [1, 1, X, X, X, X, X, X]),  # b is first on the fifth day
        (2, 1, True, [1, 0, 0, 1, 0, 0, X, X]),
        (2, None, True, [1, 0, 1, 1, 1, 0, X, X]),
    ],
)
def test_outcomes_of_a_song_that_leaves_and_returns(horizon, places, within, expected):
    region = ChartHistory.of(RETURN).regions["PH"]
    assert [region.ids[i] for i in region.rows.song] == list("abacacab")
    truth = outcomes(region, horizon, places, within=within)
    np.testing.assert_array_equal(truth, expected)


def test_probabilities_tell_songs_that_fall_out_from_those_that_stay():
    df = drifting()
    table = check_chart(df)
    cutoff = pd.Timestamp("2021-02-10")
    model = PresenceModel(3, **SMALL).fit(table.until(cutoff))
    answers = model.predict(table, since=cutoff).set_index(["cutoff", "track_id"])
    region = ChartHistory.of(table).regions["PH"]
    at = region.rows
    truth = pd.Series(
        outcomes(region, 3),
        pd.MultiIndex.from_arrays([table.region("PH").dates[at.date], region.ids[at.song]]),
    )
    y, p = truth[answers.index].to_numpy(), answers["probability"].to_numpy()
    known = np.isfinite(y)
    assert known.sum() > 300 and 0.05 < 1 - y[known].mean() < 0.3
    constant = ((y - y[known].mean()) ** 2)[known].mean()
    assert ((y - p) ** 2)[known].mean() < 0.9 * constant
    by_place = answers.groupby(answers["position"] > 17)["probability"].mean()
    assert by_place[False] > by_place[True] + 0.1


def test_answers_are_of_the_last_date_unless_asked_since():
    table = check_chart(drifting(n_days=30))
    model = PresenceModel(7, **SMALL).fit(table)
    last = model.predict(table)
    assert last["cutoff"].unique() == [pd.Timestamp("2021-01-30")]
    assert last["ds"].unique() == [pd.Timestamp("2021-02-06")]
    assert last["position"].tolist() and set(last["position"]) == set(range(1, 21))
    assert last["probability"].between(0, 1).all()
    more = model.predict(table, since="2021-01-29")
    assert len(more) == 40
    pd.testing.assert_frame_equal(more[more["cutoff"] == "2021-01-30"].reset_index(drop=True), last)


def test_a_region_that_has_ended_has_no_answers_later():
    ended = drifting(n_days=10, region="VN")
    table = check_chart(pd.concat([drifting(n_days=20), ended]))
    model = PresenceModel(1, **SMALL).fit(table)
    later = model.predict(table, since="2021-01-15")
    assert later["region"].unique() == ["PH"] and len(later) == 6 * 20
    # Of its last date there are some.
    assert model.predict(table).groupby("region")["cutoff"].unique().map(list).to_dict() == {
        "PH": [pd.Timestamp("2021-01-20")],
        "VN": [pd.Timestamp("2021-01-10")],
    }


def test_weeks_are_counted_in_weeks():
    df = drifting(n_days=30)
    df["ds"] = pd.Timestamp("2021-01-07") + (df["ds"] - df["ds"].min()) * 7
    answers = PresenceModel(2, **SMALL).fit(check_chart(df)).predict(check_chart(df))
    assert (answers["ds"] - answers["cutoff"]).unique() == [pd.Timedelta(weeks=2)]


def test_nothing_after_the_cutoff_changes_what_was_answered_there():
    df = drifting()
    cutoff = pd.Timestamp("2021-02-10")
    absurd = df.assign(streams=np.where(df["ds"] > cutoff, 1e12 / df["position"], df["streams"]))
    later = absurd["ds"] > cutoff
    absurd["track_id"] = np.where(later, absurd["track_id"] + "?", absurd["track_id"])
    past, other = check_chart(df), check_chart(absurd)
    model = PresenceModel(3, **SMALL).fit(past.until(cutoff))
    again = PresenceModel(3, **SMALL).fit(other.until(cutoff))
    expected = model.predict(past.until(cutoff))
    pd.testing.assert_frame_equal(again.predict(other.until(cutoff)), expected)
    origins = model.predict(other, since=cutoff)
    origins = origins[origins["cutoff"] == cutoff].reset_index(drop=True)
    pd.testing.assert_frame_equal(origins, expected)


def test_only_songs_below_the_places_are_asked_whether_they_come_there():
    table = check_chart(drifting())
    model = PresenceModel(10, places=5, within=True, **SMALL).fit(table)
    answers = model.predict(table)
    assert set(answers["position"]) == set(range(6, 21))
    near = answers["position"] < 10
    assert answers["probability"][near].mean() > answers["probability"][~near].mean()


def test_features_that_are_there_are_not_made_again():
    history = ChartHistory.of(check_chart(drifting(n_days=20)))
    features = {name: song_features(history, region) for name, region in history.regions.items()}
    models = [PresenceModel(1, **SMALL).fit_history(history, f) for f in (None, features)]
    X = np.column_stack(list(features["PH"].values()))
    np.testing.assert_array_equal(*(model.probabilities(X) for model in models))


def test_a_model_of_two_regions_knows_one_of_them_alone():
    both = check_chart(pd.concat([drifting(n_days=20), drifting(n_days=20, region="VN", seed=1)]))
    model = PresenceModel(1, **SMALL).fit(both)
    assert "regions_with_it" in model.columns_ and model.regions_ == ("PH", "VN")
    alone = model.predict(check_chart(drifting(n_days=20)))
    assert alone["region"].unique() == ["PH"] and alone["probability"].between(0, 1).all()


def test_a_region_that_is_too_short_was_not_learned_from():
    short = drifting(n_days=20)
    short = short[short["ds"] > "2021-01-18"].assign(region="VN")
    table = check_chart(pd.concat([drifting(n_days=20), short]))
    assert PresenceModel(5, **SMALL).fit(table).regions_ == ("PH",)


def test_charts_of_another_step_are_refused():
    df = drifting(n_days=10)
    weeks = df.assign(ds=pd.Timestamp("2021-01-07") + (df["ds"] - df["ds"].min()) * 7)
    model = PresenceModel(1, **SMALL).fit(check_chart(df))
    with pytest.raises(ForecastError, match="charts of freq='D', these have 'W-THU'"):
        model.predict(check_chart(weeks))


def test_at_most_so_many_origins_are_learned_from():
    table = check_chart(drifting(n_days=20))
    assert PresenceModel(1, **SMALL).fit(table).n_origins_ == 19 * 20
    assert PresenceModel(1, max_rows=100, **SMALL).fit(table).n_origins_ == 100


def test_songs_that_all_stay():
    table = chart(["ab"] * 5)
    assert PresenceModel(1).fit(table).predict(table)["probability"].tolist() == [1, 1]


def test_a_region_that_was_not_learned_is_refused_by_name():
    model = PresenceModel(1, **SMALL).fit(check_chart(drifting(n_days=10)))
    both = pd.concat([drifting(n_days=10), drifting(n_days=10, region="VN")])
    with pytest.raises(ForecastError, match="did not learn from region 'VN': it knows 'PH'"):
        model.predict(check_chart(both))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 0}, "horizon must be a whole number of at least 1, got 0"),
        ({"horizon": 5}, "no chart goes on for 5 steps"),
        ({"within": True}, "give places"),
        ({"places": 0}, "places must be"),
    ],
)
def test_what_cannot_be_learned(parameters, message):
    with pytest.raises(ForecastError, match=message):
        PresenceModel(**parameters).fit(RETURN)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        PresenceModel().predict(RETURN)


def test_quantiles_of_all_songs_by_hand():
    shares, stay = [0.05, 0.375, 0.5, 0.95], [[20.0, 40.0, 50.0, 90.0]] * 3
    quantiles, censored = with_leavers([1, 0.8, 0], shares, stay, [10.0] * 3)
    np.testing.assert_allclose(quantiles[0], stay[0])
    # Of 0.8 the median is the quantile (0.5 - 0.2) / 0.8, and 5 % lie far below the last place.
    np.testing.assert_allclose(quantiles[1, [0, 2]], [10, 40])
    np.testing.assert_allclose(quantiles[2], 10)
    assert censored.tolist() == [[False] * 4, [True, False, False, False], [True] * 4]


@settings(max_examples=25, deadline=None)
@given(st.floats(-2.5, 2.5), st.floats(0.2, 1.5))
def test_quantiles_of_all_songs_are_those_of_streams_that_nobody_censored(last, spread):
    # What a song will have is log-normal; what is known is how it is spread above the last place.
    draws = np.sort(np.random.default_rng(0).normal(0, spread, 40_000))
    stay = draws > last * spread
    shares = np.linspace(0.02, 0.98, 49)
    above = np.exp(np.quantile(draws[stay], shares))[None] if stay.any() else np.ones((1, 49))
    quantiles, censored = with_leavers([stay.mean()], shares, above, [math.exp(last * spread)])
    expected = np.quantile(draws, shares)
    known = ~censored[0]
    np.testing.assert_allclose(np.log(quantiles[0])[known], expected[known], atol=0.2 * spread)
    assert (expected[~known] <= last * spread + 0.01).all()
    assert (np.diff(quantiles[0]) >= -1e-9).all()


def test_data_frames_are_charts():
    df = drifting(n_days=10)
    expected = PresenceModel(1, **SMALL).fit(check_chart(df)).predict(check_chart(df))
    pd.testing.assert_frame_equal(PresenceModel(1, **SMALL).fit(df).predict(df), expected)
