"""Units of work of hitmusicnet_tables.py: one model on one fold.

Conventions
-----------
A `Run` is a model through a protocol, and its units are its folds and one fit on all development
rows, which tests. In the protocol ``reference`` weights go from fold to fold, so the whole run is
one unit. Everything is learned on training rows, the commonest genres too; in ``reference`` on all
rows, as the published code learns its scaler and autoencoder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.hitmusicnet.models import HIT, maker
from benchmarks.hitmusicnet.songs import Index, Rows, splits
from spdkit.evaluation import metrics
from spdkit.popularity.cross_validation import fit_model, folds_of
from spdkit.popularity.labels import classify
from spdkit.popularity.models.two_stage import TwoStageNet
from spdkit.popularity.predictions import Predictions, predict

ARRAYS = ("values", "interval", "classes", "probabilities")


@dataclass(frozen=True)
class Run:
    """A model through a protocol.

    Attributes
    ----------
    features : {"small", "wide"}
    protocol : {"paper", "artist", "reference"}
    k : int
    test_share : float
        0 for folds of all rows.
    task, model : str
        As in `tables_models`.
    """

    features: str
    protocol: str
    k: int
    test_share: float
    task: str
    model: str

    def units(self) -> list[Unit]:
        """Its units of work."""
        if self.protocol == "reference":
            return [Unit(self, None)]
        folds: list[int | None] = [*range(self.k)]
        return [Unit(self, fold) for fold in ([*folds, None] if self.test_share else folds)]

    def __str__(self) -> str:
        test = "" if self.test_share else ", all rows"
        return f"{self.features}, {self.protocol}, k={self.k}{test}, {self.task}, {self.model}"


@dataclass(frozen=True)
class Unit:
    """A piece of a run; `fold` is None for all development rows, or for all folds at once."""

    run: Run
    fold: int | None

    def __str__(self) -> str:
        return str(self.run) if self.fold is None else f"{self.run}, fold {self.fold + 1}"


@dataclass(frozen=True)
class Said:
    """Predictions, and the rows that they are of."""

    rows: Index
    predictions: Predictions


@dataclass(frozen=True)
class NetFacts:
    """What is known of a net of the paper's after training.

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
class Result:
    """Of a unit.

    Attributes
    ----------
    seconds : float
        CPU time of `fit`; in ``reference`` of all fits, and of predicting.
    n_features : int
    training : list of dict
        Scores on training rows, one a fit.
    validation, test : Said or None
    nets : list of NetFacts
        One a fit; empty for a baseline.
    """

    seconds: float
    n_features: int
    training: list[dict[str, float]]
    validation: Said | None
    test: Said | None
    nets: list[NetFacts]


def score(task: str, y: NDArray[np.float64], said: Predictions) -> dict[str, float]:
    """Scores of predictions; MAE and MSE for popularity in [0, 1], the paper's unit."""
    if task == "regression":
        found = {
            "mae": metrics.mae(y, said.values) / 100,
            "mse": metrics.mse(y, said.values) / 100**2,
            "r2": metrics.r2(y, said.values),
        }
        if said.interval is not None:
            found["coverage"] = metrics.coverage(y, said.interval)
        return found
    if task == "hit":
        return hit_score(y, said)
    classes = classify(y)
    found = {metric.name: metric(classes, said.classes) for metric in metrics.CLASSIFICATION}
    return found | {each.name: each(classes, said.probabilities) for each in metrics.PROBABILITIES}


def hit_score(y: NDArray[np.float64], said: Predictions) -> dict[str, float]:
    """Scores of class high against the others."""
    table = metrics.confusion_matrix(classify(y) == HIT, said.classes == HIT, n_classes=2)
    (right, false), (missed, found) = table.tolist()
    return {
        "accuracy": (right + found) / len(y),
        "hit_precision": found / (found + false) if found + false else 0.0,
        "hit_recall": found / (found + missed) if found + missed else float("nan"),
        "hit_f1": 2 * found / (2 * found + false + missed) if found + missed else float("nan"),
    }


# One unit


def compute(unit: Unit, rows: Rows) -> Result:
    """Fit and score."""
    return _carried(unit.run, rows) if unit.run.protocol == "reference" else _fold(unit, rows)


def _fold(unit: Unit, rows: Rows) -> Result:
    run = unit.run
    parts = splits(rows, run.protocol, run.k, run.test_share)
    training, held = parts.development, parts.test
    if unit.fold is not None:
        fold = parts.folds[unit.fold]
        training, held = fold.training, fold.validation
    songs = rows.songs(run.features, training)
    model = maker(run.task, run.model)()
    seconds = fit_model(model, songs.rows(training), together=run.protocol == "artist")
    of_training = predict(model, songs.X.iloc[training], songs.thresholds)
    said = Said(held, predict(model, songs.X.iloc[held], songs.thresholds))
    return Result(
        seconds,
        songs.X.shape[1],
        [score(run.task, rows.y[training], of_training)],
        None if unit.fold is None else said,
        said if unit.fold is None else None,
        _facts(model, songs.X.iloc[held]),
    )


def _carried(run: Run, rows: Rows) -> Result:
    parts = splits(rows, run.protocol, run.k, run.test_share)
    # As the scaler and the autoencoder, so the commonest genres: of all rows.
    songs = rows.songs(run.features, np.arange(len(rows)))
    made: list[Any] = []

    def make() -> Any:
        made.append(maker(run.task, run.model)())
        return made[-1]

    training, validation, nets, test = [], [], [], None
    start = time.process_time()
    for result, fold in zip(folds_of(make, songs, parts), parts.folds, strict=True):
        training.append(score(run.task, rows.y[fold.training], _known(result.training)))
        validation.append(Said(fold.validation, _known(result.validation)))
        nets += _facts(made[-1], songs.X.iloc[fold.validation])
        test = Said(parts.test, _known(result.test))
    seconds = time.process_time() - start
    return Result(seconds, songs.X.shape[1], training, pooled(validation), test, nets)


def _known(said: Predictions | None) -> Predictions:
    assert said is not None  # the protocol has rows in every part
    return said


def pooled(folds: list[Said]) -> Said | None:
    """Predictions of several folds as those of one model; None when there are none."""
    if not folds:
        return None

    def joined(name: str) -> Any:
        arrays = [getattr(part.predictions, name) for part in folds]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    rows = np.concatenate([part.rows for part in folds])
    return Said(rows, Predictions(*map(joined, ARRAYS)))


def _facts(model: Any, held: pd.DataFrame) -> list[NetFacts]:
    if not hasattr(model, "history_"):
        return []
    history = {
        str(net): {name: part[name].tolist() for name in ("loss", "val_loss") if name in part}
        for net, part in model.history_.groupby("net", sort=False)
    }
    net = model.nets_
    if not isinstance(net, TwoStageNet):
        return [NetFacts(history, None, None, None)]
    scaled = net.scaler.transform(held.to_numpy())[:, : held.shape[1]]
    again = net.scaler.transform(net.reconstruct(net.code(held.to_numpy())))[:, : held.shape[1]]
    error = float(np.mean((scaled - again) ** 2))
    return [NetFacts(history, error, net.n_code, int((net.code_range > 0).sum()))]
