"""What we recommend: a level, boosting and units, two of them averaged."""

import numpy as np
import pytest
from made_plays import frame, noisy

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.classical import Level, RelativeMean
from spdkit.forecast.models.recommended import UNIT_DAYS, recommended, units, with_units
from spdkit.forecast.models.rolling import Rolling


def forecast(model, df, h=5):
    return model.fit(df).predict(h)[model.label].to_numpy().reshape(-1, h)


def test_a_level_is_the_geometric_mean_of_three_constants():
    df = noisy(3, 70)
    constants = [forecast(RelativeMean(k), df) for k in (7, 28, 56)]
    np.testing.assert_allclose(forecast(Level(), df), np.prod(constants, axis=0) ** (1 / 3))


def test_a_level_of_squared_error_is_made_of_means():
    y = np.r_[np.full(49, 2.0), np.full(7, 8.0)]
    means = [8, (21 * 2 + 7 * 8) / 28, (49 * 2 + 7 * 8) / 56]
    found = forecast(Level(relative=False), frame({"a": y}))
    np.testing.assert_allclose(found, np.prod(means) ** (1 / 3))


def test_two_voices_averaged():
    df = noisy(3, 80)
    model = recommended(5, hist_exog=["downloads"])
    level, boosting = model.forecasters
    expected = np.sqrt(forecast(level, df) * forecast(boosting, df))
    np.testing.assert_allclose(forecast(model, df), expected)
    assert model.hist_exog == ("downloads",)


def test_days_without_plays_are_refused_or_asked_for():
    df = frame({"a": [*range(1, 60), 0]})
    with pytest.raises(ForecastError, match=r"2015-04-29.*zero=\"skip\""):
        recommended(5).fit(df)
    for model in (recommended(5, zero="skip"), recommended(5, relative=False)):
        assert np.isfinite(forecast(model, df)).all()


def test_the_second_voice_is_lstm_rpa_trained_on_f():
    model = with_units(5, hist_exog=["downloads"], seed=3)
    assert [one.label for one in model.forecasters] == ["Global(relative)", "Units"]
    assert (
        model.forecasters[0].get_params()
        == recommended(5, hist_exog=["downloads"], seed=3).forecasters[1].get_params()
    )
    second = model.forecasters[1]
    assert [one.get_params() for one in second.forecasters] == [
        one.get_params() for one in units(3).forecasters
    ]
    for p, unit in zip(UNIT_DAYS, second.forecasters, strict=True):
        assert (unit.input_size, unit.rolling, unit.loss) == (p, Rolling(p), "f")
        assert (unit.seed, unit.cell, unit.features) == (3, "lstm", "single")
    small = [one.set_params(epochs=2, units=(3, 2)) for one in second.forecasters]
    df = noisy(2, 80)
    expected = np.prod([forecast(one, df) for one in small], axis=0) ** (1 / 3)
    np.testing.assert_allclose(forecast(second, df), expected)


def test_units_skip_days_without_plays_when_asked():
    df = noisy(2, 80)
    df.loc[20:24, "y"] = 0
    with pytest.raises(ForecastError, match="divides by plays"):
        units().fit(df)
    model = with_units(5, zero="skip")
    for one in model.forecasters[1].forecasters:
        one.set_params(epochs=2, units=(3, 2))
    assert np.isfinite(forecast(model, df)).all()
