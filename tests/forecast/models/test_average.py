"""Averages of forecasters."""

import numpy as np
import pandas as pd
import pytest
from made_plays import frame, noisy

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.average import Average
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import SMA, SeasonalNaive
from spdkit.forecast.models.global_recurrent import GlobalRecurrentForecaster
from spdkit.forecast.models.gradient_boosting import GlobalForecaster
from spdkit.forecast.models.serialization import load_forecaster, save_forecaster

TWO = [SMA(1), SMA(2)]


@pytest.mark.parametrize(
    ("how", "expected"),
    # Of 1, 4, 16: SMA(1) says 16, SMA(2) 10, SMA(3) 7.
    [("mean", 11.0), ("median", 10.0), ("geometric", (16 * 10 * 7) ** (1 / 3))],
)
def test_three_constants_by_hand(how, expected):
    average = Average([SMA(1), SMA(2), SMA(3)], how=how).fit(frame({"a": [1, 4, 16]}))
    found = average.predict(2)
    assert found.columns.tolist() == ["unique_id", "ds", "Average"]
    assert found["Average"].tolist() == pytest.approx([expected] * 2)


def test_each_day_is_averaged_by_itself():
    average = Average([SeasonalNaive(2), SMA(1)], name="both").fit(frame({"a": [2, 8, 4, 6]}))
    # SeasonalNaive says 4, 6, 4; SMA(1) says 6 throughout.
    assert average.predict(3)["both"].tolist() == [5.0, 6.0, 5.0]


def test_a_zero_among_geometric_forecasts_makes_zero():
    average = Average([SMA(1), SMA(2)], how="geometric").fit(frame({"a": [4, 0]}))
    assert average.predict(1)["Average"].tolist() == [0.0]


def test_a_negative_forecast_has_no_geometric_mean():
    average = Average(TWO, how="geometric").fit(frame({"a": [3, -5]}))
    with pytest.raises(ForecastError, match=r"one is -5: use how=\"mean\""):
        average.predict(1)


@pytest.mark.parametrize(
    ("average", "message"),
    [
        (Average([]), r"forecasters must be a sequence of Forecaster, got \[\]"),
        (Average([SMA("5")]), "k must be a whole number of at least 1, got '5'"),
        (Average(TWO, how="mode"), "how must be one of 'mean', 'median', 'geometric', got 'mode'"),
    ],
)
def test_what_is_refused(average, message):
    with pytest.raises(ForecastError, match=message):
        average.fit(frame({"a": [1, 2, 3]}))


def test_the_longest_need_counts():
    with pytest.raises(ForecastError, match="series 'a' has 3 rows, at least 5"):
        Average([SMA(1), SMA(5)]).fit(frame({"a": [1, 2, 3]}))


class Weighted(Forecaster):
    """Says the known future of its columns, summed."""

    def __init__(self, futr_exog=(), hist_exog=()):
        self.futr_exog, self.hist_exog = futr_exog, hist_exog

    def _fit(self, panel):
        assert set(self.hist_exog) <= set(panel.exog)

    def _forecast(self, h, future):
        return future.sum(axis=-1)


def test_members_get_the_columns_that_they_name():
    df = noisy(2, 6).assign(fair=2.0, rain=5.0)
    members = [Weighted(["rain"], ["downloads"]), Weighted(["fair", "rain"])]
    average = Average(members)
    assert average.hist_exog == ("downloads",)
    assert average.futr_exog == ("rain", "fair")
    average.fit(df)
    X_df = average.panel_.future(3).assign(fair=2.0, rain=5.0)
    # 5 and 2 + 5
    assert average.predict(3, X_df=X_df)["Average"].unique().tolist() == [6.0]


def test_members_given_are_not_changed():
    member = SMA(1)
    Average([member]).fit(frame({"a": [1, 2]}))
    assert not hasattr(member, "panel_")
    assert np.isfinite(Average([member]).fit(frame({"a": [1, 2]})).predict(1)["Average"]).all()


def test_saved_and_loaded_it_forecasts_the_same(tmp_path):
    members = [SMA(2), Average([SMA(3), GlobalForecaster(4, n_trees=3, n_models=1)])]
    average = Average(members, how="geometric").fit(noisy(2, 60))
    save_forecaster(average, tmp_path / "model")
    found = load_forecaster(tmp_path / "model").predict(4)
    pd.testing.assert_frame_equal(found, average.predict(4))


def test_what_members_learned_is_not_learned_again(monkeypatch):
    net = GlobalRecurrentForecaster(4, width=3, epochs=1, n_models=1)
    average = Average([SMA(2), net]).fit(noisy(2, 60))
    again = Average([SMA(2), net])
    monkeypatch.delattr(GlobalRecurrentForecaster, "_fit")
    again.restore_panel(average.panel_, average._state())
    pd.testing.assert_frame_equal(again.predict(4), average.predict(4))
