"""Base of HitMusicNet's regressor and classifier: parameters, rows held out, nets, the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from spdkit.common.errors import ParameterError
from spdkit.common.messages import listing, refuse_rows
from spdkit.common.parameters import (
    FLAG,
    POSITIVE,
    SEED,
    TEXT,
    Allowed,
    Instance,
    Number,
    OneOf,
    SequenceOf,
    Whole,
    check_parameters,
)
from spdkit.common.progress import Callback, training_progress
from spdkit.common.serialization import Arrays, Saved, State
from spdkit.common.typed_json import as_declared
from spdkit.nets.dense import INITIALISERS, Initialiser
from spdkit.nets.training import OPTIMIZERS, Loss, Optimizer
from spdkit.popularity.models.holdout import hold_out
from spdkit.popularity.models.presets import preset
from spdkit.popularity.models.serialization import FORM
from spdkit.popularity.models.shared_ensemble import (
    SharedEnsembleNet,
    SharedEnsembleSettings,
    fit_shared_ensemble,
)
from spdkit.popularity.models.two_stage import (
    TwoStageNet,
    TwoStageSettings,
    fit_code,
    fit_two_stage,
)

Numbers = NDArray[np.float64]
# Single precision is taken as it is, which spares a copy: what is learned and said is the same.
FLOATS = (np.float64, np.float32)
Net = Literal["two_stage", "shared_ensemble"]
Settings = TypeVar("Settings", TwoStageSettings, SharedEnsembleSettings)
_FRACTION = Number(0, 1, closed="low")


@dataclass(kw_only=True, eq=False, repr=False)
class CodeEstimator(Saved, TransformerMixin, BaseEstimator):
    """What both estimators share; parameters are explained at `HitMusicNetRegressor`."""

    net: Net = "two_stage"
    delta: float = 1 / 5
    alphas: Sequence[float] = (1, 1 / 2, 1 / 3)
    initializer: Initialiser = "glorot_uniform"
    members: int = 4
    n_hidden: int = 128
    noise: float = 0.2
    reconstruction: float = 0.0
    refits: int = 4
    dropout: float = 0.25
    optimizer: Optimizer = "adadelta"
    learning_rate: float | None = None
    weight_decay: float = 0.0
    batch_size: int = 256
    max_epochs: int = 100
    patience: int = 10
    early_stopping_fraction: float = 0.1
    calibration_fraction: float = 0.1
    warm_start: bool = False
    device: str = "auto"
    verbose: bool = False
    random_state: Any = None

    nets_: TwoStageNet | SharedEnsembleNet = field(init=False)
    history_: pd.DataFrame = field(init=False)
    n_features_in_: int = field(init=False)

    _form: ClassVar = FORM
    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "net": OneOf(*get_args(Net)),
        "delta": Number(0, 1, closed="high"),
        "alphas": SequenceOf(POSITIVE),
        "initializer": OneOf(*INITIALISERS),
        "members": Whole(),
        "n_hidden": Whole(),
        "noise": Number(0),
        "reconstruction": Number(0),
        "refits": Whole(0),
        "dropout": _FRACTION,
        "optimizer": OneOf(*OPTIMIZERS),
        "learning_rate": (POSITIVE, None),
        "weight_decay": Number(0),
        "batch_size": Whole(),
        "max_epochs": Whole(),
        "patience": Whole(),
        "early_stopping_fraction": _FRACTION,
        "calibration_fraction": _FRACTION,
        "warm_start": FLAG,
        "device": TEXT,
        "verbose": (FLAG, Whole(0)),
        "random_state": (SEED, Instance(np.random.RandomState), None),
    }

    @classmethod
    def from_preset(cls, name: str, **parameters: Any) -> Self:
        """Build a model by its name, "spdkit" or "1-A" … "3-D"; `parameters` come on top.

        Raises
        ------
        ValueError
            When there is no such preset.
        """
        return cls(**{**preset(name), **parameters})

    @property
    def _n_outputs(self) -> int:
        """1 of a number, or how many classes there are."""
        raise NotImplementedError

    def _weighted_rows(
        self, X: Numbers, y: NDArray[Any], sample_weight: Any, groups: Any
    ) -> tuple[Numbers, NDArray[Any], Numbers | None, Any]:
        """Rows, labels, weights and groups without the rows of weight 0, which count nowhere."""
        if groups is not None and np.shape(groups) != (len(X),):
            raise ParameterError(f"groups has shape {np.shape(groups)}, X has {len(X)} rows")
        if sample_weight is None:
            return X, y, None, groups
        weight = row_weights(sample_weight, len(X))
        counts = weight > 0
        if counts.all():
            return X, y, weight, groups
        if counts.sum() < 2:
            raise ParameterError("sample_weight is above 0 in one row: at least two have to count")
        of_rows = None if groups is None else np.asarray(groups)[counts]
        return X[counts], y[counts], weight[counts], of_rows

    def _fit_nets(
        self,
        X: Numbers,
        y: NDArray[np.generic],
        weight: Numbers | None,
        groups: Any,
        loss: Loss,
        callback: Callback | None,
    ) -> tuple[NDArray[np.intp], Numbers, TwoStageNet | SharedEnsembleNet]:
        """Rows for calibration, the logits there of a net that did not see them, and that net."""
        seed, n_outputs = self._seed(), self._n_outputs
        holdouts = hold_out(
            len(X), self.early_stopping_fraction, self.calibration_fraction, seed, groups
        )
        calibrated: TwoStageNet | SharedEnsembleNet
        with training_progress(self.max_epochs, callback, shown=bool(self.verbose)) as each_epoch:
            if self.net == "two_stage":
                earlier = self._earlier_nets(X)
                two_stage = self._settings(TwoStageSettings, seed)
                self.nets_, history = fit_two_stage(
                    X, y, weight, holdouts, n_outputs, loss, two_stage, each_epoch, earlier
                )
                calibrated = self.nets_
            else:
                settings = self._settings(SharedEnsembleSettings, seed)
                self.nets_, calibrated, history = fit_shared_ensemble(
                    X, y, weight, holdouts, n_outputs, settings, each_epoch
                )
        self.history_ = _as_table(history)
        rows = holdouts.calibration
        logits = calibrated.logits(X[rows]) if len(rows) else np.zeros((0, n_outputs))
        return rows, logits, calibrated

    def _check_parameters(self, callback: Callback | None = None) -> None:
        check_parameters(self.get_params(deep=False), self._parameter_constraints)
        if callback is not None and not callable(callback):
            raise ParameterError(f"callback must be a function, got {callback!r}")

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
            When X is no matrix of numbers, a parameter is not what it may be, or the net has no
            autoencoder of its own.
        """
        self._check_parameters(callback)
        if self.net != "two_stage":
            raise ValueError(f"net={self.net!r} learns code and prediction together: call fit")
        X = self._validated(X, ensure_min_samples=2)
        seed = self._seed()
        all_train = hold_out(len(X), 0.0, 0.0, seed)
        settings = self._settings(TwoStageSettings, seed)
        with training_progress(self.max_epochs, callback, shown=bool(self.verbose)) as each_epoch:
            self.nets_, history = fit_code(X, None, all_train, settings, each_epoch)
        self.history_ = _as_table(history)
        return self

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _earlier_nets(self, X: Numbers) -> TwoStageNet | None:
        """Nets of an earlier fit to go on with."""
        earlier = getattr(self, "nets_", None) if self.warm_start else None
        if not isinstance(earlier, TwoStageNet):
            return None
        if len(earlier.scaler.median_) != X.shape[1]:
            raise ValueError(
                f"X has {X.shape[1]} features, and warm_start goes on with nets of "
                f"{len(earlier.scaler.median_)}"
            )
        return earlier

    def _settings(self, kind: type[Settings], seed: int) -> Settings:
        """Those of the estimator's parameters that the nets take."""
        parameters = self.get_params(deep=False)
        taken = [one.name for one in fields(kind) if one.init and one.name in parameters]
        own = {name: parameters[name] for name in taken}
        return kind(**own, seed=seed, names=getattr(self, "feature_names_in_", None))

    def _validated(self, X: Any, *y: Any, **checks: Any) -> Any:
        return validate_data(self, X, *y, dtype=FLOATS, ensure_all_finite="allow-nan", **checks)

    def _checked(self, X: Any) -> Numbers:
        check_is_fitted(self)
        checked: Numbers = self._validated(X, reset=False)
        return checked

    def transform(self, X: Any) -> Numbers:
        """Codes of songs, shape (n_songs, n_code).

        Those of the training rows lie in [0, 1] (two_stage), or are at least 0 (shared_ensemble).
        """
        X = self._checked(X)
        return self.nets_.code(X)

    def inverse_transform(self, code: Any) -> Numbers:
        """Features in their own units, shape (n_songs, n_features), that codes stand for.

        Raises
        ------
        ValueError
            When `code` is not of shape (n_songs, n_code).
        """
        check_is_fitted(self)
        code = check_array(code, dtype=np.float64, input_name="code")
        if code.shape[1] != self.nets_.n_code:
            raise ParameterError(f"code has {code.shape[1]} units, the net has {self.nets_.n_code}")
        return self.nets_.reconstruct(code)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the code's units: ``code_0`` and so on."""
        check_is_fitted(self)
        return np.array([f"code_{i}" for i in range(self.nets_.n_code)], dtype=object)

    def saved_state(self) -> State:
        """Facts and arrays of `save`."""
        check_is_fitted(self)
        history = self.history_.astype(object).where(self.history_.notna(), None)
        facts = {
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": [str(name) for name in getattr(self, "feature_names_in_", [])],
            "history_": history.to_dict("list"),
        }
        return facts, self.nets_.to_arrays()

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        self.n_features_in_, names = facts["n_features_in_"], facts["feature_names_in_"]
        if names:
            if len(names) != self.n_features_in_ or not all(isinstance(n, str) for n in names):
                raise ValueError("feature_names_in_ are no names of the features")
            self.feature_names_in_ = np.array(names, dtype=object)
        self.history_ = _history(facts["history_"])
        self.nets_ = self._nets_from(arrays)

    def _nets_from(self, arrays: Arrays) -> TwoStageNet | SharedEnsembleNet:
        nets: TwoStageNet | SharedEnsembleNet
        if self.net == "two_stage":
            settings = self._settings(TwoStageSettings, seed=0)
            nets = TwoStageNet.from_arrays(arrays, settings, self._n_outputs)
        else:
            nets = SharedEnsembleNet.from_arrays(
                arrays, self._settings(SharedEnsembleSettings, seed=0), self._n_outputs
            )
        if nets.n_features != self.n_features_in_:
            raise ValueError(f"n_features_in_ is {self.n_features_in_}, of {nets.n_features}")
        return nets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags


def numeric_labels(y: Any) -> Any:
    """Labels as they are; ParameterError when they are text, which no number is to be read from."""
    labels = np.asarray(y)
    of_text = labels.dtype.kind in "USMm" or (
        labels.dtype.kind == "O" and any(isinstance(label, str | bytes) for label in labels.flat)
    )
    if of_text:
        raise ParameterError(f"y must be numbers, not text or dates, got {str(labels.flat[0])!r}")
    return y


def row_weights(sample_weight: Any, n_rows: int, name: str = "sample_weight") -> Numbers:
    """Weights of rows: finite numbers of at least 0, and one above it, shape (n_rows,).

    Raises
    ------
    ParameterError
        Naming `name`, and the first row that is wrong.
    """
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} must be numbers: {error}") from error
    if weights.ndim == 0:
        weights = np.full(n_rows, weights)
    if weights.shape != (n_rows,):
        raise ParameterError(f"{name} has shape {weights.shape}, X has {n_rows} rows")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    refuse_rows(wrong, f"values of {name} are no numbers of at least 0", ParameterError, weights)
    if not weights.any():
        raise ParameterError(f"{name} is zero in every row: nothing is left to learn from")
    return weights


def _history(columns: Any) -> pd.DataFrame:
    """What was saved of `history_`, checked."""
    table = pd.DataFrame(as_declared(dict[str, tuple[Any, ...]], columns, "history_"))
    number: Any = float | None
    kinds: dict[str, Any] = {"net": str, "epoch": float, "loss": number}
    lacking = kinds.keys() - set(table)
    if lacking:
        raise ValueError(f"history_ lacks {listing(sorted(lacking), quote=True)}")
    for name, cells in columns.items():
        for cell in cells:
            as_declared(kinds.get(name, number), cell, f"history_.{name}")
    return table


def _as_table(history: dict[str, list[dict[str, float]]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"net": net, "epoch": epoch, **metrics}
        for net, epochs in history.items()
        for epoch, metrics in enumerate(epochs, start=1)
    )
