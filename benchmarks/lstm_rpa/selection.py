"""Selection: fits put together, (p, s) chosen, differences between forecasters, bars.

Conventions
-----------
A candidate is a unit of one cell that sees p days and is rolled by s. Its F is the mean over the
seeds, and the candidate of greatest F on the rows that choose is chosen; the earlier of two that
are equal. Where a fit is missing, what would need it is None, and nothing is chosen from a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np

from benchmarks.common import script
from benchmarks.common.journal import Journal
from benchmarks.common.measuring import meets
from benchmarks.lstm_rpa.fits import LARGEST_K, SEEDED, Fit, FitResult, rolling_name
from benchmarks.lstm_rpa.published import BARS, OWN_DIGEST
from benchmarks.lstm_rpa.series import PERIODS, Numbers, Period, PlaySeries
from spdkit.evaluation.bootstrap import Difference, paired_bootstrap
from spdkit.evaluation.metrics import Metric
from spdkit.forecast.scoring.metrics import FScore

Name = TypeVar("Name")
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
    *(("ours", other) for other in ("published", "reference", "sma", "arima")),
    *((other, "reference") for other in ("test", "aligned")),
    *(("published", other) for other in ("sma", "lstm", "bilstm", "gru", "rnn")),
)


@dataclass(frozen=True)
class Request:
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

    def recurrent(self, cell: str, features: str, p: int, period: str, seed: int) -> Fit:
        """A recurrent unit; the baseline is that of p = horizon."""
        return Fit(cell, period, seed, features, p, self.epochs)

    def fits(self) -> list[Fit]:
        """Everything that has to be fitted; what is quick comes first."""
        fits = []
        for name in self.rivals:
            seeds = self.seeds_of(name)
            fits += [Fit(name, period, seed) for seed in seeds for period in PERIODS]
        for features in self.features:
            for cell in self.cells:
                fits += [
                    self.recurrent(cell, features, self.horizon, "full", seed)
                    for seed in self.seeds_of(cell, self.horizon)
                ]
                fits += [
                    self.recurrent(cell, features, p, period, seed)
                    for seed in self.seeds
                    for p in self.p
                    for period in PERIODS
                ]
        return fits


@dataclass(frozen=True)
class SeedScores:
    """F of a forecaster, seed by seed; `validation` is None where it was not fitted for it."""

    test: list[FScore]
    validation: list[FScore] | None

    def f(self, period: str) -> float:
        """Mean over the seeds, on the rows after a period."""
        scores = self.test if period == "full" else self.validation
        assert scores is not None
        return float(np.mean([score.value for score in scores]))

    @property
    def terms(self) -> Numbers:
        """What each artist adds to F of the test rows: the mean over the seeds."""
        terms: Numbers = np.mean([score.terms for score in self.test], axis=0)
        return terms

    def facts(self) -> dict[str, Any]:
        """For the JSON."""
        seeds = [_rounded(score.value) for score in self.test]
        return {
            "f": _rounded(self.f("full")),
            "f_low": min(seeds),
            "f_high": max(seeds),
            "f_seeds": seeds,
            "average_error": _rounded(np.mean([score.average_error for score in self.test])),
            "error_variance": _rounded(np.mean([score.error_variance for score in self.test])),
            "f_validation": None if self.validation is None else _rounded(self.f("inner")),
        }


class Results:
    """Results of the journal, put together.

    Parameters
    ----------
    request : Request
    series : PlaySeries
    journal : Journal
    """

    def __init__(
        self, request: Request, series: PlaySeries, journal: Journal[Fit, FitResult]
    ) -> None:
        self.request, self.series = request, series
        self.by_fit = {fit: journal.read(fit) for fit in request.fits()}
        self.scored = cache(self._scored)

    def _scored(
        self, model: str, name: str, features: str = "single", p: int = 0
    ) -> SeedScores | None:
        """Scores of a forecaster in all its seeds; None where a fit is missing, or not asked."""
        epochs = self.request.epochs if p else 0
        seeds = self.request.seeds_of(model, p)
        by_period: dict[str, list[FScore]] = {}
        for period in ("full",) if p == self.request.horizon else ("full", "inner"):
            fits = [Fit(model, period, seed, features, p, epochs) for seed in seeds]
            by_period[period] = [
                self.series.score(period, result.forecasts[name].astype(np.float64))
                for fit in fits
                if (result := self.by_fit.get(fit)) is not None
            ]
            if len(by_period[period]) < len(seeds):
                return None
        return SeedScores(by_period["full"], by_period.get("inner"))

    def rolled(self, cell: str, features: str, p: int, s: int, mode: str) -> SeedScores | None:
        """A recurrent unit that is rolled."""
        return self.scored(cell, rolling_name(s, mode, _STARTS[mode]), features, p)

    def baseline(self, cell: str, features: str, start: str) -> SeedScores | None:
        """A unit that gives the whole horizon at once."""
        h = self.request.horizon
        return self.scored(cell, rolling_name(h, "reference", start), features, h)

    def choose(
        self, cell: str, features: str, column: str
    ) -> tuple[tuple[int, int], SeedScores] | None:
        """(p, s) of greatest F on the rows that choose, and its scores."""
        mode, period = COLUMNS[column]
        steps = self._steps()
        return _best(((each, self.rolled(cell, features, *each, mode)) for each in steps), period)

    def sma(self) -> int | None:
        """How many days validation chooses for the moving average."""
        lengths = range(1, LARGEST_K + 1)
        best = _best(((k, self.scored("sma", f"k={k}")) for k in lengths), "inner")
        return best and best[0]

    def _steps(self) -> list[tuple[int, int]]:
        return [(p, s) for p in self.request.p for s in range(1, p + 1)]

    def entrants(self) -> dict[str, SeedScores | None]:
        """What is asked for and held against each other; recurrent units see plays alone."""
        request, single = self.request, "single" in self.request.features
        entrants: dict[str, SeedScores | None] = {}
        if single and "lstm" in request.cells:
            if PUBLISHED[0] in request.p:
                entrants["published"] = self.rolled("lstm", "single", *PUBLISHED, "reference")
            for column in COLUMNS:
                choice = self.choose("lstm", "single", column)
                entrants[column] = choice and choice[1]
        for cell in request.cells if single else ():
            entrants[cell] = self.baseline(cell, "single", "penultimate")
        if "sma" in request.rivals:
            entrants["sma"] = self.scored("sma", f"k={SMA_K}")
            entrants["sma_k"] = self.scored("sma", f"k={self.sma()}")
        return entrants | {
            name: self.scored(name, name) for name in ("arima", "ours") if name in request.rivals
        }

    # For the JSON

    def record(self) -> dict[str, Any]:
        """Everything that the page and the figures are made of."""
        entrants = self.entrants()
        perfect = {
            name: _rounded(self.series.score(name, period.y).value)
            for name, period in self.series.periods.items()
        }
        arima = self.by_fit.get(Fit("arima", "full"))
        return {
            "data": self._data(perfect),
            "plan": asdict(self.request),
            "missing": [str(fit) for fit, result in self.by_fit.items() if result is None],
            "cpu_seconds": self._seconds(),
            "grid": list(self._grid()),
            "choices": list(self._choices()),
            "baselines": list(self._baselines()),
            "entrants": {
                name: None if scored is None else scored.facts()
                for name, scored in entrants.items()
            },
            "sma_k": self.sma(),
            "arima": None if arima is None else arima.facts,
            "differences": list(_differences(entrants)),
            "bars": _bars(entrants, perfect["full"]) if self._own else [],
            "series": self._plays(),
        }

    @property
    def _own(self) -> bool:
        """Whether these are the paper's own artists and days."""
        return self.series.digest == OWN_DIGEST

    def _data(self, perfect: dict[str, float]) -> dict[str, Any]:
        inner, full = self.series.periods["inner"], self.series.periods["full"]
        return {
            "file": self.series.file,
            "dropped": list(self.series.dropped),
            "zero": self.series.zero,
            "digest": self.series.digest,
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
        for fit, result in self.by_fit.items():
            if result is not None:
                seconds[fit.model] = seconds.get(fit.model, 0.0) + result.seconds
        return {name: round(value, 1) for name, value in seconds.items()}

    def _nets(self) -> Iterator[tuple[str, str]]:
        for features in self.request.features:
            for cell in self.request.cells:
                yield cell, features

    def _grid(self) -> Iterator[dict[str, Any]]:
        for cell, features in self._nets():
            for mode in _STARTS:
                for p, s in self._steps():
                    scored = self.rolled(cell, features, p, s, mode)
                    if scored is not None:
                        yield {
                            **{"cell": cell, "features": features, "mode": mode},
                            **{"p": p, "s": s, "f": _rounded(scored.f("full"))},
                            "f_validation": _rounded(scored.f("inner")),
                        }

    def _choices(self) -> Iterator[dict[str, Any]]:
        for cell, features in self._nets():
            for column, (mode, period) in COLUMNS.items():
                if (choice := self.choose(cell, features, column)) is not None:
                    (p, s), scored = choice
                    yield {
                        **{"cell": cell, "features": features, "column": column},
                        **{"mode": mode, "p": p, "s": s, **scored.facts()},
                        "rows": self.series.periods[period].rows,
                        "f_on_rows": _rounded(scored.f(period)),
                    }

    def _baselines(self) -> Iterator[dict[str, Any]]:
        for cell, features in self._nets():
            for start in ("penultimate", "last"):
                if (scored := self.baseline(cell, features, start)) is not None:
                    net = {"cell": cell, "features": features, "start": start}
                    yield {**net, **scored.facts()}

    def _plays(self) -> dict[str, Any]:
        """Plays of the four artists of most plays in training, and forecasts of the first seed."""
        full, seed = self.series.periods["full"], self.request.seeds[0]
        panel = full.panel
        totals = [panel.series(i).sum() for i in range(len(panel))]
        p, s = PUBLISHED
        published = self.request.recurrent("lstm", "single", p, "full", seed)
        drawn = {
            "published": (published, rolling_name(s, "reference", "penultimate")),
            "ours": (Fit("ours", "full", seed), "ours"),
        }

        def forecast(name: str, i: int) -> list[float] | None:
            fit, rolling = drawn[name]
            if (result := self.by_fit.get(fit)) is None:
                return None
            return [round(float(plays), 1) for plays in result.forecasts[rolling][i]]

        artists = [
            {
                "artist": str(panel.ids[i]),
                "first_day": f"{panel.ds[panel.indptr[i]]:%Y-%m-%d}",
                "plays": [*panel.series(i).tolist(), *full.y[i].tolist()],
                **{name: forecast(name, i) for name in drawn},
            }
            for i in np.argsort(totals, kind="stable")[::-1][:4]
        ]
        return {"horizon": self.request.horizon, "seed": seed, "artists": artists}


def _best(
    candidates: Iterable[tuple[Name, SeedScores | None]], period: str
) -> tuple[Name, SeedScores] | None:
    """The first of greatest F on the rows after a period; None where scores are missing."""
    best = None
    for name, scored in candidates:
        if scored is None:
            return None
        if best is None or scored.f(period) > best[1].f(period):
            best = name, scored
    return best


def _months(inner: Period, full: Period) -> list[str]:
    """What the rows of validation and of test are called: their months where those differ."""
    months = [f"{period.days[-1]:%B}" for period in (inner, full)]
    return months if months[0] != months[1] else ["validation rows", "test rows"]


def _bars(entrants: dict[str, SeedScores | None], perfect: float) -> list[dict[str, Any]]:
    bars = []
    for name, (title, must) in BARS.items():
        if name != "perfect" and name not in entrants:
            continue
        scored = entrants.get(name)
        measured = None if scored is None else _rounded(scored.f("full"))
        if name == "perfect":
            measured = perfect
        met = None if measured is None else meets(measured, must)
        bars.append({"title": title, "measured": measured, "bar": must, "met": met})
    return bars


def _differences(entrants: dict[str, SeedScores | None]) -> Iterator[dict[str, Any]]:
    """F of one less F of another, with the paired bootstrap over artists."""
    for first, second in DIFFERENCES:
        if not {first, second} <= entrants.keys():
            continue
        numbers: dict[str, Any] = {"value": None}
        if (a := entrants[first]) is not None and (b := entrants[second]) is not None:
            paired = difference(a.terms, b.terms)
            numbers = {
                name: script.known(getattr(paired, name)) for name in ("value", "low", "high", "p")
            }
        yield {"first": first, "second": second, **numbers}


def difference(first: Numbers, second: Numbers) -> Difference:
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
