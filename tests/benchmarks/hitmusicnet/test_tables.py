"""Tables of HitMusicNet: whole runs on few songs, what is kept, what the page has."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmark_scripts import script, scripts_on_path
from catalog_tables import write
from few_songs import GENRES, N_SONGS, write_songs
from filelock import FileLock
from sklearn import metrics as theirs

from spdkit.common.errors import SpdkitError
from spdkit.popularity.labels import classify
from spdkit.popularity.models import baselines
from spdkit.popularity.models.presets import PAPER_PRESETS
from spdkit.popularity.predictions import Predictions


@pytest.fixture(scope="module")
def scripts():
    """The folder of scripts on the import path, and models that learn in no time."""
    with scripts_on_path() as patch:
        patch.setitem(baselines._TREES, "n_estimators", 4)
        patch.setitem(baselines._EPOCHS, "n_iter_no_change", 1)
        models = importlib.import_module("benchmarks.hitmusicnet.models")
        net = models._net
        patch.setattr(models, "_net", lambda task, model: net(task, model).set_params(**QUICK))
        few = models._synthetic_songs(n_rows=400)
        patch.setattr(models, "_synthetic_songs", lambda: few)
        models.behaviour.cache_clear()
        yield
        models.behaviour.cache_clear()


QUICK = {"max_epochs": 2, "refits": 1}
BASELINES = ("median", "mlr", "lightgbm_l1")


def constant(patch, name, value):
    """Set a constant of the runs wherever it is used."""
    for module in ("runs", "scores", "markdown"):
        where = importlib.import_module(f"benchmarks.hitmusicnet.{module}")
        if hasattr(where, name):
            patch.setattr(where, name, value)


_main = script("main", "benchmarks.hitmusicnet.tables")
_fits = script("fits", "benchmarks.hitmusicnet.fits")
_models = script("models", "benchmarks.hitmusicnet.models")
_runs = script("runs", "benchmarks.hitmusicnet.runs")
_songs = script("songs", "benchmarks.hitmusicnet.songs")
_scores = script("scores_of_runs", "benchmarks.hitmusicnet.scores")
_markdown = script("markdown", "benchmarks.common.markdown")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_songs(tmp_path_factory.mktemp("musicoset"))


@pytest.fixture(scope="module")
def rows(songs, folder, tmp_path_factory):
    return songs.load("musicoset", folder, tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def run(main, folder, tmp_path_factory, fits):
    """Three starts of one command: the first is interrupted, the last finds all done."""
    place = tmp_path_factory.mktemp("run")
    output = place / "new" / "tables.json"
    command = ["--musicoset", str(folder), "--work", str(place / "work"), "-o", str(output)]
    command += ["--tables", "2,5,asides", "--protocols", "paper", "--presets", "1-A,1-B"]
    statuses, counts, pages = [], [], []
    for most in (7, 10_000, 0):
        fitted = []
        with pytest.MonkeyPatch.context() as patch:

            def compute(fit, rows, fitted=fitted, most=most, compute=fits.compute):
                if len(fitted) == most:
                    raise KeyboardInterrupt
                fitted.append(fit)
                return compute(fit, rows)

            patch.setattr(fits, "compute", compute)
            constant(patch, "REGRESSORS", BASELINES)
            statuses.append(main.main(command))
        counts.append(fitted)
        text = output.with_suffix(".md").read_text("utf-8") if output.exists() else None
        pages.append(text)
    return statuses, counts, pages, json.loads(output.read_text("utf-8")), place / "work"


def test_an_interrupted_run_goes_on_and_computes_nothing_twice(run):
    statuses, (first, second, third), pages, result, _ = run
    assert statuses == [130, 0, 0]
    assert len(first) == 7 and not third
    assert len({*first, *second}) == len(first) + len(second)
    # By features: two presets, three baselines and 1-A without compression, of five folds and one
    # model of all development rows; 1-A of ten folds and one.
    assert len(first) + len(second) == 2 * ((2 + 3 + 1) * 6 + 11)
    assert pages[0] is None and pages[1] == pages[2]
    assert result["missing"] == [] and "Not complete" not in pages[2]


def test_scores_are_those_of_scikit_learn_on_the_predictions_that_were_kept(
    run, rows, scores_of_runs, fits, runs
):
    _, _, _, result, work = run
    journal = fits.journal_of(work / "journal", rows)
    names = ("features", "protocol", "k", "test_share", "task", "model")
    seen = set()
    for entry in result["runs"]:
        results = scores_of_runs.run_result(runs.Run(*(entry[name] for name in names)), journal)
        for part in ("validation", "test"):
            of_rows = getattr(results, part)
            y, predicted = rows.y[of_rows.rows] / 100, of_rows.predictions.values / 100
            scores = entry[part]
            assert scores["mae"] == pytest.approx(theirs.mean_absolute_error(y, predicted))
            assert scores["mse"] == pytest.approx(theirs.mean_squared_error(y, predicted))
            assert scores["r2"] == pytest.approx(theirs.r2_score(y, predicted))
            assert len(of_rows.rows) == entry[f"n_{part}"] == len(set(of_rows.rows))
        assert entry["n_validation"] + entry["n_test"] == N_SONGS
        seen.add((entry["features"], entry["model"], entry["k"]))
    assert {("small", "1-A", 10), ("wide", "1-A, δ = 1", 5), ("wide", "lightgbm_l1", 5)} <= seen


def test_differences_are_paired_and_by_artists(run, rows, scores_of_runs, fits, runs):
    _, _, _, result, work = run
    journal = fits.journal_of(work / "journal", rows)
    [entry] = [
        each
        for each in result["differences"]
        if (each["what"], each["rows"], each["first"]["model"]) == ("Table 5", "test", "1-B")
        and each["first"]["features"] == "wide"
    ]
    one, other = (
        scores_of_runs.run_result(runs.Run(**entry[side]), journal).test
        for side in ("first", "second")
    )
    assert entry["second"]["model"] == "mlr" and np.array_equal(one.rows, other.rows)
    y = rows.y[one.rows]
    errors = [np.abs(each.predictions.values - y) / 100 for each in (one, other)]
    assert entry["value"] == pytest.approx((errors[0] - errors[1]).mean())
    assert entry["low"] < entry["value"] < entry["high"] and 0 < entry["p"] <= 1


def test_the_page_has_every_table_and_says_whose_numbers_they_are(run):
    _, _, (_, _, page), result, work = run
    assert "## Tables 2 and 3: the presets, regression, features `wide`" in page
    assert f"MusicOSet, {N_SONGS} songs; features `small` (d = 16); protocol paper; k = 5" in page
    # What the authors' repository has for 1-A: MAE on training, validation and test rows.
    [row] = [line for line in page.splitlines() if line.startswith("| 1-A |")][:1]
    assert row.endswith("| 0.0863 | 0.0833 | 0.0817 |")
    assert "another data set" in page and "SpotGenTrack" in page
    for heading in ("Is HitMusicNet below MLR?", "k = 5 against k = 10", "δ = 1", "Figure 3"):
        assert heading in page
    assert sum(result["data"]["popularity"]["counts"]) == N_SONGS
    assert str(work) not in page + json.dumps(result)
    assert result["command"].startswith("python benchmarks/hitmusicnet/tables.py --musicoset")


def test_learning_curves_and_reconstruction_are_reported(run):
    nets = {
        (each["features"], each["model"]): each["nets"]
        for each in run[3]["runs"]
        if each["nets"] is not None
    }
    for features in ("small", "wide"):
        one, whole = nets[features, "1-A"], nets[features, "1-A, δ = 1"]
        assert one["epochs"] == {"autoencoder": 2, "popularity": 2}
        assert set(one["curves"]["autoencoder"]) == {"1", "last", "best", "epochs"}
        assert 0 < one["reconstruction"] < 1 and 0 <= min(one["n_alive"]) <= one["n_code"]
        assert whole["n_code"] > one["n_code"]


def test_classes_hits_and_bars(
    main, folder, tmp_path, rows, scores_of_runs, fits, runs, monkeypatch
):
    constant(monkeypatch, "CLASSIFIERS", ("majority", "logistic", "lightgbm"))
    output = tmp_path / "tables.json"
    command = ["--musicoset", str(folder), "--work", str(tmp_path), "-o", str(output)]
    command += ["--tables", "4,6,bars", "--features", "small", "--protocols", "artist"]
    assert main.main([*command, "--presets", "1-A"]) == 0
    result, page = json.loads(output.read_text("utf-8")), output.with_suffix(".md").read_text()
    assert "## Table 6" in page and "## Bars" in page and "…" not in page
    journal = fits.journal_of(tmp_path / "journal", rows)
    tasks = set()
    for entry in result["runs"]:
        names = ("features", "protocol", "k", "test_share", "task", "model")
        results = scores_of_runs.run_result(runs.Run(*(entry[name] for name in names)), journal)
        truth = classify(rows.y[results.validation.rows])
        classes, scores = results.validation.predictions.classes, entry["validation"]
        tasks.add((entry["task"], entry["test_share"]))
        if entry["task"] in ("classes", "balanced"):
            f1 = theirs.f1_score(truth, classes, average="macro", zero_division=0)
            assert scores["f1_macro"] == pytest.approx(f1)
            assert scores["accuracy"] == pytest.approx(theirs.accuracy_score(truth, classes))
        if entry["task"] == "hit":
            assert set(classes) <= {0, 2}
            expected = theirs.precision_recall_fscore_support(
                truth == 2, classes == 2, average="binary", zero_division=0
            )[:3]
            metrics = ("hit_precision", "hit_recall", "hit_f1")
            assert [scores[name] for name in metrics] == pytest.approx(expected)
    assert tasks == {
        *{("classes", 0.2), ("hit", 0.2), ("regression", 0.0)},
        *{("classes", 0.0), ("balanced", 0.0)},
    }
    peers = {each["second"]["model"] for each in result["differences"] if each["what"] == "bars"}
    assert {"lightgbm_l1", "logistic", "1-A"} <= peers


def test_genres_are_learned_on_training_rows(rows, songs, fits, runs):
    parts = songs.splits(rows, "paper", 5, 0.2)
    genres = rows.genres.copy()
    for row in parts.test:  # a genre that only test rows have
        genres[row] = (*genres[row], "planted drone")
    for row in parts.folds[0].validation:  # and one of only the first fold's held-out rows
        genres[row] = (*genres[row], "planted waltz")
    planted = replace(rows, genres=genres)
    names = set(planted.features("wide", parts.development))
    assert "genre_planted waltz" in names and "genre_planted drone" not in names
    one = runs.Run("wide", "paper", 5, 0.2, "regression", "mlr")
    n_columns = rows.features("wide", parts.development).shape[1]
    counts = [fits.compute(runs.Fit(one, fold), planted).n_features for fold in (None, 0, 1)]
    assert counts == [n_columns + 1, n_columns, n_columns + 1]


def test_reference_is_one_unit_that_knows_all_rows(rows, songs, tmp_path, fits, runs):
    parts = songs.splits(rows, "reference", 5, 0.2)
    genres = rows.genres.copy()
    genres[parts.test[0]] = ("planted drone",)
    planted = replace(rows, genres=genres)
    run = runs.Run("wide", "reference", 5, 0.2, "regression", "1-A")
    journal = fits.journal_of(tmp_path, rows)
    journal.complete(run.fits(), fits.compute, (planted,), 1, print)
    [fit] = run.fits()
    results = journal.read(fit)
    assert results.n_features == rows.features("wide", parts.development).shape[1] + 1
    assert len(results.training) == len(results.nets) == 5
    np.testing.assert_array_equal(results.test.rows, parts.test)
    np.testing.assert_array_equal(np.sort(results.validation.rows), parts.development)
    assert len(results.validation.predictions.values) == len(parts.development)


def test_wide_features_are_what_they_are_called(rows, songs):
    wide = rows.features("wide", np.arange(len(rows)))
    small = rows.features("small", np.arange(len(rows)))
    # 13 descriptors, followers, popularity, markets
    assert small.shape[1] == 16
    # the key as 12 columns in place of one; year, track number, explicit; the genres
    assert wide.shape[1] == 16 - 1 + 12 + 3 + len(GENRES)
    hot = wide[[f"key_{i}" for i in range(12)]].to_numpy()
    np.testing.assert_array_equal(hot.argmax(axis=1), small["spotify_key"])
    unknown = rows.X.assign(spotify_key=rows.X["spotify_key"].where(rows.X.index != "s003"))
    hot = replace(rows, X=unknown).features("wide", np.arange(len(rows))).filter(regex="^key_")
    assert hot.loc["s003"].isna().all() and hot.isna().all(axis=1).sum() == 1


def test_the_full_set_of_the_paper_loads(songs, tmp_path):
    rows = songs.load("spotgentrack", write(tmp_path, "spotgentrack"), tmp_path)
    some = np.arange(len(rows))
    small, wide = (rows.features(which, some) for which in songs.FEATURES)
    assert len(rows) == 3 and rows.title == "SpotGenTrack Popularity Dataset"
    assert "MFCC_1" in small and "n_words" in small and "release_year" not in small
    assert {"release_year", "key_11"} <= set(wide) and wide.filter(regex="^genre_").shape[1] > 0


def test_the_key_changes_with_whatever_the_result_depends_on(
    rows, folder, models, songs, tmp_path, monkeypatch, fits, runs
):
    fit = runs.Fit(runs.Run("wide", "artist", 5, 0.2, "regression", "1-A"), 2)
    key = fits.key(fit, rows)
    assert key == fits.key(fit, songs.load("musicoset", folder, tmp_path))
    changes = {
        **{"features": "small", "protocol": "paper", "k": 4, "test_share": 0.0},
        **{"task": "classes", "model": "1-B"},
    }
    others = [replace(fit, run=replace(fit.run, **{name: v})) for name, v in changes.items()]
    others += [replace(fit, fold=3), replace(fit, fold=None)]
    keys = {fits.key(other, rows) for other in others}
    louder, renamed = rows.y.copy(), rows.groups.copy()
    louder[5] += 1
    renamed[5] = "nobody"
    numbers = rows.X.copy()
    numbers.iloc[-1, 0] += 1
    changed = [{"y": louder}, {"X": numbers}, {"groups": renamed}]
    keys |= {fits.key(fit, replace(rows, **change)) for change in changed}
    net = models._net
    monkeypatch.setattr(models, "_net", lambda *a: net(*a).set_params(dropout=0.5))
    models.behaviour.cache_clear()
    keys.add(fits.key(fit, rows))
    monkeypatch.setattr(models, "_net", lambda *a: net(*a).set_params(patience=11))
    models.behaviour.cache_clear()
    keys.add(fits.key(fit, rows))
    models.behaviour.cache_clear()
    assert key not in keys and len(keys) == len(others) + len(changed) + 2


@pytest.mark.slow
def test_two_processes_give_what_one_gives(rows, tmp_path, fits, runs):
    run = runs.Run("wide", "artist", 2, 0.2, "regression", "mlr")
    journals = [fits.journal_of(tmp_path / name, rows) for name in ("one", "two")]
    for n, journal in enumerate(journals, 1):
        journal.complete(run.fits(), fits.compute, (rows,), n, print)
    for fit in run.fits():
        one, two = (journal.read(fit) for journal in journals)
        part = "test" if fit.fold is None else "validation"
        a, b = (getattr(each, part) for each in (one, two))
        np.testing.assert_array_equal(a.rows, b.rows)
        np.testing.assert_allclose(a.predictions.values, b.predictions.values)


def test_a_result_that_was_cut_short_is_named(rows, tmp_path, fits, runs):
    fit = runs.Run("small", "paper", 2, 0.0, "regression", "median").fits()[0]
    journal = fits.journal_of(tmp_path, rows)
    assert journal.read(fit) is None
    journal.complete([fit], fits.compute, (rows,), 1, print)
    path = journal.path(fit)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpdkitError, match=r"npz: cannot be read.*Delete"):
        journal.read(fit)


def test_a_second_run_in_the_same_place_is_refused(main, folder, tmp_path, capsys):
    lock = FileLock(tmp_path / "lock")
    with lock:
        assert main.main(["--musicoset", str(folder), "--work", str(tmp_path)]) == 1
    assert "another run is at work" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--tables", "2,9"], ["--presets", "4-A"], ["--jobs", "0"], ["--spd", "elsewhere"]]
)
def test_impossible_options_are_refused(main, folder, options, capsys):
    with pytest.raises(SystemExit):
        main.main(["--musicoset", str(folder), *options])
    assert options[0] in capsys.readouterr().err


def test_a_partial_run_fits_nothing_and_says_so(main, folder, tmp_path, monkeypatch, fits):
    monkeypatch.setattr(fits, "compute", None)
    output = tmp_path / "tables.json"
    command = ["--musicoset", str(folder), "--work", str(tmp_path), "-o", str(output)]
    assert main.main([*command, "--partial", "--tables", "2,3,4,5", "--presets", "2-B"]) == 0
    page = output.with_suffix(".md").read_text("utf-8")
    assert "**Not complete**" in page and "| 2-B | … |" in page


def test_hits_by_hand(fits):
    #           hit, called        hit, missed  called in vain   rightly not called
    y = np.array([65.0, 80.0, 99.0, 64.9, 10.0, 30.0, 40.0, 50.0])
    classes = np.array([2, 2, 1, 2, 0, 1, 1, 0])
    scores = fits.hit_score(y, Predictions(None, None, classes, None))
    assert scores == {
        "accuracy": 6 / 8,
        "hit_precision": 2 / 3,
        "hit_recall": 2 / 3,
        "hit_f1": 2 / 3,
    }


def test_a_model_that_says_one_number_is_counted(rows, songs, scores_of_runs, fits, runs):
    run = runs.Run("small", "paper", 5, 0.2, "regression", "1-A")
    folds = [fold.validation for fold in songs.splits(rows, "paper", 5, 0.2).folds]
    values = [np.full(len(fold), 30.0) for fold in folds]
    values[1][0] += 1
    of_rows = fits.RowPredictions(
        np.concatenate(folds),
        Predictions(np.concatenate(values), None, np.zeros(0, dtype=np.int64), None),
    )
    assert scores_of_runs._constant_folds(run, rows, of_rows) == 4


def test_a_verdict_is_by_the_interval(markdown):
    assert markdown.verdict({"low": -0.2, "high": -0.1}) == "better"
    assert markdown.verdict({"low": 0.1, "high": 0.2}) == "worse"
    assert markdown.verdict({"low": -0.1, "high": 0.2}) == "cannot be told"
    assert markdown.verdict({"low": 0.1, "high": 0.2}, lower_is_better=False) == "better"
    assert markdown.verdict(None) == "…"
    for nothing in (None, float("nan")):
        few = {"value": 0.5, "low": nothing, "high": nothing}
        assert markdown.verdict(few) == "cannot be told"
        assert (markdown.signed(few), markdown.ends(few, 2)) == ("+0.5000", "–")
        assert markdown.number(nothing) == "–"


def test_published_numbers_agree_with_each_other(runs):
    published = importlib.import_module("benchmarks.hitmusicnet.published")
    assert tuple(published.REGRESSION) == PAPER_PRESETS
    assert tuple(published.CLASSIFICATION) == runs.CLASSIFIED
    for each in published.CLASSIFICATION.values():
        precision, recall = each.test_hit_precision, each.test_hit_recall
        f1 = 2 * precision * recall / (precision + recall)
        assert each.test_hit_f1 == pytest.approx(f1, abs=2e-6)
    for each in published.REGRESSION.values():
        # A mean of squares is at least the square of the mean.
        assert each.training_mse > each.training_mae**2
        assert each.validation_mse > each.validation_mae**2
