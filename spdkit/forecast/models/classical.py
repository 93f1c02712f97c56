"""Forecasters of one series at a time: the rivals that every other one has to beat.

Conventions
-----------
Each is fitted on every series by itself; none learns from the others. `SMA` is the mean of the
last k days held constant, as in the LSTM-RPA paper's Table 5 (fed back day by day it is another
forecaster, which that table is not about). `RelativeMean` is the constant that the F score itself
would choose over the days that it sees; `Level` is a mean of three such constants. `ARIMA` is
statsmodels' likelihood; how its order is found is in `spdkit.forecast.models.arima`.

References
----------
LSTM-RPA: "LSTM-RPA: A Simple but Effective Long Sequence Prediction Algorithm for Music Popularity
Prediction", section 4 (ARIMA and SMA).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from spdkit.common.errors import SpdkitWarning
from spdkit.common.parameters import FLAG, SequenceOf, Whole
from spdkit.forecast.data.checks import ForecastError, refuse_names
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.models.arima import ArimaModel, Limits, fit_arima, forecast_arima
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.series_features import ends, levels
from spdkit.forecast.scoring.metrics import ZERO, Zero

Order = tuple[int, int, int]


@dataclass(eq=False, repr=False)
class SMA(Forecaster):
    """Mean of the last `k` rows, held constant.

    Parameters
    ----------
    k : int
        Rows, at least 1. A series that is shorter is refused by name.
    partial : bool
        Whether a shorter series is taken, too: the mean of the rows that it has.

    Examples
    --------
    >>> SMA(16).fit(df).predict(30)  # doctest: +SKIP
    """

    k: int = 16
    _: KW_ONLY
    partial: bool = False

    _parameter_constraints: ClassVar = {"k": Whole(), "partial": FLAG}

    @property
    def label(self) -> str:
        """Its name and k."""
        return f"SMA({self.k}{', partial' * self.partial})"

    def _least_rows(self) -> int:
        return 1 if self.partial else self.k

    def _fit(self, panel: Panel) -> None:
        if not self.partial:
            self.means_: Numbers = panel.last(self.k).mean(axis=1)
            return
        recent = panel.tail(self.k)
        self.means_ = np.add.reduceat(recent.y, recent.indptr[:-1]) / recent.lengths

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return np.repeat(self.means_[:, None], h, axis=1)


@dataclass(eq=False, repr=False)
class SeasonalNaive(Forecaster):
    """The last season over and over: what came `season_length` rows before.

    Parameters
    ----------
    season_length : int
        Rows of a season, at least 1: 7 is a week of days, 1 repeats the last value.
    """

    season_length: int = 7

    _parameter_constraints: ClassVar = {"season_length": Whole()}

    @property
    def label(self) -> str:
        """Its name and the length of a season."""
        return f"SeasonalNaive({self.season_length})"

    def _least_rows(self) -> int:
        return self.season_length

    def _fit(self, panel: Panel) -> None:
        self.seasons_: Numbers = panel.last(self.season_length)

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return self.seasons_[:, np.arange(h) % self.season_length]


@dataclass(eq=False, repr=False)
class RelativeMean(Forecaster):
    """The constant c of least mean squared relative error over the last `k` rows.

    Over values y it is c = Σ(1/y) / Σ(1/y²), never above the mean: to say too much costs more than
    to say too little.

    Parameters
    ----------
    k : int, optional
        Rows; all of them if not given.
    zero : {"refuse", "skip"}
        What to do with days without plays, which have no relative error: refuse them, naming the
        series and the date, or leave them out. A series that has nothing else there is forecast as
        0 with ``"skip"``.
    """

    k: int | None = None
    _: KW_ONLY
    zero: Zero = "refuse"

    _parameter_constraints: ClassVar = {"k": (Whole(), None), "zero": ZERO}

    @property
    def label(self) -> str:
        """Its name, and k where there is one."""
        return "RelativeMean" if self.k is None else f"RelativeMean({self.k})"

    def _least_rows(self) -> int:
        return 1 if self.k is None else self.k

    def _fit(self, panel: Panel) -> None:
        recent = panel if self.k is None else panel.tail(self.k)
        advice = ". Take a model that needs none, such as sma."
        recent.refuse(recent.y < 0, "relative errors need values of 0 or more, y is", advice=advice)
        if self.zero == "refuse":
            advice = '. Leave such days out by zero="skip".'
            recent.refuse(recent.y == 0, "a relative error needs plays, y is", advice=advice)
        # Each value is taken in units of its series' smallest, whose square cannot overflow.
        played = np.where(recent.y > 0, recent.y, np.inf)
        smallest = np.minimum.reduceat(played, recent.indptr[:-1])
        smallest = np.where(np.isfinite(smallest), smallest, 0.0)
        inverse = np.repeat(smallest, recent.lengths) / played
        once = np.add.reduceat(inverse, recent.indptr[:-1])
        twice = np.add.reduceat(inverse**2, recent.indptr[:-1])
        ratio = np.divide(once, twice, out=np.zeros_like(once), where=twice > 0)
        self.constants_: Numbers = smallest * ratio

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return np.repeat(self.constants_[:, None], h, axis=1)


@dataclass(eq=False, repr=False)
class Level(Forecaster):
    """Geometric mean of the best constants of the last 7, 28 and 56 rows.

    Short spans follow what is new, long ones forget what was an exception; their mean has proved
    hard to beat on daily plays. See `spdkit.forecast.models.series_features.levels`.

    Parameters
    ----------
    relative : bool
        Whether a constant is best in relative error (days without plays are left out) or in squared
        error.

    Attributes
    ----------
    levels_ : ndarray, shape (n_series,)
    """

    _: KW_ONLY
    relative: bool = True

    _parameter_constraints: ClassVar = {"relative": FLAG}

    def _fit(self, panel: Panel) -> None:
        self.levels_: Numbers = levels(panel, ends(panel), self.relative)

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return np.repeat(self.levels_[:, None], h, axis=1)


@dataclass(eq=False, repr=False)
class ARIMA(Forecaster):
    """ARIMA, with columns known of the future as regressors, its order by AICc or given.

    Parameters
    ----------
    order : (p, d, q), optional
        Of every series. If not given, each series has its own (see `spdkit.forecast.models.arima`):
        d by repeated KPSS tests, p, q and the constant by a stepwise search for the least AICc.
    constant : bool, optional
        Whether the d-th differences have a mean: the level for d = 0, a drift for d = 1. If not
        given, AICc decides; with an `order` that is given, there is one for d = 0 only.
    max_p, max_d, max_q : int
        Limits of the search.
    futr_exog : sequence of str
        Columns that are known of the future, whose effect is linear (regression with ARIMA errors).
        A column that does not change in a series has no effect there.
    n_jobs : int, optional
        Processes that fit side by side, as in joblib; -1 is one a core. Numbers are the same.

    Attributes
    ----------
    orders_ : DataFrame, one row a series
        ``unique_id, p, d, q, constant, aicc, converged``. A series whose d-th differences are all
        the same is continued exactly: nothing is estimated, its ``aicc`` is -inf. Where
        ``converged`` is false, the search for the likelihood's maximum was stopped, and its best
        parameters so far are used; a warning counts them.
    """

    order: Order | None = None
    _: KW_ONLY
    constant: bool | None = None
    max_p: int = 5
    max_d: int = 2
    max_q: int = 5
    futr_exog: Sequence[str] = ()
    n_jobs: int | None = None

    _parameter_constraints: ClassVar = {
        "order": (SequenceOf(Whole(0), length=3), None),
        "constant": (FLAG, None),
        **dict.fromkeys(("max_p", "max_d", "max_q"), Whole(0)),
    }

    @property
    def label(self) -> str:
        """Its name, and the order where one was given."""
        if self.order is None:
            return "ARIMA"
        p, d, q = self.order
        return f"ARIMA({p},{d},{q})"

    def _limits(self) -> Limits:
        if self.order is None:
            return Limits(self.max_p, self.max_d, self.max_q, self.constant, fixed=False)
        p, d, q = self.order
        if d > 1 and self.constant:
            raise ForecastError(f"order {self.order!r} takes no constant: with d = {d} it bends")
        return Limits(p, d, q, d == 0 if self.constant is None else self.constant, fixed=True)

    def _least_rows(self) -> int:
        # So many that AICc exists: two more than there are parameters after differencing.
        limits = self._limits()
        arma = limits.p + limits.q if limits.fixed else 0
        return limits.d + arma + len(self.futr_exog) + 4

    def _fit(self, panel: Panel) -> None:
        if self.n_jobs is not None and (not isinstance(self.n_jobs, int) or not self.n_jobs):
            raise ForecastError(f"n_jobs must be a number of processes, or -1, got {self.n_jobs!r}")
        limits = self._limits()
        series = zip(self._series(panel), panel.ids, strict=True)
        fit = delayed(fit_arima)
        models = Parallel(n_jobs=self.n_jobs)(fit(y, x, limits, name) for (y, x), name in series)
        self._take(panel, models)
        if stopped := int((~self.orders_["converged"]).sum()):
            warnings.warn(
                f"{self.label}: the likelihood's maximum was not reached for {stopped} of "
                f"{len(panel)} series, whose best parameters so far are used: see orders_",
                SpdkitWarning,
                stacklevel=4,
            )

    def _take(self, panel: Panel, models: list[ArimaModel]) -> None:
        """Keep fitted models and say which they are."""
        self.models_ = models
        names = ("p", "d", "q", "constant", "aicc", "converged")
        refuse_names((panel.columns.unique_id,), names, "the orders of ARIMA")
        self.orders_ = pd.DataFrame(
            {
                panel.columns.unique_id: panel.ids,
                **{name: [getattr(model, name) for model in models] for name in names},
            }
        )

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return np.array(
            [
                forecast_arima(model, y, x, f)
                for model, (y, x), f in zip(
                    self.models_, self._series(self.panel_), future, strict=True
                )
            ]
        )

    def _series(self, panel: Panel) -> list[tuple[Numbers, Numbers]]:
        """Values and regressors of each series."""
        exog = panel.exog[list(self.futr_exog)].to_numpy(np.float64)
        bounds = zip(panel.indptr[:-1], panel.indptr[1:], strict=True)
        return [(panel.y[i:j], exog[i:j]) for i, j in bounds]

    def _state(self) -> dict[str, NDArray[Any]]:
        return {
            "orders": np.array([[m.p, m.d, m.q] for m in self.models_]),
            "flags": np.array([[m.constant, m.converged] for m in self.models_]),
            "aicc": np.array([m.aicc for m in self.models_]),
            "parameters": np.concatenate([m.parameters for m in self.models_]),
        }

    def _restore(self, panel: Panel, state: Mapping[str, NDArray[Any]]) -> None:
        if state["orders"].shape != (len(panel), 3) or not (abs(state["orders"] - 50) <= 50).all():
            raise ForecastError("what was saved are no orders of these series")
        ends = np.cumsum([len(self.futr_exog) + 1 + p + q for p, _, q in state["orders"]])
        if ends[-1] != len(state["parameters"]) or state["parameters"].dtype != np.float64:
            raise ForecastError(f"these orders have {ends[-1]} parameters")
        parameters = np.split(state["parameters"], ends[:-1])
        orders, flags = state["orders"].tolist(), state["flags"].tolist()
        models = [
            ArimaModel(p, d, q, constant, converged, float(aicc), own)
            for (p, d, q), (constant, converged), aicc, own in zip(
                orders, flags, state["aicc"], parameters, strict=True
            )
        ]
        self._take(panel, models)
