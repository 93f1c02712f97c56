"""Boosted trees: scikit-learn's or LightGBM's, grown and averaged in one way.

Conventions
-----------
Trees are grown to the last one, without early stopping, from a seed and on one thread: of so few
rows and leaves they gain nothing by more, and what they give does not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from spdkit.common.messages import needs_extra
from spdkit.common.parameters import POSITIVE, SEED, Allowed, Number, OneOf, Whole
from spdkit.common.threads import one_thread
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Numbers

Backend = Literal["hist", "lightgbm"]
Loss = Literal["squared_error", "absolute_error", "quantile", "log_loss"]
_OBJECTIVES = {"squared_error": "l2", "absolute_error": "l1"}  # LightGBM's words
BACKEND = OneOf(*get_args(Backend))
# What the parameters of models that are made of trees may be.
TREES: dict[str, Allowed] = {
    **dict.fromkeys(("n_trees", "min_leaf"), Whole()),
    "learning_rate": POSITIVE,
    "max_leaves": Whole(2),
    "feature_share": Number(0, 1, closed="high"),
    "seed": SEED,
}


@dataclass(frozen=True)
class BoostedTrees:
    """How trees are grown.

    Parameters
    ----------
    n_trees : int
    learning_rate : float
    max_leaves : int
        Of a tree.
    min_leaf : int
        Rows that a leaf needs at least.
    feature_share : float
        Share of the features that are tried at each split.
    backend : {"hist", "lightgbm"}
        scikit-learn's HistGradientBoosting, or LightGBM.
    max_bins : int
        Values of a feature that are told apart, by scikit-learn.
    """

    n_trees: int
    learning_rate: float
    max_leaves: int
    min_leaf: int
    feature_share: float = 1.0
    backend: Backend = "hist"
    max_bins: int = 255

    @classmethod
    def of(cls, model: BaseEstimator, **others: Any) -> Self:
        """Trees by the parameters of a model that have these names, and `others`."""
        names = {field.name for field in fields(cls)}
        parameters = model.get_params(deep=False).items()
        return cls(**{name: value for name, value in parameters if name in names} | others)

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: Numbers,
        weights: Numbers | None = None,
        *,
        seed: int,
        loss: Loss = "squared_error",
        quantile: float | None = None,
    ) -> Any:
        """Grow trees.

        Parameters
        ----------
        X : ndarray, shape (n_rows, n_features)
            NaN where something is not known.
        y : ndarray, shape (n_rows,)
        weights : ndarray, shape (n_rows,), optional
        seed : int
        loss : {"squared_error", "absolute_error", "quantile", "log_loss"}
            With the last one 0 and 1 are told apart. LightGBM is asked for the first two.
        quantile : float, optional
            Of ``loss="quantile"``.

        Returns
        -------
        object
            Fitted regressor or, of ``loss="log_loss"``, classifier of scikit-learn or LightGBM.

        Raises
        ------
        ForecastError
            When LightGBM is not installed.
        """
        # What is missing on every row says nothing, and scikit-learn finds no bins for it.
        known = np.where(np.isnan(X).all(axis=0), X.dtype.type(0), X)
        booster = self._hist(loss, quantile, seed)
        if self.backend == "lightgbm":
            booster = self._lightgbm(loss, seed)
        with one_thread():
            return booster.fit(known, y, sample_weight=weights)

    def _hist(self, loss: Loss, quantile: float | None, seed: int) -> Any:
        parameters = {
            "max_iter": self.n_trees,
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.max_leaves,
            "min_samples_leaf": self.min_leaf,
            "max_features": self.feature_share,
            "max_bins": self.max_bins,
            "early_stopping": False,
            "random_state": seed,
        }
        if loss == "log_loss":
            return HistGradientBoostingClassifier(**parameters)
        return HistGradientBoostingRegressor(loss=loss, quantile=quantile, **parameters)

    def _lightgbm(self, loss: Loss, seed: int) -> Any:
        with needs_extra('backend="lightgbm"', "lightgbm", ForecastError):
            from lightgbm import LGBMRegressor
        return LGBMRegressor(
            objective=_OBJECTIVES[loss],
            n_estimators=self.n_trees,
            learning_rate=self.learning_rate,
            num_leaves=self.max_leaves,
            min_child_samples=self.min_leaf,
            colsample_bytree=self.feature_share,
            deterministic=True,
            random_state=seed,
            verbosity=-1,
            n_jobs=1,
        )


def mean_prediction(models: Sequence[Any], X: NDArray[np.floating[Any]]) -> Numbers:
    """Mean of what at least one model predicts, shape (n_rows,)."""
    with one_thread():
        total: Numbers = sum(model.predict(X) for model in models) / len(models)
    return total
