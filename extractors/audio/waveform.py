"""What the samples of a frame tell without a spectrum: zero crossings, RMS, and silence.

A frame is made of pieces as long as the greatest common divisor of frame and hop, and each piece is
looked at once.

References: `librosa.feature.zero_crossing_rate`, `librosa.feature.rms`.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.framing import Chunk

Frames = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)

_ZERO = 1e-10  # librosa's: samples this small have no sign


def zero_crossing_rate(chunk: Chunk, n_fft: int, hop_length: int) -> Frames:
    """Share of samples at which the sign changes, shape (n_frames,)."""
    sound = chunk.x[chunk.first : chunk.last]
    negative = sound < -_ZERO
    changes = np.zeros(len(chunk.x), dtype=np.int32)
    # Padding repeats the first and last samples: it holds no change.
    changes[chunk.first + 1 : chunk.last] = negative[1:] != negative[:-1]
    starts = changes[: chunk.n_frames * hop_length : hop_length]
    # A change at a frame's first sample lies before it.
    pieces: NDArray[np.int64] = _pieces(changes, n_fft, hop_length).sum(axis=1)
    count = _over_frames(pieces, n_fft, hop_length)
    return ((count - starts) / n_fft).astype(np.float32)


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
