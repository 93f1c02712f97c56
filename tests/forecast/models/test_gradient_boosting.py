"""Gradient boosting over all series: its losses, what it may see, what it refuses."""

import tracemalloc

import numpy as np
import pytest
from made_plays import frame, noisy
from sklearn.base import clone

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.average import Average
from spdkit.forecast.models.classical import SMA, RelativeMean
from spdkit.forecast.models.gradient_boosting import GlobalForecaster
from spdkit.forecast.scoring.metrics import f_score

SMALL = {"n_trees": 15, "n_models": 1, "max_rows": 4000, "learning_rate": 0.2, "min_leaf": 0.02}


def decaying(n_series, n_days, rate=0.03, seed=0):
    """Plays that fall by the same share every day, from different heights."""
    heights = 10 ** np.random.default_rng(seed).uniform(2, 4, n_series)
    y = heights[:, None] * np.exp(-rate * np.arange(n_days))
    return frame({f"s{i}": row for i, row in enumerate(y)})


@pytest.mark.parametrize("backend", ["hist", "lightgbm"])
@pytest.mark.parametrize("loss", ["relative", "f", "squared"])
def test_a_rule_that_holds_for_all_series_is_learned(backend, loss):
    df = decaying(6, 100)
    found = GlobalForecaster(
        10, loss=loss, backend=backend, **(SMALL | {"n_trees": 60, "learning_rate": 0.3})
    ).fit(df)
    forecast = found.predict(10)[found.label].to_numpy().reshape(6, 10)
    last = df["y"].to_numpy().reshape(6, 100)[:, -1:]
    expected = last * np.exp(-0.03 * np.arange(1, 11))
    np.testing.assert_allclose(forecast, expected, rtol=0.03)


def test_relative_error_forecasts_lower_than_squared_error():
    """Of plays that are 1 or 4 at random the mean is 2.5; (1 + 1/4) / (1 + 1/16) is 1.18."""
    y = np.random.default_rng(0).choice([1.0, 4.0], (10, 150))
    df = frame({str(i): row for i, row in enumerate(y)})
    settings = SMALL | {"n_trees": 40, "min_leaf": 0.2}
    means = {}
    for loss in ("relative", "squared"):
        model = GlobalForecaster(5, loss=loss, **settings).fit(df)
        means[loss] = model.predict(5)[model.label].mean()
    assert means["squared"] == pytest.approx(2.5, rel=0.1)
    assert means["relative"] == pytest.approx(1.25 / 1.0625, rel=0.1)


def test_f_cares_more_for_large_series_that_can_be_met():
    """Half of the series fall, half are noise: F's weights lie on those that are met."""
    generator = np.random.default_rng(1)
    fall = 1e4 * np.exp(-0.02 * np.arange(120)) * np.ones((5, 1))
    noise = 10.0 * np.exp(generator.normal(0, 0.8, (5, 120)))
    df = frame({str(i): row for i, row in enumerate(np.r_[fall, noise])})
    past, future = df[df["ds"] < "2015-06-19"], df[df["ds"] >= "2015-06-19"]
    y = future["y"].to_numpy().reshape(10, 10)
    scores = {}
    for loss in ("relative", "f"):
        model = GlobalForecaster(10, loss=loss, **(SMALL | {"max_leaves": 3})).fit(past)
        scores[loss] = f_score(y, model.predict(10)[model.label].to_numpy().reshape(10, 10)).value
    assert scores["f"] > scores["relative"]


def test_a_window_without_plays_or_met_exactly_keeps_a_finite_weight(monkeypatch):
    """With zero="skip" a silent window has σ 0 and φ 0, and what is met exactly has σ 0 alone."""
    weights, models = [], GlobalForecaster._models

    def watched(self, X, target, weight):
        weights.append(weight)
        return models(self, X, target, weight)

    monkeypatch.setattr(GlobalForecaster, "_models", watched)
    y = np.r_[np.full(40, 16.0), np.zeros(7), np.full(20, 16.0)]
    df = frame({"a": y, "b": np.full(67, 9.0)})
    model = GlobalForecaster(5, loss="f", zero="skip", **SMALL).fit(df)
    first, second = weights
    silent = (first == 0).all(axis=1)
    assert silent.any() and np.isfinite(second).all() and model.models_
    assert (second[silent] == 0).all()
    # Windows of plays that never change are met exactly: σ is the smallest, φ the root of plays.
    whole = (first > 0).all(axis=1)
    ratios = (second[whole] / first[whole])[:, 0]
    phi = np.sqrt(model.panel_.y.reshape(2, 67)[:, 0] * 5)
    assert ratios.max() / ratios[-1] == pytest.approx(phi[0] / phi[1], rel=0.05)


def test_series_too_short_to_learn_from_are_forecast_all_the_same():
    df = frame({"long": np.full(60, 50.0), "short": [7.0, 7.0]})
    model = GlobalForecaster(5, **SMALL).fit(df)
    found = model.predict(5).set_index("unique_id")[model.label]
    assert found["long"].tolist() == pytest.approx([50] * 5)
    assert found["short"].tolist() == pytest.approx([7] * 5)


def test_a_series_without_plays_is_zero():
    df = frame({"a": np.full(60, 5.0), "silent": np.zeros(60)})
    for loss in ("squared", "relative"):
        model = GlobalForecaster(5, loss=loss, zero="skip", **SMALL).fit(df)
        assert (model.predict(5).set_index("unique_id").loc["silent", model.label] == 0).all()


def test_the_future_of_a_column_is_used():
    generator = np.random.default_rng(0)
    show = generator.integers(0, 2, (6, 120)).astype(float)
    y = 10 * (1 + 2 * show)
    df = frame({str(i): row for i, row in enumerate(y)}).assign(show=show.ravel())
    model = GlobalForecaster(4, futr_exog=["show"], loss="squared", **SMALL).fit(df)
    tomorrow = np.tile([0.0, 1.0, 1.0, 0.0], 6)
    X_df = model.panel_.future(4).assign(show=tomorrow)
    found = model.predict(4, X_df=X_df)[model.label].to_numpy()
    np.testing.assert_allclose(found, 10 * (1 + 2 * tomorrow), rtol=0.15)
    with pytest.raises(ForecastError, match="the next 4 values of show are needed"):
        model.predict(4)


def test_shorter_horizons_are_the_beginning_of_longer_ones():
    model = GlobalForecaster(8, **SMALL).fit(noisy(3, 80))
    whole = model.predict(8)[model.label].to_numpy().reshape(3, 8)
    np.testing.assert_array_equal(
        model.predict(3)[model.label].to_numpy().reshape(3, 3), whole[:, :3]
    )


def test_the_same_seed_gives_the_same_forecast_and_another_does_not():
    df = noisy(4, 90)
    model = GlobalForecaster(5, seed=3, **SMALL)
    first, again, other = (
        one.fit(df).predict(5)[one.label].to_numpy()
        for one in (clone(model), clone(model), clone(model).set_params(seed=4))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_rows_are_a_sample_when_there_are_too_many():
    df = noisy(4, 90)
    assert GlobalForecaster(10, **(SMALL | {"max_rows": 500})).fit(df).n_origins_ == 50
    # 90 rows have 90 - 28 - 10 + 1 = 53 origins.
    assert GlobalForecaster(10, **(SMALL | {"max_rows": 10**6})).fit(df).n_origins_ == 4 * 53


def test_nothing_after_the_cutoff_is_seen():
    df = noisy(3, 90)
    absurd = df.assign(y=df["y"].where(df["ds"] < "2015-05-20", 1e9))
    model = GlobalForecaster(10, **SMALL)
    one, two = (
        model.cross_validation(each[each["ds"] < "2015-05-30"], 10)[model.label].to_numpy()
        for each in (df, absurd)
    )
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("model", "df", "message"),
    [
        (
            GlobalForecaster(5, loss="mae"),
            noisy(1, 60),
            "loss must be .* 'squared', got 'mae'",
        ),
        (
            GlobalForecaster(5, backend="xgb"),
            noisy(1, 60),
            "backend must be one of 'hist', 'lightgbm'",
        ),
        (GlobalForecaster(5, zero="fill"), noisy(1, 60), "zero must be one of 'refuse', 'skip'"),
        (
            GlobalForecaster(30),
            noisy(2, 50),
            "the longest series has 50 rows, and 28 before and 30",
        ),
        (
            GlobalForecaster(5),
            frame({"a": [*range(1, 40), 0]}),
            r"series 'a', 2015-04-09: relative error needs plays.*y is 0 \(1 such rows\)",
        ),
        (
            GlobalForecaster(5, loss="squared"),
            frame({"a": [*range(1, 40), -3]}),
            "series 'a', 2015-04-09: a level needs values of 0 or more, y is -3",
        ),
        (
            GlobalForecaster(5, hist_exog=["downloads"]),
            noisy(1, 60).assign(downloads=-1.0),
            "downloads must be 0 or more beside plays",
        ),
    ],
)
def test_what_is_refused(model, df, message):
    with pytest.raises(ForecastError, match=message):
        model.fit(df)


def test_a_horizon_beyond_its_own_is_refused():
    model = GlobalForecaster(5, **SMALL).fit(noisy(2, 60))
    with pytest.raises(ForecastError, match="learned to forecast 5 steps, 6 are asked for"):
        model.predict(6)


@pytest.mark.slow
def test_ten_thousand_songs_in_one_call_in_memory_linear_in_the_data():
    """SMA, the relative mean and boosting together, 183 days of each song."""
    peaks = []
    for n_series in (2_500, 10_000):
        df = noisy(n_series, 183).drop(columns="downloads")
        three = Average([SMA(16), RelativeMean(16), GlobalForecaster(30)])
        tracemalloc.start()
        found = three.fit(df).predict(30)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(found) == 30 * n_series
        assert np.isfinite(found["Average"]).all()
    assert peaks[1] < 4.2 * peaks[0]
    assert peaks[1] < 500e6
