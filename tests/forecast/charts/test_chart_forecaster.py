"""Forecaster of charts: what it learns from, what it forecasts, and what it must not see."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from spdkit.common.errors import SpdkitError
from spdkit.forecast import load_forecaster
from spdkit.forecast.charts.chart_forecaster import ChartForecaster
from spdkit.forecast.charts.song_matrix import SongMatrix, read_matrix
from spdkit.forecast.data.checks import ForecastError

DAYS, SONGS = 60, list("abcd")
NAMES = {"id_col": "song", "time_col": "day", "target_col": "streams"}
SMALL = {"lookback": 4, "width": 6, "epochs": 2, "metadata": ["tempo", "energy"]}
KINDS = ["pooled", "matrix", "one"]
STATIC = pd.DataFrame(
    {"song": SONGS, "tempo": [90.0, 120.0, 100.0, 80.0], "energy": [0.1, 0.9, 0.5, 0.4]}
)


def chart(days=DAYS, songs=SONGS, seed=0):
    """Songs that fall and rise, with days out of the chart; "d" enters on the 31st day."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(9, 1, len(songs)) + rng.normal(0, 0.1, (days, len(songs))).cumsum(axis=0)
    frame = pd.DataFrame(np.exp(levels), pd.date_range("2020-02-01", periods=days), songs)
    frame = frame.rename_axis("day").rename_axis("song", axis=1).stack().rename("streams")
    frame = frame.reset_index()
    late = (frame["song"] == "d") & (frame["day"] < "2020-03-02")
    gone = rng.random(len(frame)) < 0.05
    last = frame["day"] == frame["day"].max()
    return frame[~(late | gone) | (last & (frame["song"] != "c"))].reset_index(drop=True)


def static_of(kind):
    return None if kind == "one" else STATIC


@pytest.mark.parametrize("kind", KINDS)
def test_songs_of_the_last_day_are_forecast_under_the_frame_s_names(kind):
    frame = chart()
    frame = frame[~((frame["song"] == "c") & (frame["day"] >= "2020-03-30"))]
    model = ChartForecaster(songs=kind, **SMALL).fit(frame, static_df=static_of(kind), **NAMES)
    forecast = model.predict(3)
    assert list(forecast) == ["song", "day", f"ChartGRU({kind})"]
    assert set(forecast["song"]) == {"a", "b", "d"}  # c has left
    after = pd.date_range(frame["day"].max() + pd.Timedelta(days=1), periods=3)
    for _, own in forecast.groupby("song"):
        assert list(own["day"]) == list(after)
    assert (forecast[model.label] > 0).all()


@pytest.mark.parametrize(
    ("kind", "scale"),
    # Pooled songs have no range of their own: refused.
    [pair for pair in product(KINDS, ("log", "range")) if pair != ("pooled", "range")],
)
def test_nothing_after_the_cutoff_changes_what_is_forecast(kind, scale):
    frame, static = chart(), static_of(kind)
    absurd = frame.assign(
        streams=frame["streams"].where(frame["day"] < "2020-03-20", 1e9 * frame["streams"])
    )
    model = ChartForecaster(songs=kind, scale=scale, **SMALL)
    one, other = (
        clone(model).cross_validation(df, 1, n_windows=12, static_df=static, refit=False, **NAMES)
        for df in (frame, absurd)
    )
    assert one["cutoff"].min() == pd.Timestamp("2020-03-19")
    first = one["cutoff"] == one["cutoff"].min()
    pd.testing.assert_series_equal(one[model.label][first], other[model.label][first])
    assert (one[model.label] != other[model.label])[~first].all()


@pytest.mark.parametrize("kind", KINDS)
def test_further_days_come_by_rolling(kind):
    """The second day is the next day of a chart in which the first forecast stands."""
    frame, static = chart(), static_of(kind)
    matrix = read_matrix(frame, **NAMES)
    model = ChartForecaster(songs=kind, **SMALL).fit_matrix(matrix, static, **NAMES)
    label = model.label
    steps = model.predict(2).pivot(index="day", columns="song", values=label)
    steps = steps.reindex(columns=matrix.songs)
    longer = np.vstack([matrix.streams, steps.to_numpy()])
    dates = pd.date_range(matrix.dates[0], periods=len(longer))
    second = model.next_dates(SongMatrix.of(dates, matrix.songs, longer), len(longer) - 1, static)
    np.testing.assert_allclose(second[0], steps.to_numpy()[1], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_cutoffs_without_a_new_fit_are_the_next_dates(kind):
    frame, static = chart(), static_of(kind)
    matrix = read_matrix(frame, **NAMES)
    model = ChartForecaster(songs=kind, **SMALL)
    past = clone(model).fit_matrix(matrix.until(DAYS - 10), static, **NAMES)
    expected = past.next_dates(matrix, DAYS - 10, static)
    forecasts = model.cross_validation(
        frame, 1, n_windows=10, static_df=static, refit=False, **NAMES
    )
    table = forecasts.pivot(index="day", columns="song", values=model.label)
    table = table.reindex(index=matrix.dates[-10:], columns=matrix.songs)
    np.testing.assert_allclose(table.to_numpy(), expected, rtol=1e-6)
    # Beside each stands what came, or nothing where the song had left.
    joined = forecasts.merge(frame, on=["song", "day"], how="left", suffixes=("", "_own"))
    pd.testing.assert_series_equal(joined["streams"], joined["streams_own"], check_names=False)
    assert (joined["day"] - joined["cutoff"] == pd.Timedelta(days=1)).all()


def test_with_a_new_fit_each_cutoff_is_that_of_a_fit_on_what_lies_before():
    frame = chart()
    model = ChartForecaster(**SMALL)
    forecasts = model.cross_validation(frame, 2, n_windows=2, step_size=5, **NAMES)
    for cutoff, own in forecasts.groupby("cutoff"):
        past = frame[frame["day"] <= cutoff]
        expected = clone(model).fit(past, **NAMES).predict(2)
        joined = own.merge(expected, on=["song", "day"], suffixes=("", "_own"))
        assert len(joined) == len(own) == len(expected)
        np.testing.assert_allclose(joined[model.label], joined[f"{model.label}_own"], rtol=1e-6)
    assert list(forecasts["cutoff"].unique()) == list(pd.to_datetime(["2020-03-24", "2020-03-29"]))


def test_a_pooled_net_forecasts_songs_that_it_never_saw_and_others_do_not():
    matrix = read_matrix(chart(), **NAMES)
    late = list(matrix.songs).index("d")
    for kind in ("pooled", "matrix"):
        model = ChartForecaster(songs=kind, **SMALL).fit_matrix(matrix.until(28))
        forecast = model.next_dates(matrix, 40)
        assert np.isfinite(forecast[:, late]).any() == (kind == "pooled")
        assert np.isfinite(forecast).any()


def test_songs_that_are_missing_too_often_are_left_out():
    frame = chart()
    model = ChartForecaster(songs="matrix", max_missing=0.4, **SMALL).fit(frame, **NAMES)
    assert list(model.left_out_) == ["d"]
    assert set(model.predict(1)["song"]) == {"a", "b", "c"} - (
        {"c"} - set(frame["song"][frame["day"] == frame["day"].max()])
    )


@pytest.mark.parametrize("kind", ["pooled", "matrix"])
def test_a_week_that_songs_share_is_learned(kind):
    """And a fall, by a net that sees each window over its own level."""
    days, falls = np.arange(80), np.log(0.97) * (kind == "pooled")
    wave = 0.1 * np.sin(2 * np.pi * days / 7)
    streams = np.exp(np.array([9.0, 10.0, 11.0]) + (falls * days + wave)[:, None])
    matrix = SongMatrix.of(pd.date_range("2021", periods=80), pd.Index(list("xyz")), streams)
    model = ChartForecaster(songs=kind, epochs=40, patience=40, learning_rate=0.02, batch_size=16)
    forecast = model.fit_matrix(matrix.until(70)).next_dates(matrix, 70)
    ours = np.abs(np.log(forecast / streams[70:])).mean()
    last_value = np.abs(np.log(streams[69:-1] / streams[70:])).mean()
    assert ours < 0.5 * last_value


@pytest.mark.parametrize("kind", ["pooled", "matrix"])
@pytest.mark.parametrize("zeros", [False, True])
def test_two_stages_with_zero_metadata_are_the_recurrent_model(kind, zeros):
    """No table at all, or columns that are the same for every song."""
    matrix = read_matrix(chart(), **NAMES)
    alone = ChartForecaster(songs=kind, **SMALL).fit_matrix(matrix)
    static = STATIC.assign(tempo=0.0, energy=0.0) if zeros else None
    two = ChartForecaster(songs=kind, training="two_stage", **SMALL)
    two.fit_matrix(matrix, static, **NAMES)
    np.testing.assert_array_equal(two.next_dates(matrix, 30, static), alone.next_dates(matrix, 30))


@pytest.mark.parametrize("training", ["joint", "two_stage"])
def test_metadata_change_what_is_learned(training):
    matrix = read_matrix(chart(), **NAMES)
    model = ChartForecaster(training=training, **SMALL)
    one, other = (
        clone(model).fit_matrix(matrix, static, **NAMES).next_dates(matrix, 30, static)
        for static in (STATIC, STATIC.assign(tempo=[1.0, 2.0, 3.0, 9.0]))
    )
    assert (one != other)[np.isfinite(one)].any()


def test_a_song_without_metadata_is_refused_by_name_or_masked():
    frame = chart()
    lacking = STATIC[STATIC["song"] != "b"]
    model = ChartForecaster(**SMALL)
    with pytest.raises(ForecastError, match=r"missing for 1 of 4 songs \('b'; tempo, energy\)"):
        model.fit(frame, static_df=lacking, **NAMES)
    masked = clone(model).set_params(missing_metadata="mask")
    masked.fit(frame, static_df=lacking, **NAMES)
    at = list(masked.matrix_.songs).index("b")
    np.testing.assert_array_equal(masked.metadata_[at], [0, 0, 1, 1])
    assert "b" in set(masked.predict(1)["song"])


def test_scales_are_those_of_training_rows():
    matrix = read_matrix(chart(), **NAMES)
    model = ChartForecaster(songs="matrix", scale="range", validation=0.5, **SMALL)
    model.fit_matrix(matrix)
    own = matrix.take(matrix.songs.isin(model.matrix_.songs))
    rows = np.where(own.observed, own.streams, np.nan)[: DAYS // 2]
    np.testing.assert_allclose(model.shift_, np.nanmin(rows, axis=0))
    np.testing.assert_allclose(model.size_, np.nanmax(rows, axis=0) - np.nanmin(rows, axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_forecasts_the_same(kind, tmp_path):
    model = ChartForecaster("lstm", songs=kind, **SMALL)
    model.fit(chart(), static_df=static_of(kind), **NAMES).save(tmp_path / "model")
    loaded = load_forecaster(tmp_path / "model")
    assert isinstance(loaded, ChartForecaster)
    pd.testing.assert_frame_equal(loaded.predict(3), model.predict(3))
    with pytest.raises(NotFittedError, match="call fit first"):
        ChartForecaster().save(tmp_path / "none")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cell": "rnn"}, "cell must be one of 'lstm', 'gru'"),
        ({"lookback": 0}, "lookback must be"),
        ({"metadata": "tempo"}, "metadata must be a sequence"),
        ({"validation": 1.0}, "validation must be"),
        ({"scale": "range"}, 'a pooled net .* give scale="log"'),
        ({"songs": "one"}, "metadata do not change within a song"),
        ({"lookback": 60}, "60 dates, at least 61 are needed"),
        ({"songs": "matrix", "max_missing": 0.0, "max_gap": 0}, "nothing to learn from"),
    ],
)
def test_what_cannot_be_fitted_is_refused(parameters, message):
    with pytest.raises(ForecastError, match=message):
        ChartForecaster(**(SMALL | parameters)).fit(chart(), static_df=STATIC, **NAMES)


def test_requests_that_cannot_be_answered_are_refused():
    model, frame = ChartForecaster(**SMALL), chart()
    with pytest.raises(SpdkitError):
        model.set_params(lookback="x").fit(frame, **NAMES)
    model.set_params(lookback=4)
    with pytest.raises(ForecastError, match="leave 4 to learn from"):
        model.cross_validation(frame, 1, n_windows=56, **NAMES)
    with pytest.raises(ForecastError, match="called like one that"):
        model.cross_validation(
            frame.rename(columns={"day": "cutoff"}), 1, **(NAMES | {"time_col": "cutoff"})
        )
    model.fit(frame, static_df=STATIC, **NAMES)
    with pytest.raises(ForecastError, match="horizon"):
        model.predict(0)
    matrix = read_matrix(frame, **NAMES)
    with pytest.raises(ForecastError, match="static_df must be given where"):
        model.next_dates(matrix, 30)
    with pytest.raises(ForecastError, match="first must be a whole number of at least 4"):
        model.next_dates(matrix, 3, STATIC)
    side_by_side = ChartForecaster(songs="matrix", **SMALL).fit_matrix(matrix)
    with pytest.raises(ForecastError, match=r"song 'a' was learned from, .* \(1 such songs\)"):
        side_by_side.next_dates(matrix.take(matrix.songs != "a"), 30)


def test_the_report_s_own_layout_is_that_of_a_region(tmp_path):
    """A whole chart table of one region, weeks that end on Thursdays, with its own names."""
    weeks = pd.date_range("2021-01-07", periods=30, freq="W-THU")
    frame = pd.DataFrame(
        {"ds": weeks.repeat(2), "track_id": ["x", "y"] * 30, "streams": np.arange(60) + 100.0}
    )
    names = {"id_col": "track_id", "target_col": "streams"}
    forecast = ChartForecaster(**SMALL).fit(frame, **names).predict(2)
    assert list(forecast["ds"].unique()) == list(pd.to_datetime(["2021-08-05", "2021-08-12"]))
