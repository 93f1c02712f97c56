"""Average of several forecasters: what one overshoots, another may undershoot.

Reference: Bates and Granger (1969), The combination of forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from spdkit.common.parameters import TEXT, Instance, OneOf, SequenceOf
from spdkit.common.serialization import part_of
from spdkit.forecast.data.checks import ForecastError
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


@dataclass(eq=False, repr=False)
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

    forecasters: Sequence[Forecaster]
    _: KW_ONLY
    how: str = "mean"
    name: str = "Average"

    _parameter_constraints: ClassVar = {
        "forecasters": SequenceOf(Instance(Forecaster)),
        "how": OneOf(*_HOW),
        "name": TEXT,
    }

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return self.name

    @property
    def hist_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the past that any of them uses."""
        return columns_of(self.forecasters, "hist_exog")

    @property
    def futr_exog(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns of the future that any of them uses."""
        return columns_of(self.forecasters, "futr_exog")

    def _least_rows(self) -> int:
        return max(one.least_rows() for one in self.forecasters)

    def learns_from(self, lengths: NDArray[np.int64]) -> bool:
        """Whether series of these lengths are enough for each of them."""
        return all(one.learns_from(lengths) for one in self.forecasters)

    def _fit(self, panel: Panel) -> None:
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


def columns_of(forecasters: Iterable[Forecaster], *kinds: str) -> tuple[str, ...]:
    """Columns in ``hist_exog`` or ``futr_exog`` that any of them uses, each once."""
    columns = (name for one in forecasters for kind in kinds for name in getattr(one, kind))
    return tuple(dict.fromkeys(columns))


def forecast_of(one: Forecaster, h: int, future: Numbers, names: Sequence[str]) -> Numbers:
    """Forecast by one that is fitted; `future` holds the columns `names`, some of them its own."""
    own = [names.index(name) for name in one.futr_exog]
    return np.asarray(one._forecast(h, future[..., own]))
