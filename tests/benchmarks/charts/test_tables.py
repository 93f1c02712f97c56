"""Tables of the report: a whole run on few songs, and what its numbers are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import script, scripts

from spdkit.forecast.charts.song_metadata import SONG_METADATA

__all__ = ["scripts"]  # a fixture
_main = script("main", "benchmarks.charts.tables")
_chart = script("report_chart", "benchmarks.charts.report_chart")
_fits = script("fits", "benchmarks.charts.report_fits")
_scores = script("scores", "benchmarks.charts.report_scores")

DAYS, TEST = 60, 20
SONGS = [f"s{i}" for i in range(12)]


def streams():
    """Songs that go up and down with the week; the last two have left for a third of the time."""
    rng = np.random.default_rng(0)
    levels = 9 + 0.05 * rng.normal(size=(DAYS, len(SONGS))).cumsum(axis=0)
    levels += 0.2 * np.sin(2 * np.pi * np.arange(DAYS) / 7)[:, None]
    table = pd.DataFrame(np.exp(levels).round(), pd.date_range("2021-01-01", periods=DAYS), SONGS)
    table.iloc[5:19, -2:] = np.nan
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory, report_chart):
    place = tmp_path_factory.mktemp("ph")
    chart = streams().rename_axis("date").rename_axis("track_id", axis=1).stack()
    frame = chart.rename("streams").dropna().reset_index().assign(position=1, artist="x")
    frame["track_name"] = "song " + frame["track_id"]
    frame.to_csv(place / report_chart.CHART, index=False)
    rng = np.random.default_rng(1)
    tracks = pd.DataFrame(rng.random((12, 12)), columns=list(SONG_METADATA[:-1]))
    tracks = tracks.assign(track_id=SONGS, artist_id=["a", "b"] * 6)
    tracks.to_csv(place / report_chart.TRACKS, index=False)
    artists = pd.DataFrame({"artist_id": ["a", "b"], "popularity": [50, 70]})
    artists.to_csv(place / report_chart.ARTISTS, index=False)
    return place


@pytest.fixture(scope="module")
def run(main, fits, scores, folder, tmp_path_factory):
    """A run that is interrupted after 5 fits, and goes on."""
    place = tmp_path_factory.mktemp("run")
    output = place / "charts_tables.json"
    command = ["--data", str(folder), "--work", str(place / "work"), "-o", str(output)]
    command += ["--test-days", str(TEST), "--epochs", "1", "--paired-seeds", "1", "--cells", "GRU"]
    command += ["--sets", "fullest,10 %", "--lookbacks", ",".join(map(str, range(1, 16)))]
    compute, fitted, statuses = fits.compute, [], []
    for stop in (5, None):
        done = []
        with pytest.MonkeyPatch.context() as patch:

            def counted(fit, chart, done=done, stop=stop):
                if len(done) == stop:
                    raise KeyboardInterrupt
                done.append(fit)
                return compute(fit, chart)

            patch.setattr(fits, "compute", counted)
            patch.setattr(scores, "RESAMPLES", 100)
            patch.setattr(scores, "PERMUTATIONS", 100)
            statuses.append(main.main(command))
        fitted.append(done)
    return statuses, fitted, json.loads(output.read_text("utf-8")), output


def test_an_interrupted_run_goes_on_and_fits_nothing_twice(run):
    statuses, (first, second), record, output = run
    assert statuses == [130, 0] and len(first) == 5
    # Two sets of 15 lookbacks; one, side by side and pooled; metadata three ways in two kinds.
    assert len({*first, *second}) == len(first) + len(second) == 2 * 15 + 3 + 6
    assert record["missing"] == []
    page = output.with_suffix(".md").read_text("utf-8")
    assert "Not complete" not in page and "…" not in page
    assert "Not judged: by nets of at most 1 epochs" in page and "**holds**" not in page
    for name in ("lookback", "training", "prediction"):
        assert output.with_name(f"charts_{name}.svg").stat().st_size > 1000


def test_songs_are_chosen_and_naive_forecasts_scored_as_by_pandas(run):
    record, table = run[2], streams()
    missing = table[:-TEST].isna().mean()
    assert record["data"]["counts"][0]["counts"]["10 %"] == (missing <= 0.1).sum() == 10
    assert record["data"]["songs"] == {"fullest": 1, "10 %": 10, "18 %": 10, "50 %": 12}
    own = table.loc[:, missing <= 0.1]
    for model, days in (("last value", 1), ("seasonal naive", 7)):
        error = (own.shift(days) - own)[-TEST:].to_numpy()
        entry = next(e for e in record["naive"] if (e["set"], e["model"]) == ("10 %", model))
        assert entry["n"] == error.size
        assert entry["mae"] == pytest.approx(np.abs(error).mean())
        assert entry["rmse"] == pytest.approx(np.sqrt((error**2).mean()))


def test_errors_are_those_of_the_forecaster_by_itself(run, fits, folder, report_chart):
    record, table = run[2], streams()
    fit = fits.Fit("gru", "matrix", "10 %", 9, "streams", 0, 1)
    chart = report_chart.load(folder, TEST)
    own = chart.matrix.take(chart.sets["10 %"])
    fitted = fit.forecaster().fit_matrix(own.until(DAYS - TEST))
    truth = table[own.songs].to_numpy()[-TEST:]
    errors = fitted.next_dates(own, DAYS - TEST) - truth
    entry = next(
        e for e in record["grid"] if (e["set"], e["cell"], e["lookback"]) == ("10 %", "gru", 9)
    )
    assert entry["mse"] == pytest.approx((errors**2).mean(), rel=1e-4)
    last_value = np.abs(table[own.songs].diff().to_numpy()[-TEST:]).mean()
    assert entry["ratio"] == pytest.approx(np.abs(errors).mean() / last_value, rel=1e-4)


def test_nothing_that_is_scored_changes_what_is_fitted(run, fits, folder, report_chart):
    chart = report_chart.load(folder, TEST)
    fit = fits.Fit("gru", "matrix", "50 %", 7, "joint", 0, 1)
    before = fits.compute(fit, chart).forecast[0]
    chart.matrix.streams[chart.first :] *= 1e3
    np.testing.assert_array_equal(fits.compute(fit, chart).forecast[0], before)


def test_a_wave_of_seven_is_told_from_noise_and_from_a_line(scores):
    lookback, rng = np.arange(1, 31), np.random.default_rng(0)
    wave = np.cos(2 * np.pi * (lookback - 2) / 7)
    share, p = scores.periodic_share(lookback, 3 + 0.1 * lookback + wave)
    assert share == pytest.approx(1) and p < 0.001
    share, p = scores.periodic_share(lookback, 3 + 0.1 * lookback)
    assert p > 0.05 or share < 1e-3
    draws = [scores.periodic_share(lookback, rng.normal(size=30)) for _ in range(40)]
    # Two of 28 numbers; p is even, so that one in five is below 0.2.
    assert np.mean([share for share, _ in draws]) == pytest.approx(2 / 28, abs=0.04)
    assert 1 <= sum(p < 0.2 for _, p in draws) <= 16


def test_a_run_needs_the_usual_lookback(main, folder, capsys):
    with pytest.raises(SystemExit):
        main.main(["--data", str(folder), "--lookbacks", "1,2"])
    assert "--lookbacks needs 7" in capsys.readouterr().err


def test_its_options_are_explained(main, capsys):
    with pytest.raises(SystemExit) as end:
        main.main(["--help"])
    assert end.value.code == 0 and "10 %" in capsys.readouterr().out
