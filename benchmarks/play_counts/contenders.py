"""Contenders: the net, and what a user would pick instead, with their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from spdkit.audio_models.fit import FitSettings
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.models.presets import preset

LSTM = "lstm"
RIVALS = ("ridge", "boosting", "spdkit")
NAMES = (LSTM, *RIVALS)
TITLES = {
    "mean": "the mean",
    LSTM: "LSTM on clips",
    "ridge": "ridge",
    "boosting": "gradient boosting",
    "spdkit": "our recommended estimator",
}
_POINTS = (10, 90)  # of popularity, what plays become for an estimator of it


def contender(name: str, seed: int, **parameters: Any) -> Any:
    """An estimator by its name, not fitted; `parameters` are of the net."""
    if name == LSTM:
        return FitSettings(parameters=parameters, seed=seed).model()
    if name == "ridge":
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13)))
    if name == "boosting":
        return HistGradientBoostingRegressor(random_state=seed)
    net = HitMusicNetRegressor(**preset("spdkit"), random_state=seed)
    return TransformedTargetRegressor(net, transformer=MinMaxScaler(_POINTS))
