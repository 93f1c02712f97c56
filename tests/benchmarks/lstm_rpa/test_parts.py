"""The benchmark of LSTM-RPA's tables in parts: its rows, its journal, its choices, its options."""

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
_main, _data = (
    script("main", "benchmarks.lstm_rpa.tables"),
    script("rows", "benchmarks.lstm_rpa.series"),
)
_units, _choices = (
    script("units", "benchmarks.lstm_rpa.units"),
    script("choices", "benchmarks.lstm_rpa.selection"),
)
_published = script("published", "benchmarks.lstm_rpa.published")


@pytest.fixture
def planted(units, choices, series, tmp_path):
    """Results where validation knows (2, 1) to be perfect, and the test (1, 1)."""
    plan = choices.Plan(("lstm",), ("single",), (1, 2), (0, 1), (), 2, H)
    journal = units.Journal(tmp_path, series, H)
    for unit in plan.units():
        right = {"inner": (2, 1), "full": (1, 1)}[unit.period]
        y = series.periods[unit.period].y.astype(np.float32)
        said = {
            name: y if (unit.p, one.shift) == right else y * 1.5
            for name, one in units.rollings(unit.p, H).items()
        }
        journal.write(unit, units.Result(said, 0.0, {}))
    return plan, journal


def test_only_the_column_of_the_test_is_chosen_by_the_test(choices, series, planted):
    outcomes = choices.Outcomes(*(planted[0], series, planted[1]))
    perfect = series.score("full", series.periods["full"].y).value
    steps, scored = outcomes.choose("lstm", "single", "test")
    assert steps == (1, 1) and scored.f("full") == pytest.approx(perfect)
    for column in ("reference", "aligned"):
        steps, scored = outcomes.choose("lstm", "single", column)
        # Each relative error is 0.5: σ = 0.5, and half of the perfect F.
        assert steps == (2, 1) and scored.f("full") == pytest.approx(perfect / 2)


def test_nothing_is_chosen_from_a_part(choices, series, planted):
    plan, journal = planted
    journal.path(plan.net("lstm", "single", 2, "inner", 1)).unlink()
    outcomes = choices.Outcomes(plan, series, journal)
    assert outcomes.choose("lstm", "single", "reference") is None
    assert outcomes.found()["missing"] == ["lstm single, p=2, seed 1, inner"]


def test_ours_is_what_the_package_recommends(units, monkeypatch):
    recommended = importlib.import_module("spdkit.forecast.models.recommended").with_units
    monkeypatch.setattr(units, "with_units", recommended)
    made = units.forecasters(units.Unit("ours", "full", 2), 30)["ours"]
    expected = recommended(30, hist_exog=units.OURS_EXOG, zero="skip", seed=2)
    assert to_record(made) == to_record(expected)


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
def test_bars(published, name, value, met):
    bar = published.BARS[name]
    assert (bar.low <= value < bar.high) == met


def test_looks_are_counted(choices):
    log = ["# Looks", "", "| when | what | why |", "| --- | :-: | --- |", "| 1 | a | b |"]
    assert choices.looks([*log, "| 2 | - | - |", "", "Text | with a bar"]) == 2
    assert choices.looks([]) == choices.looks(log[:4]) == 0


def test_the_key_changes_with_whatever_the_result_depends_on(units, monkeypatch):
    unit = units.Unit("lstm", "full", 1, "single", 2, 200)
    key = units.key(unit, "rows", 30)
    changes = [{"model": "bilstm"}, {"seed": 2}, {"features": "multiple"}, {"p": 3}, {"epochs": 9}]
    keys = [units.key(replace(unit, **change), "rows", 30) for change in changes]
    keys += [units.key(unit, "others", 30), units.key(unit, "rows", 20)]
    monkeypatch.setattr(units, "BEHAVIOUR", 0)
    keys.append(units.key(unit, "rows", 30))
    monkeypatch.undo()
    monkeypatch.setattr(units, "__version__", "0")
    keys.append(units.key(unit, "rows", 30))
    assert len({key, *keys}) == len(keys) + 1


def test_panels_are_told_apart(rows, series):
    panel = series.periods["full"].panel
    changed = [replace(panel, y=panel.y + (np.arange(len(panel.y)) == 5))]
    changed += [replace(panel, ids=panel.ids.str.upper()), panel.without_last(1)]
    changed += [replace(panel, exog=panel.exog + 1), replace(panel, ds=panel.ds.shift(1, "D"))]
    assert len({rows.panel_digest(one) for one in (panel, *changed)}) == 6


def test_a_result_that_was_cut_short_is_named(units, series, tmp_path):
    journal, unit = units.Journal(tmp_path, series, H), units.Unit("sma", "inner")
    assert journal.read(unit) is None
    units.work([unit], series, journal, 1, lambda text: None)
    path = journal.path(unit)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpdkitError, match=r"npz: cannot be read.*Delete"):
        journal.read(unit)


@pytest.mark.slow
def test_two_processes_give_what_one_gives(units, series, tmp_path):
    asked = [units.Unit("lstm", period, 0, "single", 2, 2) for period in ("inner", "full")]
    journals = [units.Journal(tmp_path / name, series, H) for name in ("one", "two")]
    for n, journal in enumerate(journals, 1):
        units.work(asked, series, journal, n, lambda text: None)
    for unit in asked:
        one, two = (journal.read(unit).forecasts for journal in journals)
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
    found = rows.load(path, TRAIN_TO, H)
    assert list(found.periods["full"].panel.ids) == ["a1", "a2"]
    assert found.dropped == (rows.DROPPED,)
    assert len(rows.load(path, TRAIN_TO, H, []).periods["full"].panel) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cells", "lstm,cnn"], "there is no cnn"),
        (["--p", "0"], "there is no 0"),
        (["--p", ""], "give at least one"),
        (["--seeds", "0,x"], "whole numbers"),
        (["--epochs", "0"], "at least 1"),
        (["--horizon", "8"], "must be above p"),
    ],
)
def test_impossible_options_are_refused(main, capsys, options, said):
    with pytest.raises(SystemExit):
        main.main(["--data", "x", *options])
    assert said in capsys.readouterr().err


@pytest.mark.data
def test_the_papers_rows_are_known(rows, published, units):
    folder = Path(os.environ["SPDKIT_DATA"]) / "tianchi"
    found = rows.load(folder / rows.FILE, rows.TRAIN_TO, rows.HORIZON)
    assert found.digest == published.OWN_DIGEST
    assert round(found.score("full", found.periods["full"].y).value, 1) == published.PERFECT
    said = units.compute(units.Unit("sma", "full"), found.periods["full"].panel, rows.HORIZON)
    bar = published.BARS["sma"]
    assert bar.low <= found.score("full", said.forecasts["k=16"]).value < bar.high
