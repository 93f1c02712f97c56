"""Everything that is known of the next rows: intervals, totals, what is told and refused."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import play_tables
import pytest
from hypothesis import given, settings, strategies as st
from play_tables import few_trees  # noqa: F401 (a fixture)
from sklearn.isotonic import isotonic_regression

from spdkit.forecast import registry
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.pipeline import RIVALS, Request, forecast_panel, parameters, period
from spdkit.forecast.registry import MODELS, Setting, build_forecaster, season_of
from spdkit.forecast.scoring.intervals import ConformalIntervals


@pytest.fixture(scope="module")
def whole():
    return play_tables.result(levels=(80.0, 90.0))


def test_a_forecast_by_hand_with_the_intervals_of_the_forecaster(whole):
    panel = whole.panel.last(7)
    np.testing.assert_array_equal(whole.values, np.tile(panel, 2))
    fitted = build_forecaster("seasonal-naive", Setting(14)).fit(
        play_tables.weekly(), intervals=ConformalIntervals(14, 2)
    )
    for level in (80.0, 90.0):
        columns = [f"SeasonalNaive(7)-{end}-{level:g}" for end in ("lo", "hi")]
        expected = fitted.predict(14, level=[level])[columns].to_numpy()
        np.testing.assert_array_equal(np.stack(whole.interval(level), -1).reshape(-1, 2), expected)


def test_coverage_is_that_of_each_window_by_the_others(whole):
    scaled = np.abs(whole.forecaster.past_residuals(whole.panel, ConformalIntervals(14, 2)).scaled)
    # Of 12 errors a step in the other window: the 11th and the 12th smallest of 13.
    for level, rank in ((80.0, 10), (90.0, 11)):
        reaches = [isotonic_regression(np.sort(scaled[other], axis=0)[rank]) for other in (1, 0)]
        expected = np.mean([scaled[window] <= reaches[window] for window in (0, 1)])
        assert whole.coverage[level] == pytest.approx(expected)
    assert 0.5 < whole.coverage[80.0] < whole.coverage[90.0] < 1


def test_rivals_stand_beside_the_model_and_the_rows_are_said(whole):
    assert whole.validation.names == ("seasonal-naive", "sma")
    assert [whole.title(name) for name in whole.validation.names] == ["SeasonalNaive(7)", "SMA(16)"]
    assert whole.validation.rows.startswith("2 windows of 14 days, 3 April 2025 to 30 April 2025")
    assert period(whole) == "14 days, 1 May 2025 to 14 May 2025"
    assert parameters(whole) == {"season_length": "7"} and whole.remarks == ()


def test_totals_are_ranked_with_intervals_of_their_own(whole):
    totals = whole.totals()
    assert list(totals.index[:2]) == ["song 11", "song 10"]
    by_hand = whole.forecasts.groupby("unique_id")["SeasonalNaive(7)"].sum()
    np.testing.assert_allclose(totals["forecast"], by_hand[totals.index])
    last = whole.panel.frame().groupby("unique_id")["y"].apply(lambda y: y[-14:].sum())
    np.testing.assert_allclose(totals["before"], last[totals.index])
    # Errors of single days cancel: a total is surer than the sum of its days' intervals.
    low, high = whole.interval(90.0)
    assert (totals["hi-90"] - totals["lo-90"] < (high - low).sum(axis=1).max()).all()
    assert (totals["lo-90"] <= totals["lo-80"]).all() and (totals["lo-90"] >= 0).all()


def test_an_interval_of_a_total_by_hand():
    # One-day horizon: a total is its day, and so is its interval.
    one = play_tables.result(play_tables.weekly(30, 60), h=1, n_windows=3)
    low, high = one.interval(90.0)
    totals = one.totals().loc[list(one.panel.ids)]
    np.testing.assert_allclose(totals["lo-90"], low[:, 0])
    np.testing.assert_allclose(totals["hi-90"], high[:, 0])


def test_an_interval_of_sums_is_made_of_errors_of_sums(whole):
    # 24 sums were missed; the 23rd smallest is the first that 90 % of 25 does not pass.
    scaled = whole.forecaster.past_residuals(whole.panel, ConformalIntervals(14, 2)).scaled
    reach = np.sort(np.abs(scaled.sum(axis=2)).ravel())[22]
    totals = whole.totals().loc[list(whole.panel.ids)]
    recent = whole.panel.last(30)
    strays = recent.std(axis=1) + recent.mean(axis=1) / 20
    np.testing.assert_allclose(totals["hi-90"] - totals["forecast"], reach * strays)


def test_a_series_shorter_than_the_horizon_has_no_sum_before():
    frame = play_tables.constant([3, 5], days=20)
    found = play_tables.result(frame[3:], h=18, n_windows=0, levels=())
    totals = found.totals()
    assert np.isnan(totals.loc["a", "before"]) and totals.loc["b", "before"] == 18 * 5


def test_the_last_window_is_banded_by_the_others_alone(whole):
    low, high = whole.past_interval(90.0)
    others = whole.forecaster.past_residuals(whole.panel, ConformalIntervals(14, 2)).scaled[0]
    # Of 12 errors a step the twelfth smallest is the first that 90 % of 13 does not pass.
    reach = isotonic_regression(np.sort(np.abs(others), axis=0)[11])
    forecast = whole.windows[-1].forecasts["seasonal-naive"]
    np.testing.assert_allclose(high - forecast, reach * whole.windows[-1].scale[:, None])
    assert (low >= 0).all()
    assert play_tables.result(play_tables.weekly(5), n_windows=2).levels == (90.0,)


def test_few_series_get_more_windows_for_their_intervals_and_it_is_told():
    found = play_tables.result(play_tables.weekly(3, 120), n_windows=1)
    # Level 90 takes nine errors, three windows of three series; one window more is measured.
    assert len(found.windows) == 4 and len(found.validation.windows) == 1
    assert found.remarks == ("intervals of 3 series are learned in 4 windows of 14 rows",)


def test_no_intervals_where_they_cannot_be_had_which_is_told_or_refused():
    frame = play_tables.weekly(1, 60)
    found = play_tables.result(frame)
    assert found.levels == () and found.coverage == {}
    assert found.remarks[0].startswith("no intervals: intervals of level 90 take 10 windows of 14")
    with pytest.raises(ForecastError, match="the shortest series has 60: ask for a lower level"):
        play_tables.result(frame, levels=(90.0,))
    assert play_tables.result(frame, levels=(50.0,)).levels == (50.0,)


@settings(deadline=None, max_examples=25)
@given(level=st.floats(1, 99.9), n_series=st.integers(1, 6))
def test_an_interval_is_made_or_refused_but_never_breaks(level, n_series):
    panel = check_frame(play_tables.weekly(n_series, 80))
    try:
        found = forecast_panel(panel, Request(2, "seasonal-naive", levels=(level,)))
    except ForecastError as error:
        assert "ask for a lower level" in str(error)
    else:
        low, high = found.interval(level)
        assert (low <= found.values).all() and (found.values <= high).all()
        assert 0 <= found.coverage[level] <= 1 and len(found.totals()) == n_series


def test_a_day_without_plays_is_told_when_it_is_scored():
    frame = play_tables.weekly()
    frame.loc[5, "y"] = 0  # long before
    assert play_tables.result(frame).remarks == ()
    frame.loc[frame.index[-2], "y"] = 0
    (remark,) = play_tables.result(frame).remarks
    assert "1 of 336 have none (series 'song 11', 2025-04-29, for one)" in remark
    assert "WAPE" in remark


def test_negative_plays_are_told():
    frame = play_tables.weekly()
    frame.loc[5, "y"] = -3
    frame.loc[200, "y"] = -1
    (remark,) = play_tables.result(frame).remarks
    assert remark.startswith(
        "y is below 0 in 2 of 1,440 rows, the first -3 (series 'song 0', 2025-01-06): no plays are"
    )


def test_series_that_end_early_are_told():
    frame = play_tables.weekly()
    found = play_tables.result(frame[:-5])
    assert found.remarks == (
        "1 of 12 series end before 2025-04-30, such as 'song 11' on 2025-04-25: each is forecast "
        "from its own end",
    )


def test_short_series_are_refused_by_name_or_left_out_and_counted():
    frame = play_tables.weekly()
    short = pd.concat([frame, play_tables.constant([9, 8], days=30)])
    why = "2 windows of 14 to be scored in, and 7 before them"
    with pytest.raises(ForecastError, match=rf"series 'a' has 30 rows, at least 35 .*{why}"):
        play_tables.result(short)
    found = play_tables.result(short, skip_short=True)
    assert list(found.panel.ids) == list(frame["unique_id"].unique())
    assert found.remarks[0] == (
        f"2 of 14 series are left out, since they have fewer than 35 rows ({why}): a, b"
    )
    pd.testing.assert_frame_equal(found.forecasts, play_tables.result(frame).forecasts)
    with pytest.raises(ForecastError, match="series 'a' has 30 rows, at least 35"):
        play_tables.result(play_tables.constant([9], days=30), n_windows=2, skip_short=True)


def test_without_validation_nothing_is_scored():
    found = play_tables.result(play_tables.constant([4]), n_windows=0, levels=())
    assert found.validation is None and found.windows == () and set(found.values.ravel()) == {4}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"h": 0}, "the horizon h must be a whole number of at least 1, got 0"),
        ({"n_windows": -1}, "n_windows must be a whole number of at least 0 or None, got -1"),
        ({"levels": (0.9,)}, "did you mean 90 in place of 0.9"),
        ({"levels": (100.0,)}, "a level is a percentage above 0 and below 100, got 100"),
        (
            {"model": "oracle"},
            "no model 'oracle'; there are best, recommended, ",
        ),
    ],
)
def test_what_cannot_be_met_is_refused(request_, message):
    with pytest.raises(ForecastError, match=re.escape(message)):
        play_tables.result(**{"h": 14, **request_})


def test_fits_are_counted_and_ticked():
    told = []

    def bar(total):
        told.append(total)
        return lambda: told.append("tick")

    panel = check_frame(play_tables.weekly())
    forecast_panel(panel, Request(7, "sma"), bar)
    assert told == [1 + 2 + 2, *["tick"] * 5]


@pytest.mark.parametrize("name", [name for name in MODELS if name != registry.BEST])
def test_every_model_is_made_for_what_is_asked(name):
    made = build_forecaster(name, Setting(10, 12, seed=3))
    asked = {"horizon": 10, "h": 10, "season_length": 12, "seed": 3}
    params = made.get_params()
    assert {name: params[name] for name in asked if name in params} == {
        name: value for name, value in asked.items() if name in params
    }
    assert made.label and MODELS[name].name == name and len(MODELS[name].about) > 15


def test_best_is_made_of_those_that_are_marked():
    best = build_forecaster(registry.BEST, Setting(10, metric="wape"))
    marked = [build_forecaster(n, Setting(10)).label for n, m in MODELS.items() if m.candidate]
    assert [one.label for one in best.candidates] == marked and set(RIVALS) <= set(MODELS)
    assert (best.h, best.metric, best.n_windows) == (10, "wape", registry.BEST_WINDOWS)


@pytest.mark.usefixtures("few_trees")
def test_best_says_what_it_picked():
    found = play_tables.result(play_tables.weekly(12, 140), model="best")
    assert found.name == f"best ({found.forecaster.best_.label})"
    assert found.validation.names == ("best", "sma", "seasonal-naive")


@pytest.mark.parametrize(
    ("freq", "season"),
    [("D", 7), ("h", 24), ("30min", 48), ("W-SUN", 52), ("MS", 12), ("B", 5), ("2D", 1), ("7h", 1)],
)
def test_seasons_that_frequencies_are_known_for(freq, season):
    assert season_of(pd.tseries.frequencies.to_offset(freq)) == season
    assert season_of(1) == 1


DAYS = np.arange(40)
QUIET = {
    "a quiet day in a window that best chooses in": np.where(DAYS == 33, 0, 50 + DAYS % 7),
    "a quiet window": np.where((DAYS > 29) & (DAYS < 34), 0, 50 + DAYS % 7),
    "over": np.where(DAYS > 20, 0, 50),
    "not yet released": np.where(DAYS < 38, 0, 50),
    "nothing": np.zeros(40),
    "one play": (DAYS == 5).astype(float),
    "sparse": np.random.default_rng(0).poisson(0.2, 40),
    "below zero": 5 - DAYS % 9,
    "one value": np.full(40, 7),
    "tiny": 1e-9 * (50 + DAYS % 7),
    "huge": 1e12 * (50 + DAYS % 7),
}


def series(*values, freq="D"):
    """A checked panel of series that begin on one day."""
    return pd.concat(
        pd.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": pd.date_range("2020-01-01", periods=len(y), freq=freq),
                "y": y,
            }
        )
        for i, y in enumerate(values)
    )


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize(
    ("kind", "others"),
    [
        *((kind, 0) for kind in QUIET),
        *((kind, 1) for kind in ("over", "nothing", "a quiet window")),
    ],
)
def test_best_forecasts_any_table_that_passes_the_checks(kind, others):
    frame = series(*[QUIET[kind]] + [60 + DAYS % 5] * others)
    found = play_tables.result(frame, 2, "best")
    assert np.isfinite(found.values).all() and found.values.shape == (1 + others, 2)
    scores = found.validation.scores()
    assert np.isfinite(scores.to_numpy(float)).all()
    metric = found.forecaster.selection_.metric
    told = [text for text in found.remarks if "WAPE" in text or "MAE" in text]
    assert (metric == "f") == (not told) and len(told) <= 1
    if kind in ("nothing", "over", "one play"):
        assert metric == ("wape" if others else "mae")


@pytest.mark.usefixtures("few_trees")
def test_a_zero_that_only_an_interval_window_of_best_reaches_is_told():
    # With intervals of level 80, 5 windows and 2 before them: the last 7 rows, of which 33 is the
    # first; without them 2 and 2.
    frame = series(np.where(DAYS == 33, 0, 50 + DAYS % 7))
    assert play_tables.result(frame, 1, "best", levels=()).remarks == ()
    found = play_tables.result(frame, 1, "best", levels=(80.0,))
    assert len(found.windows) == 5
    assert "(series 's0', 2020-02-03, for one): WAPE takes its place" in found.remarks[1]


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize(
    ("rows", "h", "n_windows", "too_short"),
    [
        (60, 2, 2, False),
        (11, 1, 2, False),
        (10, 1, 1, False),
        (9, 1, 0, False),
        (8, 1, 0, True),
        (10, 3, 0, True),
        (2, 3, 0, True),
        (60, 100, 0, True),
    ],
)
def test_short_tables_are_scored_in_fewer_windows_or_not_and_it_is_told(
    rows, h, n_windows, too_short
):
    y = 50.0 + np.arange(rows)
    found = play_tables.result(series(y, y), h, "best")
    assert (0 if found.validation is None else len(found.validation.windows)) == n_windows
    assert found.values.shape == (2, h)
    if too_short:
        assert found.label == "SMA(16, partial)" and found.levels == ()
        assert set(found.values.ravel()) == {y[-16:].mean()}
        (remark,) = found.remarks
        assert f"has {rows} rows, too few to choose a model by for a horizon of {h}" in remark
    elif n_windows < 2:
        assert any(f"has {rows} rows, too few for 2 windows" in text for text in found.remarks)
    if rows == 2:  # what was asked for by number is refused by number
        with pytest.raises(ForecastError, match=f"has {rows} rows, at least 13"):
            play_tables.result(series(y, y), h, "best", n_windows=2)


def test_weekly_series_whose_season_never_came_twice():
    # A year before the rows to learn from there is none: that column is missing on all of them.
    frame = series(*np.random.default_rng(0).poisson(100, (2, 50)), freq="W-MON")
    for model in ("recommended", "global"):
        found = play_tables.result(frame, 4, model, n_windows=0, levels=())
        assert found.values.shape == (2, 4) and (found.values > 50).all()


def test_before_a_first_release_the_level_is_held():
    frame = series(np.where(DAYS < 38, 0, 50))
    found = play_tables.result(frame, 2, "recommended", n_windows=0, levels=())
    boosting = found.forecaster.forecasters_[1]
    assert boosting.models_ == [] and boosting.n_origins_ == 0
    np.testing.assert_allclose(found.values, 50)


@pytest.mark.parametrize("name", ["best", "best-lo-90", "before", "forecast", "change", "hi-90"])
def test_columns_called_like_those_that_are_added_are_refused_by_name(name):
    frame = series(50 + DAYS % 7, 60 + DAYS % 7).rename(columns={"unique_id": name})
    panel = check_frame(frame, id_col=name)
    with pytest.raises(ForecastError, match=f"the column '{name}' is called like one that"):
        forecast_panel(panel, Request(1, "best", n_windows=1))


def test_the_metric_is_chosen_by_the_series_that_are_left():
    short = series(50 + DAYS % 7, [0.0] * 6)
    found = play_tables.result(short, 2, skip_short=True)
    assert len(found.panel) == 1 and not any("WAPE" in text for text in found.remarks)
