"""What HitMusicNet's regressor and classifier share: holding rows out, the nets, the code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal, Self, TypeVar, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from spdkit.common.progress import training_progress
from spdkit.nets.dense import Initialiser
from spdkit.nets.training import Loss, Optimizer
from spdkit.popularity.models.holdout import hold_out
from spdkit.popularity.models.presets import preset
from spdkit.popularity.models.shared_ensemble import JointNet, JointSettings, fit_joint
from spdkit.popularity.models.two_stage import (
    Callback,
    TwoStageNet,
    TwoStageSettings,
    fit_code,
    fit_two_stage,
)

Numbers = NDArray[np.float64]
# Single precision is taken as it is, which spares a copy: what is learned and said is the same.
FLOATS = (np.float64, np.float32)
Net = Literal["two_stage", "shared_ensemble"]
Settings = TypeVar("Settings", TwoStageSettings, JointSettings)


class CodeEstimator(TransformerMixin, BaseEstimator):
    """What both estimators share: holding rows out, the nets, the code."""

    nets_: TwoStageNet | JointNet
    history_: pd.DataFrame
    n_features_in_: int

    def __init__(
        self,
        *,
        net: Net = "two_stage",
        delta: float = 1 / 5,
        alphas: Sequence[float] = (1, 1 / 2, 1 / 3),
        initializer: Initialiser = "glorot_uniform",
        members: int = 4,
        n_hidden: int = 128,
        noise: float = 0.2,
        reconstruction: float = 0.0,
        refits: int = 4,
        dropout: float = 0.25,
        optimizer: Optimizer = "adadelta",
        learning_rate: float | None = None,
        weight_decay: float = 0.0,
        batch_size: int = 256,
        max_epochs: int = 100,
        patience: int = 10,
        early_stopping_fraction: float = 0.1,
        calibration_fraction: float = 0.1,
        warm_start: bool = False,
        device: str = "auto",
        verbose: bool = False,
        random_state: Any = None,
    ) -> None:
        self.net = net
        self.delta = delta
        self.alphas = alphas
        self.initializer = initializer
        self.members = members
        self.n_hidden = n_hidden
        self.noise = noise
        self.reconstruction = reconstruction
        self.refits = refits
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.early_stopping_fraction = early_stopping_fraction
        self.calibration_fraction = calibration_fraction
        self.warm_start = warm_start
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    @classmethod
    def from_preset(cls, name: str, **parameters: Any) -> Self:
        """Build a model by its name, "spdkit" or "1-A" … "3-D"; `parameters` come on top.

        Raises
        ------
        ValueError
            When there is no such preset.
        """
        return cls(**{**preset(name), **parameters})

    def _fit_nets(
        self,
        X: Numbers,
        y: NDArray[np.generic],
        weight: Numbers | None,
        groups: Any,
        n_outputs: int,
        loss: Loss,
        callback: Callback | None,
    ) -> tuple[NDArray[np.intp], Numbers, TwoStageNet | JointNet]:
        """Rows for calibration, the logits there of a net that did not see them, and that net."""
        seed = self._seed()
        holdouts = hold_out(
            len(X), self.early_stopping_fraction, self.calibration_fraction, seed, groups
        )
        blind: TwoStageNet | JointNet
        with training_progress(self.max_epochs, callback, shown=self.verbose) as told:
            if self.net == "two_stage":
                two_stage = self._settings(TwoStageSettings, seed)
                self.nets_, history = fit_two_stage(
                    X, y, weight, holdouts, n_outputs, loss, two_stage, told, self._known(X)
                )
                blind = self.nets_
            elif self.net == "shared_ensemble":
                joint = self._settings(JointSettings, seed)
                self.nets_, blind, history = fit_joint(
                    X, y, weight, holdouts, n_outputs, joint, told
                )
            else:
                raise ValueError(f"net must be one of {get_args(Net)}, got {self.net!r}")
        self.history_ = _as_table(history)
        rows = holdouts.calibration
        return rows, blind.logits(X[rows]) if len(rows) else np.zeros((0, n_outputs)), blind

    def fit_code(self, X: Any, callback: Callback | None = None) -> Self:
        """Fit scaler and autoencoder on songs whose popularity need not be known.

        All of these songs train, and the training loss says when to stop. With ``warm_start=True``,
        `fit` then takes both as they are. `transform` can be used at once, `predict` after `fit`.

        Parameters
        ----------
        X : array-like, shape (n_songs, n_features)
        callback : callable, optional
            As of `fit`.

        Raises
        ------
        ValueError
            When X is no matrix of numbers, or the net has no autoencoder of its own.
        """
        if self.net != "two_stage":
            raise ValueError(f"net={self.net!r} learns code and prediction together: call fit")
        X = validate_data(
            self, X, dtype=FLOATS, ensure_all_finite="allow-nan", ensure_min_samples=2
        )
        seed = self._seed()
        everything = hold_out(len(X), 0.0, 0.0, seed)
        settings = self._settings(TwoStageSettings, seed)
        with training_progress(self.max_epochs, callback, shown=self.verbose) as told:
            self.nets_, history = fit_code(X, None, everything, settings, told)
        self.history_ = _as_table(history)
        return self

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _known(self, X: Numbers) -> TwoStageNet | None:
        """Nets of an earlier fit to go on with."""
        known = getattr(self, "nets_", None) if self.warm_start else None
        if not isinstance(known, TwoStageNet):
            return None
        if len(known.scaler.median_) != X.shape[1]:
            raise ValueError(
                f"X has {X.shape[1]} features, and warm_start goes on with nets of "
                f"{len(known.scaler.median_)}"
            )
        return known

    def _settings(self, kind: type[Settings], seed: int) -> Settings:
        """Those of the estimator's parameters that the nets take."""
        parameters = self.get_params(deep=False)
        taken = {field.name for field in fields(kind)} - {"seed", "names"}
        names = getattr(self, "feature_names_in_", None)
        return kind(**{name: parameters[name] for name in taken}, seed=seed, names=names)

    def _checked(self, X: Any) -> Numbers:
        check_is_fitted(self)
        checked: Numbers = validate_data(
            self, X, dtype=FLOATS, ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def transform(self, X: Any) -> Numbers:
        """Codes of songs, shape (n_songs, n_code).

        Those of the training rows lie in [0, 1] (two_stage), or are at least 0 (shared_ensemble).
        """
        X = self._checked(X)
        return self.nets_.code(X)

    def inverse_transform(self, code: Any) -> Numbers:
        """Features in their own units, shape (n_songs, n_features), that codes stand for."""
        check_is_fitted(self)
        return self.nets_.reconstruct(np.asarray(code, dtype=np.float64))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the code's units: ``code_0`` and so on."""
        check_is_fitted(self)
        return np.array([f"code_{i}" for i in range(self.nets_.n_code)], dtype=object)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted model into a folder; see `save_model`."""
        from spdkit.popularity.models.serialization import save_model

        save_model(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a model of this class that `save` wrote; see `load_model`."""
        from spdkit.popularity.models.serialization import ModelError, load_model

        model = load_model(folder)
        if not isinstance(model, cls):
            raise ModelError(f"{folder}: holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags


def _as_table(history: dict[str, list[dict[str, float]]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"net": net, "epoch": epoch, **metrics}
        for net, epochs in history.items()
        for epoch, metrics in enumerate(epochs, start=1)
    )
