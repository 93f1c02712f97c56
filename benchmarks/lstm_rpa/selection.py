"""What lstm_rpa_tables.py finds: fits put together, (p, s) chosen, differences, bars.

Conventions
-----------
A candidate is a unit of one cell that sees p days and is rolled by s. Its F is the mean over the
seeds, and the candidate of greatest F on the rows that choose is chosen; the earlier of two that
are equal. Where a fit is missing, what would need it is None, and nothing is chosen from a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.lstm_rpa.published import BARS, OWN_DIGEST
from benchmarks.lstm_rpa.series import Data, Numbers, Period
from benchmarks.lstm_rpa.units import LARGEST_K, SEEDED, Journal, Result, Unit, way
from spdkit.evaluation.bootstrap import paired_bootstrap
from spdkit.evaluation.metrics import Metric
from spdkit.forecast.scoring.metrics import FScore

RESAMPLES, SEED = 10_000, 0
SMA_K = 16
PUBLISHED = (2, 1)  # the (p, s) that the paper found best, on the test rows
# Column -> mode, and the period whose rows choose.
COLUMNS = {
    "test": ("reference", "full"),
    "reference": ("reference", "inner"),
    "aligned": ("aligned", "inner"),
}
_STARTS = {"reference": "penultimate", "aligned": "last"}
DIFFERENCES = (
    ("ours", "published"),
    ("ours", "reference"),
    ("ours", "sma"),
    ("ours", "arima"),
    ("test", "reference"),
    ("aligned", "reference"),
    ("published", "sma"),
    ("published", "lstm"),
    ("published", "bilstm"),
    ("published", "gru"),
    ("published", "rnn"),
)


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    cells, features, rivals : tuple of str
    p, seeds : tuple of int
    epochs, horizon, n_baseline : int
        The last: seeds of the baseline, which scatters three times as much; 0 for `seeds`.
    """

    cells: tuple[str, ...]
    features: tuple[str, ...]
    p: tuple[int, ...]
    seeds: tuple[int, ...]
    rivals: tuple[str, ...]
    epochs: int
    horizon: int
    n_baseline: int = 0

    def seeds_of(self, model: str, p: int = 0) -> tuple[int, ...]:
        """Seeds that a forecaster is fitted with."""
        if p == self.horizon and self.n_baseline:
            return tuple(range(self.n_baseline))
        return self.seeds if model in SEEDED else (0,)

    def net(self, cell: str, features: str, p: int, period: str, seed: int) -> Unit:
        """A recurrent unit; the baseline is that of p = horizon."""
        return Unit(cell, period, seed, features, p, self.epochs)

    def units(self) -> list[Unit]:
        """Everything that has to be fitted; what is quick comes first."""
        units = []
        for name in self.rivals:
            seeds = self.seeds_of(name)
            units += [Unit(name, period, seed) for seed in seeds for period in ("inner", "full")]
        for features in self.features:
            for cell in self.cells:
                units += [
                    self.net(cell, features, self.horizon, "full", seed)
                    for seed in self.seeds_of(cell, self.horizon)
                ]
                for seed in self.seeds:
                    units += [
                        self.net(cell, features, p, period, seed)
                        for p in self.p
                        for period in ("inner", "full")
                    ]
        return units


@dataclass(frozen=True)
class Scored:
    """F of one forecaster, seed by seed; `validation` is None where it was not fitted for it."""

    test: list[FScore]
    validation: list[FScore] | None

    def f(self, period: str) -> float:
        """Mean over the seeds, on the rows after a period."""
        scores = self.test if period == "full" else self.validation
        assert scores is not None
        return float(np.mean([one.value for one in scores]))

    @property
    def terms(self) -> Numbers:
        """What each artist adds to F of the test rows: the mean over the seeds."""
        terms: Numbers = np.mean([one.terms for one in self.test], axis=0)
        return terms

    def facts(self) -> dict[str, Any]:
        """For the JSON."""
        seeds = [_rounded(one.value) for one in self.test]
        return {
            "f": _rounded(self.f("full")),
            "f_low": min(seeds),
            "f_high": max(seeds),
            "f_seeds": seeds,
            "average_error": _rounded(np.mean([one.average_error for one in self.test])),
            "error_variance": _rounded(np.mean([one.error_variance for one in self.test])),
            "f_validation": None if self.validation is None else _rounded(self.f("inner")),
        }


class Outcomes:
    """Results of the journal, put together.

    Parameters
    ----------
    plan : Plan
    data : Data
    journal : Journal
    """

    def __init__(self, plan: Plan, data: Data, journal: Journal) -> None:
        self.plan, self.data = plan, data
        self.results: dict[Unit, Result | None] = {
            unit: journal.read(unit) for unit in plan.units()
        }
        self.scored = cache(self._scored)

    def _scored(self, model: str, way: str, features: str = "single", p: int = 0) -> Scored | None:
        """Scores of a forecaster in all its seeds; None where a fit is missing, or not asked."""
        epochs = self.plan.epochs if p else 0
        seeds = self.plan.seeds_of(model, p)
        by_period: dict[str, list[FScore]] = {}
        for period in ("full",) if p == self.plan.horizon else ("full", "inner"):
            units = [Unit(model, period, seed, features, p, epochs) for seed in seeds]
            results = [self.results.get(unit) for unit in units]
            by_period[period] = [
                self.data.score(period, result.forecasts[way].astype(np.float64))
                for result in results
                if result is not None
            ]
            if len(by_period[period]) < len(seeds):
                return None
        return Scored(by_period["full"], by_period.get("inner"))

    def net(self, cell: str, features: str, p: int, s: int, mode: str) -> Scored | None:
        """A recurrent unit that is rolled."""
        return self.scored(cell, way(s, mode, _STARTS[mode]), features, p)

    def baseline(self, cell: str, features: str, start: str) -> Scored | None:
        """A unit that gives the whole horizon at once."""
        h = self.plan.horizon
        return self.scored(cell, way(h, "reference", start), features, h)

    def choose(
        self, cell: str, features: str, column: str
    ) -> tuple[tuple[int, int], Scored] | None:
        """(p, s) of greatest F on the rows that choose, and its scores."""
        mode, period = COLUMNS[column]
        best = None
        for p, s in self._steps():
            scored = self.net(cell, features, p, s, mode)
            if scored is None:
                return None
            if best is None or scored.f(period) > best[1].f(period):
                best = (p, s), scored
        return best

    def sma(self) -> int | None:
        """How many days validation chooses for the moving average."""
        best = None
        for k in range(1, LARGEST_K + 1):
            scored = self.scored("sma", f"k={k}")
            if scored is None:
                return None
            if best is None or scored.f("inner") > best[1]:
                best = k, scored.f("inner")
        return None if best is None else best[0]

    def _steps(self) -> list[tuple[int, int]]:
        return [(p, s) for p in self.plan.p for s in range(1, p + 1)]

    def entrants(self) -> dict[str, Scored | None]:
        """What is asked for and held against each other; recurrent units see plays alone."""
        found: dict[str, Scored | None] = {}
        plan, single = self.plan, "single" in self.plan.features
        if single and "lstm" in plan.cells:
            if PUBLISHED[0] in plan.p:
                found["published"] = self.net("lstm", "single", *PUBLISHED, "reference")
            chosen = {name: self.choose("lstm", "single", name) for name in COLUMNS}
            found |= {name: one and one[1] for name, one in chosen.items()}
        for cell in plan.cells if single else ():
            found[cell] = self.baseline(cell, "single", "penultimate")
        if "sma" in plan.rivals:
            found["sma"] = self.scored("sma", f"k={SMA_K}")
            found["sma_k"] = self.scored("sma", f"k={self.sma()}")
        return found | {
            name: self.scored(name, name) for name in ("arima", "ours") if name in plan.rivals
        }

    # For the JSON

    def found(self) -> dict[str, Any]:
        """Everything that the page and the figures are made of."""
        entrants = self.entrants()
        perfect = {
            name: _rounded(self.data.score(name, period.y).value)
            for name, period in self.data.periods.items()
        }
        return {
            "data": self._data(perfect),
            "plan": asdict(self.plan),
            "missing": [str(unit) for unit, one in self.results.items() if one is None],
            "cpu_seconds": self._seconds(),
            "grid": list(self._grid()),
            "choices": list(self._choices()),
            "baselines": list(self._baselines()),
            "entrants": {
                name: None if scored is None else scored.facts()
                for name, scored in entrants.items()
            },
            "sma_k": self.sma(),
            "arima": self._arima(),
            "differences": list(_differences(entrants)),
            "bars": self._bars(entrants, perfect["full"]) if self._own else [],
            "series": self._series(),
        }

    @property
    def _own(self) -> bool:
        """Whether these are the paper's own artists and days."""
        return self.data.digest == OWN_DIGEST

    def _data(self, perfect: dict[str, float]) -> dict[str, Any]:
        inner, full = self.data.periods["inner"], self.data.periods["full"]
        return {
            "file": self.data.file,
            "dropped": list(self.data.dropped),
            "zero": self.data.zero,
            "digest": self.data.digest,
            "papers_own": self._own,
            "artists": len(full.panel),
            "train": [f"{day:%Y-%m-%d}" for day in (full.panel.ds.min(), full.panel.ds.max())],
            "validation": inner.rows,
            "test": full.rows,
            "months": _months(inner, full),
            "perfect": perfect,
        }

    def _seconds(self) -> dict[str, float]:
        seconds: dict[str, float] = {}
        for unit, result in self.results.items():
            if result is not None:
                seconds[unit.model] = seconds.get(unit.model, 0.0) + result.seconds
        return {name: round(value, 1) for name, value in seconds.items()}

    def _grid(self) -> Iterator[dict[str, Any]]:
        for features in self.plan.features:
            for cell in self.plan.cells:
                for mode in _STARTS:
                    for p, s in self._steps():
                        scored = self.net(cell, features, p, s, mode)
                        if scored is not None:
                            yield {
                                **{"cell": cell, "features": features, "mode": mode},
                                **{"p": p, "s": s, "f": _rounded(scored.f("full"))},
                                "f_validation": _rounded(scored.f("inner")),
                            }

    def _choices(self) -> Iterator[dict[str, Any]]:
        for features in self.plan.features:
            for cell in self.plan.cells:
                for column, (mode, period) in COLUMNS.items():
                    if (chosen := self.choose(cell, features, column)) is not None:
                        (p, s), scored = chosen
                        yield {
                            **{"cell": cell, "features": features, "column": column},
                            **{"mode": mode, "p": p, "s": s, **scored.facts()},
                            "rows": self.data.periods[period].rows,
                            "f_on_rows": _rounded(scored.f(period)),
                        }

    def _baselines(self) -> Iterator[dict[str, Any]]:
        for features in self.plan.features:
            for cell in self.plan.cells:
                for start in ("penultimate", "last"):
                    if (scored := self.baseline(cell, features, start)) is not None:
                        yield {
                            **{"cell": cell, "features": features, "start": start},
                            **scored.facts(),
                        }

    def _arima(self) -> dict[str, Any] | None:
        result = self.results.get(Unit("arima", "full"))
        return None if result is None else result.facts

    def _bars(self, entrants: dict[str, Scored | None], perfect: float) -> list[dict[str, Any]]:
        found = []
        for name, bar in BARS.items():
            if name != "perfect" and name not in entrants:
                continue
            scored = entrants.get(name)
            measured = perfect if name == "perfect" else scored and _rounded(scored.f("full"))
            met = None if measured is None else bool(bar.low <= measured < bar.high)
            found.append({"title": bar.title, "measured": measured, "bar": bar.text, "met": met})
        return found

    def _series(self) -> dict[str, Any]:
        """Plays of the four artists of most plays in training, and forecasts of the first seed."""
        full, seed = self.data.periods["full"], self.plan.seeds[0]
        panel, h = full.panel, self.plan.horizon
        totals = [panel.series(i).sum() for i in range(len(panel))]
        published = self.plan.net("lstm", "single", PUBLISHED[0], "full", seed)
        asked = {
            "published": (published, way(PUBLISHED[1], "reference", "penultimate")),
            "ours": (Unit("ours", "full", seed), "ours"),
        }
        said = {name: (self.results.get(unit), way) for name, (unit, way) in asked.items()}
        artists = []
        for i in np.argsort(totals, kind="stable")[::-1][:4]:
            days = panel.ds[panel.indptr[i] : panel.indptr[i + 1]]
            artists.append(
                {
                    "artist": str(panel.ids[i]),
                    "first_day": f"{days[0]:%Y-%m-%d}",
                    "plays": [*panel.series(i).tolist(), *full.y[i].tolist()],
                    **{
                        name: None
                        if result is None
                        else [round(float(x), 1) for x in result.forecasts[way][i]]
                        for name, (result, way) in said.items()
                    },
                }
            )
        return {"horizon": h, "seed": seed, "artists": artists}


def _months(inner: Period, full: Period) -> list[str]:
    """What the rows of validation and of test are called: their months where those differ."""
    months = [f"{one.days[-1]:%B}" for one in (inner, full)]
    return months if months[0] != months[1] else ["validation rows", "test rows"]


def _differences(entrants: dict[str, Scored | None]) -> Iterator[dict[str, Any]]:
    """F of one less F of another, with the paired bootstrap over artists."""
    for first, second in DIFFERENCES:
        if not {first, second} <= entrants.keys():
            continue
        pair = [entrants[name] for name in (first, second)]
        told = None
        if (a := pair[0]) is not None and (b := pair[1]) is not None:
            told = asdict(difference(a.terms, b.terms))
            told = {name: told[name] for name in ("value", "low", "high", "p")}
        yield {"first": first, "second": second, **(told or {"value": None})}


def difference(first: Numbers, second: Numbers) -> Any:
    """F of one less F of another, of what each artist adds to them; artists are drawn."""
    summed = Metric("f", "F", "values", "higher", lambda _, added, __: added[:, None], _sum)
    nothing = np.zeros(len(first))
    return paired_bootstrap(nothing, first, second, summed, n_resamples=RESAMPLES, seed=SEED)


def _sum(sums: Numbers, n: Numbers) -> Numbers:
    del n  # every resample has as many artists as there are
    return sums[..., 0]


def _rounded(number: Any) -> float:
    return round(float(number), 4)


def looks(lines: Sequence[str]) -> int:
    """Entries of a log that is a Markdown table: its rows after the header."""
    rows = [line for line in lines if line.startswith("| ") and set(line) - set("|-: \n")]
    return max(0, len(rows) - 1)
