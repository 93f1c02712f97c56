"""Play counts from sound: the content-based LSTM as an estimator of scikit-learn.

Conventions: X is a list of songs, each a sequence of clips (see `spdkit.audio_models.samples`), and
y how often one listener, or all, played them. Every sample of a song learns its song's plays,
standardised by mean and deviation of the songs that train; a song's prediction is the mean over its
samples, and does not depend on the other songs that are predicted.

Reference: Salitrik and Takasawa (2018), content-based LSTM of play counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from spdkit.audio_models.samples import (
    ClipScale,
    Index,
    Numbers,
    Samples,
    Song,
    as_songs,
    n_samples,
    name_of,
    refuse_values,
)
from spdkit.audio_models.serialization import FORM
from spdkit.common.errors import ParameterError, SpdkitWarning
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
from spdkit.nets import clip_lstm, weights
from spdkit.nets.clip_lstm import Activation, ClipLSTM, Output
from spdkit.nets.training import (
    OPTIMIZERS,
    Data,
    DivergedError,
    Loss,
    Optimizer,
    Rows,
    Schedule,
    evaluate,
    outputs,
    pick_device,
    train,
)

LossName = Literal["mse", "mae", "huber"]
_LOSSES: dict[LossName, Loss] = {
    "mse": clip_lstm.squared_error,
    "mae": clip_lstm.absolute_error,
    "huber": clip_lstm.huber_error,
}
_SHARE = Number(0, 1, closed="low")


@dataclass(kw_only=True, eq=False, repr=False)
class PlayCountRegressor(Saved, RegressorMixin, BaseEstimator):
    """Plays of songs by a net that reads their clips.

    Parameters
    ----------
    time_steps : int
        Clips a sample; the paper has 1 to 24.
    units : sequence of int
        Of each recurrent layer: one or two in the paper, which does not say how many units.
    hidden : sequence of int, optional
        Of dense layers before the node that gives the number; None for none.
    activation : {"relu", "elu", "tanh", "sigmoid"}
        Of those dense layers.
    output : {"linear", "sigmoid"}
        Of the node. A sigmoid cannot reach plays below the mean, which are negative when
        standardised, nor plays of more than a deviation above it.
    dropout : float
        Share of the units of each layer left out in training.
    members : int
        Nets with other first weights, whose predictions are averaged; with one time step each, a
        wish of the paper.
    loss : {"mse", "mae", "huber"}
        Of standardised plays.
    standardize : bool
        Whether each value of a clip is standardised by the clips that train, as features need it.
        Raw sound in [-1, 1] is taken as it is: False.
    limit : float, optional
        Standardised values of a clip beyond it, on either side, are taken for it: a few songs far
        from all others would else decide what is learned.
    shrinkage : bool
        Whether predictions are drawn toward the mean by as much as is right for songs that did not
        train: the songs (groups) are dealt into `members` parts, each net trains without one, and
        what it predicts of that part tells. Where that is less than two standard errors (over
        groups) from nothing, the mean is what is predicted of every song.
    optimizer : {"adadelta", "adam", "adamw", "nadam", "sgd"}
    learning_rate : float, optional
        By default Keras's of the optimiser.
    weight_decay : float
    batch_size : int
        Samples a step, and in memory together.
    max_epochs : int
    early_stopping_fraction : float
        Share of the songs (of the groups, where there are groups) that do not train and say when
        to stop; with 0, as in the paper, all epochs are trained.
    patience : int
        Epochs without improvement on those songs before the end.
    device : str
        "auto" is a GPU where there is one; or "cpu", "cuda". Predictions are made on a CPU.
    verbose : bool
        Whether to show a progress bar, on stderr, when `fit` takes over two seconds.
    random_state : int, RandomState or None

    Attributes
    ----------
    n_values_ : int
        Numbers of a clip.
    nets_ : list of ClipLSTM
        `members` of them, with the weights of the epoch of the least loss: of the songs held out
        for early stopping, or else of those that train.
    scale_ : ClipScale or None
        Of the values of clips.
    shrinkage_ : float
        By which predictions are multiplied, as deviations from the mean; 1 without `shrinkage`.
    plays_mean_, plays_deviation_ : float
        Of the songs that trained. Equal plays have deviation 0: what is predicted is the mean.
    history_ : DataFrame
        Columns member, epoch, loss and, where there are such songs, val_loss (early stopping) and
        watched_loss; of standardised plays.
    left_out_ : list of str
        Songs shorter than a sample, by id, or by number in the list; not saved.

    Examples
    --------
    >>> songs = spdkit.ClipStore.open("clips.h5").songs()  # doctest: +SKIP
    >>> model = PlayCountRegressor(time_steps=6, random_state=0)  # doctest: +SKIP
    >>> model.fit(songs, plays).predict(new_songs)  # doctest: +SKIP
    """

    time_steps: int = 6
    units: Sequence[int] = (64,)
    hidden: Sequence[int] | None = None
    activation: Activation = "relu"
    output: Output = "linear"
    dropout: float = 0.0
    members: int = 1
    loss: LossName = "mse"
    standardize: bool = True
    limit: float | None = None
    shrinkage: bool = False
    optimizer: Optimizer = "adam"
    learning_rate: float | None = None
    weight_decay: float = 0.0
    batch_size: int = 32
    max_epochs: int = 100
    early_stopping_fraction: float = 0.0
    patience: int = 10
    device: str = "auto"
    verbose: bool = False
    random_state: Any = None

    n_values_: int = field(init=False)
    nets_: list[ClipLSTM] = field(init=False)
    scale_: ClipScale | None = field(init=False)
    shrinkage_: float = field(init=False)
    plays_mean_: float = field(init=False)
    plays_deviation_: float = field(init=False)
    history_: pd.DataFrame = field(init=False)
    left_out_: list[str] = field(init=False)

    _form: ClassVar = FORM
    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "time_steps": Whole(),
        "units": SequenceOf(Whole()),
        "hidden": (SequenceOf(Whole()), None),
        "activation": OneOf(*get_args(Activation)),
        "output": OneOf(*get_args(Output)),
        "dropout": _SHARE,
        "members": Whole(),
        "loss": OneOf(*get_args(LossName)),
        "standardize": FLAG,
        "limit": (POSITIVE, None),
        "shrinkage": FLAG,
        "optimizer": OneOf(*OPTIMIZERS),
        "learning_rate": (POSITIVE, None),
        "weight_decay": Number(0),
        "batch_size": Whole(),
        "max_epochs": Whole(),
        "early_stopping_fraction": _SHARE,
        "patience": Whole(),
        "device": TEXT,
        "verbose": (FLAG, Whole(0)),
        "random_state": (SEED, Instance(np.random.RandomState), None),
    }

    def fit(
        self,
        X: Any,
        y: Any,
        groups: Any = None,
        watched: tuple[Any, Any] | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """Fit on songs and their plays.

        Parameters
        ----------
        X : sequence of songs
            Such as ``ClipStore.songs()`` gives, or arrays of shape (n_clips, n_values). Clips are
            read when they are needed; what is in memory does not grow with the number of songs.
        y : array-like, shape (n_songs,)
        groups : array-like, shape (n_songs,), optional
            Such as the track of each excerpt: none is both trained on and held out.
        watched : (X, y), optional
            Songs on which the loss is computed after each epoch, for `history_`; it changes
            nothing.
        callback : callable, optional
            Called after each epoch as ``callback(member, epoch, metrics)``.

        Raises
        ------
        ParameterError
            When songs or plays are none, all songs are shorter than a sample, songs hold values
            that are no finite numbers, or a parameter is not what it may be.
        DivergedError
            When the loss is no finite number.

        Warns
        -----
        SpdkitWarning
            Naming songs that are shorter than a sample and were left out; and when all plays are
            equal.
        """
        check_parameters(self.get_params(deep=False), self._parameter_constraints)
        songs, plays, member, self.left_out_ = self._usable(as_songs(X), y, groups)
        self.n_values_ = songs[0].n_values
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        parts = self._parts(member, seed)
        training = np.arange(len(songs)) if self.shrinkage else parts[0][0]
        learned = [songs[i] for i in training]
        self._learn_plays(plays[training])
        self.scale_ = None
        if self.standardize:
            self.scale_ = ClipScale.of(learned, self.time_steps, self.limit)
        device, beside = pick_device(self.device), None
        if watched is not None:
            others, of_others, _, _ = self._usable(as_songs(watched[0], self.n_values_), watched[1])
            beside = self._data(others, of_others, device)
        try:
            self._train(songs, plays, parts, beside, device, seed, callback)
        except DivergedError:
            refuse_values(songs)
            raise
        self.shrinkage_ = 1.0
        if self.shrinkage:
            self.shrinkage_ = self._learn_shrinkage(songs, plays, member, parts)
        return self

    def _usable(
        self, songs: list[Song], y: Any, groups: Any = None
    ) -> tuple[list[Song], Numbers, Index, list[str]]:
        """Songs with a sample, their plays and numbers of groups, and names of the others."""
        plays = numeric_plays(y, len(songs))
        if groups is not None and np.shape(groups) != (len(songs),):
            raise ParameterError(f"groups has shape {np.shape(groups)}, X has {len(songs)} songs")
        member = np.arange(len(songs)) if groups is None else pd.factorize(np.asarray(groups))[0]
        refuse_rows(member < 0, "groups are missing", ParameterError)
        usable = np.flatnonzero(n_samples(songs, self.time_steps))
        short = [name_of(songs[i], i) for i in np.setdiff1d(np.arange(len(songs)), usable)]
        if not len(usable):
            raise ParameterError(
                f"all {len(songs)} songs are shorter than a sample of {self.time_steps} clips, the "
                f"longest has {max(map(len, songs))}: lower time_steps"
            )
        if short:
            warnings.warn(
                f"{len(short)} of {len(songs)} songs are shorter than a sample of "
                f"{self.time_steps} clips, and are left out: {listing(short)}",
                SpdkitWarning,
                stacklevel=3,
            )
        return [songs[i] for i in usable], plays[usable], member[usable], short

    def _parts(self, member: Index, seed: int) -> list[tuple[Index, Index]]:
        """Of each net the songs that train, and those that say when to stop, or how to shrink."""
        everything = np.arange(len(member))
        if self.shrinkage:
            if self.members < 2 or self.early_stopping_fraction:
                raise ParameterError(
                    "shrinkage takes members of 2 or more, and early_stopping_fraction=0"
                )
            if member.max() + 1 < self.members:
                raise ParameterError(
                    f"shrinkage deals songs (groups) out to members={self.members}, and there are "
                    f"{member.max() + 1}"
                )
            dealt = GroupKFold(self.members, shuffle=True, random_state=seed)
            return list(dealt.split(everything, groups=member))
        if not self.early_stopping_fraction or member.min() == member.max():
            return [(everything, everything[:0])] * self.members
        split = GroupShuffleSplit(1, test_size=self.early_stopping_fraction, random_state=seed)
        return list(split.split(everything, groups=member)) * self.members

    def _learn_shrinkage(
        self, songs: list[Song], plays: Numbers, member: Index, parts: list[tuple[Index, Index]]
    ) -> float:
        """Least squares of plays on what nets say of songs that they did not train on.

        Times 1 - 4 / t², where positive: t is the slope over its standard error, which is robust
        to what songs of a group have in common.
        """
        if not self.plays_deviation_:
            return 1.0
        estimates = np.zeros(len(songs))
        for net, (_, held) in zip(self.nets_, parts, strict=True):
            for i in held:
                samples = Samples([songs[i]], self.time_steps, self.scale_)
                estimates[i] = outputs(net, samples, self.batch_size).double().mean()
        true = (plays - self.plays_mean_) / self.plays_deviation_
        squares = float(estimates @ estimates)
        if not squares:
            return 1.0
        slope = min(float(estimates @ true) / squares, 1.0)
        scores = np.bincount(member, estimates * (true - slope * estimates))
        error = float(np.sqrt(scores @ scores)) / squares
        return slope * max(0.0, 1 - (2 * error / slope) ** 2) if slope > 0 else 0.0

    def _learn_plays(self, plays: Numbers) -> None:
        self.plays_mean_, self.plays_deviation_ = float(plays.mean()), float(plays.std())
        if plays.min() == plays.max():
            self.plays_mean_, self.plays_deviation_ = float(plays[0]), 0.0
            warnings.warn(
                f"all {len(plays)} songs to learn from have {plays[0]:g} plays: that is what is "
                "predicted for any song",
                SpdkitWarning,
                stacklevel=3,
            )

    def _data(self, songs: list[Song], plays: Numbers, device: torch.device) -> Data:
        """Samples and standardised plays."""
        samples = Samples(songs, self.time_steps, self.scale_)
        standardised = (plays - self.plays_mean_) / (self.plays_deviation_ or 1.0)
        y = torch.from_numpy(standardised[samples.song].astype(np.float32)).to(device)
        rows: Rows = samples.held()
        return Data(rows.to(device) if isinstance(rows, torch.Tensor) else rows, y)

    def _train(
        self,
        songs: list[Song],
        plays: Numbers,
        parts: list[tuple[Index, Index]],
        beside: Data | None,
        device: torch.device,
        seed: int,
        callback: Callback | None,
    ) -> None:
        loss, epochs = _LOSSES[self.loss], []
        nets: list[ClipLSTM] = []
        with training_progress(self.max_epochs, callback, shown=bool(self.verbose)) as shown:
            for member, (training, held) in enumerate(parts):
                if not member or self.shrinkage:
                    data = self._data([songs[i] for i in training], plays[training], device)
                    validation = None
                    if len(held) and not self.shrinkage:
                        validation = self._data([songs[i] for i in held], plays[held], device)
                schedule = self._schedule(seed + member, validation is not None)
                with torch.random.fork_rng([]):
                    torch.manual_seed(schedule.seed)
                    net = self._net().to(data.y.device)
                nets.append(net)

                def each_epoch(epoch: int, metrics: dict[str, float]) -> None:
                    if beside is not None:
                        metrics["watched_loss"] = evaluate(nets[-1], loss, beside, self.batch_size)
                    epochs.append({"member": len(nets) - 1, "epoch": epoch, **metrics})
                    if shown is not None:
                        shown(f"member {len(nets)}", epoch, metrics)

                train(net, loss, data, validation, schedule, each_epoch)
                net.cpu()
        self.nets_, self.history_ = nets, pd.DataFrame(epochs)

    def _schedule(self, seed: int, stops: bool) -> Schedule:
        return Schedule(
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience if stops else self.max_epochs,
            seed=seed,
            rows_at_a_time=self.batch_size,
        )

    def _net(self) -> ClipLSTM:
        return ClipLSTM(
            self.n_values_,
            units=self.units,
            hidden=() if self.hidden is None else self.hidden,
            activation=self.activation,
            output=self.output,
            dropout=self.dropout,
        )

    def predict(self, X: Any) -> Numbers:
        """Plays of songs, shape (n_songs,): of each the mean over its samples.

        Raises
        ------
        ParameterError
            When these are no songs, their clips are not of as many values as in `fit`, or hold
            values that are no finite numbers.

        Warns
        -----
        SpdkitWarning
            Naming songs that are shorter than a sample, whose prediction is NaN.
        """
        check_is_fitted(self, "nets_")
        songs = as_songs(X, self.n_values_)
        predicted = np.array([self._predicted(song) for song in songs])
        short = n_samples(songs, self.time_steps) == 0
        if not np.isfinite(predicted[~short]).all():
            refuse_values(songs)
        if short.any():
            names = [name_of(songs[i], int(i)) for i in np.flatnonzero(short)]
            warnings.warn(
                f"{len(names)} of {len(songs)} songs are shorter than a sample of "
                f"{self.time_steps} clips, and have no prediction: {listing(names)}",
                SpdkitWarning,
                stacklevel=2,
            )
        return predicted

    def _predicted(self, song: Song) -> float:
        samples = Samples([song], self.time_steps, self.scale_)
        if not len(samples):
            return float("nan")
        numbers = [outputs(net, samples, self.batch_size).double().mean() for net in self.nets_]
        estimates = self.shrinkage_ * float(torch.stack(numbers).mean())
        return self.plays_mean_ + self.plays_deviation_ * estimates

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of the predictions, over the songs that have one; see `predict` for the others."""
        predicted, plays = self.predict(X), numeric_plays(y, len(X))
        there = ~np.isnan(predicted)
        weight = None if sample_weight is None else np.asarray(sample_weight)[there]
        return float(r2_score(plays[there], predicted[there], sample_weight=weight))

    # The saved form

    def saved_state(self) -> State:
        """Facts and arrays of `save`."""
        check_is_fitted(self, "nets_")
        facts = {
            "n_values_": self.n_values_,
            "plays_mean_": self.plays_mean_,
            "plays_deviation_": self.plays_deviation_,
            "shrinkage_": self.shrinkage_,
            "history_": self.history_.to_dict("list"),
        }
        arrays: dict[str, NDArray[Any]] = {}
        if self.scale_ is not None:
            arrays |= {"mean": self.scale_.mean, "deviation": self.scale_.deviation}
        for i, net in enumerate(self.nets_):
            arrays |= weights.to_arrays(str(i), net)
        return facts, arrays

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        self.n_values_ = as_declared(int, facts["n_values_"], "n_values_")
        for name in ("plays_mean_", "plays_deviation_", "shrinkage_"):
            setattr(self, name, as_declared(float, facts[name], name))
        history = as_declared(dict[str, tuple[float, ...]], facts["history_"], "history_")
        self.history_ = pd.DataFrame(history).astype({"member": int, "epoch": int})
        self.scale_ = None
        if self.standardize:
            self.scale_ = ClipScale(arrays["mean"], arrays["deviation"], self.limit)
            shapes = {self.scale_.mean.shape, self.scale_.deviation.shape}
            if shapes != {(self.n_values_,)} or (self.scale_.deviation < 0).any():
                raise ValueError(f"mean and deviation are not those of {self.n_values_} values")
        self.nets_ = [
            weights.rebuilt(str(i), self._net, arrays).float() for i in range(self.members)
        ]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.non_deterministic = self.random_state is None
        tags.regressor_tags.poor_score = True
        return tags


def numeric_plays(y: Any, n_songs: int | None) -> Numbers:
    """Plays as finite numbers, shape (n_songs,); ParameterError when they are none."""
    plays = np.asarray(y)
    if plays.dtype.kind not in "biuf":
        raise ParameterError(f"plays must be numbers, got {plays.dtype}")
    if plays.ndim != 1 or n_songs not in (None, len(plays)):
        raise ParameterError(f"plays have shape {plays.shape}, there are {n_songs} songs")
    numbers: Numbers = plays.astype(np.float64)
    refuse_rows(~np.isfinite(numbers), "plays are no finite numbers", ParameterError, numbers)
    return numbers
