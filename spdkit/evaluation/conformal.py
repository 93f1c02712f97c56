"""Conformal intervals, and the temperature of class probabilities: how sure predictions are.

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

from spdkit.common.errors import ParameterError
from spdkit.common.messages import refuse_rows
from spdkit.common.parameters import Number, check_parameters

Numbers = NDArray[np.float64]
_TEMPERATURES = (0.05, 20.0)


def conformal_radius(residuals: Numbers, coverage: float, *, full: float = 1) -> Numbers:
    """Half the width of intervals that cover at least `coverage` of new rows.

    The ⌈(n + 1)·coverage⌉-th smallest of n absolute residuals of held-out rows; the guarantee is
    for rows drawn as these were.

    `residuals` have shape (n, …), the radius (…). `full` is what covers everything: 1, or 100 where
    `coverage` is in per cent.

    Raises
    ------
    ValueError
        When there is no such coverage, n residuals cannot guarantee it, or one is not finite.
    """
    n, fewest = len(residuals), fewest_residuals(coverage, full=full)
    other_axes = tuple(range(1, np.ndim(residuals)))
    odd = np.asarray((~np.isfinite(residuals)).any(axis=other_axes))
    refuse_rows(odd, "residuals are not finite", ParameterError)
    rank = _rank(n, coverage, full)
    if rank > n:
        raise ValueError(
            f"{n} rows were held out for calibration; a coverage of {coverage} needs "
            f"{fewest}: fit on more rows, or raise calibration_fraction"
        )
    radius: Numbers = np.sort(np.abs(residuals), axis=0)[rank - 1]
    return radius


def fewest_residuals(coverage: float, *, full: float = 1) -> int:
    """How many held-out rows it takes to guarantee a coverage above 0 and below `full`.

    Raises
    ------
    ParameterError
        When there is no such coverage.
    """
    check_parameters({"coverage": coverage}, {"coverage": Number(0, full, closed="neither")})
    n = math.floor(coverage / (full - coverage)) - 1
    while _rank(n, coverage, full) > n:
        n += 1
    return n


def _rank(n: int, coverage: float, full: float) -> int:
    """Which of `n` sorted residuals, counted from 1, is the conformal quantile."""
    return math.ceil((n + 1) * coverage / full)


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

    Raises
    ------
    ParameterError
        When there are not as many classes and weights as logits, or a weight is below 0.
    """
    for name, values in (("classes", classes), ("weight", weight)):
        if values is not None and np.shape(values) != (len(logits),):
            raise ParameterError(f"{name} has shape {np.shape(values)}, logits {len(logits)} rows")
    if weight is not None and not (np.isfinite(weight) & (weight >= 0)).all():
        raise ParameterError("weight must hold finite numbers of at least 0")
    if not len(classes) or (weight is not None and not weight.sum() > 0):
        return 1.0
    rows = np.arange(len(classes))

    def log_loss(log_t: float) -> float:
        likely = log_softmax(logits / math.exp(log_t), axis=1)[rows, classes]
        return -float(np.average(likely, weights=weight))

    low, high = map(math.log, _TEMPERATURES)
    optimum = minimize_scalar(log_loss, bounds=(low, high), method="bounded")
    return math.exp(optimum.x)
