"""Report's fits: a net learns from the dates before the test, once, and forecasts each of them.

A result is kept under a key that is made of everything that it depends on: the chart, the songs,
the forecaster's parameters, spdkit's version and `BEHAVIOUR`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.charts.report_chart import ReportChart
from benchmarks.common.journal import Arrays, Journal
from spdkit import __version__
from spdkit.forecast.charts.chart_forecaster import ChartForecaster
from spdkit.forecast.models.serialization import to_record

BEHAVIOUR = 1  # raised when a fit of the same parameters gives other numbers in the same version
CELLS = {"lstm": "LSTM", "gru": "GRU"}
LOOKBACKS = tuple(range(1, 31))
EPOCHS = 30  # at most, of each stage; by fewer no finding is judged
USUAL = 7  # lookback of what is not about lookback: a week
EACH, PAIRED = "18 %", "50 %"  # sets of a net a song, and of metadata
INPUTS = ("streams", "joint", "two_stage")  # without metadata, and with them in two ways
# Chosen on the 90 dates before the last 90, see chart_looks.md.
SETTINGS: dict[str, dict[str, Any]] = {
    "matrix": {"batch_size": 128, "learning_rate": 1e-2, "patience": 10},
    "one": {"batch_size": 128, "learning_rate": 1e-2, "patience": 10},
    "pooled": {"batch_size": 512, "learning_rate": 3e-3, "patience": 5},
}


@dataclass(frozen=True)
class Fit:
    """A net, and the songs that it learns from.

    Attributes
    ----------
    cell : {"lstm", "gru"}
    songs : {"matrix", "one", "pooled"}
        As of `ChartForecaster`.
    set : str
        One of `report_chart.SETS`.
    lookback : int
    inputs : {"streams", "joint", "two_stage"}
    seed, epochs : int
    """

    cell: str
    songs: str
    set: str
    lookback: int
    inputs: str
    seed: int
    epochs: int

    def __str__(self) -> str:
        return (
            f"{CELLS[self.cell]} {self.songs}, {self.set}, lookback {self.lookback}, "
            f"{self.inputs}, seed {self.seed}"
        )

    def forecaster(self) -> ChartForecaster:
        """What is fitted."""
        return ChartForecaster(
            self.cell,  # type: ignore[arg-type]
            songs=self.songs,  # type: ignore[arg-type]
            lookback=self.lookback,
            training="two_stage" if self.inputs == "two_stage" else "joint",
            epochs=self.epochs,
            max_missing=1.0,
            seed=self.seed,
            **SETTINGS[self.songs],
        )


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit gives.

    Attributes
    ----------
    forecast : ndarray of float32, shape (n_dates, n_songs)
        Of the set's songs.
    curve : ndarray of float64, shape (n_epochs, 2)
        Losses of training and validation rows, of a net of all songs; empty for a net a song.
    seconds : float
        CPU time.
    """

    forecast: NDArray[np.float32]
    curve: NDArray[np.float64]
    seconds: float


def lookback_fits(
    cells: Sequence[str],
    sets: Sequence[str],
    lookbacks: Sequence[int],
    seeds: Sequence[int],
    epochs: int,
) -> Iterator[Fit]:
    """The lookback experiment: nets that read all songs of a set side by side."""
    for seed in seeds:
        for name in sets:
            for cell in cells:
                for lookback in lookbacks:
                    yield Fit(cell, "matrix", name, lookback, "streams", seed, epochs)


def other_fits(cells: Sequence[str], seeds: Sequence[int], epochs: int) -> Iterator[Fit]:
    """A net a song beside one of all, and nets with and without metadata."""
    for seed in seeds:
        for cell in cells:
            for songs in ("one", "matrix", "pooled"):
                yield Fit(cell, songs, EACH, USUAL, "streams", seed, epochs)
            for songs in ("matrix", "pooled"):
                for inputs in INPUTS:
                    yield Fit(cell, songs, PAIRED, USUAL, inputs, seed, epochs)


def compute(fit: Fit, chart: ReportChart) -> FitResult:
    """Fit on the dates before the test, and forecast each date of it from those before."""
    start = time.process_time()
    matrix = chart.matrix.take(chart.sets[fit.set])
    static = None if fit.inputs == "streams" else chart.static
    fitted = fit.forecaster().fit_matrix(matrix.until(chart.first), static, id_col="track_id")
    forecast = fitted.next_dates(matrix, chart.first, static)
    curve = np.empty((0, 2))
    if len(fitted.history_) == 1:
        curve = np.array([[epoch["loss"], epoch["val_loss"]] for epoch in fitted.history_[0]])
    return FitResult(forecast.astype(np.float32), curve, time.process_time() - start)


def journal_of(folder: Path, chart: ReportChart) -> Journal[Fit, FitResult]:
    """Results of fits on a chart."""

    def key(fit: Fit) -> str:
        songs = [*chart.matrix.songs[chart.sets[fit.set]]]
        record = to_record(fit.forecaster())
        parts = [BEHAVIOUR, __version__, chart.digest, songs, fit.inputs, record]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    return Journal(folder, key, _packed, _unpacked)


def _packed(fit: Fit, result: FitResult) -> Arrays:
    return {"fit": np.array(str(fit)), **vars(result)}


def _unpacked(arrays: Arrays) -> FitResult:
    return FitResult(arrays["forecast"], arrays["curve"], float(arrays["seconds"]))
