"""Contenders: nets on clips, and what a user would pick instead, with their parameters."""

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

LSTM, PAPER = "lstm", "paper"
NETS = (LSTM, PAPER)
ON_DESCRIPTORS = "ridge_descriptors"  # on the mean of what the first net sees
RIVALS = ("ridge", "boosting", "spdkit", ON_DESCRIPTORS)
NAMES = (*NETS, *RIVALS)
TITLES = {
    "mean": "the mean of the plays",
    LSTM: "LSTM, descriptors of 15 s clips",
    PAPER: "LSTM as the paper trains it, audio rows of 5 s clips",
    "ridge": "ridge, audio rows of whole songs",
    "boosting": "gradient boosting, audio rows of whole songs",
    "spdkit": "our recommended estimator, audio rows of whole songs",
    ON_DESCRIPTORS: "ridge, mean descriptors of a song's clips",
}
_POINTS = (10, 90)  # of popularity, what plays become for an estimator of it


def contender(name: str, seed: int, **parameters: Any) -> Any:
    """An estimator by its name, not fitted; `parameters` are of a net."""
    if name in NETS:
        return FitSettings(
            "spdkit" if name == LSTM else "paper", parameters=parameters, seed=seed
        ).model()
    if name in ("ridge", ON_DESCRIPTORS):
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13)))
    if name == "boosting":
        return HistGradientBoostingRegressor(random_state=seed)
    net = HitMusicNetRegressor(**preset("spdkit"), random_state=seed)
    return TransformedTargetRegressor(net, transformer=MinMaxScaler(_POINTS))
