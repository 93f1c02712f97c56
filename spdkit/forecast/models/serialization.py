"""Fitted forecasters on disk: ``forecaster.json``, and ``arrays.npz`` with every array.

Conventions
-----------
Nothing is unpickled. The JSON names the format and its version, the class with its parameters (a
parameter may be a forecaster or a setting such as `spdkit.forecast.models.rolling.Rolling`, or a
list of them), what the series' names, dates and frequency are, and the SHA-256 of the arrays and of
itself. Only the classes listed here can be named. The arrays are the series, the errors that
intervals are made of, and what the forecaster learned; one that has nothing to give there is fitted
again when it is loaded. Forecasts of a loaded forecaster equal those of the saved one bit by bit,
given the same versions of the libraries, which the JSON names, on the same kind of machine.

A check sum finds damage and mistakes, not somebody who writes a new one.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.serialization import digest, replace_folder, seal
from spdkit.common.versions import installed_versions
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Columns, Panel
from spdkit.forecast.models.base import Forecaster, part_of
from spdkit.forecast.scoring.intervals import Residuals

FORMAT, VERSION = "spdkit-forecaster", "1.0"
# What a file may name, and where it is: nothing else is ever imported.
CLASSES = {
    "SMA": "models.classical",
    "SeasonalNaive": "models.classical",
    "RelativeMean": "models.classical",
    "ARIMA": "models.classical",
    "Level": "models.classical",
    "RecurrentForecaster": "models.recurrent",
    "GlobalForecaster": "models.gradient_boosting",
    "GlobalRecurrentForecaster": "models.global_recurrent",
    "Average": "models.average",
    "BestForecaster": "selection.best_of",
    "Rolling": "models.rolling",
}
_JSON, _ARRAYS = "forecaster.json", "arrays.npz"
PACKAGES = ("spdkit", "numpy", "pandas", "scikit-learn", "statsmodels", "torch", "lightgbm")
_STATE = "state."
_PACKAGE = "spdkit.forecast"
Arrays = Mapping[str, NDArray[Any]]


def to_record(forecaster: Forecaster) -> dict[str, Any]:
    """Say what a forecaster is, fitted or not: its class and parameters, as JSON has words for.

    Two that have the same record are the same forecaster. A class from elsewhere is named with its
    module; such a record cannot be saved.

    Raises
    ------
    ForecastError
        When a parameter cannot be written.
    """
    return dict(_as_json(type(forecaster).__name__, forecaster, foreign=True))


def save_forecaster(forecaster: Forecaster, folder: str | os.PathLike[str]) -> None:
    """Write a fitted forecaster into a folder, which is made, or in which one is replaced.

    Parameters
    ----------
    forecaster : Forecaster
    folder : path

    Raises
    ------
    ForecastError
        When it is not fitted, a parameter or a name cannot be written, or the folder holds
        something else.
    """
    if not hasattr(forecaster, "panel_"):
        raise ForecastError(f"{forecaster.label} is not fitted yet: call fit first")
    target = Path(folder).expanduser()
    _require_room(target)
    described, arrays = _from_panel(forecaster.panel_)
    if forecaster.residuals_ is not None:
        arrays["residuals"] = forecaster.residuals_.scaled
    arrays |= {_STATE + name: array for name, array in forecaster._state().items()}
    packed = _packed(arrays)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "packages": installed_versions(PACKAGES),
        "forecaster": _as_json(type(forecaster).__name__, forecaster, foreign=False),
        "panel": described,
        "arrays": digest(packed),
    }
    content["sha256"] = seal(content)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    _replace(target, {_ARRAYS: packed, _JSON: text.encode()})


def load_forecaster(folder: str | os.PathLike[str]) -> Forecaster:
    """Read a forecaster that `save_forecaster` wrote.

    Raises
    ------
    ForecastError
        When the folder holds none, one of a newer version, or one that was changed.
    """
    source = Path(folder).expanduser()
    described = _described(source)
    packed = _bytes(source / _ARRAYS)
    if digest(packed) != described.get("arrays"):
        raise ForecastError(f"{source}: {_ARRAYS} is not what was written: its SHA-256 differs")
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        forecaster = _from_json(described["forecaster"])
        if not isinstance(forecaster, Forecaster):
            raise TypeError(f"{type(forecaster).__name__} is no forecaster")
        panel = _to_panel(described["panel"], arrays)
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ForecastError(
            f"{source}: {_JSON} does not describe a forecaster of this spdkit: {error}"
        ) from error
    state = part_of(arrays, _STATE)
    residuals = Residuals(arrays["residuals"]) if "residuals" in arrays else None
    return forecaster.restore_panel(panel, state, residuals)


def _require_room(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise ForecastError(f"{target}: is a file; a forecaster is a folder")
    others = [path.name for path in target.iterdir()] if target.exists() else []
    if others := sorted({*others} - {_JSON, _ARRAYS}):
        raise ForecastError(
            f"{target}: holds {', '.join(others[:3])}{', …' * (len(others) > 3)}: give a folder of "
            f"its own"
        )


def _replace(target: Path, contents: Mapping[str, bytes]) -> None:
    try:
        replace_folder(target, contents, ours=contents)
    except OSError as error:
        raise ForecastError(f"{target}: cannot be written: {error.strerror}") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ForecastError(
            f"{path.parent}: no forecaster of spdkit: {path.name} cannot be read: {error.strerror}"
        ) from error


def _described(source: Path) -> dict[str, Any]:
    try:
        described = json.loads(_bytes(source / _JSON))
    except ValueError as error:
        raise ForecastError(f"{source}: {_JSON} is damaged or cut off: {error}") from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise ForecastError(f"{source}: {_JSON} does not say format {FORMAT!r}")
    found = str(described.get("version"))
    if found != VERSION:
        raise ForecastError(
            f"{source}: format version {found}; this spdkit reads {VERSION}. It was written by "
            f"spdkit {described.get('packages', {}).get('spdkit')}: install that, or fit again."
        )
    if seal(described) != described.get("sha256"):
        raise ForecastError(f"{source}: {_JSON} is not what was written: its SHA-256 differs")
    return described


def _packed(arrays: Arrays) -> bytes:
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ForecastError(f"{name} holds Python objects, which are not written")
    file = io.BytesIO()
    np.savez(file, **dict(arrays))  # type: ignore[arg-type]
    return file.getvalue()


def _as_json(name: str, value: object, *, foreign: bool) -> Any:
    """Write a parameter; what JSON has no word for is an object that says its kind."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else {"float": repr(value)}
    if isinstance(value, list):
        return [_as_json(name, item, foreign=foreign) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_as_json(name, item, foreign=foreign) for item in value]}
    if isinstance(value, dict):
        pairs = [[_as_json(name, part, foreign=foreign) for part in pair] for pair in value.items()]
        return {"dict": pairs}
    kind = type(value)
    ours = kind.__module__ == f"{_PACKAGE}.{CLASSES.get(kind.__name__)}"
    ownable = isinstance(value, Forecaster) or is_dataclass(value)
    if not ours and not (foreign and ownable):
        raise ForecastError(
            f"{name}={value!r} cannot be written: give numbers, texts, or forecasters of spdkit"
        )
    return {
        "class": kind.__name__ if ours else f"{kind.__module__}.{kind.__qualname__}",
        "parameters": {
            key: _as_json(key, item, foreign=foreign) for key, item in _parameters(value).items()
        },
    }


def _parameters(value: Any) -> dict[str, Any]:
    if isinstance(value, Forecaster):
        return dict(value.get_params(deep=False))
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _from_json(written: Any) -> Any:
    if isinstance(written, list):
        return [_from_json(item) for item in written]
    if not isinstance(written, dict):
        return written
    if "float" in written:
        return float(written["float"])
    if "tuple" in written:
        return tuple(_from_json(item) for item in written["tuple"])
    if "dict" in written:
        return {_from_json(key): _from_json(item) for key, item in written["dict"]}
    name = written["class"]
    if name not in CLASSES:
        raise ValueError(f"it names {name!r}, which is none of {', '.join(CLASSES)}")
    kind = getattr(import_module(f"{_PACKAGE}.{CLASSES[name]}"), name)
    return kind(**{key: _from_json(item) for key, item in written["parameters"].items()})


def _from_panel(panel: Panel) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What a panel is, and its arrays."""
    dates, ds = _from_dates(panel.ds)
    described = {
        "columns": {field.name: getattr(panel.columns, field.name) for field in fields(Columns)},
        "freq": _from_freq(panel),
        "ids": _from_ids(panel.ids),
        "ds": dates,
        "exog": list(panel.exog.columns),
    }
    exog = panel.exog.to_numpy(np.float64)
    return described, {"indptr": panel.indptr, "ds": ds, "y": panel.y, "exog": exog}


def _to_panel(described: Mapping[str, Any], arrays: Arrays) -> Panel:
    freq = described["freq"]
    return Panel(
        ids=_to_ids(described["ids"]),
        indptr=arrays["indptr"],
        ds=_to_dates(described["ds"], arrays["ds"]),
        y=arrays["y"],
        exog=pd.DataFrame(arrays["exog"], columns=described["exog"]),
        freq=freq if isinstance(freq, int) else pd.tseries.frequencies.to_offset(freq),
        columns=Columns(**described["columns"]),
    )


def _from_freq(panel: Panel) -> str | int:
    if isinstance(panel.freq, int):
        return panel.freq
    name = panel.freq.freqstr
    try:
        same = pd.tseries.frequencies.to_offset(name) == panel.freq
    except ValueError:
        same = False
    if not same:
        raise ForecastError(f"freq {panel.freq!r} cannot be written: give one that has a name")
    return name


def _from_dates(ds: pd.Index[Any]) -> tuple[dict[str, Any], NDArray[np.int64]]:
    if not isinstance(ds, pd.DatetimeIndex):
        return {"kind": "int"}, ds.to_numpy(np.int64)
    described = {"kind": "time", "unit": ds.unit, "zone": None if ds.tz is None else str(ds.tz)}
    try:
        same = ds.tz is None or str(_to_dates(described, ds.asi8[:1]).tz) == str(ds.tz)
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ForecastError(f"time zone {ds.tz!r} cannot be written: give one that has a name")
    return described, ds.asi8


def _to_dates(described: Mapping[str, Any], ds: NDArray[np.int64]) -> Any:
    if described["kind"] == "int":
        return pd.Index(ds)
    times = pd.DatetimeIndex(ds.view(f"datetime64[{described['unit']}]"))
    if described["zone"] is None:
        return times
    return times.tz_localize("UTC").tz_convert(described["zone"])


def _from_ids(ids: pd.Index[Any]) -> dict[str, Any]:
    """Names of series: numbers or texts, or categories of these."""
    if isinstance(ids, pd.CategoricalIndex):
        categories = _from_ids(ids.categories)
        return {"categories": categories, "codes": ids.codes.tolist(), "ordered": ids.ordered}
    names = ids.tolist()
    odd = [
        name
        for name in names
        if not isinstance(name, str | int | float) or name in (np.inf, -np.inf)
    ]
    if odd:
        raise ForecastError(
            f"series {odd[0]!r} cannot be written: names are texts or numbers, convert them "
            f"before fit"
        )
    return {"names": names, "dtype": str(ids.dtype)}


def _to_ids(described: Mapping[str, Any]) -> pd.Index[Any]:
    if "codes" in described:
        categories = _to_ids(described["categories"])
        codes, ordered = described["codes"], described["ordered"]
        return pd.CategoricalIndex(pd.Categorical.from_codes(codes, categories, ordered))
    names: pd.Index[Any] = pd.Index(described["names"], dtype=described["dtype"])
    return names
