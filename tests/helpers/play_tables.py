"""Tables of daily plays for tests: made up, small, and some of them wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spdkit.forecast import registry
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.pipeline import Request, forecast_panel

START = "2025-01-01"


def weekly(n_series=12, days=120, seed=0, **names):
    """Plays with a week in them, about 100 for the first series and ever more."""
    rng = np.random.default_rng(seed)
    week = np.array([0.9, 0.9, 0.9, 1.0, 1.2, 1.2, 0.9])
    dates = pd.date_range(START, periods=days)
    songs = [
        pd.DataFrame(
            {
                "unique_id": f"song {i}",
                "ds": dates,
                "y": rng.poisson(100 * (i + 1) * week[dates.day_of_week]).astype(float),
            }
        )
        for i in range(n_series)
    ]
    return pd.concat(songs, ignore_index=True).rename(columns=names)


def constant(values, days=40):
    """Series that hold one value each, named a, b, c …"""
    dates = pd.date_range(START, periods=days)
    return pd.concat(
        [
            pd.DataFrame({"unique_id": "abcdefgh"[i], "ds": dates, "y": float(value)})
            for i, value in enumerate(values)
        ],
        ignore_index=True,
    )


def result(frame=None, h=14, model="seasonal-naive", **request):
    """Of a table, by a forecaster that needs no time."""
    frame = weekly() if frame is None else frame
    return forecast_panel(check_frame(frame), Request(h, model, **request))


@pytest.fixture
def few_trees(monkeypatch):
    """`best` whose boosting learns little: most of its time, and none of what it decides."""
    model = registry.MODELS["recommended"]

    def build(setting):
        average = model.build(setting)
        level, boosting = average.forecasters
        boosting.set_params(n_models=1, n_trees=5)
        return average.set_params(forecasters=[level, boosting])

    monkeypatch.setitem(registry.MODELS, "recommended", replace(model, build=build))
