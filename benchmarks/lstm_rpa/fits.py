"""Fits: a forecaster learns from a period, once, and its forecasts are kept in a journal.

Conventions
-----------
A result holds every way a fitted forecaster can be asked: all shifts in two modes, all windows of a
moving average. It is kept under a key that is made of everything that it depends on: the rows that
are learned from, the forecaster's class and parameters, the ways, the horizon, spdkit's version and
`BEHAVIOUR`.

``reference`` rolls as the published code does: from the block before the last, unclamped.
``aligned`` rolls from the last days, clipped to the training range.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.journal import Arrays, Journal
from benchmarks.lstm_rpa.series import EXOG, PlaySeries, panel_digest
from spdkit import __version__
from spdkit.common.errors import SpdkitWarning
from spdkit.forecast.data.panel import Panel
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import ARIMA, SMA
from spdkit.forecast.models.recommended import with_units
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.models.serialization import to_record

BEHAVIOUR = 2  # raised when a fit of the same parameters gives other numbers in the same version
CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN", "bilstm": "BiLSTM"}  # and their titles
FEATURES = {"single": (), "multiple": ("downloads", "collects")}
RIVALS = ("sma", "arima", "ours")
SEEDED = (*CELLS, "ours")
LARGEST_K = 60  # of the moving averages
_FACTS = "told"  # the name of this array in files that are there


@dataclass(frozen=True)
class Fit:
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
class FitResult:
    """What a fit gives.

    Attributes
    ----------
    forecasts : dict of str to ndarray of float32, shape (n_series, h)
        By name of the rolling, of the moving average, or of the forecaster.
    seconds : float
        CPU time of fitting and forecasting.
    facts : dict
        The orders of ARIMA.
    """

    forecasts: dict[str, NDArray[np.float32]]
    seconds: float
    facts: dict[str, Any]


def rolling_name(shift: int, mode: str, start: str) -> str:
    """What forecasts of a recurrent unit that is rolled are kept under."""
    return f"{mode}, {start}, s={shift}"


def rollings(p: int, h: int) -> dict[str, Rolling]:
    """How a unit is rolled: every shift in both modes; the baseline from both blocks."""
    if p == h:  # one answer is the forecast, nothing is rolled
        every = [Rolling(h, "reference", "penultimate"), Rolling(h, "reference")]
    else:
        every = [Rolling(s, "reference", "penultimate") for s in range(1, p + 1)]
        every += [Rolling(s) for s in range(1, p + 1)]
    return {rolling_name(each.shift, each.mode, each.start): each for each in every}


def forecasters(fit: Fit, h: int) -> dict[str, Forecaster]:
    """What is fitted, by name: one forecaster, or moving averages of every length."""
    if fit.model in CELLS:
        bidirectional = fit.model == "bilstm"
        recurrent = RecurrentForecaster(
            "lstm" if bidirectional else fit.model,  # type: ignore[arg-type]
            features=fit.features,  # type: ignore[arg-type]
            input_size=fit.p,
            epochs=fit.epochs,
            bidirectional=bidirectional,
            hist_exog=FEATURES[fit.features],
            seed=fit.seed,
        )
        return {fit.model: recurrent}
    if fit.model == "sma":
        return {f"k={k}": SMA(k) for k in range(1, LARGEST_K + 1)}
    if fit.model == "arima":
        return {"arima": ARIMA()}
    return {"ours": with_units(h, hist_exog=EXOG, zero="skip", seed=fit.seed)}


def compute(fit: Fit, panels: Mapping[str, Panel], h: int) -> FitResult:
    """Fit on the panel of its period, and forecast what follows it."""
    start, panel = time.process_time(), panels[fit.period]
    facts: dict[str, Any] = {}
    forecasts: dict[str, Any] = {}
    for name, forecaster in forecasters(fit, h).items():
        with warnings.catch_warnings():
            if fit.model == "arima":  # the facts say it
                warnings.simplefilter("ignore", SpdkitWarning)
            fitted = forecaster.fit_panel(panel)
        if isinstance(fitted, RecurrentForecaster) and fit.model in CELLS:
            named = rollings(fit.p, h)
            rolled = fitted.predict_shifts(h, list(named.values()))
            forecasts |= {rolling: rolled[each] for rolling, each in named.items()}
            continue
        forecasts[name] = fitted.predict(h)[fitted.label].to_numpy().reshape(len(panel), h)
        if isinstance(fitted, ARIMA):
            orders = fitted.orders_
            facts["not_converged"] = int((~orders["converged"]).sum())
            facts["orders"] = orders[["p", "d", "q"]].to_numpy().tolist()
    single = {name: np.asarray(values, np.float32) for name, values in forecasts.items()}
    return FitResult(single, time.process_time() - start, facts)


# The journal


def journal_of(folder: Path, series: PlaySeries, h: int) -> Journal[Fit, FitResult]:
    """Results of fits on some series."""
    digests = {name: panel_digest(panel) for name, panel in series.panels.items()}

    def key_of(fit: Fit) -> str:
        return key(fit, digests[fit.period], h)

    return Journal(folder, key_of, _packed, _unpacked)


def key(fit: Fit, rows: str, h: int) -> str:
    """What tells a fit's result from every other."""
    records = {name: to_record(each) for name, each in forecasters(fit, h).items()}
    names = list(rollings(fit.p, h)) if fit.model in CELLS else []
    parts = [BEHAVIOUR, __version__, rows, h, records, names]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _packed(fit: Fit, result: FitResult) -> Arrays:
    facts = {
        "unit": str(fit),
        "ways": list(result.forecasts),
        "seconds": result.seconds,
        "facts": result.facts,
    }
    stacked = np.stack(list(result.forecasts.values()))
    return {"forecasts": stacked, _FACTS: np.array(json.dumps(facts))}


def _unpacked(arrays: Arrays) -> FitResult:
    facts = json.loads(str(arrays[_FACTS]))
    forecasts = dict(zip(facts["ways"], arrays["forecasts"], strict=True))
    return FitResult(forecasts, facts["seconds"], facts["facts"])
