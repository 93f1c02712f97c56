"""Report's scores: errors by lookback and set, and what they say of the report's findings.

Conventions: errors are of raw streams, of songs and dates as `report_chart` says. Those of a fit
are means over seeds of each seed's own. What has a lookback is set beside the last value on the
same songs and dates, so that sets of different songs can be compared. Paired differences are of
predictions' absolute errors, averaged over seeds first (and over lookbacks where these are pooled),
with whole songs, or weeks, resampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.charts.report_chart import SETS, ReportChart
from benchmarks.charts.report_fits import (
    EACH,
    INPUTS,
    PAIRED,
    USUAL,
    Fit,
    FitResult,
    lookback_fits,
    other_fits,
)
from benchmarks.common.journal import Journal
from benchmarks.common.script import known
from spdkit.evaluation.bootstrap import paired_bootstrap

Numbers = NDArray[np.float64]
PERIOD = 7
RESAMPLES, PERMUTATIONS = 10_000, 2_000
_NAIVE = {"last value": 1, "seasonal naive": 7}


@dataclass(frozen=True)
class Request:
    """What to fit and to score.

    Attributes
    ----------
    cells, sets : tuple of str
    lookbacks, seeds : tuple of int
    paired_seeds : tuple of int
        Of the nets that are compared in pairs, whose differences are small.
    epochs : int
        At most.
    """

    cells: tuple[str, ...]
    sets: tuple[str, ...]
    lookbacks: tuple[int, ...]
    seeds: tuple[int, ...]
    paired_seeds: tuple[int, ...]
    epochs: int

    def fits(self) -> list[Fit]:
        """Every fit, those of the lookback experiment first."""
        lookback = lookback_fits(self.cells, self.sets, self.lookbacks, self.seeds, self.epochs)
        return list(
            dict.fromkeys([*lookback, *other_fits(self.cells, self.paired_seeds, self.epochs)])
        )


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of the fits that are there.

    Attributes
    ----------
    request : Request
    chart : ReportChart
    journal : Journal
    """

    request: Request
    chart: ReportChart
    journal: Journal[Fit, FitResult]

    def record(self) -> dict[str, Any]:
        """Everything for the JSON."""
        fits = self.request.fits()
        results = {fit: result for fit in fits if (result := self.journal.read(fit)) is not None}
        dates = self.chart.matrix.dates[self.chart.first :]
        grid = list(self._grid(results))
        return {
            "data": {
                "train": [str(self.chart.matrix.dates[0].date()), str(dates[0].date())],
                "test": [str(dates[0].date()), str(dates[-1].date())],
                "days": len(dates),
                "counts": self.chart.counts(),
                "songs": {name: len(songs) for name, songs in self.chart.sets.items()},
                "scored": {name: self._scored(name) for name in self.request.sets},
                "report": SETS,
                "fullest": str(self.chart.titles[self._songs("fullest")[0]]),
            },
            "plan": asdict(self.request),
            "missing": [str(fit) for fit in fits if fit not in results],
            "cpu_seconds": sum(result.seconds for result in results.values()),
            "naive": list(self._naive()),
            "grid": grid,
            "periods": list(self._periods(grid)),
            "one_or_many": list(self._one_or_many(results)),
            "metadata": list(self._metadata(results)),
            "curves": list(self._curves(results)),
            "example": self._example(results),
        }

    # What is scored

    def _songs(self, name: str) -> Any:
        return self.chart.matrix.songs[self.chart.sets[name]]

    def _rows(self, name: str) -> tuple[NDArray[np.bool_], Numbers]:
        """Which rows of a set are scored, and their streams, (n_dates, n_songs)."""
        songs = self.chart.sets[name]
        return self.chart.scored[:, songs], self.chart.truth[:, songs]

    def _errors(self, fit: Fit, result: FitResult) -> Numbers:
        """Errors of the rows that are scored, (n_rows,)."""
        scored, truth = self._rows(fit.set)
        errors: Numbers = (result.forecast - truth)[scored]
        return errors

    def _scored(self, name: str) -> dict[str, int]:
        """How many songs of a set are scored at all, and how many rows."""
        scored = self._rows(name)[0]
        return {"songs": int(scored.any(axis=0).sum()), "rows": int(scored.sum())}

    def _naive(self) -> Iterator[dict[str, Any]]:
        for name in self.request.sets:
            scored, truth = self._rows(name)
            for title, days in _NAIVE.items():
                errors = (self.chart.back(days)[:, self.chart.sets[name]] - truth)[scored]
                errors = errors[np.isfinite(errors)]
                yield {"set": name, "model": title, "n": len(errors), **_metrics(errors)}

    def _last_value(self, name: str) -> float:
        scored, truth = self._rows(name)
        return float(np.abs(self.chart.back(1)[:, self.chart.sets[name]] - truth)[scored].mean())

    # Lookback

    def _grid(self, results: dict[Fit, FitResult]) -> Iterator[dict[str, Any]]:
        """Metrics by set, cell and lookback, means over seeds."""
        plan = self.request
        for name in plan.sets:
            last_value = self._last_value(name)
            for cell in plan.cells:
                for lookback in plan.lookbacks:
                    seeds = list(_of(results, set=name, cell=cell, lookback=lookback, **_PLAIN))
                    if not seeds:
                        continue
                    each = [_metrics(self._errors(*one)) for one in seeds]
                    means = {key: float(np.mean([one[key] for one in each])) for key in each[0]}
                    ratio = means["mae"] / last_value
                    by_seed = [one["mae"] / last_value for one in each]
                    yield {
                        **{"set": name, "cell": cell, "lookback": lookback, **means},
                        **{"ratio": ratio, "low": min(by_seed), "high": max(by_seed)},
                    }

    def _periods(self, grid: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Whether MAE goes up and down with the lookback in 7, has a trend, and how it varies."""
        plan = self.request
        for name in plan.sets:
            for cell in plan.cells:
                own = [e for e in grid if (e["set"], e["cell"]) == (name, cell)]
                if len(own) < 2 * PERIOD:
                    continue
                lookback = np.array([entry["lookback"] for entry in own])
                ratio = np.array([entry["ratio"] for entry in own])
                week = lookback >= PERIOD
                entry = {"set": name, "cell": cell, "best": int(lookback[ratio.argmin()])}
                for part, some in (("all", np.full(len(own), True)), ("week", week)):
                    share, p = periodic_share(lookback[some], ratio[some])
                    trend = spearmanr(lookback[some], ratio[some])
                    spread = float(ratio[some].std() / ratio[some].mean())
                    entry[part] = {
                        **{"share": share, "p": p, "spread": spread},
                        **{"trend": float(trend.statistic), "trend_p": float(trend.pvalue)},
                    }
                entry["below_week"] = float(ratio[~week].mean())
                entry["from_week"] = float(ratio[week].mean())
                yield entry

    # One song or several

    def _one_or_many(self, results: dict[Fit, FitResult]) -> Iterator[dict[str, Any]]:
        """The fullest song by nets of more songs; and a net a song beside one of all."""
        plan = self.request
        weeks = np.arange(len(self.chart.truth)) // 7
        for cell in plan.cells:
            alone = self._fullest(results, cell, "fullest")
            for name in plan.sets[1:]:
                beside = self._fullest(results, cell, name)
                if alone is None or beside is None:
                    continue
                scored = np.isfinite(alone) & np.isfinite(beside)
                yield {
                    **{"cell": cell, "what": "fullest", "set": name, "unit": "weeks"},
                    **_difference(alone[scored], beside[scored], weeks[scored]),
                }
            usual = {"set": EACH, "cell": cell, "lookback": USUAL, "inputs": "streams"}
            for kind in ("matrix", "pooled"):
                fits = [list(_of(results, **usual, songs=songs)) for songs in ("one", kind)]
                if all(fits):
                    yield {
                        **{"cell": cell, "what": kind, "set": EACH, "unit": "songs"},
                        **_difference(*map(self._mean_errors, fits), self._song_of_rows(EACH)),
                    }

    def _fullest(self, results: dict[Fit, FitResult], cell: str, name: str) -> Numbers | None:
        """Absolute errors of the fullest song by date, over all lookbacks and seeds."""
        scored, truth = self._rows(name)
        fits = list(_of(results, set=name, cell=cell, **_PLAIN))
        if not fits:
            return None
        errors = [np.abs(result.forecast[:, 0] - truth[:, 0]) for _, result in fits]
        return np.where(scored[:, 0], np.mean(errors, axis=0), np.nan)

    # Metadata

    def _metadata(self, results: dict[Fit, FitResult]) -> Iterator[dict[str, Any]]:
        """Nets with metadata less nets without, in streams and in logarithms."""
        songs = self._song_of_rows(PAIRED)
        for cell in self.request.cells:
            for kind in ("matrix", "pooled"):
                usual = {"set": PAIRED, "cell": cell, "lookback": USUAL, "songs": kind}
                fits = {inputs: list(_of(results, **usual, inputs=inputs)) for inputs in INPUTS}
                for inputs in INPUTS:
                    if not fits[inputs] or not fits["streams"]:
                        continue
                    entry: dict[str, Any] = {"cell": cell, "songs": kind, "inputs": inputs}
                    each = [_metrics(self._errors(*one)) for one in fits[inputs]]
                    entry |= {key: float(np.mean([one[key] for one in each])) for key in each[0]}
                    if inputs != "streams":
                        pair = fits[inputs], fits["streams"]
                        entry["streams"] = _difference(*map(self._mean_errors, pair), songs)
                        logs = [
                            np.mean([self._log_errors(*one) for one in fit], axis=0) for fit in pair
                        ]
                        entry["logs"] = _difference(*logs, songs)
                    yield entry

    def _song_of_rows(self, name: str) -> NDArray[np.int64]:
        return np.nonzero(self._rows(name)[0])[1]

    def _mean_errors(self, fits: list[tuple[Fit, FitResult]]) -> Numbers:
        mean: Numbers = np.mean([np.abs(self._errors(*one)) for one in fits], axis=0)
        return mean

    def _log_errors(self, fit: Fit, result: FitResult) -> Numbers:
        scored, truth = self._rows(fit.set)
        forecast = np.maximum(result.forecast[scored], 1.0)
        errors: Numbers = np.abs(np.log(forecast / truth[scored]))
        return errors

    # What is drawn

    def _curves(self, results: dict[Fit, FitResult]) -> Iterator[dict[str, Any]]:
        """Losses of the first seed's nets of the usual lookback."""
        for name in self.request.sets:
            for cell in self.request.cells:
                for fit, result in _of(results, set=name, cell=cell, lookback=USUAL, **_PLAIN):
                    if fit.seed == self.request.seeds[0]:
                        losses = np.round(result.curve.T, 5).tolist()
                        yield {"set": name, "cell": cell, "loss": losses[0], "val_loss": losses[1]}

    def _example(self, results: dict[Fit, FitResult]) -> dict[str, Any]:
        """The fullest song, as it was and as the first seed's nets of the usual lookback had it."""
        _, truth = self._rows("fullest")
        dates = self.chart.matrix.dates[self.chart.first :]
        example: dict[str, Any] = {"dates": [str(date.date()) for date in dates]}
        example["streams"] = [known(value) for value in truth[:, 0].tolist()]
        for cell in self.request.cells:
            for fit, result in _of(results, set="fullest", cell=cell, lookback=USUAL, **_PLAIN):
                if fit.seed == self.request.seeds[0]:
                    example[cell] = [known(value) for value in result.forecast[:, 0].tolist()]
        return example


_PLAIN = {"songs": "matrix", "inputs": "streams"}


def _of(results: dict[Fit, FitResult], **fields: Any) -> Iterator[tuple[Fit, FitResult]]:
    """Fits with these fields, by seed."""
    for fit, result in results.items():
        if fields.items() <= vars(fit).items():
            yield fit, result


def _metrics(errors: Numbers) -> dict[str, float]:
    mse = float((errors**2).mean())
    return {"mse": mse, "rmse": mse**0.5, "mae": float(np.abs(errors).mean())}


def _difference(a: Numbers, b: Numbers, groups: NDArray[np.int64]) -> dict[str, Any]:
    """Means of the absolute errors of two, and their paired difference over groups."""
    difference = paired_bootstrap(np.zeros(len(a)), a, b, "mae", groups, n_resamples=RESAMPLES)
    ends = {"low": known(difference.low), "high": known(difference.high), "p": known(difference.p)}
    return {
        **{"first": float(a.mean()), "second": float(b.mean()), "value": difference.value, **ends},
        **{"n": len(a), "groups": len(np.unique(groups))},
    }


def periodic_share(lookback: NDArray[np.int64], error: Numbers) -> tuple[float, float]:
    """Share of the variance, less a straight line's, that goes up and down in `PERIOD`, and its p.

    p is the share of permutations of the lookbacks with as great a share.
    """
    angle = 2 * np.pi * lookback / PERIOD
    waves = np.column_stack([np.cos(angle), np.sin(angle)])
    line = np.column_stack([np.ones(len(lookback)), lookback])

    def residual(values: Numbers, columns: Numbers) -> Numbers:
        rest: Numbers = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
        return rest

    waves, rest = residual(waves, line), residual(error, line)
    if not (total := float((rest**2).sum())):
        return 0.0, 1.0
    orthogonal = np.linalg.qr(waves)[0]

    def share(values: Iterable[float]) -> float:
        return float(((orthogonal.T @ np.asarray(values)) ** 2).sum()) / total

    own, generator = share(rest), np.random.default_rng(0)
    drawn = np.array([share(generator.permutation(rest)) for _ in range(PERMUTATIONS)])
    return own, float(((drawn >= own).sum() + 1) / (PERMUTATIONS + 1))
