"""Forecasters: the base of all, from a frame to forecasts, intervals and cutoffs of the past.

Conventions
-----------
A forecaster's constructor only stores its parameters; `Forecaster.fit` learns, and what it learned
ends in ``_``. Answers are in the long format, with one column named after the forecaster
(`Forecaster.label`); intervals of level 90 add ``…-lo-90`` and ``…-hi-90``.

A forecaster implements `_fit` and `_forecast`, and says in `_least_rows` how many rows a series
needs. Everything else is here, the same for all. One that learns more than it cares to learn again
when it is loaded (`save`, `load`) also says in `_state` what that is, and takes it in `_restore`.

References
----------
The words are those of Nixtla's statsforecast: ``h``, ``level``, ``X_df``, ``cutoff``,
``n_windows``, ``step_size``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from spdkit.common.parameters import Allowed, check_parameters
from spdkit.common.serialization import Arrays, Saved, State, part_of, prefixed
from spdkit.forecast.data.checks import ForecastError, quoted, refuse_names
from spdkit.forecast.data.long_table import check_frame, check_future, check_horizon
from spdkit.forecast.data.panel import Numbers, Panel, cutoffs
from spdkit.forecast.models import serialization
from spdkit.forecast.scoring.intervals import (
    ConformalIntervals,
    Residuals,
    check_list,
    lower_ends,
    scale,
)

Step = str | int | pd.DateOffset | None
_STATE = "state."


class Forecaster(Saved, BaseEstimator):
    """Base of all forecasters.

    Attributes
    ----------
    panel_ : Panel
        The series that it was fitted on.
    residuals_ : Residuals or None
        Of cross-validation inside them, where intervals were asked for.
    """

    # Columns that a forecaster uses besides y; those that use some take them as parameters.
    hist_exog: Sequence[str] = ()
    futr_exog: Sequence[str] = ()

    _form: ClassVar = serialization.FORM
    # What each parameter may be; `fit` refuses any other value (`spdkit.common.parameters`).
    _parameter_constraints: ClassVar[Mapping[str, Allowed]] = {}

    panel_: Panel
    residuals_: Residuals | None

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return type(self).__name__

    def fit(
        self,
        df: pd.DataFrame,
        *,
        freq: Step = None,
        intervals: ConformalIntervals | None = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> Self:
        """Learn from the series of a frame.

        Parameters
        ----------
        df : DataFrame
            Long format, see `spdkit.forecast.data.long_table`.
        freq : str, int or DateOffset, optional
            The step between dates; found if not given.
        intervals : ConformalIntervals, optional
            How to learn prediction intervals: by cross-validation inside `df`, which takes as many
            fits more as it has windows.
        id_col, time_col, target_col : str

        Raises
        ------
        ForecastError
            When the frame cannot be used (see `spdkit.forecast.data.long_table.check_frame`), a
            series is too short, by name, or a parameter is not what it may be.
        """
        panel = self._panel(df, freq, id_col, time_col, target_col)
        return self.fit_panel(panel, intervals)

    def fit_panel(self, panel: Panel, intervals: ConformalIntervals | None = None) -> Self:
        """Learn from series that were checked before, as `fit` does."""
        panel.require(self.least_rows(), f"{self.label} cannot learn from fewer")
        residuals = None if intervals is None else self.past_residuals(panel, intervals)
        self._fit(panel)
        self.panel_, self.residuals_ = panel, residuals
        return self

    def past_residuals(self, panel: Panel, intervals: ConformalIntervals) -> Residuals:
        """Scaled errors of clones of `self`, fitted at each cutoff inside a panel.

        Raises
        ------
        ForecastError
            When a series is too short for them.
        """
        h, errors = intervals.h, []
        for past, future in cutoffs(panel, h, intervals.n_windows, intervals.step_size):
            forecast = clone(self).fit_panel(past).forecast_rows(future)
            errors.append((future.y.reshape(len(panel), h) - forecast) / scale(past)[:, None])
        return Residuals(np.stack(errors))

    def restore_panel(
        self, panel: Panel, state: Arrays, residuals: Residuals | None = None
    ) -> Self:
        """Become what another was when it was fitted on `panel` and gave `state` (see `_state`)."""
        self._restore(panel, state)
        self.panel_, self.residuals_ = panel, residuals
        return self

    def predict(
        self, h: int, *, X_df: pd.DataFrame | None = None, level: Sequence[float] = ()
    ) -> pd.DataFrame:
        """Forecast the next `h` dates of every series.

        Parameters
        ----------
        h : int
            The horizon, at least 1.
        X_df : DataFrame, optional
            Series, dates and the columns in ``futr_exog``, for all `h` dates.
        level : sequence of float
            Per cent that intervals should hold, such as ``[80, 95]``; `fit` must have been given
            ``intervals``.

        Returns
        -------
        DataFrame, n_series * h rows
            ``unique_id``, ``ds``, the forecast under `label`, and two columns a level.

        Raises
        ------
        ForecastError
            When the horizon is none, the future of a column is missing, or intervals cannot be
            had.
        """
        if not hasattr(self, "panel_"):
            raise NotFittedError(f"{self.label} is not fitted yet: call fit first")
        h = check_horizon(h)
        columns = self.panel_.columns
        refuse_names((columns.unique_id, columns.ds), self.columns(level), "forecasts")
        future = check_future(self.panel_, h, self.futr_exog, X_df)
        forecast = self._checked(self._forecast(h, future), h)
        frame = self.panel_.future(h)
        frame[self.label] = forecast.ravel()
        for name, values in self._interval_columns(forecast, level).items():
            frame[name] = values
        return frame

    def columns(self, level: Sequence[float] = ()) -> list[str]:
        """Names of the columns of a forecast with intervals of these levels.

        Raises
        ------
        ForecastError
            When `level` is no list of numbers.
        """
        check_list("level", level, "percentages such as [80, 95]")
        ends = [f"{self.label}-{end}-{one:g}" for one in level for end in ("lo", "hi")]
        return [self.label, *ends]

    def _interval_columns(self, forecast: Numbers, level: Sequence[float]) -> dict[str, Numbers]:
        """Lower and upper ends of the intervals, by column."""
        if not len(level):
            return {}
        if self.residuals_ is None:
            raise ForecastError(
                f"{self.label} was fitted without intervals: fit it with "
                f"intervals=ConformalIntervals(h={forecast.shape[1]})"
            )
        columns = {}
        for one in level:
            reach = self.residuals_.reach(forecast.shape[1], one) * scale(self.panel_)[:, None]
            low = lower_ends(self.panel_, forecast, reach)
            columns[f"{self.label}-lo-{one:g}"] = low.ravel()
            columns[f"{self.label}-hi-{one:g}"] = (forecast + reach).ravel()
        return columns

    def forecast_rows(self, future: Panel) -> Numbers:
        """Forecast rows that are known, to be set beside them, shape (n_series, h).

        `future` are the rows that follow those of `fit`, see `spdkit.forecast.data.panel.cutoffs`.
        """
        X_df = future.frame() if self.futr_exog else None
        forecast = self.predict(len(future.y) // len(future), X_df=X_df)[self.label]
        return forecast.to_numpy().reshape(len(future), -1)

    def cross_validation(
        self,
        df: pd.DataFrame,
        h: int,
        *,
        n_windows: int = 1,
        step_size: int | None = None,
        level: Sequence[float] = (),
        intervals: ConformalIntervals | None = None,
        freq: Step = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
    ) -> pd.DataFrame:
        """Forecast the past: fit on what lies before each cutoff, and put beside what came.

        Parameters
        ----------
        df : DataFrame
        h : int
        n_windows : int
            Cutoffs a series. The last lies `h` rows before its end.
        step_size : int, optional
            Rows between two cutoffs; `h` if not given.
        level : sequence of float
        intervals : ConformalIntervals, optional
            As in `fit` and `predict`; learned before each cutoff.
        freq, id_col, time_col, target_col
            As in `fit`.

        Returns
        -------
        DataFrame, n_windows * n_series * h rows
            ``unique_id, ds, cutoff, y`` and the forecast's columns. `self` is not changed.

        Raises
        ------
        ForecastError
            As `fit` and `predict` do; naming a series that is too short for the first cutoff.
        """
        panel = self._panel(df, freq, id_col, time_col, target_col)
        names = ("cutoff", *self.columns(level))
        refuse_names((id_col, time_col, target_col), names, "forecasts of the past")
        frames = []
        for past, future in cutoffs(panel, check_horizon(h), n_windows, step_size):
            fitted = clone(self).fit_panel(past, intervals)
            X_df = future.frame() if self.futr_exog else None
            frame = fitted.predict(h, X_df=X_df, level=level)
            last = past.ds[past.indptr[1:] - 1].repeat(h)
            at = frame.columns.get_loc(time_col) + 1
            frame.insert(at, "cutoff", last)
            frame.insert(at + 1, target_col, future.y)
            frames.append(frame)
        joined: pd.DataFrame = pd.concat(frames, ignore_index=True)
        return joined

    def saved_state(self) -> State:
        """Facts and arrays of `save`: the series, the residuals, and what was learned."""
        if not hasattr(self, "panel_"):
            raise ForecastError(f"{self.label} is not fitted yet: call fit first")
        facts, arrays = serialization.panel_state(self.panel_)
        if self.residuals_ is not None:
            arrays["residuals"] = self.residuals_.scaled
        return facts, arrays | prefixed(_STATE, self._state())

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        panel = serialization.panel_from(facts, arrays)
        panel.require(self.least_rows(), f"{self.label} cannot have learned from fewer")
        residuals = Residuals(arrays["residuals"]) if "residuals" in arrays else None
        if residuals is not None and (
            residuals.scaled.shape[1:-1] != (len(panel),) or residuals.scaled.dtype.kind != "f"
        ):
            raise ForecastError("the errors that intervals are made of are not of these series")
        self.restore_panel(panel, part_of(arrays, _STATE), residuals)

    def _panel(
        self, df: pd.DataFrame, freq: Step, id_col: str, time_col: str, target_col: str
    ) -> Panel:
        for name, columns in (("hist_exog", self.hist_exog), ("futr_exog", self.futr_exog)):
            if isinstance(columns, str):
                raise ForecastError(f"{name} must be a list of columns, got the text {columns!r}")
        exog = tuple(dict.fromkeys([*self.hist_exog, *self.futr_exog]))
        return check_frame(
            df, freq=freq, exog=exog, id_col=id_col, time_col=time_col, target_col=target_col
        )

    def least_rows(self) -> int:
        """How many rows a series must have; parameters that are none are refused."""
        check_parameters(self.get_params(deep=False), self._parameter_constraints, ForecastError)
        return self._least_rows()

    def learns_from(self, lengths: NDArray[np.int64]) -> bool:
        """Whether series of these lengths are enough, shape (n_series,).

        All of them together: a model of all series may need one that is longer than `least_rows`.
        """
        return bool((lengths >= self.least_rows()).all())

    def _least_rows(self) -> int:
        """How many rows a series must have, of parameters that are what they may be."""
        return 1

    def _fit(self, panel: Panel) -> None:
        """Learn from checked series, each of `_least_rows` rows at least."""
        raise NotImplementedError

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        """Forecast the series of `_fit`, shape (n_series, h).

        `future` holds the columns in ``futr_exog``, shape (n_series, h, n_exog).
        """
        raise NotImplementedError

    def _checked(self, forecast: Numbers, h: int) -> Numbers:
        """Refuse a forecast of another shape, or with values that are no numbers."""
        if forecast.shape != (len(self.panel_), h):
            raise ForecastError(
                f"{self.label} gave a forecast of shape {forecast.shape} for {len(self.panel_)} "
                f"series and {h} steps"
            )
        if (bad := ~np.isfinite(forecast)).any():
            series, step = np.argwhere(bad)[0]
            raise ForecastError(
                f"{self.label} cannot forecast series {quoted(self.panel_.ids[series])}: step "
                f"{step + 1} is {forecast[series, step]} ({int(bad.any(axis=1).sum())} such "
                f"series). Look at its values for what is out of scale."
            )
        return forecast

    def _state(self) -> dict[str, NDArray[Any]]:
        """What was learned, by name, as plain arrays; by default nothing, see `_restore`."""
        return {}

    def _restore(self, panel: Panel, state: Arrays) -> None:
        """Take what `_state` gave; by default learn it again, which must give the same."""
        self._fit(panel)
