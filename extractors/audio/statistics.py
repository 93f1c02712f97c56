"""Statistics over frames: a (dims, frames) matrix becomes one number a dimension and statistic.

The mean and the standard deviation are the first and second moments of the HitMusicNet paper
(section III-A). All sums run in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.stats
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _shape_statistic(moment: Callable[..., NDArray[np.float64]]) -> Statistic:
    def of_frames(frames: NDArray[np.float64]) -> NDArray[np.float64]:
        # A dimension that never changes has no shape: 0, as for a symmetric one.
        varies = np.ptp(frames, axis=1) > 0
        result = np.zeros(len(frames))
        if varies.any():
            result[varies] = moment(frames[varies], axis=1)
        return result

    return of_frames


STATISTICS: dict[str, Statistic] = {
    "mean": lambda frames: frames.mean(axis=1),
    "std": lambda frames: frames.std(axis=1),
    "var": lambda frames: frames.var(axis=1),
    "median": lambda frames: np.median(frames, axis=1),
    "min": lambda frames: frames.min(axis=1),
    "max": lambda frames: frames.max(axis=1),
    "skew": _shape_statistic(scipy.stats.skew),
    "kurtosis": _shape_statistic(scipy.stats.kurtosis),
}


def summarise(frames: NDArray[np.floating], statistics: Sequence[str]) -> NDArray[np.float64]:
    """Statistics of each dimension over frames.

    Parameters
    ----------
    frames : ndarray, shape (dims, n_frames)
    statistics : sequence of str
        Keys of `STATISTICS`. Standard deviation and variance divide by the number of frames;
        kurtosis is Fisher's (0 for a normal distribution).

    Returns
    -------
    ndarray of float64, shape (len(statistics) * dims,)
        All dimensions of the first statistic, then of the second, …
    """
    exact = frames.astype(np.float64)
    return np.concatenate([STATISTICS[name](exact) for name in statistics])


def bounds(name: str, low: float, high: float) -> tuple[float, float]:
    """Return the values that statistic `name` can take when frames lie in [low, high]."""
    if name in ("mean", "median", "min", "max"):
        return low, high
    # Popoviciu: no distribution on [low, high] varies more than half at each end.
    half = (high - low) / 2 if np.isfinite(low) and np.isfinite(high) else np.inf
    ranges = {"std": (0.0, half), "var": (0.0, half**2), "kurtosis": (-2.0, np.inf)}
    return ranges.get(name, (-np.inf, np.inf))


def energy_entropy(rms: NDArray[np.floating]) -> float:
    """Σ q·log10(q) with q = |rms − mean(rms)|: the ``entropy_energy`` of SpotGenTrack.

    Parameters
    ----------
    rms : ndarray, shape (n_frames,)

    Returns
    -------
    float
        A frame with q = 0 adds its limit, 0 (the published code gives NaN).
    """
    q = np.abs(rms.astype(np.float64) - rms.mean(dtype=np.float64))
    q = q[q > 0]
    return float(np.sum(q * np.log10(q)))
