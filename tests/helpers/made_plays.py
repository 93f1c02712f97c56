"""Daily plays made up for tests: frames in the long format."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def frame(series: Mapping[str, np.ndarray], first: str = "2015-03-01") -> pd.DataFrame:
    """One row a day from `first` on, for each array of values."""
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range(first, periods=len(y)),
                "y": np.asarray(y, float),
            }
        )
        for name, y in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def noisy(n_series: int, n_days: int, seed: int = 0) -> pd.DataFrame:
    """Random walks of plays at different scales, all above 0, with downloads of a tenth."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(0, 0.05, (n_series, n_days))
    scale = 10 ** generator.uniform(1, 4, (n_series, 1))
    y = np.ceil(scale * np.exp(np.cumsum(steps, axis=1) + generator.normal(0, 0.1, steps.shape)))
    made = frame({f"artist {i}": row for i, row in enumerate(y)})
    made["downloads"] = np.floor(made["y"] / 10)
    return made
