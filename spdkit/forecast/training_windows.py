"""What a unit learns from: windows of p days and the q days after each.

Conventions
-----------
``reference`` is the published code's way: the first n mod p days are dropped, the rest is cut into
blocks of p days that do not overlap, and each block is an input with the next as its target (so
q = p). Of these N pairs the last ⌊0.8·N⌋ train. The published code holds a part of them up as
validation; it trains on them as well and decides nothing by them.

``sliding`` takes every window there is, one day apart, with any q: n - p - q + 1 pairs.

References
----------
The code published with LSTM-RPA.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from spdkit.forecast.errors import ForecastError, require_one_of
from spdkit.forecast.panel import Numbers

Windows = Literal["reference", "sliding"]


def check_windows(windows: Windows, p: int, q: int) -> None:
    """Refuse windows that cannot be cut.

    Raises
    ------
    ForecastError
        When there is no such way, or ``reference`` is asked for q other than p.
    """
    require_one_of("windows", windows, get_args(Windows))
    if windows == "reference" and q != p:
        raise ForecastError(
            f"windows='reference' pairs blocks of p={p} days with the next p, not with q={q}: take "
            f"windows='sliding', or q=p"
        )


def least_days(windows: Windows, p: int, q: int) -> int:
    """Days of the shortest series that gives a training pair."""
    check_windows(windows, p, q)
    # Of one pair of blocks, ⌊0.8⌋ = 0 train: two pairs, or three blocks.
    return 3 * p if windows == "reference" else p + q


def cut(values: Numbers, p: int, q: int, windows: Windows) -> tuple[Numbers, Numbers]:
    """Cut series of one length into training pairs, the earliest first.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_days, n_features)
    p, q : int
    windows : {"reference", "sliding"}

    Returns
    -------
    X : ndarray, shape (n_series, n_pairs, p, n_features)
    Y : ndarray, shape (n_series, n_pairs, q, n_features)

    Raises
    ------
    ForecastError
        As `check_windows` does, or when there are too few days for a pair.
    """
    n_series, n_days, n_features = values.shape
    if n_days < (least := least_days(windows, p, q)):
        raise ForecastError(
            f"windows={windows!r} with p={p} and q={q} need {least} days, got {n_days}"
        )
    if windows == "sliding":
        whole = np.lib.stride_tricks.sliding_window_view(values, p + q, axis=1)
        whole = whole.swapaxes(2, 3)  # the view has its window last
        return whole[:, :, :p], whole[:, :, p:]
    blocks = values[:, n_days % p :].reshape(n_series, n_days // p, p, n_features)
    n_pairs = n_days // p - 1
    trained = n_pairs * 4 // 5  # in whole numbers: 0.8 itself is no binary fraction
    first = n_pairs - trained
    return blocks[:, first:-1], blocks[:, first + 1 :]
