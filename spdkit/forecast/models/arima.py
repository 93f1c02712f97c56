"""ARIMA of one series: its order, its parameters, its forecast.

Conventions
-----------
y_t = x_t·β + η_t; the d-th differences of η have mean μ and are, about it, an ARMA(p, q) process
(Box-Jenkins signs: φ(L)(Δ^d η - μ) = θ(L)ε, θ(L) = 1 + θ₁L + …). The likelihood is that of the
differences, exact, by statsmodels' Kalman filter with the variance concentrated out.

The order is found as Hyndman and Khandakar do, without seasons: d is the number of differences
after which a KPSS test at 5 % no longer rejects a stationary series (with R's lags, ⌊3√n/13⌋;
tested is what is left of y after least squares on x). Then, from (2, 2), (0, 0), (1, 0) and (0, 1)
with μ and (0, 0) without, the best by AICc is varied by one in p, in q, in both, or in whether it
has μ, and replaced by the first that is better, until none is. Models with a root nearer to the
unit circle than 1.001 are left out. With d of 2 or more there is no μ.

References
----------
Hyndman, Khandakar (2008), "Automatic time series forecasting: the forecast package for R", Journal
of Statistical Software 27(3). Kwiatkowski, Phillips, Schmidt, Shin (1992).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spdkit.common.messages import needs_extra
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.panel import Numbers

_LEAST_ROOT = 1.001
_ITERATIONS = 200
_ROUNDING = 1e-10
_Key = tuple[int, int, bool]


@dataclass(frozen=True)
class Limits:
    """The order itself, or how far a search for it may go.

    Attributes
    ----------
    p, d, q : int
    constant : bool or None
        Whether the differences have a mean; None where a search decides.
    fixed : bool
        Whether p, d and q are the order.
    """

    p: int
    d: int
    q: int
    constant: bool | None
    fixed: bool


@dataclass(frozen=True, eq=False)
class ArimaModel:
    """A fitted ARIMA.

    Attributes
    ----------
    p, d, q : int
    constant, converged : bool
        Whether μ was fitted; whether the likelihood's maximum was reached.
    aicc : float
        Of the differences; -inf for an exact fit.
    parameters : ndarray of float64, shape (1 + n_exog + p + q,)
        μ, β, φ, θ in the units of y and x.
    """

    p: int
    d: int
    q: int
    constant: bool
    converged: bool
    aicc: float
    parameters: Numbers


def fit_arima(y: Numbers, exog: Numbers, limits: Limits, name: object) -> ArimaModel:
    """Fit one series.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
    exog : ndarray of float64, shape (n, n_exog)
    limits : Limits
    name : object
        Of the series, for messages.

    Raises
    ------
    ForecastError
        When the regressors cannot be told apart, or no likelihood is finite.
    """
    d = limits.d if limits.fixed else _n_differences(y, exog, limits.d)
    task = _Differences(np.diff(y, d), np.diff(exog, d, axis=0), d, name)
    if (exact := task.exact(float(np.abs(y).max()))) is not None:
        return exact
    if limits.fixed:
        model = task.fit(limits.p, limits.q, bool(limits.constant))
    else:
        model = _search(task, limits)
    if model is None:
        raise ForecastError(
            f"series {quoted(name)}: the likelihood of ARIMA is not finite over its {len(y)} rows "
            f"with {f'order {(limits.p, d, limits.q)}' if limits.fixed else 'any order'}. Give "
            f"another order, or leave the series out."
        )
    return model


def forecast_arima(model: ArimaModel, y: Numbers, exog: Numbers, future: Numbers) -> Numbers:
    """Forecast what follows `y`, which has `exog`, where `future` of shape (h, n_exog) is known.

    The forecast has shape (h,).
    """
    ends = np.cumsum([1, exog.shape[1], model.p])
    mean, beta, phi, theta = np.split(model.parameters, ends)
    levels = [y - exog @ beta]
    for _ in range(model.d):
        levels.append(np.diff(levels[-1]))
    ahead = np.full(len(future), mean[0])
    if model.p + model.q:
        arma = _arma(levels[-1] - mean, None, model.p, model.q)
        filtered = arma.filter(np.concatenate([phi, theta]), low_memory=True)
        ahead += filtered.forecast(len(future))
    for level in levels[-2::-1]:
        ahead = level[-1] + np.cumsum(ahead)
    return np.asarray(ahead + future @ beta)


class _Differences:
    """Differences of a series and of its regressors, to which models are fitted.

    The likelihood is searched in units of deviations, and about the means where there is one:
    numbers near 1 are what the optimiser's steps are made for.
    """

    def __init__(self, z: Numbers, x: Numbers, d: int, name: object) -> None:
        self.z, self.x, self.d = z, x, d
        self.unit = _deviation(z)
        self.moving = np.ptp(x, axis=0) > 0
        self.centres = x[:, self.moving].mean(axis=0)
        self.widths = np.array([_deviation(column) for column in x[:, self.moving].T])
        about = (x[:, self.moving] - self.centres) / self.widths
        if about.shape[1] and np.linalg.matrix_rank(about) < about.shape[1]:
            raise ForecastError(
                f"series {quoted(name)}: after {d} differences one column of futr_exog is made up "
                f"of the others, so that it has no effect of its own: leave it out"
            )

    def exact(self, size: float) -> ArimaModel | None:
        """Return the model without noise, where the regressors leave nothing above rounding."""
        x, about = self._regressors(True), self.z - self.z.mean()
        fitted = np.linalg.lstsq(x, about)[0]
        if np.abs(about - x @ fitted).max() > _ROUNDING * size:
            return None
        parameters = self._in_their_units(fitted, True, 1.0)
        return ArimaModel(0, self.d, 0, bool(parameters[0]), True, -math.inf, parameters)

    def fit(self, p: int, q: int, constant: bool) -> ArimaModel | None:
        """Maximise the likelihood; None when it is not finite."""
        z = (self.z - self.z.mean() * constant) / self.unit
        x = self._regressors(constant)
        try:
            fitted, log_likelihood, converged = _maximised(z, x, p, q)
        except np.linalg.LinAlgError:
            return None
        n, k = len(z), len(fitted) + 1
        if n <= k + 1 or not np.isfinite([log_likelihood, *fitted]).all():
            return None
        log_likelihood -= n * math.log(self.unit)
        aicc = 2 * k * n / (n - k - 1) - 2 * log_likelihood
        parameters = self._in_their_units(fitted, constant, self.unit)
        return ArimaModel(p, self.d, q, constant, converged, aicc, parameters)

    def _regressors(self, constant: bool) -> Numbers:
        x = (self.x[:, self.moving] - self.centres * constant) / self.widths
        return np.column_stack([np.ones((len(x), int(constant))), x])

    def _in_their_units(self, fitted: Numbers, constant: bool, unit: float) -> Numbers:
        """Parameters of the scaled model as those of the series itself."""
        regressed = int(constant) + int(self.moving.sum())
        beta = np.zeros(self.x.shape[1])
        beta[self.moving] = unit * fitted[int(constant) : regressed] / self.widths
        mean = 0.0
        if constant:
            mean = self.z.mean() + unit * fitted[0] - self.centres @ beta[self.moving]
        return np.concatenate([[mean], beta, fitted[regressed:]])


def _maximised(z: Numbers, x: Numbers, p: int, q: int) -> tuple[Numbers, float, bool]:
    """Parameters of the largest likelihood, its logarithm, and whether it was reached."""
    if p + q == 0:  # white noise: least squares
        fitted = np.linalg.lstsq(x, z)[0]
        variance = np.mean((z - x @ fitted) ** 2)
        likelihood = -len(z) / 2 * (math.log(2 * math.pi * variance) + 1)
        return np.asarray(fitted, np.float64), likelihood, True
    arma = _arma(z, x if x.shape[1] else None, p, q)
    # Where the likelihood does not exist it is NaN or infinite, which the caller looks for.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # It then starts from zeros, which is as good: what counts is how the search ends.
        starts = "Non-(stationary|invertible) starting|Too few observations to estimate starting"
        warnings.filterwarnings("ignore", starts)
        result = arma.fit(
            disp=0, maxiter=_ITERATIONS, cov_type="none", low_memory=True, warn_convergence=False
        )
    return (
        np.asarray(result.params, np.float64),
        float(result.llf),
        bool(result.mle_retvals["converged"]),
    )


def _arma(z: Numbers, x: Numbers | None, p: int, q: int) -> Any:
    with needs_extra("ARIMA", "forecast", ForecastError):
        from statsmodels.tsa.statespace.sarimax import SARIMAX

    return SARIMAX(z, exog=x, order=(p, 0, q), concentrate_scale=True)


def _n_differences(y: Numbers, exog: Numbers, most: int) -> int:
    """How often to difference until a KPSS test at 5 % finds the series stationary."""
    with needs_extra("ARIMA", "forecast", ForecastError):
        from statsmodels.tools.sm_exceptions import InterpolationWarning
        from statsmodels.tsa.stattools import kpss

    design = np.column_stack([np.ones(len(y)), exog])
    left = y - design @ np.linalg.lstsq(design, y)[0]
    for d in range(most):
        if np.ptp(left) <= _ROUNDING * np.abs(y).max():
            return d
        with warnings.catch_warnings():
            # Outside of its table a p-value is cut to 1 % or 10 %; only 5 % matters here. The
            # second is on what type comes back: its second item is the p-value in either.
            warnings.simplefilter("ignore", InterpolationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            p_value = kpss(left / _deviation(left), nlags=int(3 * math.sqrt(len(left)) / 13))[1]
        if p_value >= 0.05:
            return d
        left = np.diff(left)
    return most


def _deviation(values: Numbers) -> float:
    """Standard deviation, 0 where all are the same, of numbers whose squares may not exist."""
    about = values - values.mean()
    largest = float(np.abs(about).max())
    return largest * float((about / largest).std()) if largest else 0.0


def _search(task: _Differences, limits: Limits) -> ArimaModel | None:
    """Walk from order to order to a least AICc."""
    if task.d > 1:
        constants = [False]
    else:
        constants = [True, False] if limits.constant is None else [limits.constant]
    models: dict[_Key, ArimaModel | None] = {}

    def better(key: _Key, than: ArimaModel | None) -> ArimaModel | None:
        """Fit what was not fitted before; return it where it has the lesser AICc."""
        p, q, constant = key
        if key in models or not (0 <= p <= limits.p and 0 <= q <= limits.q):
            return than
        model = models[key] = task.fit(p, q, constant)
        if model is None or not _far_from_unit_circle(model):
            return than
        return model if than is None or model.aicc < than.aicc else than

    best: ArimaModel | None = None
    for p, q in ((2, 2), (0, 0), (1, 0), (0, 1)):
        best = better((min(p, limits.p), min(q, limits.q), constants[0]), best)
    best = better((0, 0, constants[-1]), best)
    while best is not None:
        before = best
        for key in _neighbours(best, constants):
            best = better(key, before)
            if best is not before:
                break
        if best is before:
            return best
    return None


def _neighbours(model: ArimaModel, constants: list[bool]) -> Iterator[_Key]:
    """Orders one step away, in the order of Hyndman and Khandakar's own program."""
    for p, q in ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        yield model.p + p, model.q + q, model.constant
    for constant in constants:
        yield model.p, model.q, constant


def _far_from_unit_circle(model: ArimaModel) -> bool:
    arma = model.parameters[len(model.parameters) - model.p - model.q :]
    for polynomial in (-arma[: model.p], arma[model.p :]):
        # Roots of 1 + c₁z + …: those of the reversed polynomial, inverted.
        inverse = np.abs(np.roots(np.concatenate([[1.0], polynomial])))
        if inverse.size and inverse.max() > 1 / _LEAST_ROOT:
            return False
    return True
