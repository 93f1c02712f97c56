"""The harmonic part of a sound, and tonnetz.

Harmonic sound runs along time in a spectrogram, percussion along frequency: a median over frames
keeps the one, a median over bins the other, and a soft mask shares each bin out. Chroma ends near
4.2 kHz, so nothing is done above; `low_rate` makes sound of the few bins below.

The medians slide: each keeps its window sorted, and a step takes one value out and puts one in, for
a row of neighbouring windows at once. Magnitudes are not negative, so their bits order as integers
do, for which processors have vector instructions.

References: Fitzgerald (2010), harmonic/percussive separation using median filtering; Harte, Sandler
and Gasser (2006), detecting harmonic change in musical audio; `librosa.effects.harmonic`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.spectra import products

Frames = NDArray[np.float32]
Spectra = NDArray[np.complex64]

_LANES, _VECTOR = 112, 16  # windows that slide side by side at most; numbers in an instruction
_LARGEST = 0x7FFFFFFF


@numba.njit(cache=True)
def sliding_median(values: NDArray[np.int32], size: int, out: NDArray[np.int32]) -> None:
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
    ordered = np.empty((size + 1, _LANES), dtype=np.int32)
    new = np.empty(_LANES, dtype=np.int32)
    n_groups = (n_columns + _LANES - 1) // _LANES
    wide = (n_columns + n_groups - 1) // n_groups
    lanes = min((wide + _VECTOR - 1) // _VECTOR * _VECTOR, n_columns)
    for group in range(n_groups):
        left = min(group * lanes, n_columns - lanes)  # the last one overlaps
        ordered[:] = _LARGEST
        for i in range(size):
            for j in range(lanes):
                new[j] = values[i, left + j]
            for m in range(i + 1):
                row = ordered[m]
                for j in range(lanes):
                    a, b = row[j], new[j]
                    row[j] = min(a, b)
                    new[j] = max(a, b)
        for j in range(lanes):
            out[0, left + j] = ordered[size // 2, j]
        for i in range(1, n_rows):
            old = values[i - 1, left : left + lanes]
            for j in range(lanes):
                new[j] = values[i + size - 1, left + j]
            for m in range(size):
                # From the old value on, each place takes the next one's; the new one sinks in.
                row, following = ordered[m], ordered[m + 1]
                for j in range(lanes):
                    a = following[j] if row[j] >= old[j] else row[j]
                    b = new[j]
                    row[j] = min(a, b)
                    new[j] = max(a, b)
            for j in range(lanes):
                out[i, left + j] = ordered[size // 2, j]


@numba.njit(cache=True)
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
    for i in range(harmonic.shape[0]):
        for k in range(harmonic.shape[1]):
            h, p = np.float64(harmonic[i, k]), percussive[i, k] * margin
            larger = max(h, p)
            if larger < tiny:
                share = nothing
            elif power == 2.0:
                share = np.float32(h * h / (h * h + p * p))
            else:
                h, p = (h / larger) ** power, (p / larger) ** power
                share = np.float32(h / (h + p))
            spectra[i, k] *= share


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
        Where the frames start that are wanted.
    n_frames, n_bins : int
        How many are wanted.

    Returns
    -------
    ndarray of complex64, shape (n_frames, n_bins)
    """
    size = s.hpss_kernel_size
    half = size // 2
    S = magnitudes(low)
    over_frames = np.empty((n_frames, n_bins), dtype=np.float32)
    start = before - half
    wanted = np.ascontiguousarray(S[start : start + n_frames + size - 1, :n_bins])
    sliding_median(wanted.view(np.int32), size, over_frames.view(np.int32))
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


def tonnetz(chroma: Frames) -> Frames:
    """Tonal centroids, shape (6, n_frames), from a chromagram."""
    n_chroma = len(chroma)
    angles = np.outer(
        [7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], np.arange(n_chroma) * 12 / n_chroma
    )
    angles[::2] -= 0.5  # the sine
    basis = np.array([1, 1, 1, 1, 0.5, 0.5])[:, None] * np.cos(np.pi * angles)
    total = np.abs(chroma).sum(axis=0)
    total[total < np.finfo(np.float32).tiny] = 1
    return products(basis.astype(np.float32), chroma / total)
