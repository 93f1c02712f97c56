"""Chart model: planted rhythms learned, blind to what comes later, refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from spdkit.forecast.charts.chart_model import ChartModel, _Errors, _Rows
from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.serialization import load_forecaster

SMALL = {"n_trees": 20, "learning_rate": 0.25, "n_models": 2, "min_leaf": 20, "max_rows": 3000}


def charts(regions=("AE", "PH"), n_dates=120, freq="D", n_songs=25, seed=0):
    """Songs that decay, each with the same week; a fifth is gone on any date."""
    rng = np.random.default_rng(seed)
    week = np.array([0, 0, 0, 0, 0.3, 0.5, 0.2]) if freq == "D" else np.zeros(7)
    dates = pd.date_range("2021-01-07", periods=n_dates, freq="D" if freq == "D" else "7D")
    parts = []
    for region in regions:
        start = rng.uniform(8, 11, n_songs)
        decay = rng.uniform(0.0, 0.02, n_songs)
        log = start - decay * np.arange(n_dates)[:, None] + week[dates.day_of_week][:, None]
        log += rng.normal(0, 0.03, log.shape)
        there = rng.random(log.shape) < 0.8
        date, song = np.nonzero(there)
        part = pd.DataFrame(
            {
                "region": region,
                "ds": dates[date],
                "track_id": [f"s{i}" for i in song],
                "title": [f"Song {i}" for i in song],
                "artist": [f"Artist {i // 2}" for i in song],
                "streams": np.exp(log[date, song]).round(),
            }
        )
        ranks = part.groupby("ds")["streams"].rank(ascending=False, method="first")
        parts.append(part.assign(position=ranks.astype(int)))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


DAYS = charts()
CUT = pd.Timestamp("2021-04-20")
PAST, FUTURE = DAYS[DAYS["ds"] <= CUT], DAYS[DAYS["ds"] > CUT]


@pytest.fixture(scope="module")
def model():
    return ChartModel(7, **SMALL).fit(PAST)


def test_a_planted_week_is_learned(model):
    frame = model.forecast_past(DAYS, [1, 7], since=CUT + pd.Timedelta(days=1), level=[90])
    one = frame[(frame["ds"] - frame["cutoff"]).dt.days == 1]
    ours, last = ((one["y"] - one[name]).abs().mean() for name in ("ChartModel", "last_value"))
    assert ours < 0.45 * last
    # y and the last value are those of the table.
    streams = DAYS.set_index(["region", "track_id", "ds"])["streams"]
    keys = ["region", "track_id"]
    np.testing.assert_allclose(
        frame["y"], streams.reindex(pd.MultiIndex.from_frame(frame[[*keys, "ds"]])), rtol=1e-5
    )
    np.testing.assert_allclose(
        frame["last_value"],
        streams.reindex(pd.MultiIndex.from_frame(frame[[*keys, "cutoff"]])),
        rtol=1e-5,
    )
    assert frame["ds"].min() == CUT + pd.Timedelta(days=1)
    # Every pair of dates on which a song is there, and no other.
    there = set(map(tuple, DAYS[[*keys, "ds"]].to_numpy()))
    expected = sum(
        (region, song, ds - pd.Timedelta(days=step)) in there
        for region, song, ds in there
        if ds > CUT
        for step in (1, 7)
    )
    assert len(frame) == expected
    inside = (frame["ChartModel-lo-90"] <= frame["y"]) & (frame["y"] <= frame["ChartModel-hi-90"])
    assert inside.groupby(frame["region"]).mean().between(0.84, 0.96).all()


def test_songs_of_the_last_chart_are_forecast(model):
    frame = model.predict(3, level=[80, 90], quantiles=[0.5])
    last = PAST[PAST["ds"] == CUT]
    assert len(frame) == 3 * len(last)
    assert set(frame["track_id"]) == set(last["track_id"])
    assert frame["ds"].min() == CUT + pd.Timedelta(days=1)
    assert frame["ds"].max() == CUT + pd.Timedelta(days=3)
    ends = [f"ChartModel-{end}" for end in ("lo-90", "lo-80", "q0.5", "hi-80", "hi-90")]
    assert (np.diff(frame[ends], axis=1) >= 0).all()
    # As those that are forecast from the same date of a longer table.
    longer = model.forecast_past(DAYS, [3], since=CUT + pd.Timedelta(days=3))
    same = longer[longer["cutoff"] == CUT].merge(frame, on=["region", "track_id", "ds"])
    assert len(same) > 20
    np.testing.assert_allclose(same["ChartModel_x"], same["ChartModel_y"], rtol=1e-6)


def test_later_dates_change_nothing(model):
    absurd = FUTURE.assign(streams=lambda f: 10.0**9 - f["position"], artist="Artist 0")
    late = FUTURE["ds"] > CUT + pd.Timedelta(days=5)
    table = pd.concat([PAST, FUTURE[~late], absurd[late]])
    since = CUT + pd.Timedelta(days=1)
    before, after = (model.forecast_past(df, [1], since=since, level=[90]) for df in (DAYS, table))
    until = CUT + pd.Timedelta(days=5)
    pd.testing.assert_frame_equal(before[before["ds"] <= until], after[after["ds"] <= until])
    first, again = (
        ChartModel(1, **SMALL).fit(check_chart(df).until(CUT)).predict(level=[90])
        for df in (DAYS, table)
    )
    pd.testing.assert_frame_equal(first, again)


def test_intervals_are_of_dates_that_a_model_does_not_know():
    # Trees that learn each row by heart have no errors on what they know.
    parameters = SMALL | {"learning_rate": 0.5, "min_leaf": 1, "max_leaves": 64}
    frame = ChartModel(1, **parameters).fit(PAST).predict(level=[90])
    frame = frame.merge(FUTURE, on=["region", "track_id", "ds"])
    assert len(frame) > 30
    assert (
        frame["streams"].between(frame["ChartModel-lo-90"], frame["ChartModel-hi-90"]).mean() > 0.8
    )


def test_intervals_follow_a_chart_that_drifts(model):
    """Errors grow fivefold after the fit: intervals learn it from the day on which it is known."""
    noise = np.random.default_rng(5).normal(0, 0.15, len(DAYS))
    late = DAYS["ds"] > CUT
    wilder = DAYS.assign(streams=DAYS["streams"] * np.exp(np.where(late, noise, 0)))
    first = CUT + pd.Timedelta(days=1)
    frame = model.forecast_past(wilder, [1], since=first, level=[90])
    inside = frame["y"].between(frame["ChartModel-lo-90"], frame["ChartModel-hi-90"])
    at_first = inside[frame["ds"] == first].mean()
    assert at_first < 0.6
    assert inside[frame["ds"] > CUT + pd.Timedelta(days=8)].mean() > at_first + 0.15
    # What is asked for is a part of the same forecasts.
    since = CUT + pd.Timedelta(days=6)
    part = model.forecast_past(wilder, [1], since=since, level=[90])
    pd.testing.assert_frame_equal(part, frame[frame["ds"] >= since].reset_index(drop=True))


def errors_of(relative, *, step=1, lead=1, debut=False, region="PH", fitted="2021-03-01"):
    """An error a date from the day after a fit on, forecast `lead` days before."""
    known = np.datetime64(fitted) + np.arange(1, len(relative) + 1) * np.timedelta64(1, "D")
    origin = known - lead * np.timedelta64(1, "D")
    same = (np.full(len(relative), value) for value in (region, step, debut))
    return _Errors(*same, origin, known, np.asarray(relative, float))


def test_shares_move_against_what_dates_missed():
    """By 0.06 of it, once it is known: worked by hand, on uniform errors."""
    pool, fitted = np.linspace(0, 1, 100_001), np.datetime64("2021-03-01")
    above = errors_of([2, 2, -1, 2]).moving_quantiles(pool, fitted, [0.1])
    np.testing.assert_allclose(above[:, 0], [0.1, 0.106, 0.112, 0.058], atol=1e-4)
    # Two days ahead, the first day's miss is known for the third.
    later = errors_of([2, 2, -1, 2], lead=2).moving_quantiles(pool, fitted, [0.1])
    np.testing.assert_allclose(later[:, 0], [0.1, 0.1, 0.106, 0.112], atol=1e-4)
    # What has not come, and what lies before the fit, moves nothing; nor does the middle move.
    early = np.datetime64("2021-04-01")
    for errors, until in ((errors_of([np.nan] * 3), fitted), (errors_of([2, 2, 2]), early)):
        still = errors.moving_quantiles(pool, until, [0.05, 0.95])
        np.testing.assert_allclose(still, [[0.05, 0.95]] * 3, atol=1e-4)
    middle = errors_of([2, 2, -1]).moving_quantiles(pool, fitted, [0.2, 0.5])
    np.testing.assert_allclose(middle, [[0.2, 0.5]] * 3, atol=1e-4)
    # Quantiles never cross, nor leave the errors that are known.
    many = errors_of([2] * 40).moving_quantiles(pool, fitted, [0.9, 0.2, 0.1])
    assert (np.diff(many[:, ::-1], axis=1) >= 0).all()
    assert many.max() < 1


def test_errors_count_as_they_are_known():
    pool, fitted = np.zeros(1), np.datetime64("2021-03-01")
    medians = errors_of([4, 8, 8]).moving_quantiles(pool, fitted, [0.5])[:, 0]
    np.testing.assert_allclose(medians, [0, 2, 4])  # of 0; of 0 and 4; of 0, 4 and 8


def test_errors_of_first_dates_are_apart():
    """As those of a region and a step, where there are enough of them."""

    def constant(value, n=250, **which):
        return errors_of(np.full(n, value), fitted="2020-01-01", **which)

    kinds = [
        constant(1.0),
        constant(2.0, debut=True),
        constant(3.0, region="AE"),
        constant(4.0, n=20, region="AE", debut=True),
        constant(5.0, step=2),
        constant(6.0, n=20, step=2, debut=True),
    ]
    columns = ("region", "step", "debut", "origin", "known", "relative")
    pool = _Errors(*(np.concatenate([getattr(kind, name) for kind in kinds]) for name in columns))
    fitted = np.datetime64("2021-03-01")

    def median(**which):
        return pool.off(errors_of([np.nan], **which), fitted, [0.5])[0, 0]

    assert median() == 1
    assert median(debut=True) == 2
    assert median(region="AE") == 3
    assert median(region="AE", debut=True) == 2  # too few of its own: those of all regions
    assert median(step=2, debut=True) == 5  # too few first dates: all songs
    assert median(step=3) == 3  # of no step: all


def test_saved_and_loaded_answers_alike(tmp_path):
    model = ChartModel(1, **SMALL | {"n_trees": 3}).fit(PAST)
    model.save(tmp_path / "model")
    loaded = load_forecaster(tmp_path / "model")
    assert isinstance(loaded, ChartModel)
    pd.testing.assert_frame_equal(loaded.predict(level=[90]), model.predict(level=[90]))


def test_weeks_and_logarithms():
    df = charts(n_dates=60, freq="W", seed=1)
    cut = df["ds"].unique()[-16]
    model = ChartModel(8, steps=[4, 8], loss="log", calibration=0, **SMALL).fit(df[df["ds"] <= cut])
    frame = model.forecast_past(df, [4, 8], since=cut + pd.Timedelta(days=7))
    assert set((frame["ds"] - frame["cutoff"]).dt.days) == {28, 56}
    ours, last = (
        np.log(frame["y"] / frame[name]).abs().mean() for name in ("ChartModel", "last_value")
    )
    assert ours < 0.6 * last


def test_half_of_the_models_expect_half_of_what_the_chart_did():
    """All songs grow by 0.02 a step: in weeks one model learns all of it, the other half."""
    for freq, expected in (("W", (1 + 0.5) / 2), ("D", 1)):
        df = charts(("PH",), n_dates=60, freq=freq, n_songs=30)
        place = df["ds"].rank(method="dense")
        df["streams"] = np.exp(6 + 0.02 * place + df["track_id"].str[1:].astype(int) / 10)
        df["position"] = df.groupby("ds")["streams"].rank(ascending=False).astype(int)
        model = ChartModel(4, steps=[4], loss="log", calibration=0, **SMALL).fit(df)
        frame = model.predict().merge(df[df["ds"] == df["ds"].max()], on="track_id")
        change = np.log(frame["ChartModel"] / frame["streams"])
        np.testing.assert_allclose(change, expected * 0.08, atol=6e-3)


def test_first_weeks_are_drawn_oftener_where_all_songs_count_alike():
    df = charts(n_dates=30, freq="W")
    rows = _Rows.of(check_chart(df))
    pairs = rows.pairs([1, 2], 0, 29)
    weights = ChartModel(loss="log")._weights(rows, pairs)
    names = rows.names(pairs)
    first = df.groupby(["region", "track_id"])["ds"].min()
    first = first[first > df["ds"].min()]  # who is there on a chart's own first date is not new
    debuts = pd.MultiIndex.from_frame(names[["region", "track_id", "cutoff"]]).isin(
        pd.MultiIndex.from_frame(first.reset_index())
    )
    assert 5 < debuts.sum() < 60
    np.testing.assert_array_equal(weights, np.where(debuts, 10, 1))


def test_a_region_without_songs_of_its_own_dates_has_the_errors_of_all():
    few = charts(("RU",), n_dates=120, seed=2)
    few = few[(few["ds"] > CUT - pd.Timedelta(days=3)) & (few["ds"] <= CUT)]
    model = ChartModel(1, **SMALL).fit(pd.concat([PAST, few]))
    frame = model.predict(level=[90])
    russia = frame[frame["region"] == "RU"]
    assert len(russia) > 5
    assert (russia["ChartModel-hi-90"] > russia["ChartModel-lo-90"]).all()


def test_what_was_not_learned_is_refused_by_name(model):
    with pytest.raises(ForecastError, match=r"not trained on region 'XX': it knows 'AE', 'PH'"):
        model.forecast_past(DAYS.replace({"region": {"AE": "XX"}}), [1], since=CUT)
    with pytest.raises(ForecastError, match=r"learned to forecast 7 steps, 8 are asked for"):
        model.predict(8)
    with pytest.raises(ForecastError, match=r"a chart of days is forecast 56 steps ahead at most"):
        ChartModel(57).fit(PAST)
    with pytest.raises(ForecastError, match=r"above 0 and below 1, got 1"):
        model.predict(quantiles=[1])
    with pytest.raises(ForecastError, match=r"from the quantile 0.005 to 0.995"):
        model.predict(level=[99.9])
    with pytest.raises(ForecastError, match=r"songs of 'AE', 'PH' are in the chart on two dates"):
        ChartModel(1, calibration=0).fit(PAST[PAST["ds"] < "2021-01-10"])
    with pytest.raises(ForecastError, match="loss must be one of"):
        ChartModel(loss="squares").fit(PAST)
    with pytest.raises(NotFittedError):
        ChartModel().predict()


def test_without_calibration_there_are_no_intervals():
    model = ChartModel(1, calibration=0, **SMALL).fit(PAST)
    assert list(model.predict()) == ["region", "track_id", "ds", "ChartModel"]
    with pytest.raises(ForecastError, match="fitted without intervals: give calibration"):
        model.predict(level=[90])
