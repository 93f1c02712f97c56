"""Boosted trees: as scikit-learn and LightGBM grow them by their own words, seeded."""

from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_info

from spdkit.forecast.models.boosted_trees import BoostedTrees, mean_prediction

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(200, 4)).astype(np.float32)
Y = X[:, 0] + GENERATOR.normal(0, 0.3, 200)
WEIGHTS = GENERATOR.uniform(0.1, 2, 200)
TREES = BoostedTrees(5, 0.3, 6, 7, 0.5, max_bins=16)
HIST = {
    "max_iter": 5,
    "learning_rate": 0.3,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 7,
    "max_features": 0.5,
    "max_bins": 16,
    "early_stopping": False,
    "random_state": 3,
}


@pytest.mark.parametrize(
    "words",
    [
        {"loss": "squared_error"},
        {"loss": "absolute_error"},
        {"loss": "quantile", "quantile": 0.9},
    ],
)
def test_scikit_learn_regresses(words):
    peer = HistGradientBoostingRegressor(**HIST, **words).fit(X, Y, sample_weight=WEIGHTS)
    trees = TREES.fit(X, Y, WEIGHTS, seed=3, **words)
    np.testing.assert_array_equal(trees.predict(X), peer.predict(X))


def test_scikit_learn_classifies():
    peer = HistGradientBoostingClassifier(**HIST).fit(X, Y > 0)
    trees = TREES.fit(X, Y > 0, seed=3, loss="log_loss")
    np.testing.assert_array_equal(trees.predict_proba(X), peer.predict_proba(X))


@pytest.mark.parametrize(("loss", "objective"), [("squared_error", "l2"), ("absolute_error", "l1")])
def test_lightgbm_regresses(loss, objective):
    peer = LGBMRegressor(
        objective=objective,
        n_estimators=5,
        learning_rate=0.3,
        num_leaves=6,
        min_child_samples=7,
        colsample_bytree=0.5,
        deterministic=True,
        random_state=3,
        verbosity=-1,
        n_jobs=1,
    ).fit(X, Y, sample_weight=WEIGHTS)
    trees = BoostedTrees(5, 0.3, 6, 7, 0.5, "lightgbm").fit(X, Y, WEIGHTS, seed=3, loss=loss)
    np.testing.assert_array_equal(trees.predict(X), peer.predict(X))


def test_parameters_are_those_of_a_model_and_others_beside_them():
    class Model(BaseEstimator):
        def __init__(self, n_trees=5, learning_rate=0.3, max_leaves=6, min_leaf=9, horizon=7):
            self.n_trees = n_trees
            self.learning_rate = learning_rate
            self.max_leaves = max_leaves
            self.min_leaf = min_leaf
            self.horizon = horizon

    assert BoostedTrees.of(Model()) == BoostedTrees(5, 0.3, 6, 9)
    assert BoostedTrees.of(Model(), min_leaf=2, max_bins=16) == BoostedTrees(
        5, 0.3, 6, 2, max_bins=16
    )


def test_what_is_missing_on_every_row_says_nothing():
    columns = X.copy()
    columns[:, 2] = np.nan
    trees = TREES.fit(columns, Y, seed=3)
    columns[:, 2] = 0
    np.testing.assert_array_equal(
        trees.predict(columns), TREES.fit(columns, Y, seed=3).predict(columns)
    )
    gaps = X.copy()
    gaps[::2, 0] = np.nan
    peer = HistGradientBoostingRegressor(**HIST).fit(gaps, Y)
    np.testing.assert_array_equal(TREES.fit(gaps, Y, seed=3).predict(gaps), peer.predict(gaps))


def test_the_mean_is_that_of_all_models_and_takes_one_thread():
    models = [TREES.fit(X, Y, seed=seed) for seed in (0, 1, 2)]
    mean = np.mean([model.predict(X) for model in models], axis=0)
    np.testing.assert_allclose(mean_prediction(models, X), mean, rtol=1e-12)

    class Watcher:
        def predict(self, X):
            pools = [pool for pool in threadpool_info() if pool["user_api"] == "openmp"]
            assert pools
            assert all(pool["num_threads"] == 1 for pool in pools)
            return np.zeros(len(X))

    assert not mean_prediction([Watcher()], X).any()
