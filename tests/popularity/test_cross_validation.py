"""Models by protocol: rows kept apart, differences paired, errors told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from spdkit.common.errors import SpdkitWarning
from spdkit.evaluation.splits import Fold, ProtocolError, paper_split, split
from spdkit.popularity.cross_validation import FitError, Songs, evaluate, fit_model, folds_of
from spdkit.popularity.models.baselines import classifiers, regressors
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor


def songs(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((n, 3)), columns=list("abc"))
    return Songs(X, 100 * X["a"].to_numpy(), np.arange(n) % 25)


class Spy(DummyRegressor):
    """Remembers which songs it was fitted on."""

    seen: list[set[int]] = []  # noqa: RUF012 (of all its copies)

    def fit(self, X, y):
        Spy.seen.append(set(X.index))
        return super().fit(X, y)


def test_each_row_is_predicted_by_a_model_that_did_not_see_it():
    data = songs()
    splits = split("artist", 200, groups=data.groups, k=4)
    Spy.seen.clear()
    results = list(folds_of(Spy, data, splits))
    assert [result.fold for result in results] == [0, 1, 2, 3, None]
    for seen, fold in zip(Spy.seen, splits.folds, strict=False):
        assert seen == set(fold.training)
        assert not seen & {*fold.validation, *splits.test}
        assert not set(data.groups[list(seen)]) & set(data.groups[fold.validation])
    assert Spy.seen[-1] == set(splits.development)
    assert results[-1].validation is None and len(results[-1].test.values) == len(splits.test)


def test_scores_and_differences_by_hand():
    data = songs()
    splits = split("paper", 200, k=4)
    found = evaluate({"line": LinearRegression, "mean": DummyRegressor}, data, splits)
    line, mean = found.scores["line"], found.scores["mean"]
    assert line["validation"]["mae"].value == pytest.approx(0, abs=1e-9)
    test = data.y[splits.test]
    by_hand = np.abs(test - data.y[splits.development].mean()).mean()
    assert mean["test"]["mae"].value == pytest.approx(by_hand)
    assert found.differences["mean"]["test"].value == pytest.approx(-by_hand)
    assert found.headline == "mae" and set(found.differences) == {"mean"}
    # Of the mean of other folds, row by row.
    errors = [
        np.abs(data.y[fold.validation] - data.y[fold.training].mean()) for fold in splits.folds
    ]
    assert mean["validation"]["mae"].value == pytest.approx(np.concatenate(errors).mean())


def test_groups_are_kept_together_inside_fit_when_the_protocol_does(monkeypatch):
    given = []
    monkeypatch.setattr(
        HitMusicNetRegressor, "fit", lambda self, X, y, groups=None: given.append(groups)
    )
    model, data = HitMusicNetRegressor(), songs()
    fit_model(model, data, together=False)
    fit_model(model, data, together=True)
    assert given[0] is None and np.array_equal(given[1], data.groups)


def test_a_classifier_learns_the_classes():
    data = songs()
    model = HitMusicNetClassifier.from_preset("1-B", max_epochs=1, random_state=0)
    fit_model(model, data, together=True)
    assert model.classes_.tolist() == [0, 1, 2]


def test_without_test_rows_there_are_folds_alone():
    data = songs()
    splits = split("paper", 200, k=3, test_share=0)
    found = evaluate({"line": LinearRegression}, data, splits)
    assert set(found.scores["line"]) == {"validation"} and not found.differences


def test_reference_carries_weights_and_knows_all_rows():
    data = songs()
    splits = split("reference", 200, k=3)
    made = []

    def make():
        made.append(
            HitMusicNetRegressor.from_preset("1-B", delta=1.0, max_epochs=2, random_state=0)
        )
        return made[-1]

    results = list(folds_of(make, data, splits))
    assert [result.fold for result in results] == [0, 1, 2] and len(made) == 1
    # It knows all rows: an extreme value of any one moves the scaler.
    for row in (splits.test[0], splits.folds[2].validation[0]):
        extreme = Songs(data.X.copy(), data.y, data.groups)
        extreme.X.iloc[row, 0] = 1e6
        list(folds_of(make, extreme, splits))
        assert made[-1].nets_.scaler.range_[0] > 1e5
    # By the honest protocol a value of a test row moves nothing.
    honest = split("paper", 200, k=3)
    extreme = Songs(data.X.copy(), data.y, data.groups)
    extreme.X.iloc[honest.test[0], 0] = 1e6
    list(folds_of(make, extreme, honest))
    assert made[-1].nets_.scaler.range_[0] <= 1


def test_reference_goes_on_with_the_weights_of_the_fold_before():
    data = songs()
    splits = split("reference", 200, k=3)
    still = {"delta": 1.0, "max_epochs": 1, "optimizer": "sgd", "learning_rate": 1e-12}
    said = [
        result.test.values
        for result in folds_of(
            lambda: HitMusicNetRegressor.from_preset("1-B", random_state=0, **still), data, splits
        )
    ]
    # Weights that hardly move are those of the first fold to the end.
    np.testing.assert_allclose(said[1], said[0], atol=1e-6)
    np.testing.assert_allclose(said[2], said[0], atol=1e-6)
    moving = [
        result.test.values
        for result in folds_of(
            lambda: HitMusicNetRegressor.from_preset(
                "1-B", random_state=0, delta=1.0, max_epochs=3
            ),
            data,
            splits,
        )
    ]
    assert not np.allclose(moving[1], moving[0], atol=1e-3)


def test_reference_is_about_the_papers_networks():
    splits = split("reference", 200, k=3)
    with pytest.raises(ProtocolError, match="no autoencoder of its own"):
        list(folds_of(lambda: HitMusicNetRegressor.from_preset("spdkit"), songs(), splits))


def test_songs_that_do_not_suffice_are_told():
    data = songs()
    same = Songs(data.X, np.full(200, 10.0))
    model = HitMusicNetClassifier.from_preset("1-B")
    reason = r"all 200 songs .* class low: .* in \[10, 10\], medium begins at 25 .*--thresholds"
    with pytest.raises(FitError, match=reason):
        fit_model(model, same, together=False)
    with pytest.raises(FitError, match=r"HitMusicNetRegressor cannot be fitted on 200 songs: 183"):
        fit_model(HitMusicNetRegressor(target_range=(0, 9)), data, together=True)


def test_songs_and_models_that_do_not_fit_are_named():
    X, y = pd.DataFrame({"a": range(20)}), np.arange(20.0)
    for arguments, reason in (
        ((X, y[:3]), r"y has shape \(3,\), and X has 20 rows"),
        ((X, y, np.arange(3)), r"groups has shape \(3,\), and X has 20 rows"),
        ((X, y, None, (65, 25)), "thresholds must rise"),
    ):
        with pytest.raises(ValueError, match=reason):
            Songs(*arguments)
    with pytest.raises(ValueError, match="makers is empty"):
        evaluate({}, Songs(X, y), paper_split(20))
    with pytest.raises(ValueError, match="the splits are of 60 rows, and there are 20 songs"):
        evaluate({"none": lambda: None}, Songs(X, y), paper_split(60))


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_baseline_that_songs_are_too_few_for_is_left_out_and_told_once(task):
    data = songs(12)
    if task == "regression":
        makers = regressors()
    else:
        data = Songs(data.X, np.where(np.arange(12) == 5, 90.0, 10.0))
        makers = classifiers()
    makers = {key: partial(clone, model) for key, model in makers.items()}
    splits = split("paper", 12, k=2, test_share=0)
    first = next(iter(makers))
    # Every fold has to have the one song of its class.
    if task == "classification":
        rows = np.arange(12)
        splits = replace(splits, development=rows, folds=(Fold(rows, rows),) * 2)
    with pytest.warns(SpdkitWarning, match="MLP is left out: it needs 11 songs.*2 of each") as told:
        result = evaluate(makers, data, splits)
    assert len(told) == 1 and "validation_fraction" not in str(told[0].message)
    assert set(result.scores) == set(result.seconds) == set(makers) - {"mlp"}
    assert set(result.differences) == set(makers) - {"mlp", first}
    with pytest.raises(FitError, match=r"Regressor cannot|Classifier cannot"):
        evaluate({"mlp": makers["mlp"]}, data, splits)
