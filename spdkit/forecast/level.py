"""The level of a series, held constant: the geometric mean of three spans' best constants."""

from __future__ import annotations

import numpy as np

from spdkit.forecast.forecaster import Forecaster
from spdkit.forecast.global_features import ends, levels
from spdkit.forecast.panel import Numbers, Panel


class Level(Forecaster):
    """Geometric mean of the best constants of the last 7, 28 and 56 rows.

    Short spans follow what is new, long ones forget what was an exception; their mean has proved
    hard to beat on daily plays. See `spdkit.forecast.global_features.levels`.

    Parameters
    ----------
    relative : bool
        Whether a constant is best in relative error (days without plays are left out) or in squared
        error.

    Attributes
    ----------
    levels_ : ndarray, shape (n_series,)
    """

    levels_: Numbers

    def __init__(self, *, relative: bool = True) -> None:
        self.relative = relative

    def _fit(self, panel: Panel) -> None:
        self.levels_ = levels(panel, ends(panel), self.relative)

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        return np.repeat(self.levels_[:, None], h, axis=1)
