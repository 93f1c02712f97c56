"""Charts ahead: every model on the same rows, what each may know, and songs of every date."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import script, scripts

from spdkit.forecast.charts.chart_model import ChartModel
from spdkit.forecast.charts.chart_table import check_chart
from spdkit.forecast.models.gradient_boosting import GlobalForecaster

__all__ = ["scripts"]  # a fixture
_main = script("main", "benchmarks.charts.horizons")
_fits = script("fits", "benchmarks.charts.horizon_fits")
_spans = script("spans", "benchmarks.charts.spans")
_recommended = script("recommended", "spdkit.forecast.models.recommended")

DAYS, TEST, SONGS = 80, 10, 14


@pytest.fixture(scope="module")
def chart():
    """Songs that are always there; s12 leaves for a time in the test, s13 comes in on its day 2."""
    rng = np.random.default_rng(0)
    levels = 9 + 0.05 * rng.normal(size=(DAYS, SONGS)).cumsum(axis=0)
    table = pd.DataFrame(np.exp(levels).round(), pd.date_range("2021-01-01", periods=DAYS))
    table.columns = [f"s{i:02}" for i in range(SONGS)]
    table.iloc[-5:-2, 12] = np.nan
    table.iloc[: -TEST + 1, 13] = np.nan
    rows = table.rename_axis("ds").rename_axis("track_id", axis=1).stack().rename("streams")
    df = rows.dropna().reset_index().assign(region="PH", artist="x")
    df["title"] = df["track_id"]
    ranks = df.groupby("ds")["streams"].rank(ascending=False, method="first")
    return df.assign(position=ranks.astype(int))


@pytest.fixture(scope="module")
def quick(fits, recommended):
    """Fewer trees and epochs: what is measured here is who forecasts what."""
    units = recommended.units
    with pytest.MonkeyPatch.context() as patch:
        small = partial(ChartModel, n_trees=3, n_models=1, min_leaf=5, max_rows=500)
        patch.setattr(fits, "ChartModel", small)
        patch.setattr(fits, "EPOCHS", 2)
        trees = partial(GlobalForecaster, n_trees=3, n_models=1)
        patch.setattr(recommended, "GlobalForecaster", trees)

        def few(*args):
            average = units(*args)
            for one in average.forecasters:
                one.epochs = 2
            return average

        patch.setattr(recommended, "units", few)
        yield


@pytest.fixture(scope="module")
def run(quick, main, chart, tmp_path_factory):
    place = tmp_path_factory.mktemp("horizons")
    chart.to_parquet(place / "ph.parquet")
    command = ["--days", str(place / "ph.parquet"), "--days-ahead", "1", "7", "--test-days"]
    command += [str(TEST), "--work", str(place / "work"), "-o", str(place / "h.json")]
    assert main.main(command) == 0
    return json.loads((place / "h.json").read_text("utf-8")), (place / "h.md").read_text("utf-8")


def test_all_models_are_scored_on_the_same_rows(run, chart):
    record, page = run
    streams = chart.pivot(index="ds", columns="track_id", values="streams")
    entries = {(e["step"], e["rows"]): e for e in record["horizons"]}
    for step in (1, 7):
        errors = (streams - streams.shift(step)).abs().iloc[-TEST:].stack().dropna()
        entry = entries[step, "all"]
        assert entry["n"] == len(errors)
        assert entry["mae"]["last_value"] == pytest.approx(errors.mean())
        assert {"with_units", "lstm", "gru", "ChartModel", "sma"} <= {*entry["mae"]}
    # A week before s13 was in the chart on none of these days.
    assert "seasonal_naive" not in entries[1, "all"]["mae"]
    before = entries[1, "a season before"]
    rows = (
        (streams - streams.shift(7)).abs()[streams.shift(1).notna()].iloc[-TEST:].stack().dropna()
    )
    assert before["n"] == len(rows)
    assert before["mae"]["seasonal_naive"] == pytest.approx(rows.mean())
    # s13 has no unit, nor has s12 in its first week back.
    assert entries[1, "all"]["has_unit"] == pytest.approx((12 * TEST + 5) / (12 * TEST + 6 + 8))
    assert "| 1 | all |" in page and "12 songs are in the chart on each of the last 10 days" in page


def test_songs_of_every_date_are_compared_over_songs(run):
    (report,) = run[0]["every_date"]
    assert report["songs"] == 12 and report["n"] == 12 * TEST
    assert {"lstm_matrix", "gru_matrix"} <= {*report["errors"]}
    apart = report["less_ours"]["last_value"]
    mae = {model: error["mae"] for model, error in report["errors"].items()}
    assert apart["value"] == pytest.approx(mae["last_value"] - mae["ChartModel"])
    assert apart["low"] < apart["value"] < apart["high"]


@pytest.mark.parametrize("model", ["boosting", "units", "gru", "gru_matrix"])
def test_forecasts_do_not_see_what_comes_later(quick, fits, chart, model):
    """Absurd values on the last day change no forecast of a day before it, nor of it."""
    planted = chart.assign(streams=chart["streams"].where(chart["ds"] < chart["ds"].max(), 1e12))
    frames = []
    for df in (chart, planted):
        scored = fits.ScoredChart(check_chart(df), TEST, (1, 2))
        steps = (1,) if model == "gru_matrix" else (1, 2)
        frames.append(fits.compute(fits.Fit("PH", model, steps), {"PH": scored}).frame)
    pd.testing.assert_frame_equal(*frames)


def test_a_stay_ends_where_a_song_leaves(fits, spans, chart):
    (span,) = spans.spans(check_chart(chart), TEST)
    stays = fits._Stays.of(span)
    song = stays.matrix.songs.get_loc("PH/s12")
    origins = stays.origins(1)
    panel = stays.before(origins, 56)
    back = (origins.song == song) & (origins.row == DAYS - 2)
    # It came back two days before the end.
    assert panel.lengths[back].tolist() == [1]
    first = (origins.song == song) & (origins.row == stays.first - 1)
    assert panel.lengths[first].tolist() == [56]
