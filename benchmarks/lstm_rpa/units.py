"""Units of work of lstm_rpa_tables.py: one fit each, done once and kept.

Conventions
-----------
A `Unit` is a forecaster that learns from a period; its result holds what it says in every way it
can be asked (all shifts in two modes, all windows of a moving average). Results go to the journal,
whole or not at all, under a key that is made of everything that they depend on: the rows that are
learned from, the forecaster's class and parameters, the ways, the horizon, spdkit's version and
`BEHAVIOUR`.

``reference`` rolls as the published code does: from the block before the last, unclamped.
``aligned`` rolls from the last days, clipped to the training range.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.script import Say
from benchmarks.common.unit_jobs import keep, kept, pending, spread
from benchmarks.lstm_rpa.series import EXOG, Data, panel_digest
from spdkit import __version__
from spdkit.common.errors import SpdkitWarning
from spdkit.forecast.data.panel import Panel
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import ARIMA, SMA
from spdkit.forecast.models.recommended import with_units
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.models.serialization import to_record

BEHAVIOUR = 1  # raised when a fit of the same parameters gives other numbers in the same version
CELLS = ("lstm", "gru", "rnn", "bilstm")
FEATURES = {"single": (), "multiple": ("downloads", "collects")}
RIVALS = ("sma", "arima", "ours")
SEEDED = (*CELLS, "ours")
LARGEST_K = 60  # of the moving averages
OURS_EXOG = EXOG  # columns besides plays that our best sees


@dataclass(frozen=True)
class Unit:
    """A forecaster and the period that it learns from.

    Attributes
    ----------
    model : str
        One of `CELLS` or `RIVALS`.
    period : {"inner", "full"}
    seed : int
        0 for what has none.
    features : {"single", "multiple"}
    p : int
        Days that a recurrent unit sees, and gives; 0 for a rival.
    epochs : int
        Of a recurrent unit; 0 for a rival.
    """

    model: str
    period: str
    seed: int = 0
    features: str = "single"
    p: int = 0
    epochs: int = 0

    def __str__(self) -> str:
        own = f" {self.features}, p={self.p}" if self.model in CELLS else ""
        seed = f", seed {self.seed}" if self.model in SEEDED else ""
        return f"{self.model}{own}{seed}, {self.period}"


@dataclass(frozen=True, eq=False)
class Result:
    """What a unit says.

    Attributes
    ----------
    forecasts : dict of str to ndarray of float32, shape (n_series, h)
        By way.
    seconds : float
        CPU time of fitting and forecasting.
    facts : dict
        What is to be told of it besides.
    """

    forecasts: dict[str, NDArray[np.float32]]
    seconds: float
    facts: dict[str, Any]


def way(shift: int, mode: str, start: str) -> str:
    """What forecasts of a recurrent unit that is rolled are kept under."""
    return f"{mode}, {start}, s={shift}"


def rollings(p: int, h: int) -> dict[str, Rolling]:
    """By way, how a unit is rolled: every shift in both modes; the baseline from both blocks."""
    ways = [Rolling(s, "reference", "penultimate") for s in range(1, p + 1)]
    ways += [Rolling(s) for s in range(1, p + 1)]
    if p == h:  # one answer is the forecast, nothing is rolled
        ways = [Rolling(h, "reference", "penultimate"), Rolling(h, "reference")]
    return {way(each.shift, each.mode, each.start): each for each in ways}


def forecasters(unit: Unit, h: int) -> dict[str, Forecaster]:
    """What a unit fits, by name: one forecaster, or moving averages of every length."""
    if unit.model in CELLS:
        exog = FEATURES[unit.features]
        bidirectional = unit.model == "bilstm"
        made = RecurrentForecaster(
            "lstm" if bidirectional else unit.model,  # type: ignore[arg-type]
            features=unit.features,  # type: ignore[arg-type]
            input_size=unit.p,
            epochs=unit.epochs,
            bidirectional=bidirectional,
            hist_exog=exog,
            seed=unit.seed,
        )
        return {unit.model: made}
    if unit.model == "sma":
        return {f"k={k}": SMA(k) for k in range(1, LARGEST_K + 1)}
    if unit.model == "arima":
        return {"arima": ARIMA()}
    return {"ours": with_units(h, hist_exog=OURS_EXOG, zero="skip", seed=unit.seed)}


def compute(unit: Unit, panel: Panel, h: int) -> Result:
    """Fit on a panel, and say what follows it."""
    start = time.process_time()
    facts: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for name, forecaster in forecasters(unit, h).items():
        with warnings.catch_warnings():
            if unit.model == "arima":  # told in the facts
                warnings.simplefilter("ignore", SpdkitWarning)
            fitted = forecaster.fit_panel(panel)
        if isinstance(fitted, RecurrentForecaster) and unit.model in CELLS:
            ways = rollings(unit.p, h)
            rolled = fitted.predict_shifts(h, list(ways.values()))
            said.update({name: rolled[one] for name, one in ways.items()})
            continue
        said[name] = fitted.predict(h)[fitted.label].to_numpy().reshape(len(panel), h)
        if isinstance(fitted, ARIMA):
            orders = fitted.orders_
            facts["not_converged"] = int((~orders["converged"]).sum())
            facts["orders"] = orders[["p", "d", "q"]].to_numpy().tolist()
    forecasts = {name: np.asarray(values, np.float32) for name, values in said.items()}
    return Result(forecasts, time.process_time() - start, facts)


class Journal:
    """Results in a folder, one file a unit.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    data : Data
    h : int
    """

    def __init__(self, folder: Path, data: Data, h: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.h = folder, h
        self.digests = {name: panel_digest(one.panel) for name, one in data.periods.items()}

    def path(self, unit: Unit) -> Path:
        """The file of a unit, by everything that its result depends on."""
        return self.folder / f"{key(unit, self.digests[unit.period], self.h)}.npz"

    def read(self, unit: Unit) -> Result | None:
        """A result, or None when there is none.

        Raises
        ------
        SpdkitError
            When its file cannot be read.
        """
        return kept(self.path(unit), _unpacked)

    def write(self, unit: Unit, result: Result) -> None:
        """Keep a result."""
        keep(self.path(unit), _packed(unit, result))


def key(unit: Unit, rows: str, h: int) -> str:
    """What tells a unit's result from every other."""
    records: Mapping[str, Any] = {
        name: to_record(one) for name, one in forecasters(unit, h).items()
    }
    ways = list(rollings(unit.p, h)) if unit.model in CELLS else []
    parts = [BEHAVIOUR, __version__, rows, h, records, ways]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _packed(unit: Unit, result: Result) -> dict[str, Any]:
    told = {
        "unit": str(unit),
        "ways": list(result.forecasts),
        "seconds": result.seconds,
        "facts": result.facts,
    }
    stacked = np.stack(list(result.forecasts.values()))
    return {"forecasts": stacked, "told": np.array(json.dumps(told))}


def _unpacked(file: dict[str, Any]) -> Result:
    told = json.loads(str(file["told"]))
    forecasts = dict(zip(told["ways"], file["forecasts"], strict=True))
    return Result(forecasts, told["seconds"], told["facts"])


def work(units: Iterable[Unit], data: Data, journal: Journal, jobs: int, say: Say) -> None:
    """Compute what has no result yet, each in one thread, `jobs` at a time."""
    left = pending(units, journal.path, "fits", say)
    panels = {name: period.panel for name, period in data.periods.items()}
    found = spread(_compute_of, (panels, journal.h), left, jobs)
    for i, (unit, result) in enumerate(found, 1):
        journal.write(unit, result)
        say(f"{i}/{len(left)}  {unit}: {result.seconds:.1f} CPU s")


def _compute_of(unit: Unit, given: tuple[dict[str, Panel], int]) -> Result:
    panels, h = given
    return compute(unit, panels[unit.period], h)
