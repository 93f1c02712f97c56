"""The forecaster that we recommend for daily plays: two that err differently, averaged.

How it was chosen, without a look at the month that it is judged by, is in
``benchmarks/results/forecast_selection.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

from spdkit.forecast.averages import Average
from spdkit.forecast.global_forecaster import GlobalForecaster
from spdkit.forecast.level import Level
from spdkit.forecast.scores import Zero


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
