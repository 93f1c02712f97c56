"""The benchmark of the paper's tables: whole runs on few songs, what it keeps, what it says."""

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
        made = models._net
        patch.setattr(models, "_net", lambda task, model: made(task, model).set_params(**QUICK))
        models.behaviour.cache_clear()
        yield
        models.behaviour.cache_clear()


QUICK = {"max_epochs": 2, "refits": 1}
_main, _jobs = (
    script("main", "benchmarks.hitmusicnet.tables"),
    script("jobs", "benchmarks.hitmusicnet.journal"),
)
_units, _models = (
    script("units", "benchmarks.hitmusicnet.units"),
    script("models", "benchmarks.hitmusicnet.models"),
)
_plans, _rows = (
    script("plans", "benchmarks.hitmusicnet.runs"),
    script("table_rows", "benchmarks.hitmusicnet.songs"),
)
_scores, _views = (
    script("table_scores", "benchmarks.hitmusicnet.scores"),
    script("views", "benchmarks.hitmusicnet.cells"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_songs(tmp_path_factory.mktemp("musicoset"))


@pytest.fixture(scope="module")
def rows(table_rows, folder, tmp_path_factory):
    return table_rows.load("musicoset", folder, tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def run(main, jobs, folder, tmp_path_factory):
    """Three starts of one command: the first is interrupted, the last finds all done."""
    place = tmp_path_factory.mktemp("run")
    output = place / "new" / "tables.json"
    command = ["--musicoset", str(folder), "--work", str(place / "work"), "-o", str(output)]
    command += ["--tables", "2,5,asides", "--protocols", "paper", "--presets", "1-A,1-B"]
    statuses, counts, pages = [], [], []
    for most in (7, 10_000, 0):
        fitted = []
        with pytest.MonkeyPatch.context() as patch:

            def compute(unit, rows, fitted=fitted, most=most, compute=jobs.compute):
                if len(fitted) == most:
                    raise KeyboardInterrupt
                fitted.append(unit)
                return compute(unit, rows)

            patch.setattr(jobs, "compute", compute)
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
    # By features: two presets, six baselines and 1-A without compression, of five folds and one
    # model of all development rows; 1-A of ten folds and one.
    assert len(first) + len(second) == 2 * ((2 + 6 + 1) * 6 + 11)
    assert pages[0] is None and pages[1] == pages[2]
    assert result["missing"] == [] and "Not complete" not in pages[2]


def test_scores_are_those_of_scikit_learn_on_the_predictions_that_were_kept(
    run, rows, jobs, units, table_scores
):
    _, _, _, result, work = run
    journal = jobs.Journal(work / "journal")
    names = ("features", "protocol", "k", "test_share", "task", "model")
    seen = set()
    for entry in result["runs"]:
        kept = table_scores.collect(units.Run(*(entry[name] for name in names)), rows, journal)
        for part in ("validation", "test"):
            said = getattr(kept, part)
            y, predicted = rows.y[said.rows] / 100, said.predictions.values / 100
            scores = entry[part]
            assert scores["mae"] == pytest.approx(theirs.mean_absolute_error(y, predicted))
            assert scores["mse"] == pytest.approx(theirs.mean_squared_error(y, predicted))
            assert scores["r2"] == pytest.approx(theirs.r2_score(y, predicted))
            assert len(said.rows) == entry[f"n_{part}"] == len(set(said.rows))
        assert entry["n_validation"] + entry["n_test"] == N_SONGS
        seen.add((entry["features"], entry["model"], entry["k"]))
    assert {("small", "1-A", 10), ("wide", "1-A, δ = 1", 5), ("wide", "lightgbm_l1", 5)} <= seen


def test_differences_are_paired_and_by_artists(run, rows, jobs, units, table_scores):
    _, _, _, result, work = run
    journal = jobs.Journal(work / "journal")
    [entry] = [
        each
        for each in result["differences"]
        if (each["what"], each["rows"], each["first"]["model"]) == ("Table 5", "test", "1-B")
        and each["first"]["features"] == "wide"
    ]
    one, other = (
        table_scores.collect(units.Run(**entry[side]), rows, journal).test
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
    assert result["command"].startswith("python benchmarks/hitmusicnet_tables.py --musicoset")


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


def test_classes_hits_and_bars(main, folder, tmp_path, rows, jobs, units, table_scores):
    output = tmp_path / "tables.json"
    command = ["--musicoset", str(folder), "--work", str(tmp_path), "-o", str(output)]
    command += ["--tables", "4,6,bars", "--features", "small", "--protocols", "artist"]
    assert main.main([*command, "--presets", "1-A"]) == 0
    result, page = json.loads(output.read_text("utf-8")), output.with_suffix(".md").read_text()
    assert "## Table 6" in page and "## Bars" in page and "…" not in page
    journal = jobs.Journal(tmp_path / "journal")
    tasks = set()
    for entry in result["runs"]:
        wanted = ("features", "protocol", "k", "test_share", "task", "model")
        kept = table_scores.collect(units.Run(*(entry[name] for name in wanted)), rows, journal)
        truth = classify(rows.y[kept.validation.rows])
        found, scores = kept.validation.predictions.classes, entry["validation"]
        tasks.add((entry["task"], entry["test_share"]))
        if entry["task"] in ("classes", "balanced"):
            f1 = theirs.f1_score(truth, found, average="macro", zero_division=0)
            assert scores["f1_macro"] == pytest.approx(f1)
            assert scores["accuracy"] == pytest.approx(theirs.accuracy_score(truth, found))
        if entry["task"] == "hit":
            assert set(found) <= {0, 2}
            expected = theirs.precision_recall_fscore_support(
                truth == 2, found == 2, average="binary", zero_division=0
            )[:3]
            wanted = ("hit_precision", "hit_recall", "hit_f1")
            assert [scores[name] for name in wanted] == pytest.approx(expected)
    assert tasks == {
        *{("classes", 0.2), ("hit", 0.2), ("regression", 0.0)},
        *{("classes", 0.0), ("balanced", 0.0)},
    }
    peers = {each["second"]["model"] for each in result["differences"] if each["what"] == "bars"}
    assert {"lightgbm_l1", "logistic", "1-A"} <= peers


def test_genres_are_learned_on_training_rows(rows, table_rows, units):
    parts = table_rows.splits(rows, "paper", 5, 0.2)
    genres = rows.genres.copy()
    for row in parts.test:  # a genre that only test rows have
        genres[row] = (*genres[row], "planted drone")
    for row in parts.folds[0].validation:  # and one of only the first fold's held-out rows
        genres[row] = (*genres[row], "planted waltz")
    planted = replace(rows, genres=genres)
    names = set(planted.features("wide", parts.development))
    assert "genre_planted waltz" in names and "genre_planted drone" not in names
    one = units.Run("wide", "paper", 5, 0.2, "regression", "mlr")
    n_columns = rows.features("wide", parts.development).shape[1]
    counts = [units.compute(units.Unit(one, fold), planted).n_features for fold in (None, 0, 1)]
    assert counts == [n_columns + 1, n_columns, n_columns + 1]


def test_reference_is_one_unit_that_knows_all_rows(rows, table_rows, units, jobs, tmp_path):
    parts = table_rows.splits(rows, "reference", 5, 0.2)
    genres = rows.genres.copy()
    genres[parts.test[0]] = ("planted drone",)
    planted = replace(rows, genres=genres)
    run = units.Run("wide", "reference", 5, 0.2, "regression", "1-A")
    journal = jobs.Journal(tmp_path)
    jobs.work(run.units(), planted, journal, 1, lambda text: None)
    [unit] = run.units()
    kept = journal.read(unit, planted)
    assert kept.n_features == rows.features("wide", parts.development).shape[1] + 1
    assert len(kept.training) == len(kept.nets) == 5
    np.testing.assert_array_equal(kept.test.rows, parts.test)
    np.testing.assert_array_equal(np.sort(kept.validation.rows), parts.development)
    assert len(kept.validation.predictions.values) == len(parts.development)


def test_wide_features_are_what_they_are_called(rows, table_rows):
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


def test_the_full_set_of_the_paper_loads(table_rows, tmp_path):
    rows = table_rows.load("spotgentrack", write(tmp_path, "spotgentrack"), tmp_path)
    some = np.arange(len(rows))
    small, wide = (rows.features(which, some) for which in table_rows.FEATURES)
    assert len(rows) == 3 and rows.title == "SpotGenTrack Popularity Dataset"
    assert "MFCC_1" in small and "n_words" in small and "release_year" not in small
    assert {"release_year", "key_11"} <= set(wide) and wide.filter(regex="^genre_").shape[1] > 0


def test_the_key_changes_with_whatever_the_result_depends_on(
    rows, folder, jobs, units, models, table_rows, tmp_path, monkeypatch
):
    unit = units.Unit(units.Run("wide", "artist", 5, 0.2, "regression", "1-A"), 2)
    key = jobs.key(unit, rows)
    assert key == jobs.key(unit, table_rows.load("musicoset", folder, tmp_path))
    changes = {
        **{"features": "small", "protocol": "paper", "k": 4, "test_share": 0.0},
        **{"task": "classes", "model": "1-B"},
    }
    others = [replace(unit, run=replace(unit.run, **{name: v})) for name, v in changes.items()]
    others += [replace(unit, fold=3), replace(unit, fold=None)]
    keys = {jobs.key(other, rows) for other in others}
    louder, renamed = rows.y.copy(), rows.groups.copy()
    louder[5] += 1
    renamed[5] = "nobody"
    numbers = rows.X.copy()
    numbers.iloc[-1, 0] += 1
    changed = [{"y": louder}, {"X": numbers}, {"groups": renamed}]
    keys |= {jobs.key(unit, replace(rows, **change)) for change in changed}
    made = models._net
    monkeypatch.setattr(models, "_net", lambda *a: made(*a).set_params(dropout=0.5))
    models.behaviour.cache_clear()
    keys.add(jobs.key(unit, rows))
    monkeypatch.setattr(models, "_net", lambda *a: made(*a).set_params(patience=11))
    models.behaviour.cache_clear()
    keys.add(jobs.key(unit, rows))
    models.behaviour.cache_clear()
    assert key not in keys and len(keys) == len(others) + len(changed) + 2


@pytest.mark.slow
def test_two_processes_give_what_one_gives(jobs, units, rows, tmp_path):
    run = units.Run("wide", "artist", 2, 0.2, "regression", "mlr")
    journals = [jobs.Journal(tmp_path / name) for name in ("one", "two")]
    for n, journal in enumerate(journals, 1):
        jobs.work(run.units(), rows, journal, n, lambda text: None)
    for unit in run.units():
        one, two = (journal.read(unit, rows) for journal in journals)
        part = "test" if unit.fold is None else "validation"
        a, b = (getattr(each, part) for each in (one, two))
        np.testing.assert_array_equal(a.rows, b.rows)
        np.testing.assert_allclose(a.predictions.values, b.predictions.values)


def test_a_result_that_was_cut_short_is_named(jobs, units, rows, tmp_path):
    unit = units.Run("small", "paper", 2, 0.0, "regression", "median").units()[0]
    journal = jobs.Journal(tmp_path)
    assert journal.read(unit, rows) is None
    jobs.work([unit], rows, journal, 1, lambda text: None)
    path = journal.path(unit, rows)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpdkitError, match=r"npz: cannot be read.*Delete"):
        journal.read(unit, rows)


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


def test_a_partial_run_fits_nothing_and_says_so(main, jobs, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "compute", None)
    output = tmp_path / "tables.json"
    command = ["--musicoset", str(folder), "--work", str(tmp_path), "-o", str(output)]
    assert main.main([*command, "--partial", "--tables", "2,3,4,5", "--presets", "2-B"]) == 0
    page = output.with_suffix(".md").read_text("utf-8")
    assert "**Not complete**" in page and "| 2-B | … |" in page


def test_hits_by_hand(units):
    #           hit, called        hit, missed  called in vain   rightly not called
    y = np.array([65.0, 80.0, 99.0, 64.9, 10.0, 30.0, 40.0, 50.0])
    classes = np.array([2, 2, 1, 2, 0, 1, 1, 0])
    found = units.hit_score(y, Predictions(None, None, classes, None))
    assert found == {
        "accuracy": 6 / 8,
        "hit_precision": 2 / 3,
        "hit_recall": 2 / 3,
        "hit_f1": 2 / 3,
    }


def test_a_model_that_says_one_number_is_counted(rows, table_rows, units, table_scores):
    run = units.Run("small", "paper", 5, 0.2, "regression", "1-A")
    folds = [fold.validation for fold in table_rows.splits(rows, "paper", 5, 0.2).folds]
    values = [np.full(len(fold), 30.0) for fold in folds]
    values[1][0] += 1
    said = units.Said(
        np.concatenate(folds),
        Predictions(np.concatenate(values), None, np.zeros(0, dtype=np.int64), None),
    )
    assert table_scores._constant_folds(run, rows, said) == 4


def test_a_verdict_is_by_the_interval(views):
    assert views.verdict({"low": -0.2, "high": -0.1}) == "better"
    assert views.verdict({"low": 0.1, "high": 0.2}) == "worse"
    assert views.verdict({"low": -0.1, "high": 0.2}) == "cannot be told"
    assert views.verdict({"low": 0.1, "high": 0.2}, lower_is_better=False) == "better"
    assert views.verdict(None) == "…"


def test_published_numbers_agree_with_each_other(plans):
    published = importlib.import_module("benchmarks.hitmusicnet.published")
    assert tuple(published.REGRESSION) == PAPER_PRESETS
    assert tuple(published.CLASSIFICATION) == plans.CLASSIFIED
    for each in published.CLASSIFICATION.values():
        precision, recall = each.test_hit_precision, each.test_hit_recall
        f1 = 2 * precision * recall / (precision + recall)
        assert each.test_hit_f1 == pytest.approx(f1, abs=2e-6)
    for each in published.REGRESSION.values():
        # A mean of squares is at least the square of the mean.
        assert each.training_mse > each.training_mae**2
        assert each.validation_mse > each.validation_mae**2
