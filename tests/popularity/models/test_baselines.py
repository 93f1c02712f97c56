"""Baselines: known answers on simple data, training rows only, copies, and LightGBM's absence."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from spdkit.popularity.models.baselines import TITLES, BaselineError, classifiers, regressors

KEYS = {
    regressors: ["median", "mlr", "mlr_lasso", "mlp", "lightgbm", "lightgbm_l1"],
    classifiers: ["majority", "lda", "logistic", "mlp", "lightgbm"],
}
EVERY = [(make, key) for make, keys in KEYS.items() for key in keys]
every_baseline = pytest.mark.parametrize(
    ("make", "key"), [pytest.param(m, k, id=f"{m.__name__}-{k}") for m, k in EVERY]
)


def plane(n_rows=400, seed=0, noise=0.0):
    """Popularity as a plane over three of six features, of very different scales."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 6)) * [1, 1e6, 1e-3, 1, 1, 1] + [0, 1e7, 5, 0, 0, 0]
    y = 40 + 5 * X[:, 0] + 4e-6 * (X[:, 1] - 1e7) - 3e3 * (X[:, 2] - 5)
    return X, y + noise * rng.standard_normal(n_rows)


def clouds(n_rows=600, seed=0):
    """Three classes around centres three deviations apart, in a third of the rows each."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n_rows)
    centres = np.array([[0, 0], [3, 0], [0, 3]])
    return centres[y] + rng.standard_normal((n_rows, 2)), y


def data_for(make):
    return plane(200, noise=2) if make is regressors else clouds(200)


def test_keys_are_stable_and_have_titles():
    for make, keys in KEYS.items():
        assert list(make(lightgbm=True)) == keys
        assert list(make()) == [key for key in keys if "lightgbm" not in key]
    assert set(TITLES) == {key for _, key in EVERY}


def test_mlr_recovers_a_plane():
    X, y = plane()
    held_out, truth = plane(seed=1)
    model = regressors()["mlr"].fit(X, y)
    assert np.abs(model.predict(held_out) - truth).max() < 1e-8
    # Copies of a column leave many planes, all with the same predictions.
    twice = regressors()["mlr"].fit(np.hstack([X, X]), y)
    assert np.abs(twice.predict(np.hstack([held_out, held_out])) - truth).max() < 1e-8


def test_lasso_leaves_out_what_does_not_count():
    rng = np.random.default_rng(0)
    X, y = plane(noise=3)
    model = regressors()["mlr_lasso"].fit(np.hstack([X, rng.standard_normal((400, 40))]), y)
    weights = np.abs(model[-1].coef_)
    assert (weights[:3] > 1).all()
    assert weights[3:].max() < 0.5
    assert (weights[3:] == 0).sum() >= 10
    # And where nothing counts, it says the mean.
    noise = rng.standard_normal(400)
    nothing = regressors()["mlr_lasso"].fit(rng.standard_normal((400, 5)), noise)
    assert np.abs(nothing.predict(X[:, :5] * 0) - noise.mean()).max() < 0.15


def test_lasso_does_not_care_for_the_order_of_rows():
    # Five artists, their songs one after another: a fold without shuffling would be all the songs
    # of one, and the features that tell it from others would look useless.
    artist = np.repeat(range(5), 40)
    y = 15.0 * artist + np.random.default_rng(0).standard_normal(200)
    X = np.eye(5)[artist]
    assert np.abs(regressors()["mlr_lasso"].fit(X, y).predict(X) - y).mean() < 2


def test_the_median_and_the_majority_by_hand():
    X = np.zeros((5, 1))
    assert regressors()["median"].fit(X, [1, 2, 3, 50, 99]).predict(X[:1]) == [3]
    majority = classifiers()["majority"].fit(X, [0, 1, 1, 2, 1])
    assert majority.predict(X).tolist() == [1] * 5
    assert np.allclose(majority.predict_proba(X[:1]), [[0.2, 0.6, 0.2]])


@pytest.mark.parametrize("key", ["mlp", "lightgbm", "lightgbm_l1"])
def test_flexible_models_beat_the_plane_on_a_curve(key):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (1500, 2))
    y = 50 + 20 * np.sin(2 * X[:, 0]) * X[:, 1]
    found = {
        name: np.abs(
            regressors(lightgbm=True)[name].fit(X[:1000], y[:1000]).predict(X[1000:]) - y[1000:]
        )
        for name in (key, "mlr")
    }
    assert found[key].mean() < 0.6 * found["mlr"].mean()


def test_l1_is_not_moved_by_outliers():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 1))
    y = np.where(rng.random(600) < 0.2, 1000.0, 10.0)
    models = regressors(lightgbm=True)
    assert np.median(models["lightgbm_l1"].fit(X, y).predict(X)) == pytest.approx(10, abs=1)
    assert np.median(models["lightgbm"].fit(X, y).predict(X)) > 50


@pytest.mark.parametrize("key", ["lda", "logistic", "mlp", "lightgbm"])
def test_classifiers_come_near_the_best_there_is(key):
    X, y = clouds()
    held_out, truth = clouds(3000, seed=1)
    centres = np.array([[0, 0], [3, 0], [0, 3]])
    best = ((held_out[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    model = classifiers(lightgbm=True)[key].fit(X, y)
    assert (model.predict(held_out) == truth).mean() > (best == truth).mean() - 0.03
    shares = model.predict_proba(held_out)
    assert shares.shape == (3000, 3)
    assert np.allclose(shares.sum(axis=1), 1)


@pytest.mark.parametrize("key", ["logistic", "lightgbm"])
def test_balanced_weights_find_more_hits(key):
    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.08).astype(int)
    X = rng.standard_normal((3000, 3)) + 1.2 * y[:, None] * [1, 0, 0]
    recalls = [
        classifiers(lightgbm=True, class_weight=weight)[key]
        .fit(X[:1500], y[:1500])
        .predict(X[1500:])[y[1500:] == 1]
        .mean()
        for weight in (None, "balanced")
    ]
    assert recalls[1] > recalls[0] + 0.05


@every_baseline
def test_nothing_is_learned_from_held_out_rows(make, key):
    X, y = data_for(make)
    training, held_out = np.arange(150), np.arange(150, 200)
    extreme = X.copy()
    extreme[held_out[0]] = 1e12
    states = []
    for table in (X, extreme):
        model = make(lightgbm=True)[key].fit(table[training], y[training])
        before = pickle.dumps(model)
        predicted = model.predict(table[held_out])
        assert pickle.dumps(model) == before  # and predicting changes nothing
        states.append((before, predicted[1:]))
    assert states[0][0] == states[1][0]
    assert np.array_equal(states[0][1], states[1][1])


@every_baseline
def test_copies_predict_the_same(make, key):
    X, y = data_for(make)
    model = make(3, lightgbm=True)[key]
    fitted = clone(model).fit(X, y)
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(model[-1])
    predicted = fitted.predict(X)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), predicted)
    assert np.array_equal(clone(fitted).fit(X, y).predict(X), predicted)


@every_baseline
def test_missing_values_and_names_of_columns(make, key):
    X, y = data_for(make)
    rng = np.random.default_rng(0)
    X = np.hstack([X, X * 0 + 7])  # constant columns too
    X[rng.random(len(X)) < 0.2, :2] = np.nan
    table = pd.DataFrame(X, columns=[f'name, [{i}] "x"' for i in range(X.shape[1])])
    model = make(lightgbm=True)[key].fit(table, y)
    assert np.isfinite(model.predict(table)).all()
    # A table and an array are summed up in another order.
    assert np.allclose(model.predict(table), make(lightgbm=True)[key].fit(X, y).predict(X))


def test_missing_values_can_be_learned_from():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((500, 1)), np.zeros(500)
    gone = rng.random(500) < 0.5
    y[gone], X[gone] = 30.0, np.nan
    for key, model in regressors(lightgbm=True).items():
        if key != "median":
            assert np.abs(model.fit(X, y).predict(X) - y).mean() < 3, key


@pytest.mark.parametrize("key", ["median", "mlr", "mlr_lasso", "mlp"])
def test_the_unit_of_the_labels_changes_nothing_else(key):
    X, y = plane(noise=5)
    unit, percent = (regressors()[key].fit(X, y * scale).predict(X) for scale in (0.01, 1.0))
    assert np.allclose(unit * 100, percent, rtol=1e-6)


@pytest.mark.parametrize("make", [regressors, classifiers])
def test_without_lightgbm_it_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert "mlp" in make()
    with pytest.raises(BaselineError, match=r"needs lightgbm: pip install 'spdkit\[lightgbm\]'"):
        make(lightgbm=True)


@pytest.mark.parametrize("make", [regressors, classifiers])
@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_a_random_state_that_is_none_is_named(make, seed):
    with pytest.raises(ValueError, match=r"random_state must be a whole number .* or None, got"):
        make(seed)


def test_class_weights_that_are_none_are_named():
    with pytest.raises(ValueError, match="class_weight must be one of 'balanced' or None, got"):
        classifiers(class_weight="heavy")
