"""Constant-Q filters: what they pass, as tables over frequency.

The filters are librosa's: Hann windows of constant Q, thinned out by 1 % in the frequency domain.
librosa halves the rate from octave to octave, so the filters of all octaves are those of the top
one, and a table of their responses, finer than any grid it is read on, serves clips of every
length. Near the filters it is read by cubics. Far from them, where loud sound must not leak into a
quiet passage, responses are a ripple times something smooth, and few of those make up all filters.
Tables are kept for each tuning (there are 100).

References: Brown (1991), calculation of a constant Q spectral transform; `librosa.cqt`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spdkit.extractors.audio.settings import C1, AudioSettings

Frames = NDArray[np.float32]

FINER = 24  # points of a table from bin to bin of the filters' own transform
MARGIN = 12  # bins around the filters beyond which their responses are smooth but for a ripple
_RANK = 4  # courses over frequency that make up all tails to 1e-6 of a filter's peak
VECTOR = 16  # filters that the compiler's vector loop takes at once
_SPARSITY = 0.01  # librosa's default
_blas = threading.Lock()


@dataclass(frozen=True, eq=False)
class Response:
    """What the filters pass, as a function of frequency in bins of their own transform.

    Attributes
    ----------
    columns : ndarray of int64, shape (n_octaves, bins_per_octave)
        The column of the tables for each filter, from the lowest.
    near : ndarray of float32, shape (n_points, 2 * (n_columns + VECTOR))
        Real and imaginary parts, in turn, near the filters, `FINER` points a bin; then zeros.
    first : int
        Bin of the first point.
    tails, mix : ndarray of float32, shapes (n_fft + 2, 2 * _RANK) and (2, _RANK, 2 * n_columns)
        Elsewhere, from bin -n_fft / 2, a point a bin: `tails` @ `mix[0]` is the response over
        sin(πx). `mix[1]` is `mix[0]` times i.
    bank : ndarray of complex64, shape (bins_per_octave, n_fft // 2 + 1)
        Spectra of the top octave's filters, mostly zeros.
    centres : ndarray of float64, shape (n_columns,)
        Bins on which the filters lie, ascending.
    width : float
        Hz from bin to bin in the top octave; half of it in the one below, and so on.
    rate : float
        Sampling rate in Hz that librosa has for the top octave; half of it in the one below.
    n_fft : int
        Samples of its frames, in all octaves.
    reach : float
        Seconds by which a filter of the lowest octave looks back.
    """

    columns: NDArray[np.int64]
    near: Frames
    first: int
    tails: Frames
    mix: Frames
    bank: NDArray[np.complex64]
    centres: NDArray[np.float64]
    width: float
    rate: float
    n_fft: int
    reach: float


def frequencies(tuning: float, s: AudioSettings) -> NDArray[np.float64]:
    """Centres of all constant-Q bins in Hz, ascending."""
    lowest = (s.chroma_fmin or C1) * 2.0 ** (tuning / s.bins_per_octave)
    steps = np.arange(s.n_octaves * s.bins_per_octave)
    return lowest * 2.0 ** (steps / s.bins_per_octave)


def _quality(bins_per_octave: int) -> float:
    ratio = 2.0 ** (2 / bins_per_octave)
    return (ratio + 1) / (ratio - 1)


def _top_rate(highest: float, s: AudioSettings) -> float:
    # librosa halves the rate before the top octave as often as its filters and the hop allow.
    hann_bandwidth = 1.50018310546875
    cutoff = highest * (1 + 0.5 * hann_bandwidth / _quality(s.bins_per_octave))
    allowed = max(0, int(np.ceil(np.log2(s.sr / 2 / cutoff)) - 2))
    twos = (s.hop_length & -s.hop_length).bit_length() - 1
    return s.sr / 2 ** min(allowed, max(0, twos - s.n_octaves + 1))


def filter_bank(
    freqs: NDArray[np.float64], rate: float, bins_per_octave: int
) -> tuple[NDArray[np.complex64], float]:
    """Spectra of the filters of one octave.

    Parameters
    ----------
    freqs : ndarray, shape (n_filters,)
        Centres in Hz.
    rate : float
        Sampling rate in Hz.
    bins_per_octave : int

    Returns
    -------
    bank : ndarray of complex64, shape (n_filters, n_fft // 2 + 1)
        As `librosa.cqt` has them, up to a factor that all share; n_fft is a power of 2.
    doubt : float
        How close the thinning out came to another choice; below 3e-6, round-off may have made it.
    """
    lengths = _quality(bins_per_octave) * rate / freqs
    n_fft = int(2.0 ** np.ceil(np.log2(lengths.max())))
    basis = np.zeros((len(freqs), n_fft), dtype=np.complex64)
    for row, freq, length in zip(basis, freqs, lengths, strict=True):
        n = np.arange(-length // 2, length // 2)
        window = 0.5 - 0.5 * np.cos(2 * np.pi / len(n) * np.arange(len(n)))
        start = (n_fft - len(n)) // 2
        row[start : start + len(n)] = window * np.exp(2j * np.pi * freq / rate * n) / window.sum()
    basis *= lengths[:, None] / n_fft
    spectra = np.fft.fft(basis, axis=1).astype(np.complex64)
    return _thinned(spectra[:, : n_fft // 2 + 1])


def _thinned(basis: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], float]:
    # The smallest values, up to a sum of 1 %, become zero.
    size = np.abs(basis)
    ordered = np.sort(size, axis=1)
    share = np.cumsum(ordered / size.sum(axis=1, keepdims=True), axis=1)
    first = np.argmin(share < _SPARSITY, axis=1)[:, None]
    least = np.take_along_axis(ordered, first, axis=1)
    below = np.take_along_axis(ordered, first - 1, axis=1)
    doubt = min(np.abs(share - _SPARSITY).min(), ((least - below) / least).min())
    return np.where(size >= least, basis, np.complex64(0)), float(doubt)


@lru_cache(maxsize=100)
def response(tuning: float, s: AudioSettings) -> Response:
    """Tables of what the filters pass at `tuning` (in fractions of a bin)."""
    freqs = frequencies(tuning, s).reshape(s.n_octaves, -1)
    rate = _top_rate(freqs.max(), s)
    banks, which, columns = _kinds(freqs, rate, s)
    used = np.flatnonzero(banks.any(axis=0))
    start, stop = int(used[0]), int(used[-1]) + 1
    # librosa divides by the root of a filter's length.
    banks *= np.sqrt(freqs[-1, which, None] / rate).astype(np.float32)
    spectra = banks[:, start:stop].T
    n_fft = 2 * (banks.shape[1] - 1)
    first = start - MARGIN
    signs = np.where(np.arange(start, stop) % 2, -1, 1).astype(np.float32)
    far = np.arange(-n_fft // 2, n_fft // 2 + 2)
    outside = (far <= first + 1) | (far >= stop + MARGIN - 2)
    # The last digits must not depend on the number of threads, nor threads undo each other's limit.
    with _blas, threadpool_limits(1, "blas"):
        near = _leakage(stop - start, n_fft) @ (spectra * signs[:, None])
        tails = np.where(outside[:, None], _ripples(start, stop, n_fft) @ spectra, 0)
        # So far away the filters look alike: a few courses make up all tails.
        courses, strength, mix = np.linalg.svd(tails, full_matrices=False)
    tails = (courses[:, :_RANK] * strength[:_RANK]).astype(np.complex64)
    return Response(
        columns=columns,
        near=np.pad(near, ((0, 0), (0, VECTOR))).view(np.float32),
        first=first,
        tails=tails.view(np.float32),
        mix=np.stack([mix[:_RANK], 1j * mix[:_RANK]]).astype(np.complex64).view(np.float32),
        bank=banks[columns[-1]],
        centres=freqs[-1, which] / rate * n_fft,
        width=rate / n_fft,
        rate=rate,
        n_fft=n_fft,
        reach=n_fft / 2 / rate * 2.0 ** (s.n_octaves - 1),
    )


def _kinds(
    freqs: NDArray[np.float64], rate: float, s: AudioSettings
) -> tuple[NDArray[np.complex64], NDArray[np.int64], NDArray[np.int64]]:
    """Filters that differ, by rising frequency, which of an octave each is, and each octave's own.

    The octaves differ by round-off alone; only where that decided what is thinned out are there
    more filters than one octave has.
    """
    n = s.bins_per_octave
    bank, doubt = filter_bank(freqs[-1], rate, n)
    if doubt > 3e-6:
        return bank, np.arange(n), np.tile(np.arange(n), (s.n_octaves, 1))
    rates = rate / 2.0 ** np.arange(s.n_octaves)[::-1]
    banks = np.concatenate([filter_bank(*each, n)[0] for each in zip(freqs, rates, strict=True)])
    which = np.tile(np.arange(n), s.n_octaves)
    kinds = np.column_stack([which, banks != 0])
    _, distinct, columns = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    return banks[distinct], which[distinct], columns.reshape(s.n_octaves, n)


@lru_cache(maxsize=8)
def _leakage(n_bins: int, n_fft: int) -> NDArray[np.complex64]:
    """What `n_bins` bins of a frame hear of sines near them, seen from its middle.

    Shape (n_points, n_bins): points lie `FINER` a bin, from `MARGIN` bins below to as many above.
    """
    points = np.arange((n_bins + 2 * MARGIN) * FINER) / FINER - MARGIN
    bins = points[:, None] - np.arange(n_bins)
    x = np.pi * bins
    size = np.divide(np.sin(x), np.sin(x / n_fft), out=np.full_like(x, n_fft), where=bins != 0)
    return (np.exp(-1j * x / n_fft) * size).astype(np.complex64)


@lru_cache(maxsize=8)
def _ripples(start: int, stop: int, n_fft: int) -> NDArray[np.complex64]:
    """What bins `start` to `stop` hear of sines on all bins around the circle, over sin(πx)."""
    far = np.arange(-n_fft // 2, n_fft // 2 + 2)
    x = np.pi * (far[:, None] - np.arange(start, stop)) / n_fft
    heard = np.divide(np.exp(-1j * x), np.sin(x), out=np.zeros(x.shape, complex), where=x != 0)
    return heard.astype(np.complex64)
