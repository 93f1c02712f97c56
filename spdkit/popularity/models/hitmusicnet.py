"""HitMusicNet as estimators of scikit-learn: popularity from features, end to end inside `fit`.

Conventions: X has a song a row and may hold NaN; of its rows, a tenth decides when to stop, another
tenth says how sure predictions are, and the rest trains. Popularity is learned in [0, 1] and comes
back on the scale that the labels had.

Reference: Martín-Gutiérrez et al. (2020), a multimodal end-to-end deep learning architecture for
music popularity prediction.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from spdkit.common.errors import ParameterError, UnitWarning
from spdkit.common.label_units import other_range, unit_question
from spdkit.common.parameters import Allowed, Instance, Number, OneOf, SequenceOf
from spdkit.common.progress import Callback
from spdkit.common.serialization import Arrays, State, part_of, prefixed
from spdkit.evaluation.conformal import conformal_radius, temperature
from spdkit.nets.training import cross_entropy, squared_error
from spdkit.popularity.models.base import CodeEstimator, numeric_labels, row_weights
from spdkit.popularity.models.shared_ensemble import SharedEnsembleNet
from spdkit.popularity.models.two_stage import TwoStageNet

Numbers = NDArray[np.float64]
_CALIBRATED = "calibrated."


@dataclass(kw_only=True, eq=False, repr=False)
class HitMusicNetRegressor(RegressorMixin, CodeEstimator):
    """Popularity as a number: the paper's two nets, or the one that we recommend.

    Parameters
    ----------
    net : {"two_stage", "shared_ensemble"}
        The paper's MusicAENet and then MusicPopNet (`spdkit.popularity.models.two_stage`), or an
        ensemble that learns code and prediction together
        (`spdkit.popularity.models.shared_ensemble`).
    delta : float
        Of two_stage: width of the code as a share of the features, in (0, 1]; the paper's are 1/5,
        1/4, 1/7.
    alphas : sequence of float
        Of two_stage: widths of the popularity net's hidden layers as shares of the code.
    initializer : {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal"}
        Of two_stage.
    members, n_hidden, noise, reconstruction
        Of shared_ensemble: see `spdkit.nets.shared_ensemble.SharedEnsemble`.
    refits : int
        Of shared_ensemble: nets that learn from all rows when the first has shown for how long;
        with 0 the first one predicts.
    dropout : float
        Share of each hidden layer that is left out in training.
    optimizer : {"adadelta", "adam", "adamw", "nadam", "sgd"}
        Of the net that predicts; the autoencoder has Adam.
    learning_rate : float, optional
        Of the net that predicts; by default Keras's of the optimiser.
    weight_decay : float
        Of shared_ensemble.
    batch_size, max_epochs, patience : int
        Rows a step, epochs at most, epochs without improvement before the end.
    early_stopping_fraction, calibration_fraction : float
        Shares of the rows that are held out inside `fit` (of the groups, when there are groups).
    warm_start : bool
        Of two_stage: whether to keep scaler and autoencoder of an earlier `fit` or `fit_code`, and
        to go on with the weights of its popularity net.
    device : str
        "auto" is a GPU where there is one; or "cpu", "cuda".
    verbose : bool
        Whether to show a progress bar, on stderr, when `fit` takes over two seconds.
    random_state : int, RandomState or None
    target_range : (float, float) or None
        What popularity can be; labels outside are refused. None takes the training labels' range.
        Presets have (0, 100).

    Attributes
    ----------
    history_ : DataFrame
        Columns net ("autoencoder", "popularity"; or "first", "refit 1" …), epoch, loss, val_loss;
        losses are mean squared (shared_ensemble: absolute) errors in [0, 1].
    residuals_ : ndarray
        Errors on the rows held out for calibration of a net that did not see them, in the unit of
        the labels.
    nets_ : TwoStageNet or SharedEnsembleNet
        What predicts.
    calibrated_nets_ : TwoStageNet or SharedEnsembleNet
        What never saw the rows for calibration: ``nets_`` itself, but for refits.

    Examples
    --------
    >>> model = HitMusicNetRegressor.from_preset("1-A", random_state=0)
    >>> model.fit(X, y, groups=artists).predict_interval(new)  # doctest: +SKIP
    """

    target_range: tuple[float, float] | None = None

    residuals_: Numbers = field(init=False)
    calibrated_nets_: TwoStageNet | SharedEnsembleNet = field(init=False)
    target_low_: float = field(init=False)
    target_high_: float = field(init=False)

    _n_outputs = 1
    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        **CodeEstimator._parameter_constraints,
        "target_range": (SequenceOf(Number(), length=2), None),
    }

    @classmethod
    def from_preset(cls, name: str, **parameters: Any) -> Self:
        """Build a model by its name, "spdkit" or "1-A" … "3-D", for popularity in [0, 100]."""
        return super().from_preset(name, **{"target_range": (0.0, 100.0), **parameters})

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        callback: Callback | None = None,
    ) -> Self:
        """Fit on songs and their popularity.

        Parameters
        ----------
        X : array-like, shape (n_songs, n_features)
            NaN where a value is missing.
        y : array-like, shape (n_songs,)
        sample_weight : array-like, shape (n_songs,), optional
            At least 0. A row of weight 0 counts nowhere: as if it were not there.
        groups : array-like, shape (n_songs,), optional
            Such as artists: none is both trained on and held out.
        callback : callable, optional
            Called after each epoch as ``callback(net, epoch, metrics)``.

        Raises
        ------
        ValueError
            When X or y is no matrix or vector of numbers, a label lies out of `target_range`, or a
            parameter, or a weight, is not what it may be.
        """
        self._check_parameters(callback)
        X, y = self._validated(X, numeric_labels(y), y_numeric=True, ensure_min_samples=2)
        X, y, weight, groups = self._weighted_rows(X, y, sample_weight, groups)
        self.target_low_, self.target_high_ = self._range_of(y)
        spread = self.target_high_ - self.target_low_
        unit = (y - self.target_low_) / spread if spread > 0 else np.full(len(y), 0.5)
        held, logits, self.calibrated_nets_ = self._fit_nets(
            X, unit.astype(np.float32), weight, groups, squared_error, callback
        )
        self.residuals_ = y[held] - self._on_scale(logits)
        return self

    def _range_of(self, y: Numbers) -> tuple[float, float]:
        if self.target_range is None:
            return float(y.min()), float(y.max())
        low, high = map(float, self.target_range)
        if low >= high:
            raise ParameterError(f"target_range must be (low, high), got {self.target_range!r}")
        outside = np.flatnonzero((y < low) | (y > high))
        if len(outside):
            raise ValueError(
                f"{len(outside)} labels lie outside of target_range=({low:g}, {high:g}), the "
                f"first in row {outside[0]}: {y[outside[0]]:g}"
            )
        looks_like = other_range(y, (low, high))
        if looks_like is not None:
            warnings.warn(unit_question(looks_like, (low, high)), UnitWarning, stacklevel=3)
        return low, high

    def predict(self, X: Any) -> Numbers:
        """Popularity of songs on the scale of the labels, shape (n_songs,)."""
        X = self._checked(X)
        return self._on_scale(self.nets_.logits(X))

    def _on_scale(self, logits: Numbers) -> Numbers:
        spread = self.target_high_ - self.target_low_
        predicted: Numbers = self.target_low_ + spread * expit(logits[:, 0])
        return predicted

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Numbers:
        """Interval that holds the popularity of `coverage` of such songs, shape (n_songs, 2).

        Split conformal, on the rows held out for calibration, around `interval_centre`; cut to the
        range of the target. The guarantee is for songs drawn as those rows were.

        Raises
        ------
        ValueError
            When too few rows were held out to guarantee that coverage.
        """
        return self.interval_around(self.interval_centre(X), coverage)

    def interval_around(self, centre: Numbers, coverage: float = 0.9) -> Numbers:
        """Do as `predict_interval`, for songs whose `interval_centre` is there already."""
        radius = conformal_radius(self.residuals_, coverage)
        interval = np.column_stack([centre - radius, centre + radius])
        return interval.clip(self.target_low_, self.target_high_)

    def interval_centre(self, X: Any) -> Numbers:
        """What intervals are around, shape (n_songs,): the prediction of ``calibrated_nets_``.

        It is `predict` itself, except with refits (see `spdkit.popularity.models.shared_ensemble`).
        """
        X = self._checked(X)
        return self._on_scale(self.calibrated_nets_.logits(X))

    def saved_state(self) -> State:
        """Facts and arrays of `save`."""
        facts, arrays = super().saved_state()
        facts |= {"target_low_": self.target_low_, "target_high_": self.target_high_}
        arrays["residuals_"] = self.residuals_
        if self.calibrated_nets_ is not self.nets_:
            arrays |= prefixed(_CALIBRATED, self.calibrated_nets_.to_arrays())
        return facts, arrays

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        super().restore_state(facts, arrays)
        self.target_low_, self.target_high_ = facts["target_low_"], facts["target_high_"]
        self.residuals_ = arrays["residuals_"]
        scale = isinstance(self.target_low_, float) and isinstance(self.target_high_, float)
        if not scale or self.residuals_.ndim != 1 or self.residuals_.dtype.kind != "f":
            raise TypeError("target_low_, target_high_ or residuals_ are no numbers")
        calibrated = part_of(arrays, _CALIBRATED)
        self.calibrated_nets_ = self._nets_from(calibrated) if calibrated else self.nets_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # With dropout and a step an epoch, a few hundred rows are not learned in 100 epochs.
        tags.regressor_tags.poor_score = True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class HitMusicNetClassifier(ClassifierMixin, CodeEstimator):
    """Popularity as classes: the paper's two nets with a softmax, or the one that we recommend.

    Parameters
    ----------
    net, delta, alphas
        And all others: as of `HitMusicNetRegressor`, which alone has ``target_range``.
    class_weight : dict, "balanced" or None
        As in scikit-learn. Weights are part of the training and of the calibration.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    temperature_ : float
        By which logits are divided, so that probabilities are true on the rows held out.
    history_ : DataFrame
        Columns net, epoch, loss, val_loss, as of `HitMusicNetRegressor`; but of the net that
        predicts these are cross-entropies.
    nets_ : TwoStageNet or SharedEnsembleNet
    """

    class_weight: Any = None

    classes_: NDArray[Any] = field(init=False)
    temperature_: float = field(init=False)

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        **CodeEstimator._parameter_constraints,
        "class_weight": (OneOf("balanced"), Instance(dict), None),
    }

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_)

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        callback: Callback | None = None,
    ) -> Self:
        """Fit on songs and their classes; parameters are those of `HitMusicNetRegressor.fit`.

        Raises
        ------
        ValueError
            When X is no matrix of numbers, y holds no classes or only one of them, or a parameter
            is not what it may be.
        """
        self._check_parameters(callback)
        X, y = self._validated(X, y, ensure_min_samples=2)
        check_classification_targets(y)
        X, y, weight, groups = self._weighted_rows(X, y, sample_weight, groups)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds 1 class ({self.classes_[0]!r}); a classifier needs at least two"
            )
        codes = codes.astype(np.int64)
        if self.class_weight is not None:
            try:
                balance = compute_sample_weight(self.class_weight, y)
            except ValueError as error:
                raise ParameterError(f"class_weight={self.class_weight!r}: {error}") from error
            balance = row_weights(balance, len(y), "class_weight")
            balance = balance if weight is None else weight * balance
            X, codes, weight, groups = self._weighted_rows(X, codes, balance, groups)
        held, logits, _ = self._fit_nets(X, codes, weight, groups, cross_entropy, callback)
        held_weight = None if weight is None else weight[held]
        self.temperature_ = temperature(logits, codes[held], held_weight)
        return self

    def predict_proba(self, X: Any) -> Numbers:
        """Calibrated probabilities, shape (n_songs, n_classes), in the order of ``classes_``."""
        X = self._checked(X)
        logits = self.nets_.logits(X) / self.temperature_
        probabilities: Numbers = softmax(logits, axis=1)
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """Most probable class of each song, shape (n_songs,)."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[likeliest]
        return classes

    def saved_state(self) -> State:
        """Facts and arrays of `save`."""
        facts, arrays = super().saved_state()
        facts["classes_"] = self.classes_.tolist()
        facts["classes_dtype"] = self.classes_.dtype.str
        facts["temperature_"] = self.temperature_
        return facts, arrays

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        classes, dtype = np.array(facts["classes_"]), np.dtype(facts["classes_dtype"])
        # A text has the width that its classes need: any other could fill the memory.
        if dtype.kind not in "biufOU" or (dtype.kind == "U" and dtype != classes.dtype):
            raise TypeError(f"classes are of no kind that labels have: {dtype}")
        self.classes_ = np.array(facts["classes_"], dtype=dtype)
        self.temperature_ = facts["temperature_"]
        if self.classes_.ndim != 1 or len(set(self.classes_.tolist())) < max(1, len(classes)):
            raise TypeError("classes_ are not distinct labels")
        if not isinstance(self.temperature_, float) or not self.temperature_ > 0:
            raise TypeError(f"temperature_ is {self.temperature_!r}")
        super().restore_state(facts, arrays)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # as of the regressor
        return tags
