"""Spectral features of a frame: mel bands, contrast, centroid, bandwidth, roll-off.

The idea: one real FFT a frame, of the bare samples, in double precision: music that a codec has
cut at 16 kHz is 170 dB quieter above, and contrast looks there. A Hann or Hamming window is a sum
of two cosines, so the windowed spectrum is a sum of three neighbouring bins (Harris 1978, section
V-B).
The rest are kernels over a block of frames that lies in the cache, shape (n_bins, n_frames): bins
one after the other, all frames of a bin at once, which the compiler turns into vector instructions
without changing the order of any sum. So the numbers do not depend on the width of the vectors.

References: `librosa.feature`; Jiang et al. (2002), music type classification by spectral contrast.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]

TINY = float(np.finfo(np.float32).tiny)


@numba.njit(cache=True)
def windowed(
    X: NDArray[np.floating],
    window: tuple[float, float],
    other: tuple[float, float],
    low: Frames,
    S: Frames,
    power: Frames,
    other_power: Frames,
) -> None:
    """Spectra under two windows a - b·cos from the spectra of bare frames.

    Parameters
    ----------
    X : ndarray of float64 or float32, shape (n_bins, 2 * n_frames)
        Complex spectra, real and imaginary parts in turn.
    window, other : tuple of float
        Terms a, b of the windows.
    low : ndarray of float32, shape (n_low, 2 * n_frames)
        Takes the lowest bins of the complex spectra under `window`.
    S, power : ndarray of float32, shape (n_bins, n_frames)
        Take magnitudes and squared magnitudes under `window`.
    other_power : ndarray of float32, shape (n_bins, n_frames)
        Takes squared magnitudes under `other`. May be empty: then it is left out.
    """
    n_bins, n_frames = power.shape
    a, b = window[0], 0.5 * window[1]
    c, d = other[0], 0.5 * other[1]
    last = n_bins - 1
    Y, Z = np.zeros(2 * n_frames), np.zeros(2 * n_frames)
    squares = np.empty(n_frames)
    for k in range(n_bins):
        # At both ends the neighbour beyond is the other's conjugate, and nothing is imaginary.
        before, here, after = X[k - 1 if k else 1], X[k], X[k + 1 if k < last else last - 1]
        for j in range(2 * n_frames):
            around = before[j] + after[j]
            Y[j] = a * here[j] - b * around
            Z[j] = c * here[j] - d * around
        if k in (0, last):
            Y[1::2] = 0.0
            Z[1::2] = 0.0
        if k < len(low):
            row = low[k]
            for j in range(2 * n_frames):
                row[j] = Y[j]
        for j in range(n_frames):
            squares[j] = Y[2 * j] * Y[2 * j] + Y[2 * j + 1] * Y[2 * j + 1]
        row = power[k]
        for j in range(n_frames):
            row[j] = squares[j]
        row = S[k]
        for j in range(n_frames):
            row[j] = np.sqrt(squares[j])
        if len(other_power):
            row = other_power[k]
            for j in range(n_frames):
                row[j] = Z[2 * j] * Z[2 * j] + Z[2 * j + 1] * Z[2 * j + 1]


@numba.njit(cache=True)
def centroid_and_bandwidth(
    S: Frames, freqs: NDArray[np.float64], p: float, norm: bool, centroid: Frames, width: Frames
) -> None:
    """Mean frequency weighted by magnitude, and the weighted deviation from it of order `p`.

    Parameters
    ----------
    S : ndarray of float32, shape (n_bins, n_frames)
        Magnitudes.
    freqs : ndarray of float64, shape (n_bins,)
        In Hz.
    p : float
    norm : bool
        Whether magnitudes are normalised to a sum of 1 for the bandwidth.
    centroid, width : ndarray of float32, shape (n_frames,)
        Take the results in Hz.
    """
    n_bins, n_frames = S.shape
    total, moment, spread = np.zeros(n_frames), np.zeros(n_frames), np.zeros(n_frames)
    for k in range(n_bins):
        for j in range(n_frames):
            total[j] += S[k, j]
            moment[j] += freqs[k] * S[k, j]
    for j in range(n_frames):
        if total[j] < TINY:  # librosa leaves what cannot be normalised as it is
            total[j] = 1.0
        moment[j] /= total[j]
        centroid[j] = moment[j]
    for k in range(n_bins):
        if p == 2.0:
            for j in range(n_frames):
                spread[j] += S[k, j] * (freqs[k] - moment[j]) ** 2
        else:
            for j in range(n_frames):
                spread[j] += S[k, j] * abs(freqs[k] - moment[j]) ** p
    for j in range(n_frames):
        if norm:
            spread[j] /= total[j]
        width[j] = spread[j] ** (1.0 / p)


@numba.njit(cache=True)
def rolloffs(
    S: Frames, shares: tuple[float, float], frequency: np.float64, out: tuple[Frames, Frames]
) -> None:
    """Frequencies below which shares of the magnitude lie.

    Parameters
    ----------
    S : ndarray of float32, shape (n_bins, n_frames)
        Magnitudes.
    shares : tuple of float
    frequency : float
        Hz from bin to bin.
    out : tuple of ndarray of float32, shape (n_frames,)
        Take the results in Hz.
    """
    n_bins, n_frames = S.shape
    running = np.zeros(n_frames, dtype=np.float32)
    for k in range(n_bins):
        for j in range(n_frames):
            running[j] += S[k, j]
    low, high = np.float32(shares[0]) * running, np.float32(shares[1]) * running
    below = np.zeros((2, n_frames), dtype=np.int32)
    running[:] = 0
    for k in range(n_bins):
        for j in range(n_frames):
            running[j] += S[k, j]
            below[0, j] += running[j] < low[j]
            below[1, j] += running[j] < high[j]
    for j in range(n_frames):
        out[0][j] = frequency * below[0, j]
        out[1][j] = frequency * below[1, j]


@numba.njit(cache=True)
def extremes(S: NDArray[np.int32], bands: NDArray[np.int64], valley: Frames, peak: Frames) -> None:
    """Means of the smallest and of the largest magnitudes of each octave band.

    Each frame keeps sorted lists of the few extremes seen so far; nothing else is sorted.

    Parameters
    ----------
    S : ndarray of int32, shape (n_bins, n_frames)
        Bits of the magnitudes: float32 numbers that are not negative order as their bits do, and
        integers have vector instructions for the smaller and the larger.
    bands : ndarray of int64, shape (n_bands, 3)
        First bin, one past the last bin, and how many extremes to take.
    valley, peak : ndarray of float32, shape (n_bands, n_frames)
        Take the means.
    """
    n_frames = S.shape[1]
    most = bands[:, 2].max()
    least = np.empty((most, n_frames), dtype=np.int32)
    largest = np.empty((most, n_frames), dtype=np.int32)
    x = np.empty(n_frames, dtype=np.int32)
    y = np.empty(n_frames, dtype=np.int32)
    for band in range(len(bands)):
        first, stop, count = bands[band]
        least[:] = 0x7FFFFFFF
        largest[:] = -1
        for k in range(first, stop, 2):  # two bins sink into the lists at a time
            another = min(k + 1, stop - 1)
            for j in range(n_frames):
                x[j] = S[k, j]
                y[j] = S[another, j] if another > k else 0x7FFFFFFF
            for i in range(count):
                row = least[i]
                for j in range(n_frames):
                    a, b = row[j], x[j]
                    low, x[j] = min(a, b), max(a, b)
                    b = y[j]
                    row[j], y[j] = min(low, b), max(low, b)
            for j in range(n_frames):
                x[j] = S[k, j]
                y[j] = S[another, j] if another > k else -1
            for i in range(count):
                row = largest[i]
                for j in range(n_frames):
                    a, b = row[j], x[j]
                    high, x[j] = max(a, b), min(a, b)
                    b = y[j]
                    row[j], y[j] = max(high, b), min(high, b)
        valley[band] = _mean(least[:count])
        peak[band] = _mean(largest[:count])


@numba.njit(cache=True)
def _mean(bits: NDArray[np.int32]) -> Frames:
    rows = bits.view(np.float32)
    total = np.zeros(rows.shape[1], dtype=np.float32)
    for row in rows:
        total += row
    return total / np.float32(len(rows))


@numba.njit(cache=True)
def band_sums(weights: Frames, spans: NDArray[np.int64], rows: Frames, out: Frames) -> None:
    """Matrix product with weights that are zero but for one stretch of bins a band.

    Parameters
    ----------
    weights : ndarray of float32, shape (n_bands, n_bins)
    spans : ndarray of int64, shape (n_bands, 2)
        First bin of each stretch, and one past its last.
    rows : ndarray of float32, shape (n_bins, n_frames)
    out : ndarray of float32, shape (n_bands, n_frames)
    """
    for i in range(len(weights)):
        total = out[i]
        total[:] = 0
        for k in range(spans[i, 0], spans[i, 1]):
            weight, row = weights[i, k], rows[k]
            for j in range(len(total)):
                total[j] += weight * row[j]


@numba.njit(cache=True)
def products(weights: Frames, rows: Frames) -> Frames:
    """Matrix product. BLAS would be no faster, and its sums depend on the number of its threads."""
    out = np.empty((weights.shape[0], rows.shape[1]), dtype=np.float32)
    total = np.empty(rows.shape[1])
    for i in range(weights.shape[0]):
        total[:] = 0
        for k in range(weights.shape[1]):
            weight, row = weights[i, k], rows[k]
            if weight != 0:
                for j in range(len(total)):
                    total[j] += weight * row[j]
        out[i] = total
    return out
