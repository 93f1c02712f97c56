"""Harmonic part of a sound.

Harmonic sound runs along time in a spectrogram, percussion along frequency: a median over frames
keeps the one, a median over bins the other, and a soft mask shares each bin out. Chroma ends near
4.2 kHz, so nothing is done above; `low_rate` makes sound of the few bins below.

No window is sorted by itself. Rows are cut into stretches as long as a window, so that a window is
the end of one stretch and the start of the next. Sorted lists of all ends and all starts grow by
one number at a time, and only the places are kept that a median can come from; the median of two
such lists takes a few comparisons. All is done for a row of neighbouring windows at once.
Magnitudes are not negative, so their bits order as integers do, for which processors have vector
instructions.

References: Fitzgerald (2010), harmonic/percussive separation using median filtering; Gil and Werman
(1993), computing 2-D min, median, and max filters; Harte, Sandler and Gasser (2006), detecting
harmonic change in musical audio; `librosa.effects.harmonic`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings

Bits = NDArray[np.int32]
Frames = NDArray[np.float32]
Spectra = NDArray[np.complex64]

_LANES, _VECTOR = 240, 16  # windows side by side at most; numbers in an instruction
_LARGEST = 0x7FFFFFFF


@numba.njit(cache=True)
def sliding_median(values: Bits, size: int, out: Bits) -> None:
    """Medians of `size` successive rows, for each column.

    Parameters
    ----------
    values : ndarray of int32, shape (n_rows + size - 1, n_columns)
        Bits of float32 numbers that are not negative.
    size : int
        Of an even number, the upper median is taken, as scipy takes it.
    out : ndarray of int32, shape (n_rows, n_columns)
    """
    n_rows, n_columns = out.shape
    rank = size // 2 + 1
    n_groups = (n_columns + _LANES - 1) // _LANES
    wide = (n_columns + n_groups - 1) // n_groups
    lanes = min((wide + _VECTOR - 1) // _VECTOR * _VECTOR, n_columns)
    # Sorted from place 1 on, filled up with what is larger than all; place 0 is smaller than all.
    late = np.full((size + 1, rank + 1, lanes), _LARGEST, dtype=np.int32)
    early = np.full((2, rank + 1, lanes), _LARGEST, dtype=np.int32)
    late[:, 0] = early[:, 0] = 0
    for group in range(n_groups):
        left = min(group * lanes, n_columns - lanes)  # the last one overlaps
        right = left + lanes
        for top in range(0, n_rows, size):
            # late[n] are the last n rows of this stretch, early those of the next that came so far.
            for n in range(1, size + 1):
                first, stop = max(1, n + rank - size), min(n, rank) + 1
                insert(late[n - 1], values[top + size - n, left:right], first, stop, late[n])
            out[top, left:right] = late[size, rank]
            early[:, 1:] = _LARGEST
            for n in range(1, min(size, n_rows - top)):
                first, stop = n + rank - size, min(n, rank) + 1
                new, row = early[n % 2], values[top + size + n - 1, left:right]
                insert(early[1 - n % 2], row, max(1, first), stop, new)
                medians = out[top + n, left:right]
                smallest_of_two(new, late[size - n], max(0, first), stop, medians)


@numba.njit(cache=True)
def insert(before: Bits, row: NDArray[np.int32], first: int, stop: int, after: Bits) -> None:
    """Put a number into each sorted list, and keep the places from `first` to `stop`.

    Parameters
    ----------
    before, after : ndarray of int32, shape (n_places, n_lists)
        Lists without the numbers and with them.
    row : ndarray of int32, shape (n_lists,)
    first, stop : int
        `first` is at least 1.
    """
    for m in range(first, stop - 1, 2):  # two places at a time share what they load
        for j in range(len(row)):
            here, x = before[m, j], row[j]
            after[m, j] = max(before[m - 1, j], min(here, x))
            after[m + 1, j] = max(here, min(before[m + 1, j], x))
    if (stop - first) % 2:
        m = stop - 1
        for j in range(len(row)):
            after[m, j] = max(before[m - 1, j], min(before[m, j], row[j]))


@numba.njit(cache=True)
def smallest_of_two(a: Bits, b: Bits, first: int, stop: int, out: NDArray[np.int32]) -> None:
    """The number at the last place of two sorted lists together, for many pairs of lists.

    Some of the smallest come from `a`, the rest from `b`; of all ways to share the places out, the
    right one has the smallest maximum.

    Parameters
    ----------
    a, b : ndarray of int32, shape (n_places, n_lists)
        Place 0 is smaller than all numbers.
    first, stop : int
        Range of how many may come from `a`.
    out : ndarray of int32, shape (n_lists,)
    """
    last = len(a) - 1
    out[:] = _LARGEST
    for m in range(first, stop - 1, 2):
        for j in range(len(out)):
            fewer, more = max(a[m, j], b[last - m, j]), max(a[m + 1, j], b[last - m - 1, j])
            out[j] = min(out[j], min(fewer, more))
    if (stop - first) % 2:
        m = stop - 1
        for j in range(len(out)):
            out[j] = min(out[j], max(a[m, j], b[last - m, j]))


@numba.njit(cache=True, error_model="numpy")  # a check for division by 0 would keep loops scalar
def soft_mask(
    harmonic: Frames, percussive: Frames, margin: float, power: float, spectra: Spectra
) -> None:
    """Leave of spectra what the harmonic mask lets through.

    Parameters
    ----------
    harmonic, percussive : ndarray of float32, shape (n_frames, n_bins)
        Medians over frames and over bins.
    margin, power : float
        How far the harmonic must exceed the percussive, and the mask's exponent.
    spectra : ndarray of complex64, shape (n_frames, n_bins or more)
        Changed in place.
    """
    tiny = np.float32(np.finfo(np.float32).tiny)
    nothing = np.float32(0.5 if margin == 1.0 else 0.0)
    n_bins = harmonic.shape[1]
    shares = np.empty(n_bins, dtype=np.float32)
    parts = spectra.view(np.float32)
    for i in range(harmonic.shape[0]):
        if power == 2.0:
            for k in range(n_bins):
                h, p = np.float64(harmonic[i, k]), percussive[i, k] * margin
                share = np.float32(h * h / (h * h + p * p))
                shares[k] = nothing if max(h, p) < tiny else share
        else:
            for k in range(n_bins):
                h, p = np.float64(harmonic[i, k]), percussive[i, k] * margin
                larger = max(h, p)
                h, p = (h / larger) ** power, (p / larger) ** power
                shares[k] = nothing if larger < tiny else np.float32(h / (h + p))
        row = parts[i]
        for k in range(n_bins):
            row[2 * k] *= shares[k]
            row[2 * k + 1] *= shares[k]


@numba.njit(cache=True)
def magnitudes(spectra: Spectra) -> Frames:
    """Magnitudes of complex numbers, of the same shape."""
    out = np.empty(spectra.shape, dtype=np.float32)
    for i in range(spectra.shape[0]):
        for k in range(spectra.shape[1]):
            re, im = spectra[i, k].real, spectra[i, k].imag
            out[i, k] = np.sqrt(np.float64(re) * re + np.float64(im) * im)
    return out


def harmonic_spectra(
    low: Spectra, before: int, n_frames: int, n_bins: int, s: AudioSettings
) -> Spectra:
    """Harmonic part of some frames' spectra.

    Parameters
    ----------
    low : ndarray of complex64, shape (n, n_low)
        Spectra with what the medians see of the frames before and after, mirrored at the ends of
        the clip, and of the bins above.
    before : int
        Where the frames to separate start.
    n_frames, n_bins : int
        How many to separate.

    Returns
    -------
    ndarray of complex64, shape (n_frames, n_bins)
    """
    size = s.hpss_kernel_size
    half = size // 2
    S = magnitudes(low)
    over_frames = np.empty((n_frames, n_bins), dtype=np.float32)
    start = before - half
    around = np.ascontiguousarray(S[start : start + n_frames + size - 1, :n_bins])
    sliding_median(around.view(np.int32), size, over_frames.view(np.int32))
    # Bins first, mirrored below 0 Hz, and above where S holds all of them.
    mirrored = np.pad(np.arange(S.shape[1]), (half, size), "symmetric")[: n_bins + size - 1]
    columns = np.ascontiguousarray(S[before : before + n_frames].T)[mirrored]
    over_bins = np.empty((n_bins, n_frames), dtype=np.float32)
    sliding_median(columns.view(np.int32), size, over_bins.view(np.int32))
    spectra = low[before : before + n_frames, :n_bins].copy()
    percussive = np.ascontiguousarray(over_bins.T)
    soft_mask(over_frames, percussive, float(s.hpss_margin), float(s.hpss_power), spectra)
    return spectra


def with_neighbours(chunks: Iterable[Spectra], reach: int) -> Iterator[tuple[Spectra, int, int]]:
    """Chunks of frames once more, each with `reach` frames before and after it.

    Parameters
    ----------
    chunks : iterable of ndarray, shape (n_frames, n_bins)
    reach : int

    Yields
    ------
    frames, before, n_frames
        Of the frames, ``frames[before : before + n_frames]`` come in turn; those around them are
        the neighbours, mirrored at both ends of the clip as often as it takes.
    """
    held: Spectra | None = None
    before = 0  # frames of `held` that had their turn
    for chunk in chunks:
        held = chunk if held is None else np.concatenate([held, chunk])
        ready = len(held) - before - reach
        if ready <= 0 or (before < reach and len(held) < 2 * reach):
            continue
        yield _padded(held, before, reach, 0), max(before, reach), ready
        drop = max(0, before + ready - reach)
        held, before = held[drop:], before + ready - drop
    if held is not None and len(held) > before:
        yield _padded(held, before, reach, reach), max(before, reach), len(held) - before


def _padded(held: Spectra, before: int, reach: int, after: int) -> Spectra:
    # Only the start of the clip has fewer than `reach` frames before it.
    missing = max(0, reach - before)
    if not missing and not after:
        return held
    return np.pad(held, ((missing, after), (0, 0)), "symmetric")
