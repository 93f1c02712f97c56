"""Best of several forecasters, by validation inside the training period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from spdkit.common.parameters import FLAG, Instance, SequenceOf, Whole
from spdkit.forecast.data.panel import Numbers, Panel, cutoffs
from spdkit.forecast.models.average import columns_of, forecast_of
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.scoring.metrics import AUTO, METRIC_OR_AUTO, ZERO, Zero
from spdkit.forecast.selection.grid_search import NothingScoredError, Selection, select_panel


@dataclass(eq=False, repr=False)
class BestForecaster(Forecaster):
    """The best of several forecasters in validation, fitted again on everything.

    Parameters
    ----------
    candidates : sequence of Forecaster
    h : int
        Rows to forecast after each cutoff: the horizon that it is meant for.
    n_windows : int
        Cutoffs inside the training period.
    step_size : int, optional
        Rows between two; `h` if not given.
    metric : {"auto", "f", "mae", "rmse", "wape", "mean_wape"}
        As in `spdkit.forecast.selection.grid_search.select`.
    zero : {"refuse", "skip"}
        Of F: what to do with days without plays.
    fallback : Forecaster, optional
        What is fitted where no candidate can be scored; without it that is refused.
    verbose : bool
        Whether to show a progress bar on stderr.

    Attributes
    ----------
    selection_ : Selection or None
        Scores of all candidates, and which rows chose; None where it fell back.
    best_ : Forecaster
        The winner, fitted.
    """

    candidates: Sequence[Forecaster]
    h: int
    _: KW_ONLY
    n_windows: int = 2
    step_size: int | None = None
    metric: str = AUTO
    zero: Zero = "refuse"
    fallback: Forecaster | None = None
    verbose: bool = False

    _parameter_constraints: ClassVar = {
        "candidates": SequenceOf(Instance(Forecaster)),
        **dict.fromkeys(("h", "n_windows"), Whole()),
        "step_size": (Whole(), None),
        "metric": METRIC_OR_AUTO,
        "zero": ZERO,
        "fallback": (Instance(Forecaster), None),
        "verbose": FLAG,
    }

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return "best"

    @property
    def hist_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the past that any candidate uses."""
        return columns_of(self.candidates, "hist_exog")

    @property
    def futr_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the future that any candidate uses."""
        return columns_of(self.candidates, "futr_exog")

    @property
    def _validated(self) -> int:
        """Rows from the first cutoff on."""
        step = self.h if self.step_size is None else self.step_size
        return self.h + (self.n_windows - 1) * step

    def _least_rows(self) -> int:
        # The least demanding of them is enough: `selection_` names those that need more.
        return self._validated + min(one.least_rows() for one in self.candidates)

    def learns_from(self, lengths: NDArray[np.int64]) -> bool:
        """Whether any candidate can be scored on series of these lengths."""
        before = lengths - self._validated
        return any(one.learns_from(before) for one in self.candidates)

    def _fit(self, panel: Panel) -> None:
        splits = list(cutoffs(panel, self.h, self.n_windows, self.step_size))
        self.selection_: Selection | None = None
        try:
            self.selection_ = select_panel(
                self.candidates, splits, metric=self.metric, zero=self.zero, verbose=self.verbose
            )
        except NothingScoredError:
            if self.fallback is None:
                raise
        best = self.fallback if self.selection_ is None else self.selection_.best
        self.best_ = clone(best).fit_panel(panel)

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return forecast_of(self.best_, h, future, self.futr_exog)
