"""Several forecasters put together: what one overshoots, another may undershoot.

Reference: Bates and Granger (1969), The combination of forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from spdkit.common.serialization import part_of
from spdkit.forecast.data.checks import ForecastError, require_one_of
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.models.base import Forecaster


def _geometric(stacked: Numbers) -> Numbers:
    if (stacked < 0).any():
        raise ForecastError(
            'how="geometric" needs forecasts of 0 or more, and one is '
            f'{stacked.min():g}: use how="mean" or "median"'
        )
    with np.errstate(divide="ignore"):  # the logarithm of 0, which comes back as 0
        mean: Numbers = np.exp(np.log(stacked).mean(axis=0))
    return mean


_HOW: dict[str, Callable[[Numbers], Numbers]] = {
    "mean": lambda stacked: stacked.mean(axis=0),
    "median": lambda stacked: np.median(stacked, axis=0),
    "geometric": _geometric,
}


class Average(Forecaster):
    """Average of several forecasters' forecasts, day by day.

    Parameters
    ----------
    forecasters : sequence of Forecaster
        Cloned before they are fitted.
    how : {"mean", "median", "geometric"}
        A geometric mean suits errors that are ratios; it needs forecasts of 0 or more.
    name : str
        Its column in forecasts.

    Attributes
    ----------
    forecasters_ : list of Forecaster
        Fitted.
    """

    def __init__(
        self, forecasters: Sequence[Forecaster], *, how: str = "mean", name: str = "Average"
    ) -> None:
        self.forecasters = forecasters
        self.how = how
        self.name = name

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return self.name

    @property
    def hist_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the past that any of them uses."""
        return hist_exog_of(self.forecasters)

    @property
    def futr_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the future that any of them uses."""
        return futr_exog_of(self.forecasters)

    def _least_rows(self) -> int:
        return max((one._least_rows() for one in self.forecasters), default=1)

    def _fit(self, panel: Panel) -> None:
        if not len(self.forecasters):
            raise ForecastError("an average needs at least one forecaster")
        require_one_of("how", self.how, _HOW)
        self.forecasters_ = [clone(one).fit_panel(panel) for one in self.forecasters]

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        stacked = [forecast_of(one, h, future, self.futr_exog) for one in self.forecasters_]
        return _HOW[self.how](np.stack(stacked))

    def _state(self) -> dict[str, NDArray[Any]]:
        return {
            f"{i}.{name}": array
            for i, one in enumerate(self.forecasters_)
            for name, array in one._state().items()
        }

    def _restore(self, panel: Panel, state: Mapping[str, NDArray[Any]]) -> None:
        self.forecasters_ = [
            clone(one).restore_panel(panel, part_of(state, f"{i}."))
            for i, one in enumerate(self.forecasters)
        ]


def hist_exog_of(members: Iterable[Forecaster]) -> tuple[str, ...]:
    """Columns of the past that any of them uses, each once."""
    return tuple(dict.fromkeys(name for one in members for name in one.hist_exog))


def futr_exog_of(members: Iterable[Forecaster]) -> tuple[str, ...]:
    """Columns of the future that any of them uses, each once."""
    return tuple(dict.fromkeys(name for one in members for name in one.futr_exog))


def forecast_of(member: Forecaster, h: int, future: Numbers, names: Iterable[str]) -> Numbers:
    """Forecast by a fitted member; `future` holds the columns `names`, some of them its own."""
    places = {name: place for place, name in enumerate(names)}
    return np.asarray(member._forecast(h, future[..., [places[name] for name in member.futr_exog]]))
