"""Forecasters on disk: ``forecaster.json`` and ``arrays.safetensors``.

The form is that of `spdkit.common.serialization`. The arrays are the series, the errors that
intervals are made of, and what the forecaster learned; one that has nothing to give there is fitted
again when it is loaded. The JSON says what the series' names, dates and frequency are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.serialization import Arrays, SavedForm, State
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.frequencies import offset_of
from spdkit.forecast.data.panel import Columns, Panel

CLASSES = {
    "SMA": "spdkit.forecast.models.classical",
    "SeasonalNaive": "spdkit.forecast.models.classical",
    "RelativeMean": "spdkit.forecast.models.classical",
    "ARIMA": "spdkit.forecast.models.classical",
    "Level": "spdkit.forecast.models.classical",
    "RecurrentForecaster": "spdkit.forecast.models.recurrent",
    "GlobalForecaster": "spdkit.forecast.models.gradient_boosting",
    "GlobalRecurrentForecaster": "spdkit.forecast.models.global_recurrent",
    "Average": "spdkit.forecast.models.average",
    "ChartModel": "spdkit.forecast.charts.chart_model",
    "BestForecaster": "spdkit.forecast.selection.best_of",
    "Rolling": "spdkit.forecast.models.rolling",
    "ChartForecaster": "spdkit.forecast.charts.chart_forecaster",
}
PACKAGES = ("spdkit", "numpy", "pandas", "scikit-learn", "statsmodels", "torch", "lightgbm")
FORM = SavedForm("forecaster", CLASSES, ForecastError, PACKAGES, unbounded=("aicc",))
save_forecaster, load_forecaster = FORM.save, FORM.load


def to_record(forecaster: Any) -> dict[str, Any]:
    """Say what a forecaster is, fitted or not: its class and parameters, as JSON has words for.

    Two that have the same record are the same forecaster. A class from elsewhere is named with its
    module; such a record cannot be saved.

    Raises
    ------
    ForecastError
        When a parameter cannot be written.
    """
    return dict(FORM.to_json(forecaster, foreign=True))


def panel_state(panel: Panel) -> State:
    """Facts and arrays of a panel.

    Raises
    ------
    ForecastError
        When a name, a frequency or a time zone cannot be written.
    """
    dates, ds = _from_dates(panel.ds)
    facts = {
        "columns": asdict(panel.columns),
        "freq": _from_freq(panel),
        "ids": _from_ids(panel.ids),
        "ds": dates,
        "exog": list(panel.exog.columns),
    }
    exog = panel.exog.to_numpy(np.float64)
    return facts, {"indptr": panel.indptr, "ds": ds, "y": panel.y, "exog": exog}


def panel_from(facts: Mapping[str, Any], arrays: Arrays) -> Panel:
    """Undo `panel_state`.

    Raises
    ------
    ForecastError
        When these are no series.
    """
    freq = facts["freq"]
    panel = Panel(
        ids=_to_ids(facts["ids"]),
        indptr=arrays["indptr"],
        ds=_to_dates(facts["ds"], arrays["ds"]),
        y=arrays["y"],
        exog=pd.DataFrame(arrays["exog"], columns=facts["exog"]),
        freq=freq if isinstance(freq, int) else offset_of(freq),
        columns=Columns(**facts["columns"]),
    )
    _require_panel(panel)
    return panel


def _require_panel(panel: Panel) -> None:
    """Refuse what `spdkit.forecast.data.long_table.check_frame` would not have made."""
    n_rows, names = len(panel.y), [*vars(panel.columns).values(), *panel.exog.columns]
    whole = pd.api.types.is_signed_integer_dtype(panel.ds.dtype)
    for holds, what in (
        (panel.y.dtype == np.float64 and panel.y.ndim == 1, "y is no list of numbers"),
        (panel.indptr.dtype == np.int64 and panel.indptr.ndim == 1, "bounds are no list"),
        (panel.indptr.shape == (len(panel.ids) + 1,), "names and bounds differ in number"),
        (panel.ids.is_unique and not panel.ids.hasnans, "names of series are not distinct"),
        (panel.indptr[0] == 0 and panel.indptr[-1] == n_rows, "bounds are not those of the rows"),
        (bool((panel.lengths > 0).all()), "a series has no rows"),
        (len(panel.ds) == len(panel.exog) == n_rows, "columns differ in length"),
        (whole or isinstance(panel.ds, pd.DatetimeIndex), "dates are neither dates nor numbers"),
        (whole == isinstance(panel.freq, int), "dates and frequency are of two kinds"),
        (not isinstance(panel.freq, int) or panel.freq >= 1, "the frequency is below 1"),
        (all(isinstance(name, str) for name in names), "names of columns are no texts"),
        (len(set(names)) == len(names), "names of columns are not distinct"),
    ):
        if not holds:
            raise ForecastError(f"what was saved are no series: {what}")
    later = np.diff(panel.ds.asi8 if isinstance(panel.ds, pd.DatetimeIndex) else panel.ds) > 0
    later[panel.indptr[1:-1] - 1] = True
    if not later.all():
        raise ForecastError("what was saved are no series: dates do not follow each other")


def _from_freq(panel: Panel) -> str | int:
    if isinstance(panel.freq, int):
        return panel.freq
    name = str(panel.freq_name)
    try:
        same = offset_of(name) == panel.freq
    except ValueError:
        same = False
    if not same:
        raise ForecastError(f"freq {panel.freq!r} cannot be written: give one that has a name")
    return name


def _from_dates(ds: pd.Index[Any]) -> tuple[str, NDArray[np.int64]]:
    if not isinstance(ds, pd.DatetimeIndex):
        return "int64", ds.to_numpy(np.int64)
    dtype = str(ds.dtype)  # which names unit and time zone
    try:
        same = _to_dates(dtype, ds.asi8[:1]).dtype == ds.dtype
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ForecastError(f"time zone {ds.tz!r} cannot be written: give one that has a name")
    return dtype, ds.asi8


def _to_dates(dtype: str, ds: NDArray[np.int64]) -> Any:
    return pd.Index(ds).astype(dtype)


def _from_ids(ids: pd.Index[Any]) -> dict[str, Any]:
    """Names of series: numbers or texts, or categories of these."""
    if isinstance(ids, pd.CategoricalIndex):
        categories = _from_ids(ids.categories)
        return {"categories": categories, "codes": ids.codes.tolist(), "ordered": ids.ordered}
    names = ids.tolist()
    for name in names:
        if not isinstance(name, str | int | float) or name in (np.inf, -np.inf):
            raise ForecastError(
                f"series {name!r} cannot be written: names are texts or numbers, convert them "
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
