"""Gradient boosting of all series at once, on what it is scored by: relative error.

Conventions
-----------
Every row of every series from which the whole horizon is known is an origin to learn from. The
model sees the origin through `spdkit.forecast.models.series_features` and how many steps ahead it
is asked, and gives the ratio of what comes to the series' level (over spans of 1 to 56 rows: a
level that follows a leap by half is a better start than one that forgets it). One model serves all
steps and all series, also those too short to learn from.

The losses are weights on the squared error of that ratio: for the relative error ((x - y) / y)² the
weight is (level / y)². F takes the root over each horizon before it adds up series: that is the
relative error again, each horizon weighted by φ / σ, where σ is how far the last model is off
there. So ``loss="f"`` fits twice (majorise and minimise: the root lies below its tangent).

References
----------
Montero-Manso and Hyndman (2021), Principles and algorithms for forecasting groups of time series;
Hunter and Lange (2004), A tutorial on MM algorithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spdkit.common.parameters import Number, OneOf, Whole
from spdkit.forecast.data.panel import Numbers, Panel
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.boosted_trees import (
    BACKEND,
    TREES,
    Backend,
    BoostedTrees,
    mean_prediction,
)
from spdkit.forecast.models.series_features import (
    ALL_SPANS,
    Origins,
    describe,
    ends,
    learnable,
    levels,
    require_within,
    seasonal,
)
from spdkit.forecast.scoring.metrics import ZERO, Zero

Loss = Literal["relative", "f", "squared"]
_LEAST_PAST = 28  # rows before an origin to learn from
# Edges of weighted bins take scikit-learn longer than the trees; more than these gain nothing.
_BINS = 32
_SMALLEST_SIGMA = 0.02  # a horizon that is met exactly would have all the weight


@dataclass(eq=False, repr=False)
class GlobalForecaster(Forecaster):
    """Gradient boosting over all series, direct: one answer a step ahead.

    Parameters
    ----------
    horizon : int
        Steps ahead that it learns; forecasts reach no further.
    loss : {"relative", "f", "squared"}
        Relative error, the F score, or squared error in units of the series' level. The first two
        cannot see days without plays.
    zero : {"refuse", "skip"}
        What the first two do with such days.
    backend : {"hist", "lightgbm"}
        scikit-learn's HistGradientBoostingRegressor, or LightGBM.
    season_length : int
        Rows in a season, such as 7 for days; 1 for none.
    hist_exog, futr_exog : sequence of str
        Columns of the past, 0 or more and set beside the plays; and columns known of the future.
    n_trees, learning_rate, max_leaves
        Of each model.
    min_leaf : float
        Share of the training rows that a leaf needs at least.
    feature_share : float
        Share of the features that are tried at each split.
    n_models : int
        Models with other random features, averaged.
    max_rows : int
        At most that many origins times steps are learned from, drawn at random.
    seed : int

    Attributes
    ----------
    models_ : list
        Fitted; empty where no origin has plays before it, such as ahead of a first release: then
        each series' level is held.
    n_origins_ : int
        Origins that were learned from.
    """

    horizon: int
    _: KW_ONLY
    loss: Loss = "relative"
    zero: Zero = "refuse"
    backend: Backend = "hist"
    season_length: int = 7
    hist_exog: Sequence[str] = ()
    futr_exog: Sequence[str] = ()
    n_trees: int = 100
    learning_rate: float = 0.02
    max_leaves: int = 8
    min_leaf: float = 0.1
    feature_share: float = 0.5
    n_models: int = 3
    max_rows: int = 60_000
    seed: int = 0

    _parameter_constraints: ClassVar = {
        "loss": OneOf(*get_args(Loss)),
        "zero": ZERO,
        "backend": BACKEND,
        **dict.fromkeys(("horizon", "season_length", "n_models", "max_rows"), Whole()),
        **TREES,
        "min_leaf": Number(0, 1),
    }

    @property
    def label(self) -> str:
        """Name of its column in forecasts."""
        return f"Global({self.loss})"

    def learns_from(self, lengths: NDArray[np.int64]) -> bool:
        """Whether one of them is long enough to learn from, and none is empty."""
        return super().learns_from(lengths) and bool(lengths.max() >= _LEAST_PAST + self.horizon)

    def _fit(self, panel: Panel) -> None:
        self._check(panel)
        most = max(1, self.max_rows // self.horizon)
        origins = learnable(panel, _LEAST_PAST, self.horizon, most, self.seed)
        level = levels(panel, origins, self._relative, ALL_SPANS)
        played = level > 0
        origins = Origins(origins.series[played], origins.row[played])
        level = level[played]
        self.models_: list[Any] = []
        self.n_origins_ = len(origins)
        if not len(origins):
            return
        rows = panel.indptr[origins.series] + origins.row
        ahead = rows[:, None] + np.arange(self.horizon)
        y = panel.y[ahead]
        X = self._inputs(panel, origins, level, self._future(panel, ahead))
        counted = y > 0 if self._relative else np.ones_like(y, dtype=bool)
        inverse = np.divide(level[:, None], y, out=np.zeros_like(y), where=y > 0)
        weight = inverse**2 if self._relative else np.ones_like(y)
        target = y / level[:, None]
        models = self._models(X, target, weight)
        if self.loss == "f":
            off = (_ratios(models, X).reshape(y.shape) * inverse - 1) ** 2 * counted
            sigma = np.sqrt(off.sum(axis=1) / np.maximum(counted.sum(axis=1), 1))
            phi = np.sqrt(y.sum(axis=1))
            by_origin = phi / np.maximum(sigma, _SMALLEST_SIGMA)
            models = self._models(X, target, weight * by_origin[:, None] / by_origin.mean())
        self.models_ = models

    def _forecast(self, h: int, future: Numbers) -> Numbers:
        require_within(h, self.horizon, self.label)
        panel = self.panel_
        origins = ends(panel)
        level = levels(panel, origins, self._relative, ALL_SPANS)
        played = level > 0
        forecast = np.zeros((len(panel), self.horizon))
        if played.any():
            some = Origins(origins.series[played], origins.row[played])
            ahead = np.zeros((len(panel), self.horizon, len(self.futr_exog)))
            ahead[:, :h] = future
            X = self._inputs(panel, some, level[played], ahead[played])
            ratios = _ratios(self.models_, X).reshape(len(some), self.horizon)
            forecast[played] = np.maximum(ratios, 0) * level[played, None]
        return forecast[:, :h]

    @property
    def _relative(self) -> bool:
        return self.loss != "squared"

    def _check(self, panel: Panel) -> None:
        advice = ". Take a model that needs no level, such as sma."
        panel.refuse(panel.y < 0, "a level needs values of 0 or more, y is", advice=advice)
        if self._relative and self.zero == "refuse":
            advice = '. Leave such days out by zero="skip", or learn squared error.'
            panel.refuse(panel.y == 0, "relative error needs plays, y is", advice=advice)
        for name in self.hist_exog:
            column = panel.exog[name].to_numpy()
            panel.refuse(column < 0, f"{name} must be 0 or more beside plays, it is", column)

    def _future(self, panel: Panel, ahead: NDArray[np.int64]) -> Numbers:
        columns = [panel.exog[name].to_numpy()[ahead] for name in self.futr_exog]
        return np.stack(columns, axis=-1) if columns else np.empty((*ahead.shape, 0))

    def _inputs(self, panel: Panel, origins: Origins, level: Numbers, future: Numbers) -> Numbers:
        """One row for each origin and step, shape (n_origins * horizon, n_features)."""
        features = describe(panel, origins, level, self.hist_exog, self._relative)
        shape = (len(origins), self.horizon)
        parts = [
            np.broadcast_to(features[:, None, :], (*shape, features.shape[1])),
            np.broadcast_to(np.arange(self.horizon)[None, :, None], (*shape, 1)),
            future,
        ]
        if self.season_length > 1:
            same = seasonal(panel, origins, level, self.season_length, self.horizon)
            parts.append(same[..., None])
        joined: Numbers = np.concatenate(parts, axis=-1)
        return joined.reshape(shape[0] * shape[1], -1)

    def _models(self, X: Numbers, target: Numbers, weight: Numbers) -> list[Any]:
        used = weight.ravel() > 0
        if not used.any():
            return []
        smallest = max(1, int(self.min_leaf * used.sum()))
        trees = BoostedTrees.of(self, min_leaf=smallest, max_bins=_BINS)
        known = (X[used], target.ravel()[used], weight.ravel()[used])
        return [trees.fit(*known, seed=self.seed + i) for i in range(self.n_models)]


def _ratios(models: Sequence[Any], X: Numbers) -> Numbers:
    return mean_prediction(models, X) if models else np.ones(len(X))
