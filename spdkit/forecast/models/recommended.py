"""Recommended forecasters of daily plays: two that err differently, averaged.

How they were chosen, without a look at the month that it is judged by, is in
``benchmarks/results/forecast_selection.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

from spdkit.forecast.models.average import Average
from spdkit.forecast.models.classical import Level
from spdkit.forecast.models.gradient_boosting import GlobalForecaster
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.scoring.metrics import Zero

UNIT_DAYS = (2, 4, 7)  # p of the units, each rolled by as many


def recommended(
    horizon: int,
    *,
    hist_exog: Sequence[str] = (),
    season_length: int = 7,
    relative: bool = True,
    zero: Zero = "refuse",
    seed: int = 0,
) -> Average:
    """Each series' level, and gradient boosting over all series, averaged geometrically.

    Parameters
    ----------
    horizon : int
        Steps ahead.
    hist_exog : sequence of str
        Columns of the past, such as downloads, that boosting sees beside the plays.
    season_length : int
        Rows in a season.
    relative : bool
        Whether relative error is made small, as F asks for, or squared error in units of each
        series' level.
    zero : {"refuse", "skip"}
        What relative error does with days without plays.
    seed : int

    Returns
    -------
    Average
        Not fitted.
    """
    boosting = GlobalForecaster(
        horizon,
        loss="relative" if relative else "squared",
        zero=zero,
        season_length=season_length,
        hist_exog=hist_exog,
        seed=seed,
    )
    return Average([Level(relative=relative), boosting], how="geometric", name="Recommended")


def with_units(
    horizon: int,
    *,
    hist_exog: Sequence[str] = (),
    season_length: int = 7,
    zero: Zero = "refuse",
    seed: int = 0,
) -> Average:
    """Gradient boosting over all series, and LSTM-RPA of each: the best that we have for F.

    The second is itself an average, of units of 2, 4 and 7 days, each trained on F and rolled in
    the aligned mode by its own length. It takes the ``learn`` extra, and some seconds a hundred
    series.

    Parameters
    ----------
    horizon, hist_exog, season_length, zero, seed
        As in `recommended`.

    Returns
    -------
    Average
        Not fitted.
    """
    boosting = GlobalForecaster(
        horizon, zero=zero, season_length=season_length, hist_exog=hist_exog, seed=seed
    )
    return Average([boosting, units(seed, zero)], how="geometric", name="RecommendedWithUnits")


def units(seed: int = 0, zero: Zero = "refuse") -> Average:
    """LSTM-RPA's units of 2, 4 and 7 days, trained on F, rolled by their length, averaged."""
    forecasters = [
        RecurrentForecaster(input_size=p, rolling=Rolling(p), loss="f", zero=zero, seed=seed)
        for p in UNIT_DAYS
    ]
    return Average(forecasters, how="geometric", name="Units")
