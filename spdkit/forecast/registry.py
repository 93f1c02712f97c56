"""Forecasters by name: what each is, and how it is built. For the command line and for `best`.

Conventions: a model is built for a horizon and a season, both in rows; models that learn are
seeded. Optional libraries are imported when a model is fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.frequencies import Freq, months_on_a_day
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import ARIMA, SMA, RelativeMean, SeasonalNaive
from spdkit.forecast.models.global_recurrent import GlobalRecurrentForecaster
from spdkit.forecast.models.gradient_boosting import GlobalForecaster
from spdkit.forecast.models.recommended import recommended, with_units
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.selection.best_of import BestForecaster

BEST = "best"
BEST_WINDOWS = 2  # of h rows, in which it chooses
_SEASONS = {"D": 7, "B": 5, "W": 52, "MS": 12, "ME": 12, "QS": 4, "QE": 4}


@dataclass(frozen=True)
class Setting:
    """What a model is built for.

    Attributes
    ----------
    h : int
        Rows to forecast.
    season_length : int
        Rows of a season; 1 for none.
    metric : str
        What `best` chooses by; see `spdkit.forecast.scoring.metrics.METRICS`.
    seed : int
    hist_exog : tuple of str
        Columns of the past besides y, for the models that see them.
    """

    h: int
    season_length: int = 7
    metric: str = "f"
    seed: int = 0
    hist_exog: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """A forecaster that can be asked for by name.

    Attributes
    ----------
    name, about : str
        The word to ask by, and one line that teaches.
    build : callable
        Setting -> Forecaster.
    candidate : bool
        Whether `best` tries it.
    """

    name: str
    about: str
    build: Callable[[Setting], Forecaster]
    candidate: bool = False


def build_forecaster(name: str, setting: Setting) -> Forecaster:
    """Build a forecaster that is not fitted yet.

    Raises
    ------
    ForecastError
        When there is no such name.
    """
    if name not in MODELS:
        raise ForecastError(f"no model {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name].build(setting)


def season_of(freq: Freq) -> int:
    """Rows of the season that a frequency is known for: a week of days, a day of hours; else 1."""
    if isinstance(freq, int):
        return 1
    if months := months_on_a_day(freq):
        return 12 // months if 12 % months == 0 else 1
    if isinstance(freq, pd.offsets.Tick) and not isinstance(freq, pd.offsets.Day):
        in_a_day, rest = divmod(pd.Timedelta("1D"), pd.Timedelta(freq))
        return int(in_a_day) if not rest and in_a_day > 1 else 1
    return _SEASONS.get(freq.rule_code.split("-")[0], 1) if freq.n == 1 else 1


def _best(setting: Setting) -> Forecaster:
    candidates = [model.build(setting) for model in MODELS.values() if model.candidate]
    return BestForecaster(
        candidates,
        setting.h,
        n_windows=BEST_WINDOWS,
        metric=setting.metric,
        fallback=build_fallback(),
    )


def build_fallback() -> Forecaster:
    """The forecaster that any series is long enough for, where `best` has nothing to choose by."""
    return SMA(16, partial=True)


MODELS = {
    model.name: model
    for model in (
        Model(BEST, "whichever ★ scores best in two windows inside the rows that it sees", _best),
        Model(
            "recommended",
            "each series' level and boosting over all series, averaged",
            lambda s: recommended(
                s.h,
                hist_exog=s.hist_exog,
                season_length=s.season_length,
                relative=s.metric == "f",
                zero="skip",
                seed=s.seed,
            ),
            candidate=True,
        ),
        Model(
            "recommended-with-units",
            "boosting and lstm-rpa trained on F, averaged: our best; slow",
            lambda s: with_units(
                s.h, hist_exog=s.hist_exog, season_length=s.season_length, zero="skip", seed=s.seed
            ),
        ),
        Model("sma", "the mean of the last 16 rows", lambda _: SMA(16), candidate=True),
        Model(
            "relative-mean",
            "the constant of least relative error over the last 16 rows",
            lambda _: RelativeMean(16, zero="skip"),
            candidate=True,
        ),
        Model(
            "seasonal-naive",
            "the last season again, such as a week of days",
            lambda s: SeasonalNaive(s.season_length),
            candidate=True,
        ),
        Model(
            "global",
            "gradient boosting over all series at once, on relative error",
            lambda s: GlobalForecaster(
                s.h, zero="skip", season_length=s.season_length, hist_exog=s.hist_exog, seed=s.seed
            ),
        ),
        Model(
            "global-recurrent",
            "a GRU over all series at once, on F, which no day without plays allows",
            lambda s: GlobalRecurrentForecaster(s.h, hist_exog=s.hist_exog, seed=s.seed),
        ),
        Model("arima", "ARIMA of each series, its order by AICc; slow", lambda _: ARIMA()),
        Model(
            "lstm",
            "an LSTM of each series that gives the whole horizon at once; slow",
            lambda s: RecurrentForecaster(input_size=s.h, output_size=s.h, seed=s.seed),
        ),
        Model(
            "lstm-rpa",
            "an LSTM of each series rolled day by day, as its paper does; slow",
            lambda s: RecurrentForecaster(input_size=2, rolling=Rolling(1), seed=s.seed),
        ),
    )
}
