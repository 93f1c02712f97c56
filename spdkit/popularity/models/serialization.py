"""Fitted models on disk: ``weights.safetensors`` with every array, ``model.json`` with the rest.

Conventions: nothing is unpickled. The JSON names the format, its version, the estimator, and the
SHA-256 of every other file and of itself; a folder in which one of these is not as written is
refused. Other files may lie beside the weights (`spdkit.popularity.record`). A check sum finds
damage and mistakes, not somebody who writes a new one: load models of people that you trust with
numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load, save

from spdkit.common.errors import SpdkitError
from spdkit.common.serialization import digest, replace_folder, seal
from spdkit.popularity.models.arrays import Arrays, from_arrays, to_arrays
from spdkit.popularity.models.base import CodeEstimator
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor

FORMAT, VERSION = "spdkit-model", "1.0"
_ESTIMATORS = {cls.__name__: cls for cls in (HitMusicNetRegressor, HitMusicNetClassifier)}
_JSON, _ARRAYS = "model.json", "weights.safetensors"
_CALIBRATED = "calibrated."
Files = Mapping[str, bytes]


class ModelError(SpdkitError):
    """A model that cannot be written, or a folder that holds none of ours."""


def save_model(
    model: CodeEstimator, folder: str | os.PathLike[str], files: Files | None = None
) -> None:
    """Write a fitted model into a folder, which is made, or in which a model is replaced.

    Parameters
    ----------
    model : estimator
    folder : path
    files : mapping of str to bytes, optional
        What else to write and guard, by name.

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
    require_room(target)
    arrays = to_arrays(model.nets_)
    if isinstance(model, HitMusicNetRegressor):
        arrays["residuals_"] = model.residuals_
        if model.calibrated_nets_ is not model.nets_:
            calibrated = to_arrays(model.calibrated_nets_)
            arrays |= {_CALIBRATED + name: array for name, array in calibrated.items()}
    contents = {_ARRAYS: save(arrays), **(files or {})}
    described = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": type(model).__name__,
        "parameters": _as_json(model),
        "facts": _facts(model),
        "packages": {name: version(name) for name in ("spdkit", "torch", "scikit-learn", "numpy")},
        "files": {name: digest(content) for name, content in contents.items()},
    }
    described["sha256"] = seal(described)
    contents[_JSON] = (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode()
    ours = {_JSON, *_listed(target)} if (target / _JSON).is_file() else ()
    replace_folder(target, contents, ours)


def require_room(folder: str | os.PathLike[str]) -> None:
    """Check that a model can be saved there.

    Raises
    ------
    ModelError
        When it is a file, or a folder that holds something and no model of ours.
    """
    target = Path(folder).expanduser()
    if target.exists() and not target.is_dir():
        raise ModelError(f"{target}: is a file; a model is a folder")
    if target.exists() and not (target / _JSON).is_file() and any(target.iterdir()):
        raise ModelError(f"{target}: holds files, and no model of ours to replace")


def _listed(folder: Path) -> list[str]:
    try:
        return list(json.loads((folder / _JSON).read_text(encoding="utf-8"))["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: {_JSON} is not ours, so that the folder is not replaced: {error!r}"
        ) from error


def load_model(folder: str | os.PathLike[str]) -> HitMusicNetRegressor | HitMusicNetClassifier:
    """Read a model that `save_model` wrote.

    Raises
    ------
    ModelError
        When the folder holds no model, one of another version, or one that was changed.
    """
    source = Path(folder).expanduser()
    described = _described(source)
    weights = _guarded(source, described, _ARRAYS)
    try:
        return _rebuilt(described, load(weights))
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{source}: {_JSON} is not what was written: {error!r}") from error


def load_files(folder: str | os.PathLike[str], names: Sequence[str]) -> dict[str, bytes]:
    """Read what was written beside a model.

    Raises
    ------
    ModelError
        As `load_model`, and when a file was not written with this model.
    """
    source = Path(folder).expanduser()
    described = _described(source)
    return {name: _guarded(source, described, name) for name in names}


def _described(source: Path) -> dict[str, Any]:
    try:
        described = json.loads((source / _JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{source}: no model of spdkit: {error}") from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise ModelError(f"{source}: {_JSON} does not say format {FORMAT!r}")
    found = str(described.get("version"))
    if found.split(".")[0] != VERSION.split(".")[0]:
        raise ModelError(f"{source}: version {found}; this spdkit reads {VERSION}")
    if seal(described) != described.get("sha256"):
        raise ModelError(f"{source}: {_JSON} is not what was written: its SHA-256 differs")
    return described


def _guarded(source: Path, described: dict[str, Any], name: str) -> bytes:
    if name not in described["files"]:
        raise ModelError(f"{source}: the model was saved without {name}; `spdkit fit` writes it")
    try:
        content = (source / name).read_bytes()
    except OSError as error:
        raise ModelError(f"{source}: no model of spdkit: {error}") from error
    if digest(content) != described["files"][name]:
        raise ModelError(f"{source}: {name} is not what was written: its SHA-256 differs")
    return content


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
    if isinstance(model, HitMusicNetClassifier):
        model.classes_ = np.array(facts["classes_"], dtype=facts["classes_dtype"])
        model.temperature_ = facts["temperature_"]
        n_outputs = len(model.classes_)
    else:
        model.target_low_, model.target_high_ = facts["target_low_"], facts["target_high_"]
        model.residuals_ = arrays["residuals_"]
        n_outputs = 1
    model.nets_ = from_arrays(model, arrays, n_outputs)
    if isinstance(model, HitMusicNetRegressor):
        calibrated = {
            name.removeprefix(_CALIBRATED): array
            for name, array in arrays.items()
            if name.startswith(_CALIBRATED)
        }
        model.calibrated_nets_ = (
            from_arrays(model, calibrated, n_outputs) if calibrated else model.nets_
        )
    model.history_ = pd.DataFrame(facts["history_"])
    return model
