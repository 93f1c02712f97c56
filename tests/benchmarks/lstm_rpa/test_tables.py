"""Tables of LSTM-RPA: whole runs on few artists, and what the page has."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from artist_days import DAYS, OPTIONS, TRAIN_TO, H, folder, plays, scripts, series, write
from benchmark_scripts import script

from spdkit.catalogs import tianchi
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling

__all__ = ["folder", "scripts", "series"]  # fixtures
_main = script("main", "benchmarks.lstm_rpa.tables")
_data = script("rows", "benchmarks.lstm_rpa.series")
_fits = script("fits", "benchmarks.lstm_rpa.fits")
_selection = script("selection", "benchmarks.lstm_rpa.selection")
_figures = script("figures", "benchmarks.lstm_rpa.figures")
_print = script("printed", "benchmarks.lstm_rpa.markdown")


@pytest.fixture(scope="module")
def run(main, fits, folder, tmp_path_factory):
    """A run that is interrupted after 7 fits, goes on, and is asked again."""
    place = tmp_path_factory.mktemp("run")
    output, work = place / "new" / "lstm_rpa_tables.json", place / "work"
    command = ["--data", str(folder), "--work", str(work), "-o", str(output), *OPTIONS]
    compute, statuses, fitted, pages = fits.compute, [], [], []
    for stop in (7, None, None):
        done = []
        with pytest.MonkeyPatch.context() as patch:

            def counted(fit, panels, h, done=done, stop=stop):
                if len(done) == stop:
                    raise KeyboardInterrupt
                done.append(fit)
                return compute(fit, panels, h)

            patch.setattr(fits, "compute", counted)
            statuses.append(main.main(command))
        fitted.append(done)
        page = output.with_suffix(".md")
        pages.append(page.read_text("utf-8") if page.exists() else None)
    return statuses, fitted, pages, json.loads(output.read_text("utf-8")), output


def test_an_interrupted_run_goes_on_and_fits_nothing_twice(run):
    statuses, (first, second, third), pages, result, _ = run
    assert statuses == [130, 0, 0]
    assert len(first) == 7 and not third
    assert len({*first, *second}) == len(first) + len(second)
    # SMA and ARIMA of two periods, ours of two seeds besides; two kinds of features, two cells,
    # two seeds: the baseline, and p = 1, 2 in two periods.
    assert len(first) + len(second) == 2 + 2 + 4 + 2 * 2 * 2 * (1 + 4)
    assert pages[0] is None and pages[1] == pages[2]
    assert result["missing"] == [] and "Not complete" not in pages[2] and "…" not in pages[2]


def f_by_hand(y, forecast):
    sigma = np.sqrt((((forecast - y) / y) ** 2).mean(axis=1))
    return ((1 - sigma) * np.sqrt(y.sum(axis=1))).sum()


@pytest.mark.parametrize("cell", ["lstm", "bilstm"])
@pytest.mark.parametrize("features", ["single", "multiple"])
def test_scores_are_those_of_the_forecaster_by_itself(run, folder, cell, features):
    frame = tianchi.read_artist_daily(folder / "artist_daily_p1.csv.gz")
    cut = {"full": pd.Timestamp(TRAIN_TO)}
    cut["inner"] = cut["full"] - pd.Timedelta(days=H)
    exog = ("downloads", "collects") if features == "multiple" else ()
    settings = {"hist_exog": exog, "features": features, "bidirectional": cell == "bilstm"}
    modes = {"reference": Rolling(2, "reference", "penultimate"), "aligned": Rolling(2)}
    for mode, rolling in modes.items():
        entry = next(
            one
            for one in run[3]["grid"]
            if (one["cell"], one["features"], one["mode"]) == (cell, features, mode)
            and (one["p"], one["s"]) == (2, 2)
        )
        for period, name in (("full", "f"), ("inner", "f_validation")):
            past = frame[frame["ds"] <= cut[period]]
            after = frame[(frame["ds"] > cut[period])]
            y = after["y"].to_numpy(float).reshape(3, -1)[:, :H]
            scores = []
            for seed in (0, 1):
                one = RecurrentForecaster(
                    "lstm", input_size=2, rolling=rolling, epochs=2, seed=seed, **settings
                )
                forecast = one.fit(past).predict(H)[one.label].to_numpy().reshape(3, H)
                scores.append(f_by_hand(y, forecast))
            assert entry[name] == pytest.approx(np.mean(scores), abs=1e-3)


def test_the_baseline_is_one_answer_from_the_block_before_the_last(run, folder):
    frame = tianchi.read_artist_daily(folder / "artist_daily_p1.csv.gz")
    past = frame[frame["ds"] <= TRAIN_TO]
    y = frame[frame["ds"] > TRAIN_TO]["y"].to_numpy(float).reshape(3, -1)[:, :H]
    one = RecurrentForecaster("lstm", input_size=H, epochs=2).fit(past)
    direct = one.predict(H)[one.label].to_numpy().reshape(3, H)  # of the last block
    # The unit of all days, asked H days earlier.
    one.panel_ = one.panel_.without_last(H)
    earlier = one.predict(H)[one.label].to_numpy().reshape(3, H)
    baselines = {
        each["start"]: each["f_seeds"][0]
        for each in run[3]["baselines"]
        if (each["cell"], each["features"]) == ("lstm", "single")
    }
    assert baselines["last"] == pytest.approx(f_by_hand(y, direct), abs=1e-3)
    assert baselines["penultimate"] == pytest.approx(f_by_hand(y, earlier), abs=1e-3)


def test_each_column_has_the_best_of_the_rows_that_choose(run):
    result = run[3]
    for one in result["choices"]:
        name = "f" if one["column"] == "test" else "f_validation"
        candidates = [
            each
            for each in result["grid"]
            if all(each[key] == one[key] for key in ("cell", "features", "mode"))
        ]
        assert len(candidates) == 3  # (1, 1), (2, 1), (2, 2)
        best = max(candidates, key=lambda each: each[name])
        assert (one["p"], one["s"], one["f_on_rows"]) == (best["p"], best["s"], best[name])
        assert one["f"] == best["f"] and one["f_low"] <= one["f"] <= one["f_high"]
        assert one["mode"] == ("aligned" if one["column"] == "aligned" else "reference")
        perfect = result["data"]["perfect"]["full"]
        assert one["average_error"] == pytest.approx((perfect - one["f"]) / 3, abs=1e-3)
    assert len(result["choices"]) == 2 * 2 * 3


def test_the_test_month_changes_no_fit_and_no_honest_choice(
    main, fits, run, rows, series, tmp_path
):
    frame = plays()
    frame.loc[frame["ds"] > TRAIN_TO.replace("-", ""), "plays"] = 10**7
    other = rows.load(write(tmp_path, frame) / rows.FILE, TRAIN_TO, H)
    assert other.digest != series.digest
    _, _, _, result, output = run
    work = output.parent.parent / "work"
    again = tmp_path / "again.json"
    options = ["--data", str(tmp_path), "--work", str(work), "-o", str(again), *OPTIONS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fits, "compute", None)  # whatever is fitted fails
        assert main.main(options) == 0
    absurd = json.loads(again.read_text("utf-8"))
    for one, two in zip(result["choices"], absurd["choices"], strict=True):
        if one["column"] != "test":
            assert all(one[key] == two[key] for key in ("p", "s", "f_on_rows"))
    assert absurd["sma_k"] == result["sma_k"]
    assert absurd["entrants"]["ours"]["f"] != result["entrants"]["ours"]["f"]


def test_rivals_are_what_they_are_called(run, folder):
    result = run[3]
    frame = tianchi.read_artist_daily(folder / "artist_daily_p1.csv.gz")
    table = frame["y"].to_numpy(float).reshape(3, DAYS)
    train, y = table[:, :103], table[:, 103:113]

    def constant(past, future, k):
        return f_by_hand(future, np.repeat(past[:, -k:].mean(axis=1)[:, None], H, axis=1))

    assert result["entrants"]["sma"]["f"] == pytest.approx(constant(train, y, 16), abs=1e-3)
    past, july = train[:, :-H], train[:, -H:]
    best = max(range(1, 61), key=lambda k: constant(past, july, k))
    assert result["sma_k"] == best
    assert result["entrants"]["sma_k"]["f"] == pytest.approx(constant(train, y, best), abs=1e-3)
    ours = [constant(train, y, k) for k in (7, 8)]  # the stand-in's two seeds
    assert result["entrants"]["ours"]["f_seeds"] == pytest.approx(ours, abs=1e-3)
    assert len(result["arima"]["orders"]) == 3 and result["entrants"]["arima"]["f"] > 0


def test_differences_are_paired_by_artists(run, selection):
    pairs = {(one["first"], one["second"]): one for one in run[3]["differences"]}
    entrants = run[3]["entrants"]
    one = pairs["ours", "sma"]
    assert one["value"] == pytest.approx(entrants["ours"]["f"] - entrants["sma"]["f"], abs=1e-3)
    # Three artists have no interval and no p.
    assert one["low"] is one["high"] is one["p"] is None
    assert ("published", "bilstm") in pairs and ("published", "gru") not in pairs
    # Ten artists, each better by 2: any ten drawn differ by 20, however good they are.
    base = np.random.default_rng(0).normal(50, 20, 10)
    same = selection.difference(base + 2, base)
    assert (same.value, same.low, same.high) == pytest.approx((20, 20, 20))
    assert same.p == pytest.approx(2 / 10_001)
    # Independent terms of standard deviation 1: that of a resampled sum is √n times theirs.
    noise = np.random.default_rng(1).normal(size=400)
    wide = selection.difference(noise, np.zeros(400))
    assert wide.high - wide.low == pytest.approx(2 * 1.96 * noise.std() * 20, rel=0.05)


def test_the_page_says_whose_numbers_it_has(run):
    _, _, (_, _, page), result, output = run
    for heading in ("Table 3: plays alone", "Table 4", "Table 5", "Differences", "Figures"):
        assert f"## {heading}" in page
    assert "nan" not in page.lower() and "cannot be told" in page
    assert "These are not the artists and days of the paper" in page and "4366.81 |" not in page
    assert "## Bars" not in page and "2 epochs in place of 200" in page
    assert (
        "reference, (p, s) chosen on test rows (the paper's way): 2015-06-12 to 2015-06-21" in page
    )
    assert "chosen on validation rows: 2015-06-02 to 2015-06-11" in page
    assert result["command"].startswith(
        "python benchmarks/lstm_rpa/tables.py --data TIANCHI --train-to 2015-06-11 --horizon 10"
    )
    assert str(output.parent) not in page + json.dumps(result)


def test_on_the_papers_own_rows_its_numbers_and_the_bars_are_there(
    selection, printed, run, series, monkeypatch
):
    monkeypatch.setattr(selection, "OWN_DIGEST", series.digest)
    result = run[3]
    request = selection.Request(**result["plan"])
    empty = selection.Results(replace(request, seeds=(9,)), series, _Nothing())
    page = printed.page({**result, **empty.record(), "looks": _LOOKS})
    assert "| LSTM-RPA | 4366.81 | … | … | … |" in page
    assert "| LSTM | 3863.12 |" in page and "| BiLSTM | 3740.6* |" in page
    assert "| SMA(16) | 4221.99 | … |" in page
    assert "**7**, each in [august_looks.md](august_looks.md)" in page
    assert "| LSTM-RPA as published, p = 2, s = 1 | … | 4344 ± 25 | … |" in page
    # The made-up rows' perfect forecast is not the paper's.
    assert "| 5657.9 | **NO** |" in page


_LOOKS = {"log": "august_looks.md", "entries": 7}


class _Nothing:
    """A journal without results."""

    def read(self, fit):
        return None


def test_figures_are_the_same_bytes_from_the_same_numbers(run, figures, tmp_path):
    _, _, (_, _, page), result, output = run
    names = figures.draw(result, tmp_path / "lstm_rpa_tables.json")
    assert list(names.values()) == [f"lstm_rpa_figure{n}.svg" for n in (4, 5, 6)]
    for name in names.values():
        text = (tmp_path / name).read_bytes()
        assert text == (output.parent / name).read_bytes()
        assert b"dc:date" not in text and f"]({name})" in page


def test_figures_show_what_the_tables_say(run, figures):
    result = run[3]
    assert [one["artist"] for one in result["series"]["artists"]] == ["a3", "a2", "a1"]
    four = figures.figure_4(result)
    lines = {line.get_label(): line for line in four.axes[0].lines}
    truth = plays().query("artist_id == 'a3'")["plays"].to_numpy()
    np.testing.assert_array_equal(lines["plays, test"].get_ydata()[1:], truth[103:113])
    assert len(lines["our best"].get_ydata()) == len(lines["LSTM-RPA as published"].get_ydata())
    entries = [
        one
        for one in result["grid"]
        if (one["cell"], one["features"], one["mode"]) == ("bilstm", "single", "reference")
    ]
    ax = figures.figure_5(result).axes[1]
    assert ax.get_title() == "BiLSTM-RPA, single"
    best = {line.get_label(): line for line in ax.lines}["the best shift of each p"]
    f = {(one["p"], one["s"]): one["f"] for one in entries}
    assert list(best.get_ydata()) == [f[1, 1], max(f[2, 1], f[2, 2])]
    six = {line.get_label(): line for line in figures.figure_6(result).axes[1].lines}
    assert list(six["p = 2"].get_ydata()) == [f[2, 1], f[2, 2]]
    [baseline] = [
        one["f"]
        for one in result["baselines"]
        if (one["cell"], one["features"], one["start"]) == ("bilstm", "single", "penultimate")
    ]
    assert set(six["baseline, p = q = 10"].get_ydata()) == {baseline}
