"""What HitMusicNet's regressor and classifier share: holding rows out, the nets, the code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from spdkit.holdouts import Holdouts, hold_out
from spdkit.nets.dense import Initialiser
from spdkit.nets.training import Loss, Optimizer
from spdkit.presets import preset
from spdkit.two_stage import Callback, TwoStageNet, TwoStageSettings, fit_two_stage

Numbers = NDArray[np.float64]


class CodeEstimator(TransformerMixin, BaseEstimator):
    """What both estimators share: holding rows out, the nets, the code."""

    nets_: TwoStageNet
    history_: pd.DataFrame
    n_features_in_: int

    def __init__(
        self,
        *,
        delta: float = 1 / 5,
        alphas: Sequence[float] = (1, 1 / 2, 1 / 3),
        dropout: float = 0.25,
        optimizer: Optimizer = "adadelta",
        initializer: Initialiser = "glorot_uniform",
        learning_rate: float | None = None,
        batch_size: int = 256,
        max_epochs: int = 100,
        patience: int = 10,
        early_stopping_fraction: float = 0.1,
        calibration_fraction: float = 0.1,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.delta = delta
        self.alphas = alphas
        self.dropout = dropout
        self.optimizer = optimizer
        self.initializer = initializer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.early_stopping_fraction = early_stopping_fraction
        self.calibration_fraction = calibration_fraction
        self.device = device
        self.random_state = random_state

    @classmethod
    def from_preset(cls, name: str, **parameters: Any) -> Self:
        """Build a model of the paper's Table 2, such as "1-A"; `parameters` come on top.

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
    ) -> Holdouts:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        holdouts = hold_out(
            len(X), self.early_stopping_fraction, self.calibration_fraction, seed, groups
        )
        settings = TwoStageSettings(
            delta=self.delta,
            alphas=tuple(self.alphas),
            dropout=self.dropout,
            optimizer=self.optimizer,
            initializer=self.initializer,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience,
            device=self.device,
            seed=seed,
        )
        self.nets_, history = fit_two_stage(
            X, y, weight, holdouts, n_outputs, loss, settings, callback
        )
        self.history_ = pd.DataFrame(
            {"net": net, "epoch": epoch, **metrics}
            for net, epochs in history.items()
            for epoch, metrics in enumerate(epochs, start=1)
        )
        return holdouts

    def _checked(self, X: Any) -> Numbers:
        check_is_fitted(self)
        checked: Numbers = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def transform(self, X: Any) -> Numbers:
        """Codes of songs, shape (n_songs, n_code); those of training rows lie in [0, 1]."""
        X = self._checked(X)
        return self.nets_.code(X)

    def inverse_transform(self, code: Any) -> Numbers:
        """Features in their own units, shape (n_songs, n_features), that codes stand for."""
        check_is_fitted(self)
        return self.nets_.reconstruct(np.asarray(code, dtype=np.float64))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the code's units: ``code_0`` and so on."""
        check_is_fitted(self)
        n_code = self.nets_.autoencoder.n_code
        return np.array([f"code_{i}" for i in range(n_code)], dtype=object)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted model into a folder; see `spdkit.model_files.save_model`."""
        from spdkit.model_files import save_model

        save_model(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a model of this class that `save` wrote; see `spdkit.model_files.load_model`."""
        from spdkit.model_files import ModelError, load_model

        model = load_model(folder)
        if not isinstance(model, cls):
            raise ModelError(f"{folder}: holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags
