"""Scores of runs: from the journal to numbers, intervals and paired differences.

Conventions: MAE and MSE are for popularity in [0, 1]. Scores on training rows are means over the
fits of the folds. ``validation`` is every development row, predicted by the model of the fold that
held it out; ``test`` is by a model of all development rows, or the last one of ``reference``.
Intervals (95 %) and differences are bootstrapped by artists, and differences are paired: the first
less the second, on the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.common import script
from benchmarks.common.journal import Journal
from benchmarks.hitmusicnet.fits import (
    FitResult,
    NetSummary,
    RowPredictions,
    hit_score,
    pooled,
    score,
)
from benchmarks.hitmusicnet.models import HIT, NO_COMPRESSION, title
from benchmarks.hitmusicnet.published import CLASSIFICATION, DATA_SET, REGRESSION, SOURCE
from benchmarks.hitmusicnet.runs import CLASSIFIERS, REGRESSORS, TEST_SHARE, Fit, K, Request, Run
from benchmarks.hitmusicnet.songs import Rows, splits
from spdkit.evaluation.bootstrap import Difference, Score, evaluate_classification
from spdkit.evaluation.metrics import CLASS_NAMES
from spdkit.popularity.cross_validation import Songs, difference
from spdkit.popularity.labels import classify
from spdkit.popularity.models.presets import RECOMMENDED
from spdkit.popularity.predictions import scores

_UNIT = {"mae": 100.0, "mse": 100.0**2}
_EPOCHS = (1, 5, 10, 20, 50)
_BIN = 5  # of Figure 3, in points of popularity
_CONSTANT = 0.01  # predictions that differ by less, in points of popularity, are one number


class Results:
    """The results of what was asked for, as far as they are there.

    Parameters
    ----------
    request : Request
    rows : Rows
    journal : Journal
    """

    def __init__(self, request: Request, rows: Rows, journal: Journal[Fit, FitResult]) -> None:
        self.request, self.rows = request, rows
        self.by_run = {run: run_result(run, journal) for run in request.runs()}

    def record(self) -> dict[str, Any]:
        """Everything, for the JSON: plain numbers and texts, None for what is not known."""
        by_run = self.by_run.items()
        return _plain(
            {
                "data": _data(self.rows),
                "plan": asdict(self.request),
                "missing": [str(run) for run, result in by_run if result is None],
                "runs": [self._run(run, result) for run, result in by_run if result],
                "differences": list(self.differences()),
                "published": {
                    "data_set": DATA_SET,
                    "source": SOURCE,
                    "regression": {name: asdict(each) for name, each in REGRESSION.items()},
                    "classes": {name: asdict(each) for name, each in CLASSIFICATION.items()},
                },
            }
        )

    def _run(self, run: Run, result: FitResult) -> dict[str, Any]:
        y = self.rows.y
        training = {
            name: float(np.mean([fit[name] for fit in result.training]))
            for name in result.training[0]
        }
        parts: dict[str, Any] = {"training": training}
        for part in ("validation", "test"):
            of_rows: RowPredictions | None = getattr(result, part)
            if of_rows is None:
                continue
            parts[part] = score(run.task, y[of_rows.rows], of_rows.predictions)
            parts[f"n_{part}"] = len(of_rows.rows)
            if run.task == "classes":
                parts[f"{part}_hits"] = hit_score(y[of_rows.rows], of_rows.predictions)
            if self._needs_intervals(run):
                parts[f"{part}_intervals"] = _intervals(run.task, self.rows, of_rows)
        return {
            **asdict(run),
            "title": title(run.model),
            "n_features": result.n_features,
            "cpu_seconds": result.seconds,
            **parts,
            "nets": _nets(result.nets),
            "constant_folds": _constant_folds(run, self.rows, result.validation),
        }

    def _needs_intervals(self, run: Run) -> bool:
        nets = {*self.request.classified, self.request.first} if run.task != "hit" else set()
        plain = run.model not in self.request.presets and run.model != NO_COMPRESSION
        return run.protocol != "reference" and run.k == K and (plain or run.model in nets)

    def differences(self) -> Iterator[dict[str, Any]]:
        """Paired differences of everything that the tables compare."""
        for run in self.by_run:
            for what, other in self._comparisons(run):
                yield from self._paired(what, run, other)

    def _comparisons(self, run: Run) -> Iterator[tuple[str, Run]]:
        """Under which name a run is held against which others."""
        usual = run.k == K and run.test_share == TEST_SHARE
        if run.model in self.request.presets and usual:
            # what carried weights and knowing all rows are worth
            if run.protocol == "reference":
                yield "leaks", replace(run, protocol="paper")
            elif run.task == "regression":
                peers = REGRESSORS if run.model == self.request.first else ("mlr",)
                yield from (("Table 5", replace(run, model=peer)) for peer in peers)
            else:
                yield from (("Table 6", replace(run, model=peer)) for peer in CLASSIFIERS)
        if run.model == RECOMMENDED:
            alike = [peer for peer in self.by_run if peer == replace(run, model=peer.model)]
            yield from (("bars", peer) for peer in alike if peer != run)
        if run.model == "1-A" and run.k != K:
            yield "k = 10 against 5", replace(run, k=K)
        if run.model == NO_COMPRESSION:
            yield "δ = 1 against 1/5", replace(run, model="1-A")

    def _paired(self, what: str, run: Run, other: Run) -> Iterator[dict[str, Any]]:
        ours, theirs = self.by_run.get(run), self.by_run.get(other)
        if ours is None or theirs is None:
            return
        metric = "mae" if run.task == "regression" else "f1_macro"
        for part in ("validation", "test"):
            a: RowPredictions | None = getattr(ours, part)
            b: RowPredictions | None = getattr(theirs, part)
            if a is None or b is None:
                continue
            paired = _difference(self.rows, a, b)
            yield {
                "what": what,
                "metric": metric,
                "rows": part,
                "first": asdict(run),
                "second": asdict(other),
                **{
                    name: script.known(getattr(paired, name) / _UNIT.get(metric, 1))
                    for name in ("value", "low", "high")
                },
                "p": script.known(paired.p),
            }


def run_result(run: Run, journal: Journal[Fit, FitResult]) -> FitResult | None:
    """A run as one result: the folds', and the test's, or None while one is missing."""
    results = [result for fit in run.fits() if (result := journal.read(fit)) is not None]
    if len(results) < len(run.fits()):
        return None
    folds = [result for result in results if result.validation is not None]
    return FitResult(
        sum(fold.seconds for fold in folds),
        results[0].n_features,
        [scores for fold in folds for scores in fold.training],
        pooled([fold.validation for fold in folds if fold.validation is not None]),
        next((result.test for result in results if result.test is not None), None),
        [net for fold in folds for net in fold.nets],
    )


def _difference(rows: Rows, a: RowPredictions, b: RowPredictions) -> Difference:
    first, second = np.argsort(a.rows), np.argsort(b.rows)
    common = a.rows[first]
    if not np.array_equal(common, b.rows[second]):
        raise ValueError("predictions of different rows cannot be paired")
    songs = Songs(rows.X.iloc[common], rows.y[common], rows.groups[common])
    return difference(songs, a.predictions.rows(first), b.predictions.rows(second))


def _intervals(task: str, rows: Rows, of_rows: RowPredictions) -> dict[str, list[float | None]]:
    y, groups, predictions = rows.y[of_rows.rows], rows.groups[of_rows.rows], of_rows.predictions
    scored: dict[str, Score]
    if task == "hit":
        truth, classes = classify(y) == HIT, predictions.classes == HIT
        scored = evaluate_classification(truth, classes, groups=groups, n_classes=2)
        names = ["accuracy", "hit_recall"]
    else:
        scored = scores(y, predictions, groups)
        names = list(score(task, y, predictions))
    return {
        name: [
            script.known(end / _UNIT.get(name, 1)) for end in (scored[name].low, scored[name].high)
        ]
        for name in names
    }


def _nets(nets: list[NetSummary]) -> dict[str, Any] | None:
    """Of the nets of the folds: epochs, codes, and the learning curve of the first."""
    if not nets:
        return None
    lengths = {
        name: [len(net.history[name]["loss"]) for net in nets if name in net.history]
        for name in nets[0].history
    }
    epochs = {name: float(np.mean(of_folds)) for name, of_folds in lengths.items()}
    errors = [net.reconstruction for net in nets if net.reconstruction is not None]
    return {
        "epochs": epochs,
        "reconstruction": float(np.mean(errors)) if errors else None,
        "n_code": nets[0].n_code,
        "n_alive": [net.n_alive for net in nets],
        "curves": {name: _curve(losses) for name, losses in nets[0].history.items()},
    }


def _curve(losses: dict[str, list[float]]) -> dict[str, float]:
    """Loss on stopping rows (where there are none, on training rows) after some epochs."""
    curve = losses.get("val_loss", losses["loss"])
    some = {str(epoch): curve[epoch - 1] for epoch in _EPOCHS if epoch <= len(curve)}
    return {**some, "last": curve[-1], "best": min(curve), "epochs": len(curve)}


def _constant_folds(run: Run, rows: Rows, of_rows: RowPredictions | None) -> int | None:
    """In how many folds the model predicts one number for all held-out songs."""
    if of_rows is None or (values := of_rows.predictions.values) is None:
        return None
    folds = splits(rows, run.protocol, run.k, run.test_share).folds
    ends = np.cumsum([len(fold.validation) for fold in folds])[:-1]
    return sum(bool(np.ptp(part) < _CONSTANT) for part in np.split(values, ends))


def _data(rows: Rows) -> dict[str, Any]:
    counts = np.bincount(classify(rows.y), minlength=len(CLASS_NAMES))
    edges = np.arange(0, 100 + _BIN, _BIN)
    return {
        "title": rows.title,
        "rows": len(rows),
        "artists": len(set(rows.groups)),
        "sha256": rows.files,
        "classes": dict(zip(CLASS_NAMES, counts.tolist(), strict=True)),
        "popularity": {
            "mean": float(rows.y.mean()),
            "median": float(np.median(rows.y)),
            "bins": edges.tolist(),
            "counts": np.histogram(rows.y, edges)[0].tolist(),
        },
    }


def _plain(value: Any) -> Any:
    """Without NaN and without numpy's numbers, which JSON does not have."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
