"""Models by task and name, and a digest that tells one version of them from another.

Tasks: ``regression`` of popularity; ``classes``, low, medium and high; ``balanced``, the same where
every class counts alike; ``hit``, high or not, as the baselines of the paper's Table 6 have it.
All nets train on the CPU, since their CPU time is reported, and with seed 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from benchmarks.hitmusicnet.songs import digest
from spdkit.evaluation.splits import reference_split
from spdkit.popularity.cross_validation import Songs, fit_model, folds_of
from spdkit.popularity.models import baselines
from spdkit.popularity.models.base import CodeEstimator
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.models.presets import PRESETS
from spdkit.popularity.predictions import Predictions, predict

SEED = 0
TASKS = ("regression", "classes", "balanced", "hit")
NO_COMPRESSION = "1-A, δ = 1"
HIT, NO_HIT = 2, 0  # of the classes low, medium, high
_TITLES = {"spdkit": "spdkit (ours)"}


class HitClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of hits alone: it learns class high against the others.

    Parameters
    ----------
    model : estimator
        A classifier of two classes.

    Attributes
    ----------
    classes_ : ndarray
        ``[NO_HIT, HIT]``.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: Any, y: NDArray[np.int64]) -> Self:
        """Fit on the classes low, medium and high."""
        self.model_ = clone(self.model).fit(X, np.where(y == HIT, HIT, NO_HIT))
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X: Any) -> Any:
        """HIT or NO_HIT."""
        return self.model_.predict(X)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities in the order of ``classes_``."""
        return self.model_.predict_proba(X)


def title(model: str) -> str:
    """What tables print."""
    return baselines.TITLES.get(model, _TITLES.get(model, model))


def factory(task: str, model: str) -> Callable[[], Any]:
    """A function that makes a model, not fitted.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    model : str
        A preset, `NO_COMPRESSION`, or the key of a baseline.
    """
    if model in PRESETS or model == NO_COMPRESSION:
        return lambda: _net(task, model)
    if task == "regression":
        return lambda: baselines.regressors(SEED, lightgbm=True)[model]
    weight = "balanced" if task == "balanced" else None
    baseline = baselines.classifiers(SEED, lightgbm=True, class_weight=weight)[model]
    return lambda: HitClassifier(baseline) if task == "hit" else clone(baseline)


def _net(task: str, model: str) -> Any:
    name, settings = model, {"random_state": SEED, "device": "cpu"}
    if model == NO_COMPRESSION:
        name, settings = "1-A", {**settings, "delta": 1.0}
    if task == "regression":
        return HitMusicNetRegressor.from_preset(name, **settings)
    if task == "balanced":
        settings["class_weight"] = "balanced"
    return HitMusicNetClassifier.from_preset(name, **settings)


@cache
def behaviour(task: str, model: str, carried: bool = False) -> str:
    """A digest of what a model predicts for made-up rows.

    It is part of the key that a result is kept under: when the source or the settings of a model
    change in a way that changes numbers, results from before are not taken for its own. A digest
    of the source would change with every comment in it.

    Parameters
    ----------
    task, model : str
    carried : bool
        Whether weights go from fold to fold, as in the protocol ``reference``.
    """
    songs = _synthetic_songs()
    patience: tuple[int, ...] = ()
    make = factory(task, model)
    if isinstance(net := make(), CodeEstimator):
        patience = (net.max_epochs, net.patience)
        # A few epochs show how it learns.
        make = partial(clone, net.set_params(max_epochs=5))
    if carried:
        parts = reference_split(len(songs.y), k=2)
        predictions = [result.test for result in folds_of(make, songs, parts)]
    else:
        fitted = make()
        half = np.arange(len(songs.y) // 2)
        fit_model(fitted, songs.rows(half), together=True)
        predictions = [predict(fitted, songs.X)]
    return digest(str(patience), *(_rounded(each) for each in predictions if each is not None))


def _rounded(predictions: Predictions) -> NDArray[np.float64]:
    # The last digits may depend on the machine.
    numbers = predictions.values if predictions.values is not None else predictions.probabilities
    assert numbers is not None
    return np.column_stack([np.round(numbers, 3) + 0.0, predictions.classes])


@cache
def _synthetic_songs(n_rows: int = 800) -> Songs:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 12))
    y = 45 + 14 * X[:, 0] - 9 * np.abs(X[:, 1]) + 8 * rng.normal(size=n_rows)
    X[rng.random(n_rows) < 0.2, 2] = np.nan
    names = [f"x{i}" for i in range(X.shape[1])]
    artists = rng.integers(0, n_rows // 3, n_rows).astype(str)
    return Songs(pd.DataFrame(X, columns=names), y.clip(0, 100), artists)
