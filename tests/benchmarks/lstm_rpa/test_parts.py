"""Parts of LSTM-RPA's tables: series, journal, selection, options."""

from __future__ import annotations

import importlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from artist_days import OPTIONS, TRAIN_TO, H, folder, plays, scripts, series, write
from benchmark_scripts import script
from filelock import FileLock

from spdkit.common.errors import SpdkitError
from spdkit.forecast.models.serialization import to_record

__all__ = ["folder", "scripts", "series"]  # fixtures
_main = script("main", "benchmarks.lstm_rpa.tables")
_data = script("rows", "benchmarks.lstm_rpa.series")
_fits = script("fits", "benchmarks.lstm_rpa.fits")
_selection = script("selection", "benchmarks.lstm_rpa.selection")
_published = script("published", "benchmarks.lstm_rpa.published")
_measuring = script("measuring", "benchmarks.common.measuring")


@pytest.fixture
def planted(fits, selection, series, tmp_path):
    """Results where validation knows (2, 1) to be perfect, and the test (1, 1)."""
    request = selection.Request(("lstm",), ("single",), (1, 2), (0, 1), (), 2, H)
    journal = fits.journal_of(tmp_path, series, H)
    for fit in request.fits():
        perfect = {"inner": (2, 1), "full": (1, 1)}[fit.period]
        y = series.periods[fit.period].y.astype(np.float32)
        forecasts = {
            name: y if (fit.p, rolling.shift) == perfect else y * 1.5
            for name, rolling in fits.rollings(fit.p, H).items()
        }
        journal.write(fit, fits.FitResult(forecasts, 0.0, {}))
    return request, journal


def test_only_the_column_of_the_test_is_chosen_by_the_test(selection, series, planted):
    results = selection.Results(planted[0], series, planted[1])
    perfect = series.score("full", series.periods["full"].y).value
    steps, scored = results.choose("lstm", "single", "test")
    assert steps == (1, 1) and scored.f("full") == pytest.approx(perfect)
    for column in ("reference", "aligned"):
        steps, scored = results.choose("lstm", "single", column)
        # Each relative error is 0.5: σ = 0.5, and half of the perfect F.
        assert steps == (2, 1) and scored.f("full") == pytest.approx(perfect / 2)


def test_nothing_is_chosen_from_a_part(selection, series, planted):
    request, journal = planted
    journal.path(request.recurrent("lstm", "single", 2, "inner", 1)).unlink()
    results = selection.Results(request, series, journal)
    assert results.choose("lstm", "single", "reference") is None
    assert results.record()["missing"] == ["lstm single, p=2, seed 1, inner"]


def test_ours_is_what_the_package_recommends(fits, monkeypatch):
    recommended = importlib.import_module("spdkit.forecast.models.recommended").with_units
    monkeypatch.setattr(fits, "with_units", recommended)
    ours = fits.forecasters(fits.Fit("ours", "full", 2), 30)["ours"]
    expected = recommended(30, hist_exog=fits.EXOG, zero="skip", seed=2)
    assert to_record(ours) == to_record(expected)


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("perfect", 5657.92, True),
        ("perfect", 5657.96, False),
        ("sma", 4226.0, True),
        ("sma", 4226.1, False),
        ("arima", 3899.0, True),
        ("arima", 3898.9, False),
        ("published", 4319.0, True),
        ("lstm", 3852.2, False),
        ("ours", 4440.0, True),
        ("ours", 4439.9, False),
    ],
)
def test_bars(published, measuring, name, value, met):
    _, must = published.BARS[name]
    assert measuring.meets(value, must) == met


def test_looks_are_counted(selection):
    log = ["# Looks", "", "| when | what | why |", "| --- | :-: | --- |", "| 1 | a | b |"]
    assert selection.looks([*log, "| 2 | - | - |", "", "Text | with a bar"]) == 2
    assert selection.looks([]) == selection.looks(log[:4]) == 0


def test_the_key_changes_with_whatever_the_result_depends_on(fits, monkeypatch):
    fit = fits.Fit("lstm", "full", 1, "single", 2, 200)
    key = fits.key(fit, "rows", 30)
    changes = [{"model": "bilstm"}, {"seed": 2}, {"features": "multiple"}, {"p": 3}, {"epochs": 9}]
    keys = [fits.key(replace(fit, **change), "rows", 30) for change in changes]
    keys += [fits.key(fit, "others", 30), fits.key(fit, "rows", 20)]
    monkeypatch.setattr(fits, "BEHAVIOUR", 0)
    keys.append(fits.key(fit, "rows", 30))
    monkeypatch.undo()
    monkeypatch.setattr(fits, "__version__", "0")
    keys.append(fits.key(fit, "rows", 30))
    assert len({key, *keys}) == len(keys) + 1


def test_panels_are_told_apart(rows, series):
    panel = series.periods["full"].panel
    changed = [replace(panel, y=panel.y + (np.arange(len(panel.y)) == 5))]
    changed += [replace(panel, ids=panel.ids.str.upper()), panel.without_last(1)]
    changed += [replace(panel, exog=panel.exog + 1), replace(panel, ds=panel.ds.shift(1, "D"))]
    assert len({rows.panel_digest(one) for one in (panel, *changed)}) == 6


def test_a_result_that_was_cut_short_is_named(fits, series, tmp_path):
    journal, fit = fits.journal_of(tmp_path, series, H), fits.Fit("sma", "inner")
    assert journal.read(fit) is None
    journal.complete([fit], fits.compute, (series.panels, H), 1, print)
    path = journal.path(fit)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpdkitError, match=r"npz: cannot be read.*Delete"):
        journal.read(fit)


@pytest.mark.slow
def test_two_processes_give_what_one_gives(fits, series, tmp_path):
    both = [fits.Fit("lstm", period, 0, "single", 2, 2) for period in ("inner", "full")]
    journals = [fits.journal_of(tmp_path / name, series, H) for name in ("one", "two")]
    for n, journal in enumerate(journals, 1):
        journal.complete(both, fits.compute, (series.panels, H), n, print)
    for fit in both:
        one, two = (journal.read(fit).forecasts for journal in journals)
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])


def test_partial_fits_nothing_and_says_so(main, folder, tmp_path, capsys):
    output = tmp_path / "x.json"
    options = ["--data", str(folder), "--work", str(tmp_path), "-o", str(output), *OPTIONS]
    assert main.main([*options, "--partial"]) == 0
    page = output.with_suffix(".md").read_text("utf-8")
    assert "**Not complete**: 48 fits are missing" in page
    assert "| LSTM-RPA | – | … | … | … |" in page
    assert not list((tmp_path / "journal").iterdir())


def test_a_second_run_in_the_same_place_is_refused(main, folder, tmp_path, capsys):
    with FileLock(tmp_path / "lock"):
        assert main.main(["--data", str(folder), "--work", str(tmp_path)]) == 1
    assert "another run is at work" in capsys.readouterr().err


def test_days_that_lack_and_artists_that_are_not_there(rows, tmp_path):
    frame = plays()
    lacking = frame[~((frame["artist_id"] == "a2") & (frame["ds"] == "20150615"))]
    path = write(tmp_path, lacking) / rows.FILE
    with pytest.raises(SpdkitError, match=r"artist a2 has 10 of the 11 days 2015-06-11 to"):
        rows.load(path, TRAIN_TO, H)
    assert list(rows.load(path, TRAIN_TO, H, ["a2"]).periods["full"].panel.ids) == ["a1", "a3"]
    with pytest.raises(SpdkitError, match="no artist b9"):
        rows.load(path, TRAIN_TO, H, ["b9"])
    with pytest.raises(SpdkitError, match=r"a1 has 0 of the 11 days 2016-01-01.*2 such artists"):
        rows.load(path, "2016-01-01", H, ["a2"])
    with pytest.raises(SpdkitError, match="fewer than 2 artists"):
        rows.load(path, TRAIN_TO, H, ["a1", "a2"])


def test_days_without_plays_are_refused_or_skipped(rows, tmp_path):
    frame = plays()
    frame.loc[(frame["artist_id"] == "a2") & (frame["ds"] == "20150615"), "plays"] = 0
    path = write(tmp_path, frame) / rows.FILE
    strict, lenient = (rows.load(path, TRAIN_TO, H, zero=zero) for zero in ("refuse", "skip"))
    with pytest.raises(SpdkitError, match=r"'a2', 2015-06-15.*y is 0"):
        strict.score("full", strict.periods["full"].y)
    assert lenient.score("full", lenient.periods["full"].y).value > 0


def test_the_dropped_artist_is_left_out_where_it_is(rows, tmp_path):
    path = write(tmp_path, plays(["a1", rows.DROPPED, "a2"])) / rows.FILE
    others = rows.load(path, TRAIN_TO, H)
    assert list(others.periods["full"].panel.ids) == ["a1", "a2"]
    assert others.dropped == (rows.DROPPED,)
    assert len(rows.load(path, TRAIN_TO, H, []).periods["full"].panel) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cells", "lstm,cnn"], "there is no cnn"),
        (["--p", "0"], "there is no 0"),
        (["--p", ""], "give at least one"),
        (["--seeds", "0,x"], "whole numbers"),
        (["--epochs", "0"], "at least 1"),
        (["--horizon", "8"], "must be above p"),
    ],
)
def test_impossible_options_are_refused(main, capsys, options, message):
    with pytest.raises(SystemExit):
        main.main(["--data", "x", *options])
    assert message in capsys.readouterr().err


@pytest.mark.data
def test_the_papers_rows_are_known(rows, published, fits, measuring):
    folder = Path(os.environ["SPDKIT_DATA"]) / "tianchi"
    plays = rows.load(folder / rows.FILE, rows.TRAIN_TO, rows.HORIZON)
    assert plays.digest == published.OWN_DIGEST
    assert round(plays.score("full", plays.periods["full"].y).value, 1) == published.PERFECT
    panels = {"full": plays.periods["full"].panel}
    result = fits.compute(fits.Fit("sma", "full"), panels, rows.HORIZON)
    f = plays.score("full", result.forecasts["k=16"]).value
    assert measuring.meets(f, published.BARS["sma"][1])
