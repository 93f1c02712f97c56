"""How sure a prediction is: intervals by split conformal, class probabilities by temperature.

Both look at rows that no net was trained on and no epoch was chosen by.

References: Vovk et al. (2005), algorithmic learning in a random world; Lei et al. (2018),
distribution-free predictive inference for regression, Algorithm 2; Guo et al. (2017), on
calibration of modern neural networks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Numbers = NDArray[np.float64]
_TEMPERATURES = (0.05, 20.0)


def conformal_radius(residuals: Numbers, coverage: float) -> float:
    """Half the width of intervals that cover at least `coverage` of new rows.

    The ⌈(n + 1)·coverage⌉-th smallest of n absolute residuals of held-out rows; the guarantee is
    for rows drawn as these were.

    Raises
    ------
    ValueError
        When `coverage` is not in (0, 1), or n residuals cannot guarantee it.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie in (0, 1), got {coverage}")
    n = len(residuals)
    rank = math.ceil((n + 1) * coverage)
    if rank > n:
        raise ValueError(
            f"{n} rows were held out for calibration; a coverage of {coverage} needs "
            f"{fewest_residuals(coverage)}: fit on more rows, or raise calibration_fraction"
        )
    return float(np.sort(np.abs(residuals))[rank - 1])


def fewest_residuals(coverage: float) -> int:
    """How many held-out rows it takes to guarantee a coverage in (0, 1)."""
    n = max(1, math.floor(coverage / (1 - coverage)))
    return n if math.ceil((n + 1) * coverage) <= n else n + 1


def temperature(logits: Numbers, classes: NDArray[np.intp], weight: Numbers | None = None) -> float:
    """Number by which to divide logits, so that held-out rows are most likely.

    Parameters
    ----------
    logits : ndarray, shape (n_rows, n_classes)
    classes : ndarray of int, shape (n_rows,)
    weight : ndarray, shape (n_rows,), optional

    Returns
    -------
    float
        In [0.05, 20]; 1 when there are no rows.
    """
    if not len(classes) or (weight is not None and not weight.sum() > 0):
        return 1.0
    rows = np.arange(len(classes))

    def surprise(log_t: float) -> float:
        likely = log_softmax(logits / math.exp(log_t), axis=1)[rows, classes]
        return -float(np.average(likely, weights=weight))

    low, high = map(math.log, _TEMPERATURES)
    found = minimize_scalar(surprise, bounds=(low, high), method="bounded")
    return math.exp(found.x)
