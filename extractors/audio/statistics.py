"""Statistics over frames that come in blocks: one number a dimension and statistic.

The mean and the standard deviation are the first and second moments of the HitMusicNet paper
(section III-A). All sums run in float64. Moments of blocks are joined by the formulas of Pébay
(2008), formulas for robust, one-pass parallel computation of covariances and arbitrary-order
statistical moments; only the median must keep its frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.spill_buffer import SpillBuffer

STATISTICS = ("mean", "std", "var", "median", "min", "max", "skew", "kurtosis")
_AT_ONCE = 1 << 24  # numbers of which medians are taken at a time
_BLOCK = 4096  # frames read back at a time


class Statistics:
    """Statistics of a feature whose frames come in blocks.

    Parameters
    ----------
    names : sequence of str
        From `STATISTICS`. Standard deviation and variance divide by the number of frames;
        kurtosis is Fisher's (0 for a normal distribution); a dimension that never changes has
        skew and kurtosis 0.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._n = 0
        self._frames: SpillBuffer | None = None
        self._order = 4 if {"skew", "kurtosis"} & set(names) else 2
        self._needs_range = bool({"min", "max", "skew", "kurtosis"} & set(names))
        self._min: NDArray[np.floating] = np.array(np.inf, dtype=np.float32)
        self._max: NDArray[np.floating] = np.array(-np.inf, dtype=np.float32)

    def add(self, frames: NDArray[np.floating]) -> None:
        """Take more frames, shape (dims, n_frames), n_frames at least 1."""
        exact = frames.astype(np.float64)
        mean = exact.mean(axis=1)
        exact -= mean[:, None]
        moments = [np.einsum("ij,ij->i", exact, exact)]
        if self._order == 4:
            power = exact * exact
            moments += [np.einsum("ij,ij->i", power, other) for other in (exact, power)]
        if self._n == 0:
            self._n, self._mean, self._moments = frames.shape[1], mean, moments
        else:
            self._join(frames.shape[1], mean, moments)
        if self._needs_range:
            self._min = np.minimum(self._min, frames.min(axis=1))
            self._max = np.maximum(self._max, frames.max(axis=1))
        if "median" in self.names:
            self._frames = self._frames or SpillBuffer(len(frames))
            self._frames.append(frames.T)

    def _join(
        self, n_b: int, mean: NDArray[np.float64], moments: list[NDArray[np.float64]]
    ) -> None:
        n_a, delta = self._n, mean - self._mean
        n = n_a + n_b
        joined = [a + b for a, b in zip(self._moments, moments, strict=True)]
        joined[0] += delta**2 * n_a * n_b / n
        if self._order == 4:
            (a2, a3, _), (b2, b3, _) = self._moments, moments
            joined[1] += delta**3 * n_a * n_b * (n_a - n_b) / n**2
            joined[1] += 3 * delta * (n_a * b2 - n_b * a2) / n
            joined[2] += delta**4 * n_a * n_b * (n_a**2 - n_a * n_b + n_b**2) / n**3
            joined[2] += 6 * delta**2 * (n_a**2 * b2 + n_b**2 * a2) / n**2
            joined[2] += 4 * delta * (n_a * b3 - n_b * a3) / n
        self._n, self._moments = n, joined
        self._mean = self._mean + delta * n_b / n

    def result(self) -> NDArray[np.float64]:
        """All dimensions of the first statistic, then of the second, …; (n_names * dims,)."""
        return np.concatenate([self._of(name) for name in self.names])

    def _of(self, name: str) -> NDArray[np.float64]:
        if name in ("min", "max"):
            return (self._min if name == "min" else self._max).astype(np.float64)
        if name == "mean":
            return self._mean
        if name == "median":
            return self._median()
        variance = self._moments[0] / self._n
        if name in ("std", "var"):
            return np.sqrt(variance) if name == "std" else variance
        order = 3 if name == "skew" else 4
        moment = self._moments[order - 2] / self._n
        varies = (self._max > self._min) & (variance > 0)
        shape = np.zeros(len(moment))
        np.divide(moment, variance ** (order / 2), out=shape, where=varies)
        return shape - 3 * varies if name == "kurtosis" else shape

    def _median(self) -> NDArray[np.float64]:
        buffer = self._frames
        if buffer is None:
            raise RuntimeError("no frames were added")
        (dims,) = buffer.row_shape
        step = max(1, _AT_ONCE // buffer.n_rows)
        medians = []
        for first in range(0, dims, step):
            columns = [rows[:, first : first + step] for rows in buffer.blocks(_BLOCK)]
            medians.append(np.median(np.concatenate(columns).astype(np.float64), axis=0))
        return np.concatenate(medians)


def summarise(frames: NDArray[np.floating], names: Sequence[str]) -> NDArray[np.float64]:
    """`Statistics` of frames that are all there, shape (dims, n_frames)."""
    statistics = Statistics(names)
    statistics.add(frames)
    return statistics.result()


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
