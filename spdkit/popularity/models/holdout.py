"""Rows held out inside `fit`: for early stopping, and for conformal scores and calibration.

Conventions: three disjoint sets of rows, disjoint in groups where groups are given. Fewer rows (or
groups) than it takes for one in each held-out set leave these empty, and everything trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.common.parameters import Allowed, Number, Whole, check_parameters

Index = NDArray[np.intp]
_PARAMETERS: dict[str, Allowed] = {
    "n_rows": Whole(),
    "stopping": Number(0, 1, closed="low"),
    "calibration": Number(0, 1, closed="low"),
    "seed": Whole(0),
}


@dataclass(frozen=True)
class Holdouts:
    """Row numbers, ascending.

    Attributes
    ----------
    training, stopping, calibration : ndarray of int
    """

    training: Index
    stopping: Index
    calibration: Index


def hold_out(
    n_rows: int, stopping: float, calibration: float, seed: int, groups: Any = None
) -> Holdouts:
    """Draw rows for each purpose.

    Parameters
    ----------
    n_rows : int
    stopping, calibration : float
        Shares of the rows (of the groups, where there are groups), at least 0, together below 1.
    seed : int
    groups : array-like, shape (n_rows,), optional
        Rows of one group stay together.

    Raises
    ------
    ValueError
        When a number is out of range, or the shares or the length of `groups` are impossible.
    """
    parameters = {"n_rows": n_rows, "stopping": stopping, "calibration": calibration, "seed": seed}
    check_parameters(parameters, _PARAMETERS)
    if stopping + calibration >= 1:
        raise ValueError(
            "early_stopping_fraction and calibration_fraction must be at least 0 and together "
            f"below 1, got {stopping} and {calibration}"
        )
    member = np.arange(n_rows) if groups is None else _numbered(groups, n_rows)
    order = np.random.default_rng(seed).permutation(member.max() + 1)
    n_stop, n_calibrate = int(len(order) * stopping), int(len(order) * calibration)
    sets = np.split(order, [n_stop, n_stop + n_calibrate])
    rows = [np.flatnonzero(np.isin(member, drawn)) for drawn in sets]
    return Holdouts(training=rows[2], stopping=rows[0], calibration=rows[1])


def _numbered(groups: Any, n_rows: int) -> Index:
    _, member = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    if len(member) != n_rows:
        raise ValueError(f"groups has {len(member)} entries, X has {n_rows} rows")
    return member.astype(np.intp)
