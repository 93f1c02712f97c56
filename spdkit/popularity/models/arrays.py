"""The nets of a fitted model as named arrays, and back.

Conventions: weights are float32 as trained, everything else float64, so that a rebuilt net says the
same to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.popularity.models.base import CodeEstimator
from spdkit.popularity.models.quantile_encoding import QuantileInputs
from spdkit.popularity.models.scaling import MaskedMinMaxScaler
from spdkit.popularity.models.shared_ensemble import JointNet, new_net
from spdkit.popularity.models.two_stage import TwoStageNet

Arrays = dict[str, NDArray[Any]]
Given = Mapping[str, NDArray[Any]]
_SCALER = ("median_", "min_", "range_", "empty_", "masked_")


def to_arrays(nets: TwoStageNet | JointNet) -> Arrays:
    """Everything that was fitted, by name."""
    found = _two_stage_arrays(nets) if isinstance(nets, TwoStageNet) else _joint_arrays(nets)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def from_arrays(model: CodeEstimator, arrays: Given, n_outputs: int) -> TwoStageNet | JointNet:
    """Undo `to_arrays`, for the parameters and the number of features of `model`.

    Raises
    ------
    KeyError, RuntimeError
        When the arrays are not those of such a model.
    """
    rebuilt = _two_stage if model.net == "two_stage" else _joint
    return rebuilt(model, arrays, n_outputs)


def _two_stage_arrays(nets: TwoStageNet) -> Arrays:
    return {
        **_scaler_arrays(nets.scaler),
        "code_min": nets.code_min,
        "code_range": nets.code_range,
        **_weights("autoencoder", nets.autoencoder),
        **({} if nets.popularity is None else _weights("popularity", nets.popularity)),
    }


def _joint_arrays(nets: JointNet) -> Arrays:
    arrays = {
        **_scaler_arrays(nets.inputs.scaler),
        "numbers": nets.inputs.numbers,
        "quantiles": nets.inputs.quantiles,
    }
    for i, net in enumerate(nets.nets):
        arrays |= _weights(f"net_{i}", net)
    return arrays


def _scaler_arrays(scaler: MaskedMinMaxScaler) -> Arrays:
    return {f"scaler.{name}": getattr(scaler, name) for name in _SCALER}


def _weights(name: str, net: torch.nn.Module) -> Arrays:
    return {f"{name}.{key}": tensor.float().numpy() for key, tensor in net.state_dict().items()}


def _two_stage(model: CodeEstimator, arrays: Given, n_outputs: int) -> TwoStageNet:
    scaler = _scaler(model, arrays)
    autoencoder = MusicAENet(model.n_features_in_ + len(scaler.masked_), model.delta)
    popularity = MusicPopNet(autoencoder.n_code, n_outputs, model.alphas, model.dropout)
    _load_weights("autoencoder", autoencoder, arrays)
    _load_weights("popularity", popularity, arrays)
    return TwoStageNet(scaler, autoencoder, arrays["code_min"], arrays["code_range"], popularity)


def _joint(model: CodeEstimator, arrays: Given, n_outputs: int) -> JointNet:
    inputs = QuantileInputs.of(_scaler(model, arrays), arrays["numbers"], arrays["quantiles"])
    nets = []
    for i in range(len({name.split(".")[0] for name in arrays if name.startswith("net_")})):
        net = new_net(inputs, n_outputs, model)
        _load_weights(f"net_{i}", net, arrays)
        nets.append(net)
    return JointNet(inputs, nets)


def _scaler(model: CodeEstimator, arrays: Given) -> MaskedMinMaxScaler:
    scaler = MaskedMinMaxScaler(getattr(model, "feature_names_in_", None))
    for name in _SCALER:
        setattr(scaler, name, arrays[f"scaler.{name}"])
    scaler.n_features_in_ = len(scaler.median_)
    return scaler


def _load_weights(name: str, net: torch.nn.Module, arrays: Given) -> None:
    net.load_state_dict(
        {
            key.removeprefix(f"{name}."): torch.from_numpy(array)
            for key, array in arrays.items()
            if key.startswith(f"{name}.")
        }
    )
    net.double().eval()
