"""Planted songs: features of which two decide the popularity."""

from __future__ import annotations

import numpy as np
import pandas as pd


def songs(n=300, d=12, seed=0):
    """Features in different units, some missing, and a popularity that depends on two of them."""
    rng = np.random.default_rng(seed)
    unit = rng.random((n, d))
    X = unit * 10.0 ** (np.arange(d) % 9 - 2)
    y = 100 * (0.6 * unit[:, 0] + 0.4 * unit[:, 1])
    X[rng.random(n) < 0.2, 3] = np.nan
    names = [f"feature_{i}" for i in range(d)]
    return pd.DataFrame(X, columns=names), pd.Series(y)
