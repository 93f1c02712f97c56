"""Which runs each table of hitmusicnet_tables.py is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.hitmusicnet.models import NO_COMPRESSION
from benchmarks.hitmusicnet.units import Run, Unit
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
class Plan:
    """What was asked for.

    Attributes
    ----------
    tables, features, protocols, presets : sequence of str
        Of `TABLES`, `tables_rows.FEATURES`, `PROTOCOLS`, and the paper's presets.
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
        found = [run for table in self.tables for run in self._runs(table)]
        return sorted(dict.fromkeys(found), key=lambda run: run.protocol == "reference")

    def units(self) -> list[Unit]:
        """Units of every run."""
        return [unit for run in self.runs() for unit in run.units()]

    def _runs(self, table: str) -> list[Run]:
        if table in ("2", "3"):
            return self.of(self.protocols, "regression", self.presets)
        if table == "4":
            return self.of(self.protocols, "classes", self.classified)
        if table == "5":
            nets = self.of(self.protocols, "regression", [self.first])
            return self.of(self.separate, "regression", REGRESSORS) + nets
        if table == "6":
            found = self.of(self.protocols, "classes", self.classified)
            for task in ("hit", "classes"):
                found += self.of(self.separate, task, CLASSIFIERS)
            return found
        return self.bars() if table == "bars" else self.ablations()

    def of(self, protocols: Iterable[str], task: str, models: Iterable[str]) -> list[Run]:
        """Runs of k = 5 folds in 80 % of the rows."""
        models = list(models)
        return [
            Run(features, protocol, K, TEST_SHARE, task, model)
            for features in self.features
            for protocol in protocols
            for model in models
        ]

    def bars(self) -> list[Run]:
        """Five artist-disjoint folds of all rows; classes on the largest set of features alone."""
        if "artist" not in self.protocols:
            return []
        found = []
        for features in self.features:
            for task, peers in _BAR_PEERS.items():
                if task != "regression" and features != self.features[-1]:
                    continue
                nets = [RECOMMENDED, self.first] if task == "regression" else [RECOMMENDED]
                found += [Run(features, "artist", K, 0.0, task, each) for each in (*nets, *peers)]
        return found

    def ablations(self) -> list[Run]:
        """1-A through ten folds, and without compression, beside 1-A as it is."""
        if "1-A" not in self.presets:
            return []
        found = self.of(self.separate, "regression", ["1-A", NO_COMPRESSION])
        if "paper" in self.protocols:
            found += [
                Run(features, "paper", 10, TEST_SHARE, "regression", "1-A")
                for features in self.features
            ]
        return found
