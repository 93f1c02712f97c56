"""Waveform features of a frame, without a spectrum: zero crossings, RMS, and silence.

A frame is made of pieces as long as the greatest common divisor of frame and hop, and each piece is
looked at once.

References: `librosa.feature.zero_crossing_rate`, `librosa.feature.rms`.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.framing import Chunk

Frames = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)

_ZERO = np.float32(1e-10)  # librosa's: samples this small have no sign


@numba.njit(cache=True)
def sign_changes(x: Frames, counts: NDArray[np.int32], starts: NDArray[np.int32]) -> None:
    """Samples that differ in sign from the one before.

    Parameters
    ----------
    x : ndarray of float32, shape (1 + n_pieces * size,)
        One sample, then the pieces.
    counts, starts : ndarray of int32, shape (n_pieces,)
        Take the changes in each piece, and those at its first sample.
    """
    size = (len(x) - 1) // len(counts)
    for i in range(len(counts)):
        piece, before = x[1 + i * size : 1 + (i + 1) * size], x[i * size : (i + 1) * size]
        count = np.int32(0)
        for j in range(size):
            count += np.int32((piece[j] < -_ZERO) != (before[j] < -_ZERO))
        counts[i] = count
        starts[i] = np.int32((piece[0] < -_ZERO) != (before[0] < -_ZERO))


def zero_crossing_rate(chunk: Chunk, n_fft: int, hop_length: int) -> Frames:
    """Share of samples at which the sign changes, shape (n_frames,)."""
    # Padding repeats the first and last samples: it holds no change.
    x = np.empty(1 + len(chunk.x), dtype=np.float32)
    x[1:] = chunk.x
    if chunk.first < chunk.last:
        x[: 1 + chunk.first] = chunk.x[chunk.first]
        x[1 + chunk.last :] = chunk.x[chunk.last - 1]
    size = math.gcd(n_fft, hop_length)
    counts, starts = np.empty((2, len(chunk.x) // size), dtype=np.int32)
    sign_changes(x, counts, starts)
    # A change at a frame's first sample lies before it.
    inside = _over_frames(counts, n_fft, hop_length)
    inside -= starts[: chunk.n_frames * hop_length // size : hop_length // size]
    return (inside / n_fft).astype(np.float32)


def rms(chunk: Chunk, n_fft: int, hop_length: int) -> Frames:
    """Root of the mean square of the samples, shape (n_frames,)."""
    pieces = _pieces(chunk.x, n_fft, hop_length)
    energy = np.einsum("ij,ij->i", pieces, pieces).astype(np.float64)
    return np.sqrt(_over_frames(energy, n_fft, hop_length) / n_fft).astype(np.float32)


def silent(chunk: Chunk, n_fft: int, hop_length: int) -> NDArray[np.bool_]:
    """Which frames hold nothing but exact zeros, shape (n_frames,)."""
    pieces = _pieces(chunk.x, n_fft, hop_length)
    sounding = np.any(pieces != 0, axis=1).astype(np.int32)
    quiet: NDArray[np.bool_] = _over_frames(sounding, n_fft, hop_length) == 0
    return quiet


def silent_frames(y: Frames, n_fft: int, hop_length: int) -> NDArray[np.bool_]:
    """Like `silent`, for a whole clip with its ends padded."""
    half = n_fft // 2
    n_frames = 1 + len(y) // hop_length
    x = np.pad(y, half)[: (n_frames - 1) * hop_length + n_fft]
    return silent(Chunk(x, n_frames, half, half + len(y)), n_fft, hop_length)


def _pieces(x: NDArray[Number], n_fft: int, hop_length: int) -> NDArray[Number]:
    return x.reshape(-1, math.gcd(n_fft, hop_length))


def _over_frames(pieces: NDArray[Number], n_fft: int, hop_length: int) -> NDArray[Number]:
    size = math.gcd(n_fft, hop_length)
    windows = np.lib.stride_tricks.sliding_window_view(pieces, n_fft // size)
    sums: NDArray[Number] = windows[:: hop_length // size].sum(axis=1)
    return sums
