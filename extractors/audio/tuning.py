"""Tuning: how far a sound's pitches lie from A440, and how sure that is.

The estimate is librosa's: peaks of the spectrum between 150 Hz and 4 kHz, placed between bins by a
parabola; of these the louder half votes, each for one of 100 deviations. The fullest wins. Where
another comes within 1 % of it, round-off decides between them, and `Tuning.rivals` says so.

References: `librosa.estimate_tuning`, `librosa.piptrack`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]

FMIN, FMAX = 150.0, 4000.0  # Hz
_LOUD = 0.1  # of a frame's maximum: what a peak must exceed
_NEAR_TIE = 0.99
_EDGES = np.linspace(-0.5, 0.5, 101)


@dataclass(frozen=True)
class Tuning:
    """Deviation from A440.

    Attributes
    ----------
    bins : float
        In fractions of a constant-Q bin, in [-0.5, 0.5).
    rivals : tuple of float
        Other deviations with nearly as many votes.
    """

    bins: float
    rivals: tuple[float, ...] = ()


@numba.njit(cache=True)
def spectral_peaks(
    S: Frames,
    bits: NDArray[np.int32],
    first: int,
    stop: int,
    width: float,
    bins_per_octave: int,
    votes: NDArray[np.uint8],
    magnitude: Frames,
) -> int:
    """Peaks of magnitude spectra, in order of frequency and frame.

    Parameters
    ----------
    S : ndarray of float32, shape (n_bins, n_frames)
        Magnitudes.
    bits : ndarray of int32, shape (n_bins, n_frames)
        Their bits, which order as they do.
    first, stop : int
        Range of the bins in which to look.
    width : float
        Hz from bin to bin.
    bins_per_octave : int
    votes : ndarray of uint8, shape (at least (stop - first) * n_frames,)
        Takes which of the 100 deviations each peak has.
    magnitude : ndarray of float32, of the same shape

    Returns
    -------
    int
        Number of peaks.
    """
    n_bins, n_frames = S.shape
    ceiling = np.zeros(n_frames, dtype=np.int32)
    for k in range(n_bins):
        row = bits[k]
        for j in range(n_frames):
            ceiling[j] = max(ceiling[j], row[j])
    loud = np.float32(_LOUD) * ceiling.view(np.float32)
    count = 0
    is_peak = np.empty(n_frames, dtype=np.bool_)
    for k in range(first, stop):
        rows = S[k - 1], S[k], S[k + 1]
        for j in range(n_frames):  # without a branch, so that it becomes vector instructions
            before, here, after, floor = rows[0][j], rows[1][j], rows[2][j], loud[j]
            # What does not exceed the floor counts as 0, so it is below in any case.
            higher = ((before > floor) & (before >= here)) | ((after > floor) & (after > here))
            is_peak[j] = (here > floor) & (not higher)
        for j in range(n_frames):
            if not is_peak[j]:
                continue
            before, here, after = S[k - 1, j], S[k, j], S[k + 1, j]
            curve = np.float64(after) + before - 2.0 * here
            slope = (np.float64(after) - before) / 2.0
            shift = 0.0 if abs(slope) >= abs(curve) else -slope / curve
            votes[count] = vote_of(np.float32((k + shift) * width), bins_per_octave)
            magnitude[count] = here + 0.5 * slope * shift
            count += 1
    return count


@numba.njit(cache=True)
def vote_of(pitch: np.float32, bins_per_octave: int) -> int:
    """Which of the 100 deviations a pitch in Hz has, in 0 … 99."""
    # A440 / 16 is octave 0; in single precision, as librosa has it.
    bins = np.float32(bins_per_octave) * np.log2(pitch / np.float32(27.5))
    part = bins - np.floor(bins)
    if part >= np.float32(0.5):
        part -= np.float32(1)
    vote = min(99, int((part + 0.5) * 100))
    if part < _EDGES[vote]:
        vote -= 1
    elif part >= _EDGES[vote + 1]:
        vote += 1
    return min(99, max(0, vote))


@numba.njit(cache=True)
def votes_of(pitch: Frames, bins_per_octave: int) -> NDArray[np.uint8]:
    """`vote_of` for many, shape (n_pitches,)."""
    votes = np.empty(len(pitch), dtype=np.uint8)
    for i in range(len(pitch)):
        votes[i] = vote_of(pitch[i], bins_per_octave)
    return votes


def fullest(votes: NDArray[np.uint8], magnitude: Frames) -> Tuning:
    """Deviation that most of the louder half of the peaks have; 0 when there are no peaks.

    Parameters
    ----------
    votes : ndarray of uint8, shape (n_peaks,)
        By `votes_of`.
    magnitude : ndarray of float32, shape (n_peaks,)
    """
    if not len(votes):
        return Tuning(0.0)
    counts = np.bincount(votes[magnitude >= np.median(magnitude)], minlength=len(_EDGES) - 1)
    winner = int(np.argmax(counts))
    close = np.flatnonzero(counts >= _NEAR_TIE * counts[winner])
    rivals = tuple(float(_EDGES[i]) for i in close if i != winner)
    return Tuning(float(_EDGES[winner]), rivals)
