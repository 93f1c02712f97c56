"""Fits: one model on one fold, computed once and kept in a journal.

Conventions
-----------
Everything is learned on training rows, the commonest genres too; in ``reference`` on all rows, as
the published code learns its scaler and autoencoder.

A result is kept under a key that is made of everything that it depends on: rows, features, split,
and how the model behaves (`models.behaviour`). Nothing that has its result is computed again, and a
result of other rows or another model is never read.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.common.journal import Arrays, Journal
from benchmarks.hitmusicnet.models import HIT, behaviour, factory
from benchmarks.hitmusicnet.runs import Fit, Run
from benchmarks.hitmusicnet.songs import Index, Rows, digest, fingerprint, splits
from spdkit.evaluation import metrics
from spdkit.popularity.cross_validation import fit_model, folds_of
from spdkit.popularity.labels import classify
from spdkit.popularity.models.two_stage import TwoStageNet
from spdkit.popularity.predictions import Predictions, predict

_FORMAT = "1"  # of results in the journal, and of what they mean
_ARRAYS = ("values", "interval", "classes", "probabilities")


@dataclass(frozen=True)
class RowPredictions:
    """Predictions, and the rows that they are of."""

    rows: Index
    predictions: Predictions


@dataclass(frozen=True)
class NetSummary:
    """A net of the paper's after training.

    Attributes
    ----------
    history : dict
        "autoencoder" and "popularity" (or "first" and so on) -> "loss" and "val_loss" by epoch.
    reconstruction : float or None
        Mean squared error of the features, scaled to [0, 1] on training rows, on held-out rows.
    n_code, n_alive : int or None
        Units of the code, and those that are not one number for all training rows.
    """

    history: dict[str, dict[str, list[float]]]
    reconstruction: float | None
    n_code: int | None
    n_alive: int | None


@dataclass(frozen=True)
class FitResult:
    """What a fit gives.

    Attributes
    ----------
    seconds : float
        CPU time of `fit`; in ``reference`` of all fits, and of predicting.
    n_features : int
    training : list of dict
        Scores on training rows, one a fit.
    validation, test : RowPredictions or None
    nets : list of NetSummary
        One a fit; empty for a baseline.
    """

    seconds: float
    n_features: int
    training: list[dict[str, float]]
    validation: RowPredictions | None
    test: RowPredictions | None
    nets: list[NetSummary]


def score(task: str, y: NDArray[np.float64], predictions: Predictions) -> dict[str, float]:
    """Scores of predictions; MAE and MSE for popularity in [0, 1], the paper's unit."""
    if task == "regression":
        scores = {
            "mae": metrics.mae(y, predictions.values) / 100,
            "mse": metrics.mse(y, predictions.values) / 100**2,
            "r2": metrics.r2(y, predictions.values),
        }
        if predictions.interval is not None:
            scores["coverage"] = metrics.coverage(y, predictions.interval)
        return scores
    if task == "hit":
        return hit_score(y, predictions)
    truth = classify(y)
    scores = {metric.name: metric(truth, predictions.classes) for metric in metrics.CLASSIFICATION}
    by_probability = {
        metric.name: metric(truth, predictions.probabilities) for metric in metrics.PROBABILITIES
    }
    return scores | by_probability


def hit_score(y: NDArray[np.float64], predictions: Predictions) -> dict[str, float]:
    """Scores of class high against the others."""
    table = metrics.confusion_matrix(classify(y) == HIT, predictions.classes == HIT, n_classes=2)
    (rejected, false), (missed, hits) = table.tolist()
    return {
        "accuracy": (rejected + hits) / len(y),
        "hit_precision": hits / (hits + false) if hits + false else 0.0,
        "hit_recall": hits / (hits + missed) if hits + missed else float("nan"),
        "hit_f1": 2 * hits / (2 * hits + false + missed) if hits + missed else float("nan"),
    }


# One fit


def compute(fit: Fit, rows: Rows) -> FitResult:
    """Fit and score."""
    return _carried(fit.run, rows) if fit.run.protocol == "reference" else _fold(fit, rows)


def _fold(fit: Fit, rows: Rows) -> FitResult:
    run = fit.run
    parts = splits(rows, run.protocol, run.k, run.test_share)
    training, held = parts.development, parts.test
    if fit.fold is not None:
        fold = parts.folds[fit.fold]
        training, held = fold.training, fold.validation
    songs = rows.songs(run.features, training)
    model = factory(run.task, run.model)()
    seconds = fit_model(model, songs.rows(training), together=run.protocol == "artist")
    of_training = predict(model, songs.X.iloc[training], songs.thresholds)
    of_held = RowPredictions(held, predict(model, songs.X.iloc[held], songs.thresholds))
    return FitResult(
        seconds,
        songs.X.shape[1],
        [score(run.task, rows.y[training], of_training)],
        None if fit.fold is None else of_held,
        of_held if fit.fold is None else None,
        _net_summary(model, songs.X.iloc[held]),
    )


def _carried(run: Run, rows: Rows) -> FitResult:
    parts = splits(rows, run.protocol, run.k, run.test_share)
    # As the scaler and the autoencoder, so the commonest genres: of all rows.
    songs = rows.songs(run.features, np.arange(len(rows)))
    models: list[Any] = []

    def make() -> Any:
        models.append(factory(run.task, run.model)())
        return models[-1]

    training, validation, nets, test = [], [], [], None
    start = time.process_time()
    for result, fold in zip(folds_of(make, songs, parts), parts.folds, strict=True):
        # The protocol has rows in every part.
        assert result.training is not None
        assert result.validation is not None
        assert result.test is not None
        training.append(score(run.task, rows.y[fold.training], result.training))
        validation.append(RowPredictions(fold.validation, result.validation))
        nets += _net_summary(models[-1], songs.X.iloc[fold.validation])
        test = RowPredictions(parts.test, result.test)
    seconds = time.process_time() - start
    return FitResult(seconds, songs.X.shape[1], training, pooled(validation), test, nets)


def pooled(folds: list[RowPredictions]) -> RowPredictions:
    """Predictions of several folds as those of one model."""

    def joined(name: str) -> Any:
        arrays = [getattr(part.predictions, name) for part in folds]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    rows = np.concatenate([part.rows for part in folds])
    return RowPredictions(rows, Predictions(*map(joined, _ARRAYS)))


def _net_summary(model: Any, held: pd.DataFrame) -> list[NetSummary]:
    if not hasattr(model, "history_"):
        return []
    history = {
        str(net): {name: part[name].tolist() for name in ("loss", "val_loss") if name in part}
        for net, part in model.history_.groupby("net", sort=False)
    }
    net = model.nets_
    if not isinstance(net, TwoStageNet):
        return [NetSummary(history, None, None, None)]
    scaled = net.scaler.transform(held.to_numpy())[:, : held.shape[1]]
    again = net.scaler.transform(net.reconstruct(net.code(held.to_numpy())))[:, : held.shape[1]]
    error = float(np.mean((scaled - again) ** 2))
    return [NetSummary(history, error, net.n_code, int((net.code_range > 0).sum()))]


# The journal


def journal_of(folder: Path, rows: Rows) -> Journal[Fit, FitResult]:
    """Results of fits on some rows."""
    return Journal(folder, partial(key, rows=rows), _packed, _unpacked)


def key(fit: Fit, rows: Rows) -> str:
    """What tells a fit's result from every other."""
    run = fit.run
    parts = splits(rows, run.protocol, run.k, run.test_share)
    folds = parts.folds if fit.fold is None else parts.folds[fit.fold : fit.fold + 1]
    texts = (
        _FORMAT,
        json.dumps([*astuple(run), fit.fold]),
        fingerprint(rows, run.features),
        behaviour(run.task, run.model, run.protocol == "reference"),
    )
    indices = [index for fold in folds for index in (fold.training, fold.validation)]
    return digest(*texts, parts.development, parts.test, *indices)[:32]


def _packed(fit: Fit, result: FitResult) -> Arrays:
    arrays: Arrays = {}
    for part in ("validation", "test"):
        of_rows: RowPredictions | None = getattr(result, part)
        if of_rows is not None:
            arrays[f"{part}_rows"] = of_rows.rows
            for name in _ARRAYS:
                if (array := getattr(of_rows.predictions, name)) is not None:
                    arrays[f"{part}_{name}"] = array
    facts = {
        "unit": str(fit),
        "seconds": result.seconds,
        "n_features": result.n_features,
        "training": result.training,
        "nets": [asdict(net) for net in result.nets],
    }
    return {**arrays, "facts": np.array(json.dumps(facts))}


def _unpacked(arrays: Arrays) -> FitResult:
    facts = json.loads(str(arrays["facts"]))

    def of_rows(part: str) -> RowPredictions | None:
        if f"{part}_rows" not in arrays:
            return None
        predictions = Predictions(*(arrays.get(f"{part}_{name}") for name in _ARRAYS))
        return RowPredictions(arrays[f"{part}_rows"], predictions)

    return FitResult(
        facts["seconds"],
        facts["n_features"],
        facts["training"],
        of_rows("validation"),
        of_rows("test"),
        [NetSummary(**net) for net in facts["nets"]],
    )
