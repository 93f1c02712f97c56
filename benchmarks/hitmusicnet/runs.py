"""Runs: a model through a protocol, its fits, and which runs each table is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.hitmusicnet.models import NO_COMPRESSION
from spdkit.popularity.models.presets import RECOMMENDED

TABLES = ("2", "3", "4", "5", "6", "bars", "asides")
PROTOCOLS = ("paper", "artist", "reference")
CLASSIFIED = ("1-A", "2-B", "3-C")  # the presets of Table 4
TEST_SHARE = 0.2
K = 5
REGRESSORS = ("median", "mlr", "mlr_lasso", "mlp", "lightgbm", "lightgbm_l1")
CLASSIFIERS = ("majority", "lda", "logistic", "mlp", "lightgbm")
_BAR_PEERS = {
    "regression": ("median", "mlr", "mlp", "lightgbm", "lightgbm_l1"),
    "classes": ("lightgbm",),
    "balanced": ("logistic", "lightgbm"),
}


@dataclass(frozen=True)
class Run:
    """A model through a protocol: fits on its folds, and one on all development rows, which tests.

    In the protocol ``reference`` weights go from fold to fold, so the whole run is one fit.

    Attributes
    ----------
    features : {"small", "wide"}
    protocol : {"paper", "artist", "reference"}
    k : int
    test_share : float
        0 for folds of all rows.
    task, model : str
        As in `hitmusicnet.models`.
    """

    features: str
    protocol: str
    k: int
    test_share: float
    task: str
    model: str

    def fits(self) -> list[Fit]:
        """Its fits."""
        if self.protocol == "reference":
            return [Fit(self, None)]
        folds: list[int | None] = [*range(self.k)]
        return [Fit(self, fold) for fold in ([*folds, None] if self.test_share else folds)]

    def __str__(self) -> str:
        test = "" if self.test_share else ", all rows"
        return f"{self.features}, {self.protocol}, k={self.k}{test}, {self.task}, {self.model}"


@dataclass(frozen=True)
class Fit:
    """A piece of a run; `fold` is None for all development rows, or for all folds at once."""

    run: Run
    fold: int | None

    def __str__(self) -> str:
        return str(self.run) if self.fold is None else f"{self.run}, fold {self.fold + 1}"


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes
    ----------
    tables, features, protocols, presets : sequence of str
        Of `TABLES`, `songs.FEATURES`, `PROTOCOLS`, and the paper's presets.
    """

    tables: Sequence[str]
    features: Sequence[str]
    protocols: Sequence[str]
    presets: Sequence[str]

    @property
    def first(self) -> str:
        """The preset that Table 5 sets against the baselines: the paper's 1-A."""
        return "1-A" if "1-A" in self.presets else self.presets[0]

    @property
    def classified(self) -> tuple[str, ...]:
        """The presets of Table 4."""
        return tuple(name for name in CLASSIFIED if name in self.presets)

    @property
    def separate(self) -> tuple[str, ...]:
        """Protocols that keep rows apart."""
        return tuple(name for name in self.protocols if name != "reference")

    def runs(self) -> list[Run]:
        """Every run, once, those of ``reference`` last."""
        runs = [run for table in self.tables for run in self._of_table(table)]
        return sorted(dict.fromkeys(runs), key=lambda run: run.protocol == "reference")

    def fits(self) -> list[Fit]:
        """Fits of every run."""
        return [fit for run in self.runs() for fit in run.fits()]

    def _of_table(self, table: str) -> list[Run]:
        if table in ("2", "3"):
            return self._runs(self.protocols, "regression", self.presets)
        if table == "4":
            return self._runs(self.protocols, "classes", self.classified)
        if table == "5":
            baselines = self._runs(self.separate, "regression", REGRESSORS)
            return baselines + self._runs(self.protocols, "regression", [self.first])
        if table == "6":
            runs = self._runs(self.protocols, "classes", self.classified)
            for task in ("hit", "classes"):
                runs += self._runs(self.separate, task, CLASSIFIERS)
            return runs
        return self._bars() if table == "bars" else self._ablations()

    def _runs(self, protocols: Iterable[str], task: str, models: Sequence[str]) -> list[Run]:
        """Runs of k = 5 folds in 80 % of the rows."""
        return [
            Run(features, protocol, K, TEST_SHARE, task, model)
            for features in self.features
            for protocol in protocols
            for model in models
        ]

    def _bars(self) -> list[Run]:
        """Five artist-disjoint folds of all rows; classes on the largest set of features alone."""
        if "artist" not in self.protocols:
            return []
        runs = []
        for features in self.features:
            for task, peers in _BAR_PEERS.items():
                if task != "regression" and features != self.features[-1]:
                    continue
                nets = [RECOMMENDED, self.first] if task == "regression" else [RECOMMENDED]
                runs += [Run(features, "artist", K, 0.0, task, each) for each in (*nets, *peers)]
        return runs

    def _ablations(self) -> list[Run]:
        """1-A through ten folds, and without compression, beside 1-A as it is."""
        if "1-A" not in self.presets:
            return []
        runs = self._runs(self.separate, "regression", ["1-A", NO_COMPRESSION])
        if "paper" in self.protocols:
            runs += [
                Run(features, "paper", 10, TEST_SHARE, "regression", "1-A")
                for features in self.features
            ]
        return runs
