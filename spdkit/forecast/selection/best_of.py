"""The forecaster that validation inside the training period picks."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import clone

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.models.average import forecast_of, futr_exog_of, hist_exog_of
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.scoring.cutoffs import cutoffs
from spdkit.forecast.scoring.metrics import Zero
from spdkit.forecast.selection.grid_search import Selection, select_panel


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
    metric : {"f", "mae", "rmse", "wape"}
    zero : {"refuse", "skip"}
        Of F: what to do with days without plays.
    verbose : bool
        Whether to show a progress bar on stderr.

    Attributes
    ----------
    selection_ : Selection
        Scores of all candidates, and which rows chose.
    best_ : Forecaster
        The winner, fitted.
    """

    def __init__(
        self,
        candidates: Sequence[Forecaster],
        h: int,
        *,
        n_windows: int = 2,
        step_size: int | None = None,
        metric: str = "f",
        zero: Zero = "refuse",
        verbose: bool = False,
    ) -> None:
        self.candidates = candidates
        self.h = h
        self.n_windows = n_windows
        self.step_size = step_size
        self.metric = metric
        self.zero = zero
        self.verbose = verbose

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return "best"

    @property
    def hist_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the past that any candidate uses."""
        return hist_exog_of(self.candidates)

    @property
    def futr_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the future that any candidate uses."""
        return futr_exog_of(self.candidates)

    def _least_rows(self) -> int:
        if not len(self.candidates):
            raise ForecastError("there are no candidates to choose the best of")
        step = self.h if self.step_size is None else self.step_size
        validated = self.h + (self.n_windows - 1) * step
        # The least demanding of them is enough: those that need more are told in `selection_`.
        return validated + min(one._least_rows() for one in self.candidates)

    def _fit(self, panel: Panel) -> None:
        splits = list(cutoffs(panel, self.h, self.n_windows, self.step_size))
        self.selection_: Selection = select_panel(
            self.candidates,
            splits,
            metric=self.metric,
            zero=self.zero,
            verbose=self.verbose,
        )
        self.best_ = clone(self.selection_.best).fit_panel(panel)

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return forecast_of(self.best_, h, future, self.futr_exog)
