"""Forecasters made of forecasters: which columns their members use, and what belongs to each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spdkit.forecast.forecaster import Forecaster
from spdkit.forecast.panel import Numbers


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
