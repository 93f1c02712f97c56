"""From the journal of hitmusicnet_tables.py to numbers: scores, intervals, paired differences.

Conventions: MAE and MSE are for popularity in [0, 1]. Scores on training rows are means over the
fits of the folds. ``validation`` is every development row, predicted by the model of the fold that
held it out; ``test`` is by a model of all development rows, or the last one of ``reference``.
Intervals (95 %) and differences are bootstrapped by artists, and differences are paired: the first
less the second, on the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.hitmusicnet.journal import Journal
from benchmarks.hitmusicnet.models import HIT, NO_COMPRESSION, title
from benchmarks.hitmusicnet.published import CLASSIFICATION, DATA_SET, REGRESSION, SOURCE
from benchmarks.hitmusicnet.runs import CLASSIFIERS, REGRESSORS, TEST_SHARE, K, Plan
from benchmarks.hitmusicnet.songs import Rows, splits
from benchmarks.hitmusicnet.units import NetFacts, Run, Said, hit_score, pooled, score
from spdkit.evaluation.bootstrap import Score, evaluate_classification
from spdkit.evaluation.metrics import CLASS_NAMES
from spdkit.popularity.cross_validation import Songs, difference
from spdkit.popularity.labels import classify
from spdkit.popularity.models.presets import RECOMMENDED
from spdkit.popularity.predictions import scores

_UNIT = {"mae": 100.0, "mse": 100.0**2}
_EPOCHS = (1, 5, 10, 20, 50)
_BIN = 5  # of Figure 3, in points of popularity
_CONSTANT = 0.01  # predictions that differ by less, in points of popularity, are one number


@dataclass(frozen=True)
class Outcome:
    """All of a run.

    Attributes
    ----------
    seconds : float
        CPU time of the fits of the folds.
    n_features : int
    training : dict of str to float
        Means over the folds.
    validation, test : Said or None
    nets : list of NetFacts
        One a fold.
    """

    seconds: float
    n_features: int
    training: dict[str, float]
    validation: Said
    test: Said | None
    nets: list[NetFacts]


class Outcomes:
    """The results of a plan, as far as they are there.

    Parameters
    ----------
    plan : Plan
    rows : Rows
    journal : Journal
    """

    def __init__(self, plan: Plan, rows: Rows, journal: Journal) -> None:
        self.plan, self.rows = plan, rows
        self.of = {run: collect(run, rows, journal) for run in plan.runs()}

    def found(self) -> dict[str, Any]:
        """Everything, for the JSON: plain numbers and texts, None for what is not known."""
        return _plain(
            {
                "data": _about(self.rows),
                "plan": asdict(self.plan),
                "missing": [str(run) for run, outcome in self.of.items() if outcome is None],
                "runs": [self._run(run, outcome) for run, outcome in self.of.items() if outcome],
                "differences": list(self.differences()),
                "published": {
                    "data_set": DATA_SET,
                    "source": SOURCE,
                    "regression": {name: asdict(each) for name, each in REGRESSION.items()},
                    "classes": {name: asdict(each) for name, each in CLASSIFICATION.items()},
                },
            }
        )

    def _run(self, run: Run, outcome: Outcome) -> dict[str, Any]:
        y = self.rows.y
        parts: dict[str, Any] = {"training": outcome.training}
        for part in ("validation", "test"):
            said: Said | None = getattr(outcome, part)
            if said is None:
                continue
            parts[part] = score(run.task, y[said.rows], said.predictions)
            parts[f"n_{part}"] = len(said.rows)
            if run.task == "classes":
                parts[f"{part}_hits"] = hit_score(y[said.rows], said.predictions)
            if self._needs_intervals(run):
                parts[f"{part}_intervals"] = _intervals(run.task, self.rows, said)
        return {
            **asdict(run),
            "title": title(run.model),
            "n_features": outcome.n_features,
            "cpu_seconds": outcome.seconds,
            **parts,
            "nets": _nets(outcome.nets),
            "constant_folds": _constant_folds(run, self.rows, outcome.validation),
        }

    def _needs_intervals(self, run: Run) -> bool:
        nets = {*self.plan.classified, self.plan.first} if run.task != "hit" else set()
        plain = run.model not in self.plan.presets and run.model != NO_COMPRESSION
        return run.protocol != "reference" and run.k == K and (plain or run.model in nets)

    def differences(self) -> Iterator[dict[str, Any]]:
        """Paired differences of everything that the tables compare."""
        plan = self.plan
        for run in self.of:
            usual = run.k == K and run.test_share == TEST_SHARE
            if run.model in plan.presets and usual:
                # what carried weights and knowing all rows are worth
                if run.protocol == "reference":
                    yield from self._less("leaks", run, _with(run, protocol="paper"))
                elif run.task == "regression":
                    peers = REGRESSORS if run.model == plan.first else ("mlr",)
                    yield from self._against("Table 5", run, peers)
                else:
                    yield from self._against("Table 6", run, CLASSIFIERS)
            if run.model == RECOMMENDED:
                peers = [other.model for other in self.of if other == _with(run, model=other.model)]
                yield from self._against("bars", run, peers)
            if run.model == "1-A" and run.k != K:
                yield from self._less("k = 10 against 5", run, _with(run, k=K))
            if run.model == NO_COMPRESSION:
                yield from self._less("δ = 1 against 1/5", run, _with(run, model="1-A"))

    def _against(self, what: str, run: Run, models: Iterable[str]) -> Iterator[dict[str, Any]]:
        for model in models:
            if model != run.model:
                yield from self._less(what, run, _with(run, model=model))

    def _less(self, what: str, run: Run, other: Run) -> Iterator[dict[str, Any]]:
        ours, theirs = self.of.get(run), self.of.get(other)
        if ours is None or theirs is None:
            return
        for part in ("validation", "test"):
            a: Said | None = getattr(ours, part)
            b: Said | None = getattr(theirs, part)
            if a is None or b is None:
                continue
            metric = "mae" if run.task == "regression" else "f1_macro"
            found = _difference(self.rows, a, b)
            yield {
                "what": what,
                "metric": metric,
                "rows": part,
                "first": asdict(run),
                "second": asdict(other),
                **{name: getattr(found, name) / _UNIT.get(metric, 1) for name in _ENDS},
                "p": found.p,
            }


_ENDS = ("value", "low", "high")


def collect(run: Run, rows: Rows, journal: Journal) -> Outcome | None:
    """A run from the results of its units, or None while one is missing."""
    found = [(unit, journal.read(unit, rows)) for unit in run.units()]
    results = [result for _, result in found if result is not None]
    if len(results) < len(found):
        return None
    folds = [result for result in results if result.validation is not None]
    training = [each for fold in folds for each in fold.training]
    validation = pooled([fold.validation for fold in folds if fold.validation is not None])
    assert validation is not None  # every protocol has folds
    return Outcome(
        sum(fold.seconds for fold in folds),
        results[0].n_features,
        {name: float(np.mean([each[name] for each in training])) for name in training[0]},
        validation,
        next((result.test for result in results if result.test is not None), None),
        [net for fold in folds for net in fold.nets],
    )


def _with(run: Run, **changes: Any) -> Run:
    return Run(**{**asdict(run), **changes})


def _difference(rows: Rows, a: Said, b: Said) -> Any:
    first, second = np.argsort(a.rows), np.argsort(b.rows)
    chosen = a.rows[first]
    if not np.array_equal(chosen, b.rows[second]):
        raise ValueError("predictions of different rows cannot be paired")
    here = Songs(rows.X.iloc[chosen], rows.y[chosen], rows.groups[chosen])
    return difference(here, a.predictions.rows(first), b.predictions.rows(second))


def _intervals(task: str, rows: Rows, said: Said) -> dict[str, list[float]]:
    y, groups = rows.y[said.rows], rows.groups[said.rows]
    if task == "hit":
        truth, found = classify(y) == HIT, said.predictions.classes == HIT
        scored: dict[str, Score] = evaluate_classification(truth, found, groups=groups, n_classes=2)
        scored = {name: scored[name] for name in ("accuracy", "hit_recall")}
    else:
        scored = scores(y, said.predictions, groups)
        scored = {name: scored[name] for name in score(task, y, said.predictions)}
    return {
        name: [each.low / _UNIT.get(name, 1), each.high / _UNIT.get(name, 1)]
        for name, each in scored.items()
    }


def _nets(nets: list[NetFacts]) -> dict[str, Any] | None:
    """Of the nets of the folds: epochs, codes, and the learning curve of the first."""
    if not nets:
        return None
    lengths = {
        name: [len(net.history[name]["loss"]) for net in nets if name in net.history]
        for name in nets[0].history
    }
    epochs = {name: float(np.mean(of_folds)) for name, of_folds in lengths.items()}
    known = [net.reconstruction for net in nets if net.reconstruction is not None]
    return {
        "epochs": epochs,
        "reconstruction": float(np.mean(known)) if known else None,
        "n_code": nets[0].n_code,
        "n_alive": [net.n_alive for net in nets],
        "curves": {name: _curve(losses) for name, losses in nets[0].history.items()},
    }


def _curve(losses: dict[str, list[float]]) -> dict[str, float]:
    """Loss on stopping rows (where there are none, on training rows) after some epochs."""
    watched = losses.get("val_loss", losses["loss"])
    picked = {str(epoch): watched[epoch - 1] for epoch in _EPOCHS if epoch <= len(watched)}
    return {**picked, "last": watched[-1], "best": min(watched), "epochs": len(watched)}


def _constant_folds(run: Run, rows: Rows, said: Said) -> int | None:
    """In how many folds the model says one and the same of every held-out song."""
    values = said.predictions.values
    if values is None:
        return None
    folds = splits(rows, run.protocol, run.k, run.test_share).folds
    ends = np.cumsum([len(fold.validation) for fold in folds])[:-1]
    return sum(bool(np.ptp(part) < _CONSTANT) for part in np.split(values, ends))


def _about(rows: Rows) -> dict[str, Any]:
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
