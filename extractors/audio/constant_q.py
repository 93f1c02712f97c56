"""Constant-Q chroma by one Fourier transform of the sound.

The idea: a constant-Q bin is the sound through one band-pass filter, looked at once a hop. In the
frequency domain that is a product over the few frequencies that the filter passes, folded to the
rate of the hops (looking at every n-th sample adds up the spectrum modulo 1/n of its length), and
one short inverse transform a filter: no frames, and no decimation from octave to octave.

The filters are librosa's: Hann windows of constant Q, thinned out by 1 % in the frequency domain.
librosa halves the rate from octave to octave, so the filters of all octaves are those of the top
one, and a table of their responses, finer than any grid it is read on, serves clips of every
length. Tables are kept for each tuning (there are 100).

References: Brown (1991), calculation of a constant Q spectral transform; Schörkhuber and Klapuri
(2010), constant-Q transform toolbox for music processing; `librosa.feature.chroma_cqt`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray
from scipy.signal import get_window

from spdkit.extractors.audio.settings import C1, AudioSettings

Frames = NDArray[np.float32]

_FINER = 24  # points of a table from bin to bin of the filters' own transform
_MARGIN = 12  # bins around the filters beyond which their responses are smooth but for a ripple
_REACH = 1536  # bins of those tails that count in the lowest octave: all; half as many in the next
_RANK = 4  # courses over frequency that make up all tails to 1e-6 of a filter's peak
_VECTOR = 16  # filters that the compiler's vector loop takes at once
_SPARSITY = 0.01  # librosa's default


@dataclass(frozen=True)
class Response:
    """What the filters pass, as a function of frequency in bins of their own transform.

    Attributes
    ----------
    columns : ndarray of int64, shape (n_octaves, bins_per_octave)
        The column of the tables for each filter, from the lowest.
    near : ndarray of float32, shape (n_points, 2 * (n_columns + _VECTOR))
        Real and imaginary parts, in turn, near the filters, `_FINER` points a bin; then zeros.
    first : int
        Bin of the first point.
    tails, mix : ndarray of float32, shape (n_fft + 2, 2 * _RANK) and (_RANK, n_columns)
        Elsewhere, from bin -n_fft / 2, a point a bin: `tails` @ `mix` is the response over sin(πx).
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
    mix: NDArray[np.complex64]
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
) -> NDArray[np.complex64]:
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
    ndarray of complex64, shape (n_filters, n_fft // 2 + 1)
        As `librosa.cqt` has them, up to a factor that all share; n_fft is a power of 2.
    """
    lengths = _quality(bins_per_octave) * rate / freqs
    n_fft = int(2.0 ** np.ceil(np.log2(lengths.max())))
    basis = np.zeros((len(freqs), n_fft), dtype=np.complex64)
    for row, freq, length in zip(basis, freqs, lengths, strict=True):
        n = np.arange(-length // 2, length // 2)
        wave = get_window("hann", len(n)) * np.exp(2j * np.pi * freq / rate * n)
        start = (n_fft - len(n)) // 2
        row[start : start + len(n)] = wave / np.abs(wave).sum()
    basis *= lengths[:, None] / n_fft
    return _thinned(np.fft.fft(basis, axis=1)[:, : n_fft // 2 + 1])


def _thinned(basis: NDArray[np.complex64]) -> NDArray[np.complex64]:
    # The smallest values, up to a sum of 1 %, become zero.
    size = np.abs(basis)
    ordered = np.sort(size, axis=1)
    share = np.cumsum(ordered / size.sum(axis=1, keepdims=True), axis=1)
    least = np.take_along_axis(ordered, np.argmin(share < _SPARSITY, axis=1)[:, None], axis=1)
    return np.where(size >= least, basis, np.complex64(0))


@lru_cache(maxsize=32)
def response(tuning: float, s: AudioSettings) -> Response:
    """Tables of what the filters pass at `tuning` (in fractions of a bin)."""
    freqs = frequencies(tuning, s).reshape(s.n_octaves, -1)
    rate = _top_rate(freqs.max(), s)
    rates = rate / 2.0 ** np.arange(s.n_octaves)[::-1]
    octaves = zip(freqs, rates, strict=True)
    banks = np.concatenate([filter_bank(*octave, s.bins_per_octave) for octave in octaves])
    # The octaves differ by round-off alone, but round-off decides what is thinned out at a tie.
    which = np.tile(np.arange(s.bins_per_octave), s.n_octaves)
    kinds = np.column_stack([which, banks != 0])
    _, chosen, columns = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    used = np.flatnonzero((banks != 0).any(axis=0))
    start, stop = used[0], used[-1] + 1
    # librosa divides by the root of a filter's length.
    scale = np.sqrt(freqs[-1, which[chosen], None] / rate)
    spectra = (banks[chosen, start:stop] * scale).T
    n_fft = 2 * (banks.shape[1] - 1)
    first = start - _MARGIN
    points = np.arange((stop + _MARGIN - first) * _FINER) / _FINER + first
    far = np.arange(-n_fft // 2, n_fft // 2 + 2)
    bins = np.arange(start, stop)
    near = _leakage(points[:, None] - bins, n_fft) @ (spectra * (-1.0) ** bins[:, None])
    outside = (far <= first + 1) | (far >= stop + _MARGIN - 2)
    x = np.pi * (far[outside, None] - bins) / n_fft
    tails = np.zeros((len(far), len(chosen)), dtype=np.complex128)
    tails[outside] = (np.exp(-1j * x) / np.sin(x)) @ spectra
    # So far away the filters look alike: a few courses make up all tails.
    courses, strength, mix = np.linalg.svd(tails, full_matrices=False)
    return Response(
        columns=columns.reshape(s.n_octaves, -1),
        near=np.pad(near.astype(np.complex64), ((0, 0), (0, _VECTOR))).view(np.float32),
        first=int(first),
        tails=(courses[:, :_RANK] * strength[:_RANK]).astype(np.complex64).view(np.float32),
        mix=mix[:_RANK].astype(np.complex64),
        bank=banks[-s.bins_per_octave :] * np.sqrt(freqs[-1, :, None] / rate).astype(np.float32),
        centres=freqs[-1, which[chosen]] / rate * n_fft,
        width=rate / n_fft,
        rate=rate,
        n_fft=n_fft,
        reach=n_fft / 2 / rates[0],
    )


def _leakage(bins: NDArray[np.float64], n_fft: int) -> NDArray[np.complex128]:
    """What a frame's bin hears of a sine that lies `bins` above it, seen from its middle."""
    x = np.pi * bins
    size = np.divide(np.sin(x), np.sin(x / n_fft), out=np.full_like(x, n_fft), where=bins != 0)
    return np.exp(-1j * x / n_fft) * size


@numba.njit(cache=True)
def surroundings(
    start: int, stop: int, step: float, first: float, places: NDArray[np.int64], weights: Frames
) -> None:
    """Which points of a table surround each frequency, and Lagrange's weights of the four.

    Parameters
    ----------
    start, stop : int
        Range of frequencies.
    step, first : float
        Points from frequency to frequency, and the point at which the table starts.
    places : ndarray of int64, shape (stop - start,)
        Takes the second of the four points.
    weights : ndarray of float32, shape (4, stop - start)
    """
    one, two = np.float32(1), np.float32(2)
    for k in range(start, stop):
        place = k * step - first
        at = int(place)
        t = np.float32(place - at)
        i = k - start
        places[i] = at
        weights[0, i] = t * (one - t) * (t - two) / np.float32(6)
        weights[1, i] = (one - t) * (two - t) * (one + t) / two
        weights[2, i] = t * (one + t) * (two - t) / two
        weights[3, i] = t * (t * t - one) / np.float32(6)


@numba.njit(cache=True)
def fold_near(
    Y: Frames,
    start: int,
    places: NDArray[np.int64],
    weights: Frames,
    near: Frames,
    spans: NDArray[np.uint64],
    folded: Frames,
) -> None:
    """Add a spectrum times the responses near the filters, folded to the rate of the frames.

    Parameters
    ----------
    Y : ndarray of float32, shape (2 * n_bins,)
        Real and imaginary parts of the spectrum, in turn.
    start : int
        Its first bin to add.
    places, weights : ndarray
        By `surroundings`.
    near : ndarray of float32, shape (n_points, 2 * n_columns)
        The table: real and imaginary parts in turn.
    spans : ndarray of uint64, shape (n_bins_near, 2)
        The part of the table's row to look at near each bin. (Unsigned, as a number that may be
        negative is no plain index, and keeps the compiler from vector instructions.)
    folded : ndarray of float32, shape (n_frames, 2, 2 * n_columns)
        Takes the table times the real part, and times the imaginary part.
    """
    n_frames = len(folded)
    m = start % n_frames
    for k in range(len(places)):
        at = places[k]
        a, b, c, d = near[at - 1], near[at], near[at + 1], near[at + 2]
        w0, w1, w2, w3 = weights[0, k], weights[1, k], weights[2, k], weights[3, k]
        re, im = Y[2 * (start + k)], Y[2 * (start + k) + 1]
        by_re, by_im = folded[m, 0], folded[m, 1]
        for i in range(spans[at // _FINER, 0], spans[at // _FINER, 1]):
            h = w0 * a[i] + w1 * b[i] + w2 * c[i] + w3 * d[i]
            by_re[i] += re * h
            by_im[i] += im * h
        m += 1
        if m == n_frames:
            m = 0


@numba.njit(cache=True)
def fold_tails(
    Y: Frames, start: int, stop: int, step: float, tails: Frames, folded: Frames
) -> None:
    """Like `fold_near`, far from the filters, where a line between two points is enough.

    Parameters
    ----------
    Y : ndarray of float32, shape (2 * n_bins,)
    start, stop : int
        Range of bins; those below 0 mirror those above.
    step : float
        Bins of the filters' own transform from bin to bin.
    tails : ndarray of float32, shape (n_fft + 2, 2 * n_columns)
        The table over sin(πx).
    folded : ndarray of float32, shape (n_frames, 2, 2 * n_columns)
    """
    n_frames = len(folded)
    half = len(tails) // 2 - 1
    turn = np.exp(1j * np.pi * step)
    phase = np.exp(1j * np.pi * step * start)
    m = start % n_frames
    for k in range(start, stop):
        place = k * step + half
        at = int(place)
        w1 = np.float32(place - at)
        w0 = np.float32(1) - w1
        ripple = np.float32(phase.imag)
        phase *= turn
        re, im = ripple * Y[2 * abs(k)], ripple * Y[2 * abs(k) + 1]
        if k < 0:
            im = -im
        a, b = tails[at], tails[at + 1]
        by_re, by_im = folded[m, 0], folded[m, 1]
        for i in range(tails.shape[1]):
            h = w0 * a[i] + w1 * b[i]
            by_re[i] += re * h
            by_im[i] += im * h
        m += 1
        if m == n_frames:
            m = 0


@numba.njit(cache=True)
def joined(near: Frames, tails: Frames, mix: NDArray[np.complex64], out: NDArray[np.complex64]) -> None:
    """Complex products from those with real and with imaginary parts; the tails mixed in."""
    for m in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[m, i] = complex(
                near[m, 0, 2 * i] - near[m, 1, 2 * i + 1], near[m, 0, 2 * i + 1] + near[m, 1, 2 * i]
            )
        for course in range(mix.shape[0]):
            re = tails[m, 0, 2 * course] - tails[m, 1, 2 * course + 1]
            im = tails[m, 0, 2 * course + 1] + tails[m, 1, 2 * course]
            for i in range(out.shape[1]):
                w = mix[course, i]
                out[m, i] += complex(re * w.real - im * w.imag, re * w.imag + im * w.real)


@numba.njit(cache=True)
def filter_frames(X: Frames, bank: NDArray[np.complex64], by_re: Frames, by_im: Frames) -> None:
    """Add spectra of frames, parts in turn, times real and times imaginary parts of filters.

    Parameters
    ----------
    X : ndarray of float32, shape (n_bins, 2 * n_frames)
    bank : ndarray of complex64, shape (n_filters, n_bins)
    by_re, by_im : ndarray of float32, shape (n_filters, 2 * n_frames)
    """
    for i in range(bank.shape[0]):
        re_row, im_row = by_re[i], by_im[i]
        for k in range(bank.shape[1]):
            re, im = bank[i, k].real, bank[i, k].imag
            if re != 0 or im != 0:
                row = X[k]
                for j in range(len(row)):
                    re_row[j] += re * row[j]
                    im_row[j] += im * row[j]


@numba.njit(cache=True)
def magnitudes(z: Frames, columns: NDArray[np.int64], size: np.float32, out: Frames) -> None:
    """`size` times the magnitudes of some columns of complex numbers, parts in turn."""
    for m in range(out.shape[0]):
        for i in range(out.shape[1]):
            re, im = z[m, 2 * columns[i]], z[m, 2 * columns[i] + 1]
            out[m, i] = size * np.sqrt(re * re + im * im)


def constant_q(y: Frames, inside: slice, hop: int, rate: float, r: Response) -> NDArray[np.float32]:
    """Magnitudes of all bins at every `hop`, up to a factor that all share.

    Parameters
    ----------
    y : ndarray of float32, shape (n_frames * hop,)
        Taken as periodic: what a filter may see across the ends must be zero.
    inside : slice
        Where the clip lies in `y`; around it lies what its cut rings.
    hop : int
        Samples from frame to frame.
    rate : float
        Of `y`, in Hz.
    r : Response

    Returns
    -------
    ndarray of float32, shape (n_frames, n_octaves * bins_per_octave)
    """
    n_octaves, n_filters = r.columns.shape
    n_frames = len(y) // hop
    bins = np.empty((n_frames, n_octaves * n_filters), dtype=np.float32)
    near = np.empty((n_frames, 2, r.near.shape[1]), dtype=np.float32)
    tails = np.empty((n_frames, 2, r.tails.shape[1]), dtype=np.float32)
    hop_0 = np.float32(hop)
    Y = scipy.fft.rfft(_cut(y.copy(), inside))
    step, theirs = rate / len(y) / r.width, r.rate
    for octave in reversed(range(n_octaves)):
        # An octave lower, filters are twice as long.
        size = np.float32(2.0 ** ((n_octaves - 1 - octave) / 2))
        here = bins[:, octave * n_filters : (octave + 1) * n_filters]
        if theirs > rate:
            here[:] = size * _by_frames(y, hop, round(r.n_fft * rate / theirs), r)
        else:
            if rate > theirs and hop % 2 == 0:
                rate, hop = rate / 2, hop // 2
                inside = slice(-(-inside.start // 2), -(-inside.stop // 2))
                Y = _halved(Y, inside)
            near[:] = tails[:] = 0
            folded = _folded(Y, step, _REACH >> octave, r, near, tails)
            courses = scipy.fft.ifft(folded, axis=0, overwrite_x=True)
            magnitudes(courses.view(np.float32), r.columns[octave], size / hop_0, here)
        step, theirs = step * 2, theirs / 2
    return bins


def _by_frames(y: Frames, hop: int, n: int, r: Response) -> Frames:
    """Magnitudes of the top octave frame by frame, where librosa has it at a higher rate.

    Its filters are short, and librosa's cut of the clip rings above the rate that is left here.
    Shape (n_frames, bins_per_octave).
    """
    around = np.concatenate([y[-n // 2 :], y, y[: n // 2]])
    frames = np.lib.stride_tricks.sliding_window_view(around, n)[: len(y) : hop]
    used = np.flatnonzero(r.bank.any(axis=0))
    X = np.ascontiguousarray(scipy.fft.rfft(frames, axis=1)[:, used[0] : used[-1] + 1].T)
    by_re, by_im = np.zeros((2, len(r.bank), 2 * len(frames)), dtype=np.float32)
    filter_frames(X.view(np.float32), r.bank[:, used[0] : used[-1] + 1], by_re, by_im)
    courses = by_re.view(np.complex64) + 1j * by_im.view(np.complex64)
    found: Frames = np.abs(courses).T * np.float32(r.n_fft / n)
    return found


def _folded(
    Y: NDArray[np.complex64], step: float, reach: int, r: Response, near: Frames, tails: Frames
) -> NDArray[np.complex64]:
    """Spectra of all filters' courses over frames, shape (n_frames, n_columns).

    `near` and `tails` are the space for `fold_near` and `fold_tails`, zero.
    """
    parts = Y.view(np.float32)
    last = min(len(Y) - 1, int((len(r.tails) // 2 - 1) / step))
    start = max(0, math.ceil((r.first + 1 / _FINER) / step))
    stop = min(last, int((r.first + (len(r.near) - 3) / _FINER) / step))
    places = np.empty(stop - start, dtype=np.int64)
    weights = np.empty((4, stop - start), dtype=np.float32)
    surroundings(start, stop, step * _FINER, r.first * _FINER, places, weights)
    fold_near(parts, start, places, weights, r.near, _spans(r, reach), near)
    fold_tails(parts, max(1 - last, start - int(reach / step)), start, step, r.tails, tails)
    fold_tails(parts, stop, min(last, stop + int(reach / step)), step, r.tails, tails)
    folded = np.empty((len(near), len(r.centres)), dtype=np.complex64)
    joined(near, tails, r.mix, folded)
    return folded


def _spans(r: Response, reach: int) -> NDArray[np.uint64]:
    """Range of the table's row that holds the filters within `reach` of each bin."""
    bins = r.first + np.arange(len(r.near) // _FINER)
    wide = reach + _MARGIN
    low, high = np.searchsorted(r.centres, np.stack([bins - wide, bins + 1 + wide]))
    high = low + -(-(high - low) // _VECTOR) * _VECTOR
    shift = np.maximum(0, high - (len(r.centres) + _VECTOR))
    columns = np.column_stack([low - shift, high - shift])
    return (2 * columns).astype(np.uint64)


def _halved(Y: NDArray[np.complex64], inside: slice) -> NDArray[np.complex64]:
    """Spectrum at half the rate, of the sound cut to the clip as librosa's resampler cuts it.

    Values stay as large as they are: the sound's amplitude doubles.
    """
    n = len(Y) - 1  # samples at half the rate
    Y = Y[: n // 2 + 1] * _halving_filter(n // 2 + 1)
    spectrum: NDArray[np.complex64] = scipy.fft.rfft(_cut(scipy.fft.irfft(Y, n=n), inside))
    return spectrum


@lru_cache(maxsize=64)
def _halving_filter(n_bins: int) -> Frames:
    """What soxr lets through when it halves a rate, from 0 Hz to the new half rate."""
    impulse = np.zeros(8192, dtype=np.float32)
    impulse[4096] = 1
    passed = np.abs(np.fft.rfft(soxr.resample(impulse, 2, 1, quality="HQ")))
    frequency = np.linspace(0, 1, len(passed))
    return np.interp(np.linspace(0, 1, n_bins), frequency, passed / passed[0]).astype(np.float32)


def _cut(y: Frames, inside: slice) -> Frames:
    y[: inside.start] = 0
    y[inside.stop :] = 0
    return y
