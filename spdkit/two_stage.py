"""The networks of the paper, end to end: scaling, autoencoder, code rescaled, popularity net.

Conventions: everything is fitted on training rows; stopping rows decide when each net has had
enough. In use all arithmetic is in double precision, so that a prediction does not depend on the
rows it shares a batch with.

Reference: Martín-Gutiérrez et al. (2020), a multimodal end-to-end deep learning architecture for
music popularity prediction, section V; the published code, for the rescaling of the code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spdkit.holdouts import Holdouts
from spdkit.nets.dense import Initialiser
from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.nets.training import (
    Data,
    Loss,
    Optimizer,
    Schedule,
    outputs,
    pick_device,
    reconstruction_error,
    train,
)
from spdkit.preparation import MaskedMinMaxScaler

Numbers = NDArray[np.float64]
Callback = Callable[[str, int, dict[str, float]], None]


@dataclass(frozen=True)
class TwoStageSettings:
    """Shape and training of both nets; see `HitMusicNetRegressor` for each."""

    delta: float
    alphas: Sequence[float]
    dropout: float
    optimizer: Optimizer
    initializer: Initialiser
    learning_rate: float | None
    batch_size: int
    max_epochs: int
    patience: int
    device: str
    seed: int


@dataclass
class TwoStageNet:
    """What was fitted.

    Attributes
    ----------
    scaler : MaskedMinMaxScaler
    autoencoder : MusicAENet
    code_min, code_range : ndarray, shape (n_code,)
        Of the training rows; a unit that never varies has range 0.
    popularity : MusicPopNet
    """

    scaler: MaskedMinMaxScaler
    autoencoder: MusicAENet
    code_min: Numbers
    code_range: Numbers
    popularity: MusicPopNet

    def code(self, X: Any) -> Numbers:
        """Codes of songs, shape (n_songs, n_code); training rows lie in [0, 1]."""
        return _rescaled(self._encode(self.scaler.transform(X)), self.code_min, self.code_range)

    def logits(self, X: Any) -> Numbers:
        """What the popularity net says before its sigmoid or softmax, (n_songs, n_outputs)."""
        return outputs(self.popularity, torch.from_numpy(self.code(X))).numpy()

    def reconstruct(self, code: Numbers) -> Numbers:
        """Features in their own units, shape (n_songs, n_features), of codes."""
        with torch.no_grad():
            raw = torch.from_numpy(code * self.code_range + self.code_min)
            scaled: Numbers = self.autoencoder.decoder(raw).numpy()
        return self.scaler.inverse_transform(scaled)

    def _encode(self, scaled: Numbers) -> Numbers:
        return outputs(self.autoencoder.encoder, torch.from_numpy(scaled)).numpy()


def fit_two_stage(
    X: Any,
    y: NDArray[np.generic],
    weight: Numbers | None,
    holdouts: Holdouts,
    n_outputs: int,
    loss: Loss,
    s: TwoStageSettings,
    callback: Callback | None = None,
) -> tuple[TwoStageNet, dict[str, list[dict[str, float]]]]:
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

    Returns
    -------
    TwoStageNet
    dict of str to list of dict
        The history of each net.
    """
    device = pick_device(s.device)
    rows = np.concatenate([holdouts.training, holdouts.stopping])
    n_training = len(holdouts.training)
    scaler = MaskedMinMaxScaler().fit(X[holdouts.training])
    scaled = scaler.transform(X[rows])

    def told(net: str) -> Callable[[int, dict[str, float]], None] | None:
        return None if callback is None else lambda epoch, metrics: callback(net, epoch, metrics)

    def parts(inputs: Numbers, targets: NDArray[np.generic] | None) -> tuple[Data, Data]:
        x = torch.as_tensor(inputs, dtype=torch.float32, device=device)
        target = x if targets is None else torch.as_tensor(targets[rows], device=device)
        w = None
        if weight is not None:
            w = torch.as_tensor(weight[rows], dtype=torch.float32, device=device)
        whole = Data(x, target, w)
        return whole.rows(slice(n_training)), whole.rows(slice(n_training, None))

    autoencoder, popularity = _new_nets(scaled.shape[1], n_outputs, s)
    autoencoder.to(device)
    common = {
        "batch_size": s.batch_size,
        "max_epochs": s.max_epochs,
        "patience": s.patience,
        "seed": s.seed,
    }
    history = {
        "autoencoder": train(
            autoencoder,
            reconstruction_error,
            *parts(scaled, None),
            Schedule(optimizer="adam", **common),
            told("autoencoder"),
        )
    }
    fitted = TwoStageNet(scaler, autoencoder.cpu().double(), np.zeros(0), np.zeros(0), popularity)
    raw = fitted._encode(scaled)
    fitted.code_min = raw[:n_training].min(axis=0)
    fitted.code_range = raw[:n_training].max(axis=0) - fitted.code_min
    codes = _rescaled(raw, fitted.code_min, fitted.code_range)
    history["popularity"] = train(
        popularity.to(device),
        loss,
        *parts(codes, y),
        Schedule(optimizer=s.optimizer, learning_rate=s.learning_rate, **common),
        told("popularity"),
    )
    fitted.popularity = popularity.cpu().double()
    return fitted, history


def _new_nets(n_inputs: int, n_outputs: int, s: TwoStageSettings) -> tuple[MusicAENet, MusicPopNet]:
    with torch.random.fork_rng([]):
        torch.manual_seed(s.seed)
        autoencoder = MusicAENet(n_inputs, s.delta, s.initializer)
        return autoencoder, MusicPopNet(
            autoencoder.n_code, n_outputs, s.alphas, s.dropout, s.initializer
        )


def _rescaled(code: Numbers, low: Numbers, spread: Numbers) -> Numbers:
    scaled = np.zeros_like(code)
    np.divide(code - low, spread, out=scaled, where=spread > 0)
    return scaled
