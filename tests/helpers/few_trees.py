"""Models of charts with few trees: most of their time, and nothing of what is decided with them."""

from __future__ import annotations

from functools import partial

import pytest

from spdkit.forecast.charts import chart_model, chart_outlook, chart_releases


def learn_little(patch):
    """Let an outlook fit models of few trees."""
    few = {
        "ChartModel": {"n_trees": 2, "min_leaf": 5, "max_rows": 500, "feature_share": 1.0},
        "PresenceModel": {"n_trees": 2},
        "DebutModel": {"n_trees": 2, "n_models": 1, "min_leaf": 2},
    }
    patch.setattr(chart_model, "_SIZE_TREES", 2)
    for name, settings in few.items():
        module = chart_releases if name == "DebutModel" else chart_outlook
        patch.setattr(module, name, partial(getattr(module, name), **settings))


@pytest.fixture(scope="module")
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        learn_little(patch)
        yield
