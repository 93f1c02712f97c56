"""Two-stage net of the paper, end to end: scaling, autoencoder, code rescaled, popularity net.

Conventions: everything is fitted on training rows; stopping rows decide when each net has had
enough. In use all arithmetic is in double precision, so that a prediction does not depend on the
rows it shares a batch with.

Reference: Martín-Gutiérrez et al. (2020), a multimodal end-to-end deep learning architecture for
music popularity prediction, section V; the published code, for the rescaling of the code.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from spdkit.common.progress import Callback
from spdkit.common.serialization import Arrays, part_of, prefixed
from spdkit.nets import weights
from spdkit.nets.dense import Initialiser
from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.nets.training import (
    Data,
    Loss,
    Schedule,
    outputs,
    pick_device,
    reconstruction_error,
    train,
)
from spdkit.popularity.models.holdout import Holdouts
from spdkit.popularity.models.scaling import MaskedMinMaxScaler, stacked

Numbers = NDArray[np.float64]
History = dict[str, list[dict[str, float]]]


@dataclass(frozen=True, kw_only=True)
class TwoStageSettings(Schedule):
    """Shape and training of both nets; see `HitMusicNetRegressor` for each."""

    delta: float
    alphas: Sequence[float]
    dropout: float
    initializer: Initialiser
    device: str
    names: Sequence[str] | None = None
    weight_decay: float = field(default=0.0, init=False)  # the paper has none


@dataclass
class TwoStageNet:
    """What was fitted.

    Attributes
    ----------
    scaler : MaskedMinMaxScaler
    autoencoder : MusicAENet
    code_min, code_range : ndarray, shape (n_code,)
        Of the training rows; a unit that never varies has range 0.
    popularity : MusicPopNet or None
        None where the code alone was fitted.
    """

    scaler: MaskedMinMaxScaler
    autoencoder: MusicAENet
    code_min: Numbers
    code_range: Numbers
    popularity: MusicPopNet | None

    @classmethod
    def from_arrays(cls, arrays: Arrays, settings: TwoStageSettings, n_outputs: int) -> Self:
        """Undo `to_arrays`.

        Raises
        ------
        KeyError, RuntimeError
            When the arrays are not those of such a net.
        """
        scaler = MaskedMinMaxScaler.from_arrays(part_of(arrays, "scaler."), settings.names)
        if len(settings.alphas) > len(arrays):
            raise RuntimeError(f"{len(settings.alphas)} layers have weights of their own")

        def new_nets() -> tuple[MusicAENet, MusicPopNet]:
            return _new_nets(scaler.n_scaled, n_outputs, settings)

        autoencoder = weights.rebuilt("autoencoder", lambda: new_nets()[0], arrays)
        popularity = weights.rebuilt("popularity", lambda: new_nets()[1], arrays)
        bounds = arrays["code_min"], arrays["code_range"]
        shape = (autoencoder.n_code,)
        if any(bound.shape != shape or bound.dtype.kind != "f" for bound in bounds):
            raise RuntimeError(f"the code has {autoencoder.n_code} units")
        return cls(scaler, autoencoder, *bounds, popularity)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, by name."""
        return {
            **prefixed("scaler.", self.scaler.to_arrays()),
            "code_min": self.code_min,
            "code_range": self.code_range,
            **weights.to_arrays("autoencoder", self.autoencoder),
            **weights.to_arrays("popularity", self._predictor()),
        }

    @property
    def n_features(self) -> int:
        """Columns that it takes."""
        return len(self.scaler.median_)

    @property
    def n_code(self) -> int:
        """Width of the code."""
        return self.autoencoder.n_code

    def code(self, X: Any) -> Numbers:
        """Codes of songs, shape (n_songs, n_code); training rows lie in [0, 1]."""
        return self._rescale(self._encode(X))

    def logits(self, X: Any) -> Numbers:
        """What the popularity net says before its sigmoid or softmax, (n_songs, n_outputs)."""
        return outputs(self._predictor(), torch.from_numpy(self.code(X))).numpy()

    def _predictor(self) -> MusicPopNet:
        if self.popularity is None:
            raise NotFittedError("the code alone was fitted (fit_code): call fit")
        return self.popularity

    def reconstruct(self, code: Numbers) -> Numbers:
        """Features in their own units, shape (n_songs, n_features), of codes."""
        with torch.no_grad():
            raw = torch.from_numpy(code * self.code_range + self.code_min)
            scaled: Numbers = self.autoencoder.decoder(raw).numpy()
        return self.scaler.inverse_transform(scaled)

    def _encode(self, X: Any, rows: NDArray[np.intp] | None = None) -> Numbers:
        codes = np.empty((len(X) if rows is None else len(rows), self.n_code))
        encoder, batches = self.autoencoder.encoder, self.scaler.batches(X, rows)
        return stacked((outputs(encoder, torch.from_numpy(x)).numpy() for x in batches), codes)

    def _rescale(self, code: Numbers) -> Numbers:
        """In place."""
        varies = self.code_range > 0
        code -= self.code_min
        code /= np.where(varies, self.code_range, 1.0)
        code[:, ~varies] = 0.0
        return code


def fit_two_stage(
    X: Any,
    y: NDArray[np.generic],
    weight: Numbers | None,
    holdouts: Holdouts,
    n_outputs: int,
    loss: Loss,
    s: TwoStageSettings,
    callback: Callback | None = None,
    earlier: TwoStageNet | None = None,
) -> tuple[TwoStageNet, History]:
    """Fit the autoencoder, then the popularity net on its codes.

    Parameters
    ----------
    X : array-like, shape (n_rows, n_features)
        Numbers or NaN.
    y : ndarray, shape (n_rows,)
        Popularity in [0, 1] (float32) or classes (int64).
    weight : ndarray or None, shape (n_rows,)
    holdouts : Holdouts
    n_outputs : int
    loss : callable
        Of the popularity net; see `spdkit.nets.training`.
    s : TwoStageSettings
    callback : callable, optional
        Called as ``callback(net, epoch, metrics)`` with net "autoencoder" or "popularity".
    earlier : TwoStageNet, optional
        Whose scaler and autoencoder to take as they are, and whose popularity net to go on with.

    Returns
    -------
    TwoStageNet
    dict of str to list of dict
        The history of each net.
    """
    fitted, history = (
        fit_code(X, weight, holdouts, s, callback) if earlier is None else (earlier, {})
    )
    rows, n_training = _rows(holdouts)
    device = pick_device(s.device)
    popularity = (
        copy.deepcopy(fitted.popularity) or _new_nets(fitted.scaler.n_scaled, n_outputs, s)[1]
    )
    codes = torch.from_numpy(fitted._rescale(fitted._encode(X, rows)))
    labels = torch.as_tensor(y[rows], device=device)
    history["popularity"] = train(
        popularity.float().to(device),
        loss,
        *_parts(codes.to(device, torch.float32), labels, weight, rows, n_training),
        s,
        None if callback is None else partial(callback, "popularity"),
    )
    return replace(fitted, popularity=popularity.cpu().double()), history


def fit_code(
    X: Any,
    weight: Numbers | None,
    holdouts: Holdouts,
    s: TwoStageSettings,
    callback: Callback | None = None,
) -> tuple[TwoStageNet, History]:
    """Fit scaler and autoencoder alone; parameters are those of `fit_two_stage`."""
    rows, n_training = _rows(holdouts)
    scaler = MaskedMinMaxScaler(s.names).fit_rows(X, holdouts.training)
    device = pick_device(s.device)
    autoencoder, _ = _new_nets(scaler.n_scaled, 1, s)
    autoencoder.to(device)
    # In single precision, and never a copy of it all in double.
    single = np.empty((len(rows), scaler.n_scaled), dtype=np.float32)
    x = torch.from_numpy(stacked(scaler.batches(X, rows), single)).to(device)
    history = train(
        autoencoder,
        reconstruction_error,
        *_parts(x, x, weight, rows, n_training),
        replace(s, optimizer="adam", learning_rate=None),
        None if callback is None else partial(callback, "autoencoder"),
    )
    fitted = TwoStageNet(scaler, autoencoder.cpu().double(), np.zeros(0), np.zeros(0), None)
    codes = fitted._encode(X, holdouts.training)
    fitted.code_min = codes.min(axis=0)
    fitted.code_range = codes.max(axis=0) - fitted.code_min
    return fitted, {"autoencoder": history}


def _rows(holdouts: Holdouts) -> tuple[NDArray[np.intp], int]:
    """What nets see, the training rows first, and how many of those there are."""
    return np.concatenate([holdouts.training, holdouts.stopping]), len(holdouts.training)


def _parts(
    x: torch.Tensor,
    target: torch.Tensor,
    weight: Numbers | None,
    rows: NDArray[np.intp],
    n_training: int,
) -> tuple[Data, Data]:
    """Training and stopping rows."""
    w = None
    if weight is not None:
        w = torch.as_tensor(weight[rows], dtype=torch.float32, device=x.device)
    whole = Data(x, target, w)
    return whole.rows(slice(n_training)), whole.rows(slice(n_training, None))


def _new_nets(n_inputs: int, n_outputs: int, s: TwoStageSettings) -> tuple[MusicAENet, MusicPopNet]:
    with torch.random.fork_rng([]):
        torch.manual_seed(s.seed)
        autoencoder = MusicAENet(n_inputs, s.delta, s.initializer)
        return autoencoder, MusicPopNet(
            autoencoder.n_code, n_outputs, s.alphas, s.dropout, s.initializer
        )
