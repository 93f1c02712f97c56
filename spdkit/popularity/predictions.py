"""Predictions of a model for songs: popularity, its interval, classes and their probabilities.

Conventions: popularity is in [0, 100], classes are 0, 1, 2
(`spdkit.evaluation.metrics.CLASS_NAMES`). A regressor gives everything: the class is that of the
predicted popularity, and the probability of a class is the share of calibration rows whose error
would put the song there (a conformal predictive distribution). A classifier gives the probabilities
of the classes and the likeliest of them.

Reference: Vovk et al. (2019), nonparametric predictive distributions based on conformal prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier

from spdkit.evaluation.bootstrap import Score, evaluate_classification, evaluate_regression
from spdkit.evaluation.conformal import fewest_residuals
from spdkit.evaluation.metrics import CLASS_NAMES, HIGH, LOW
from spdkit.popularity.labels import PAPER_THRESHOLDS, classify
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor

Numbers = NDArray[np.float64]
COVERAGE = 0.9


@dataclass(frozen=True)
class Predictions:
    """Of n songs.

    Attributes
    ----------
    values : ndarray, shape (n,), or None
        Popularity; None from a classifier.
    interval : ndarray, shape (n, 2), or None
        That holds `COVERAGE` of such songs; None where it cannot be known.
    classes : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, 3), or None
    """

    values: Numbers | None
    interval: Numbers | None
    classes: NDArray[np.int64]
    probabilities: Numbers | None

    def rows(self, index: Any) -> Predictions:
        """Of some of the songs."""
        parts: dict[str, Any] = {
            name: None if part is None else part[index] for name, part in vars(self).items()
        }
        return Predictions(**parts)


def predict(model: Any, X: Any, thresholds: tuple[float, float] = PAPER_THRESHOLDS) -> Predictions:
    """Predictions of a fitted regressor (of popularity) or classifier (of classes 0, 1, 2).

    Parameters
    ----------
    model : estimator
        Of this package, or any of scikit-learn's.
    X : array-like, shape (n, n_features)
    thresholds : (float, float)
        Where classes begin, for a regressor.
    """
    if is_classifier(model):
        probabilities = probabilities_of(model, X)
        return Predictions(None, None, probabilities.argmax(axis=1), probabilities)
    values = np.asarray(model.predict(X), dtype=np.float64).clip(LOW, HIGH)
    classes = classify(values, thresholds)
    ours = isinstance(model, HitMusicNetRegressor)
    if not ours or len(model.residuals_) < fewest_residuals(COVERAGE):
        return Predictions(values, None, classes, None)
    centre = model.interval_centre(X)
    probabilities = class_probabilities(centre, model.residuals_, thresholds)
    return Predictions(values, model.interval_around(centre, COVERAGE), classes, probabilities)


def probabilities_of(classifier: Any, X: Any) -> Numbers:
    """Probabilities of all three classes, shape (n, 3), also from one that met only two."""
    probabilities = np.zeros((len(X), len(CLASS_NAMES)))
    probabilities[:, np.asarray(classifier.classes_, dtype=np.intp)] = classifier.predict_proba(X)
    return probabilities


def class_probabilities(
    centre: Numbers, residuals: Numbers, thresholds: tuple[float, float]
) -> Numbers:
    """Probabilities of the classes, shape (n, 3), of predictions and the errors of others.

    The popularity of a song is taken to be `centre` plus one of the residuals, all equally
    likely; a third of a residual more in each class keeps probabilities above 0.
    """
    ends = np.sort(residuals)
    below = np.stack([np.searchsorted(ends, t - centre, side="left") for t in thresholds], axis=1)
    counts = np.diff(below, axis=1, prepend=0, append=len(ends)).astype(np.float64)
    probabilities: Numbers = (counts + 1 / len(CLASS_NAMES)) / (len(ends) + 1)
    return probabilities


def scores(
    y: ArrayLike,
    predictions: Predictions,
    groups: ArrayLike | None = None,
    thresholds: tuple[float, float] = PAPER_THRESHOLDS,
    **bootstrap: Any,
) -> dict[str, Score]:
    """Every metric that these predictions have, with its interval.

    Parameters
    ----------
    y : array-like, shape (n,)
        Popularity in [0, 100].
    predictions : Predictions
    groups : array-like, shape (n,), optional
        Such as artists: they are resampled, not rows.
    thresholds : (float, float)
    **bootstrap
        ``n_resamples``, ``level``, ``seed``; see `spdkit.evaluation.bootstrap`.
    """
    scored: dict[str, Score] = {}
    if predictions.values is not None:
        scored = evaluate_regression(
            y, predictions.values, predictions.interval, groups, **bootstrap
        )
    classes = classify(y, thresholds)
    return scored | evaluate_classification(
        classes, predictions.classes, predictions.probabilities, groups, **bootstrap
    )


def headline(scored: Mapping[str, Score]) -> str:
    """The metric that models of this task are compared by: ``mae`` or ``f1_macro``."""
    return "mae" if "mae" in scored else "f1_macro"


def prediction_columns(predictions: Predictions) -> dict[str, Any]:
    """Predictions as columns: predicted, low, high, class, p_low, p_medium, p_high."""
    columns: dict[str, Any] = {}
    if predictions.values is not None:
        columns["predicted"] = predictions.values
    if predictions.interval is not None:
        columns |= {"low": predictions.interval[:, 0], "high": predictions.interval[:, 1]}
    columns["class"] = predictions.classes
    if predictions.probabilities is not None:
        names = [f"p_{name}" for name in CLASS_NAMES]
        columns |= dict(zip(names, predictions.probabilities.T, strict=True))
    return columns
