"""Shared ensemble, the net that we recommend, end to end: quantiles, first net, refits.

Conventions: a first net learns from the training rows, and the stopping rows say after which epoch
it was best; how sure predictions are is measured with it, on calibration rows. Then ``refits`` nets
learn from all rows for as many epochs, and their mean probability is the prediction. In use all
arithmetic is in double precision, as of `spdkit.popularity.models.two_stage`.

What the calibration rows show is the error of the first net, which never saw them. Intervals are
therefore around what that net says, and split conformal's guarantee holds for them; the prediction
itself, which errs less, need not lie in their middle.

References: see `spdkit.nets.shared_ensemble`; Prechelt (1998) for the stopping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from spdkit.common.progress import Callback
from spdkit.common.serialization import Arrays
from spdkit.nets import weights
from spdkit.nets.shared_ensemble import EnsembleLoss, SharedEnsemble, targets
from spdkit.nets.training import Data, Schedule, outputs, pick_device, train
from spdkit.popularity.models.holdout import Holdouts
from spdkit.popularity.models.quantile_encoding import QuantileInputs

Numbers = NDArray[np.float64]
_MOST_EMBEDDED = 2048
_ROWS_AT_A_TIME = 1024  # the members' hidden layers are in memory for so many


@dataclass(frozen=True, kw_only=True)
class SharedEnsembleSettings(Schedule):
    """Shape and training of the nets; see `HitMusicNetRegressor` for each."""

    members: int
    n_hidden: int
    dropout: float
    noise: float
    reconstruction: float
    refits: int
    device: str
    names: Sequence[str] | None = None


@dataclass
class SharedEnsembleNet:
    """What was fitted.

    Attributes
    ----------
    inputs : QuantileInputs
    nets : list of SharedEnsemble
    """

    inputs: QuantileInputs
    nets: list[SharedEnsemble]

    @classmethod
    def from_arrays(cls, arrays: Arrays, settings: SharedEnsembleSettings, n_outputs: int) -> Self:
        """Undo `to_arrays`.

        Raises
        ------
        KeyError, RuntimeError
            When the arrays are not those of such nets.
        """
        inputs = QuantileInputs.from_arrays(arrays, settings.names)
        n_nets = len({name.split(".")[0] for name in arrays if name.startswith("net_")})
        if not n_nets:
            raise RuntimeError("there are no nets")
        nets = [
            weights.rebuilt(f"net_{i}", lambda: new_net(inputs, n_outputs, settings), arrays)
            for i in range(n_nets)
        ]
        return cls(inputs, nets)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, by name."""
        arrays = self.inputs.to_arrays()
        for i, net in enumerate(self.nets):
            arrays |= weights.to_arrays(f"net_{i}", net)
        return arrays

    @property
    def n_features(self) -> int:
        """Columns that it takes."""
        return len(self.inputs.scaler.median_)

    @property
    def n_code(self) -> int:
        """Width of the code."""
        return self.nets[0].n_code

    def code(self, X: Any) -> Numbers:
        """Code of songs by the first of the nets, shape (n_songs, n_code), all at least 0."""
        net, x = self.nets[0], self._inputs(X)
        with torch.no_grad():
            codes = [
                net.code(x[i : i + _ROWS_AT_A_TIME]) for i in range(0, len(x), _ROWS_AT_A_TIME)
            ]
            return torch.cat(codes).numpy()

    def logits(self, X: Any) -> Numbers:
        """Logits of the nets' mean probability, shape (n_songs, n_outputs)."""
        x = self._inputs(X)
        return _logits_of_mean(
            np.stack([outputs(net, x, _ROWS_AT_A_TIME).numpy() for net in self.nets])
        )

    def reconstruct(self, code: Numbers) -> Numbers:
        """Features in their own units, shape (n_songs, n_features), of codes."""
        with torch.no_grad():
            inputs: Numbers = self.nets[0].decoder(torch.from_numpy(code)).numpy()
        return self.inputs.inverse_transform(inputs)

    def _inputs(self, X: Any) -> torch.Tensor:
        return torch.from_numpy(self.inputs.transform(X))


def fit_shared_ensemble(
    X: Numbers,
    y: NDArray[np.generic],
    weight: Numbers | None,
    holdouts: Holdouts,
    n_outputs: int,
    s: SharedEnsembleSettings,
    callback: Callback | None = None,
) -> tuple[SharedEnsembleNet, SharedEnsembleNet, dict[str, list[dict[str, float]]]]:
    """Fit the first net, and then the refits.

    Parameters are those of `spdkit.popularity.models.two_stage.fit_two_stage`, but that `callback`
    hears of nets "first", "refit 1" and so on.

    Returns
    -------
    SharedEnsembleNet
        To predict with.
    SharedEnsembleNet
        That never saw the calibration rows: the first net, alone.
    dict of str to list of dict
        The history of each net.
    """
    device = pick_device(s.device)

    def data(inputs: QuantileInputs, rows: NDArray[np.intp]) -> Data:
        x = torch.as_tensor(inputs.transform(X[rows]), dtype=torch.float32, device=device)
        w = None
        if weight is not None:
            w = torch.as_tensor(weight[rows], dtype=torch.float32, device=device)
        return Data(x, targets(torch.as_tensor(y[rows], device=device), x), w)

    def learn(
        name: str, inputs: QuantileInputs, schedule: Schedule, *parts: Data
    ) -> tuple[SharedEnsemble, list[dict[str, float]]]:
        with torch.random.fork_rng([]):
            torch.manual_seed(schedule.seed)
            net = new_net(inputs, n_outputs, s).to(device)
        training, stopping = parts if len(parts) == 2 else (parts[0], None)
        each_epoch = None if callback is None else partial(callback, name)
        history = train(net, EnsembleLoss(net), training, stopping, schedule, each_epoch)
        return net.cpu().double(), history

    inputs = QuantileInputs().fit(X[holdouts.training], s.names)
    parts = [data(inputs, rows) for rows in (holdouts.training, holdouts.stopping) if len(rows)]
    net, epochs = learn("first", inputs, s, *parts)
    first, history = SharedEnsembleNet(inputs, [net]), {"first": epochs}
    if not s.refits:
        return first, first, history
    n_epochs = _best_epoch(epochs)
    inputs = QuantileInputs().fit(X, s.names)
    everything = data(inputs, np.arange(len(X)))
    nets = []
    for i in range(1, s.refits + 1):
        name = f"refit {i}"
        schedule = replace(s, seed=s.seed + i, max_epochs=n_epochs, patience=n_epochs)
        net, history[name] = learn(name, inputs, schedule, everything)
        nets.append(net)
    return SharedEnsembleNet(inputs, nets), first, history


def new_net(inputs: QuantileInputs, n_outputs: int, s: SharedEnsembleSettings) -> SharedEnsemble:
    """A net for these inputs, with weights at random.

    Each number has 16 outputs of its own; many numbers have fewer, so that together they are at
    most 2,048, and time and memory stay in proportion to the features.
    """
    n_numbers = len(inputs.numbers)
    return SharedEnsemble(
        n_numbers,
        len(inputs.flags),
        n_outputs,
        members=s.members,
        n_hidden=s.n_hidden,
        dropout=s.dropout,
        noise=s.noise,
        n_embedding=max(1, min(16, _MOST_EMBEDDED // max(1, n_numbers))),
        reconstruction=s.reconstruction,
    )


def _best_epoch(history: list[dict[str, float]]) -> int:
    losses = [metrics.get("val_loss", metrics["loss"]) for metrics in history]
    return int(np.argmin(losses)) + 1


def _logits_of_mean(logits: Numbers) -> Numbers:
    """Shape (n_nets, n_rows, n_outputs) -> (n_rows, n_outputs)."""
    if len(logits) == 1:
        single: Numbers = logits[0]
        return single
    if logits.shape[2] == 1:
        # log(mean probability) - log(mean of what it lacks to 1), which never rounds to infinity
        yes, no = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)
        logit: Numbers = logsumexp(yes, axis=0) - logsumexp(no, axis=0)
        return logit
    logs = logits - logsumexp(logits, axis=2, keepdims=True)
    combined: Numbers = logsumexp(logs, axis=0) - np.log(len(logits))
    return combined
