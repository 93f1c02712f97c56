"""Fitted models on disk: ``weights.safetensors`` with every array, ``model.json`` with the rest.

Conventions: nothing is unpickled. The JSON names the format, its version, the estimator and the
SHA-256 of the arrays; a folder in which one of these is not as written is refused. Weights are
float32 as trained, everything else float64, so a loaded model predicts the same to the bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from spdkit.code_estimator import CodeEstimator
from spdkit.errors import SpdkitError
from spdkit.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.preparation import MaskedMinMaxScaler
from spdkit.two_stage import TwoStageNet

FORMAT, VERSION = "spdkit-model", "1.0"
_ESTIMATORS = {cls.__name__: cls for cls in (HitMusicNetRegressor, HitMusicNetClassifier)}
_JSON, _ARRAYS = "model.json", "weights.safetensors"
_SCALER = ("median_", "min_", "range_", "empty_", "masked_")
Arrays = dict[str, NDArray[Any]]


class ModelError(SpdkitError):
    """A model that cannot be written, or a folder that holds none of ours."""


def save_model(model: CodeEstimator, folder: str | os.PathLike[str]) -> None:
    """Write a fitted model into a folder, which is made or, if it holds a model, replaced.

    Raises
    ------
    ModelError
        When the folder holds something else, or a parameter cannot be written as JSON.
    sklearn.exceptions.NotFittedError
        When the model is not fitted.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    target = Path(folder).expanduser()
    if target.exists() and not (target / _JSON).is_file() and any(target.iterdir()):
        raise ModelError(f"{target}: holds files, and no model of ours to replace")
    weights = save(_arrays(model))
    described = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": type(model).__name__,
        "parameters": _as_json(model),
        "facts": _facts(model),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "packages": {name: version(name) for name in ("spdkit", "torch", "scikit-learn", "numpy")},
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all; a folder cannot be replaced in one step, so the old one goes first.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as new:
        made = Path(new) / target.name
        made.mkdir()
        (made / _ARRAYS).write_bytes(weights)
        (made / _JSON).write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")
        if target.exists():
            shutil.move(target, Path(new) / "old")
        made.rename(target)


def load_model(folder: str | os.PathLike[str]) -> HitMusicNetRegressor | HitMusicNetClassifier:
    """Read a model that `save_model` wrote.

    Raises
    ------
    ModelError
        When the folder holds no model, one of another version, or one that was changed.
    """
    source = Path(folder).expanduser()
    try:
        described = json.loads((source / _JSON).read_text(encoding="utf-8"))
        weights = (source / _ARRAYS).read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{source}: no model of spdkit: {error}") from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise ModelError(f"{source}: {_JSON} does not say format {FORMAT!r}")
    found = str(described.get("version"))
    if found.split(".")[0] != VERSION.split(".")[0]:
        raise ModelError(f"{source}: version {found}; this spdkit reads {VERSION}")
    if hashlib.sha256(weights).hexdigest() != described.get("sha256"):
        raise ModelError(f"{source}: {_ARRAYS} is not what was written: its SHA-256 differs")
    try:
        return _rebuilt(described, load(weights))
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{source}: {_JSON} is not what was written: {error!r}") from error


def _as_json(model: CodeEstimator) -> dict[str, Any]:
    parameters: dict[str, Any] = model.get_params()
    for name, value in parameters.items():
        try:
            json.dumps(value)
        except TypeError:
            raise ModelError(
                f"{name}={value!r} cannot be written: give a number, a text or None"
            ) from None
    return parameters


def _arrays(model: CodeEstimator) -> Arrays:
    nets = model.nets_
    arrays: Arrays = {f"scaler.{name}": getattr(nets.scaler, name) for name in _SCALER}
    arrays |= {"code_min": nets.code_min, "code_range": nets.code_range}
    for name in ("autoencoder", "popularity"):
        for key, tensor in getattr(nets, name).state_dict().items():
            arrays[f"{name}.{key}"] = tensor.float().numpy()
    if isinstance(model, HitMusicNetRegressor):
        arrays["residuals_"] = model.residuals_
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _facts(model: CodeEstimator) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "n_features_in_": model.n_features_in_,
        "feature_names_in_": [str(n) for n in getattr(model, "feature_names_in_", [])],
        # NaN, where a net has no such loss, is null.
        "history_": json.loads(model.history_.to_json(orient="records", double_precision=15)),
    }
    if isinstance(model, HitMusicNetClassifier):
        facts |= {
            "classes_": model.classes_.tolist(),
            "classes_dtype": model.classes_.dtype.str,
            "temperature_": model.temperature_,
        }
    elif isinstance(model, HitMusicNetRegressor):
        facts |= {"target_low_": model.target_low_, "target_high_": model.target_high_}
    return facts


def _rebuilt(
    described: dict[str, Any], arrays: Arrays
) -> HitMusicNetRegressor | HitMusicNetClassifier:
    facts = described["facts"]
    # JSON has no tuples.
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in described["parameters"].items()
    }
    model = _ESTIMATORS[described["estimator"]](**given)
    model.n_features_in_ = facts["n_features_in_"]
    if facts["feature_names_in_"]:
        model.feature_names_in_ = np.array(facts["feature_names_in_"], dtype=object)
    scaler = MaskedMinMaxScaler()
    scaler.n_features_in_ = model.n_features_in_
    for name in _SCALER:
        setattr(scaler, name, arrays[f"scaler.{name}"])
    if isinstance(model, HitMusicNetClassifier):
        model.classes_ = np.array(facts["classes_"], dtype=facts["classes_dtype"])
        model.temperature_ = facts["temperature_"]
        n_outputs = len(model.classes_)
    else:
        model.target_low_, model.target_high_ = facts["target_low_"], facts["target_high_"]
        model.residuals_ = arrays["residuals_"]
        n_outputs = 1
    autoencoder = MusicAENet(facts["n_features_in_"] + len(scaler.masked_), model.delta)
    popularity = MusicPopNet(autoencoder.n_code, n_outputs, model.alphas, model.dropout)
    for name, net in (("autoencoder", autoencoder), ("popularity", popularity)):
        state = {
            key.removeprefix(f"{name}."): torch.from_numpy(array)
            for key, array in arrays.items()
            if key.startswith(f"{name}.")
        }
        net.load_state_dict(state)
        net.double().eval()
    model.nets_ = TwoStageNet(
        scaler, autoencoder, arrays["code_min"], arrays["code_range"], popularity
    )
    model.history_ = pd.DataFrame(facts["history_"])
    return model
