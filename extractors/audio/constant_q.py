"""Constant-Q transform by one Fourier transform of the sound.

The idea: a constant-Q bin is the sound through one band-pass filter, looked at once a hop. In the
frequency domain that is a product over the few frequencies that the filter passes, folded to the
rate of the hops (looking at every n-th sample adds up the spectrum modulo 1/n of its length), and
one short inverse transform a filter. From octave to octave the rate is halved, in the frequency
domain too (`half_rate`); only the top octave, whose filters are as short as frames, goes frame by
frame.

References: Brown (1991), calculation of a constant Q spectral transform; Schörkhuber and Klapuri
(2010), constant-Q transform toolbox for music processing; `librosa.cqt`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numba
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from spdkit.extractors.audio.constant_q_filters import FINER, MARGIN, VECTOR, Response
from spdkit.extractors.audio.half_rate import at_half_rate, clip_spectrum

Frames = NDArray[np.float32]

_REACH = 1536  # bins of those tails that count in the lowest octave: all; half as many in the next


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
        for i in range(spans[at // FINER, 0], spans[at // FINER, 1]):
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
def joined(near: Frames, tails: Frames, mix: Frames, out: Frames) -> None:
    """Complex products from those with real and with imaginary parts; the tails mixed in.

    Parameters
    ----------
    near, tails : ndarray of float32, shape (n_frames, 2, 2 * n_columns)
        By `fold_near` and `fold_tails`. Become zero, for the next spectrum.
    mix : ndarray of float32, shape (2, n_courses, 2 * n_filters)
        A `Response`'s, and the same times i: real and imaginary parts in turn.
    out : ndarray of float32, shape (n_frames, 2 * n_filters)
        Takes real and imaginary parts in turn.
    """
    for m in range(out.shape[0]):
        by_re, by_im, row = near[m, 0], near[m, 1], out[m]
        for i in range(mix.shape[2] // 2):
            row[2 * i] = by_re[2 * i] - by_im[2 * i + 1]
            row[2 * i + 1] = by_re[2 * i + 1] + by_im[2 * i]
        for course in range(mix.shape[1]):
            re = tails[m, 0, 2 * course] - tails[m, 1, 2 * course + 1]
            im = tails[m, 0, 2 * course + 1] + tails[m, 1, 2 * course]
            a, b = mix[0, course], mix[1, course]
            for i in range(mix.shape[2]):
                row[i] += re * a[i] + im * b[i]
        by_re[:] = 0
        by_im[:] = 0
        tails[m] = 0


@numba.njit(cache=True)
def filter_frames(X: Frames, bank: NDArray[np.complex64], out: Frames) -> None:
    """Magnitudes of the sums of frames' spectra times filters.

    Parameters
    ----------
    X : ndarray of float32, shape (n_bins, 2 * n_frames)
        Real and imaginary parts in turn.
    bank : ndarray of complex64, shape (n_filters, n_bins)
        Mostly zeros.
    out : ndarray of float32, shape (n_frames, n_filters)
    """
    n_frames = out.shape[0]
    by_re, by_im = np.empty(2 * n_frames, np.float32), np.empty(2 * n_frames, np.float32)
    for i in range(bank.shape[0]):
        by_re[:] = 0
        by_im[:] = 0
        for k in range(bank.shape[1]):
            re, im = bank[i, k].real, bank[i, k].imag
            if re != 0 or im != 0:
                row = X[k]
                for j in range(2 * n_frames):
                    by_re[j] += re * row[j]
                    by_im[j] += im * row[j]
        for j in range(n_frames):
            re = by_re[2 * j] - by_im[2 * j + 1]
            im = by_re[2 * j + 1] + by_im[2 * j]
            out[j, i] = np.sqrt(np.float64(re) * re + np.float64(im) * im)


@numba.njit(cache=True)
def magnitudes(z: Frames, size: np.float32, out: Frames) -> None:
    """`size` times the magnitudes of complex numbers, whose parts lie in turn."""
    for m in range(out.shape[0]):
        row, sizes = z[m], out[m]
        for i in range(out.shape[1]):
            re, im = np.float64(row[2 * i]), np.float64(row[2 * i + 1])
            sizes[i] = size * np.sqrt(re * re + im * im)


def constant_q(y: Frames, stop: int, hop: int, rate: float, r: Response) -> NDArray[np.float32]:
    """Magnitudes of all bins at every `hop`, up to a factor that all share.

    Parameters
    ----------
    y : ndarray of float32, shape (n_frames * hop,)
        Taken as periodic: what a filter may see across the ends must be zero.
    stop : int
        Where the clip ends in `y`; it starts at 0, and around it lies what its cut rings.
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
    near = np.zeros((n_frames, 2, r.near.shape[1]), dtype=np.float32)
    tails = np.zeros((n_frames, 2, r.tails.shape[1]), dtype=np.float32)
    hop_0 = np.float32(hop)
    clip = clip_spectrum(y, stop)
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
                clip = at_half_rate(clip, octave)
            folded = _folded(clip.spectrum, step, _REACH >> octave, r, near, tails)
            courses = scipy.fft.ifft(folded, axis=0, overwrite_x=True)
            magnitude = np.empty(courses.shape, dtype=np.float32)
            magnitudes(courses.view(np.float32), size / hop_0, magnitude)
            kinds = len(r.centres) > n_filters
            here[:] = magnitude[:, r.columns[octave]] if kinds else magnitude
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
    bins = slice(used[0], used[-1] + 1)
    X = scipy.fft.rfft(frames.T, axis=0)[bins]
    magnitude = np.empty((len(frames), len(r.bank)), dtype=np.float32)
    filter_frames(X.view(np.float32), np.ascontiguousarray(r.bank[:, bins]), magnitude)
    magnitude *= np.float32(r.n_fft / n)
    return magnitude


def _folded(
    Y: NDArray[np.complex64], step: float, reach: int, r: Response, near: Frames, tails: Frames
) -> NDArray[np.complex64]:
    """Spectra of all filters' courses over frames, shape (n_frames, n_columns).

    `near` and `tails` are the space for `fold_near` and `fold_tails`, zero before and after.
    """
    parts = Y.view(np.float32)
    last = min(len(Y) - 1, int((len(r.tails) // 2 - 1) / step))
    start = max(0, math.ceil((r.first + 1 / FINER) / step))
    stop = min(last, int((r.first + (len(r.near) - 3) / FINER) / step))
    places = np.empty(stop - start, dtype=np.int64)
    weights = np.empty((4, stop - start), dtype=np.float32)
    surroundings(start, stop, step * FINER, r.first * FINER, places, weights)
    fold_near(parts, start, places, weights, r.near, _spans(r, reach), near)
    fold_tails(parts, max(1 - last, start - int(reach / step)), start, step, r.tails, tails)
    fold_tails(parts, stop, min(last, stop + int(reach / step)), step, r.tails, tails)
    folded = np.empty((len(near), len(r.centres)), dtype=np.complex64)
    joined(near, tails, r.mix, folded.view(np.float32))
    return folded


@lru_cache(maxsize=64)
def _spans(r: Response, reach: int) -> NDArray[np.uint64]:
    """Range of the table's row that holds the filters within `reach` of each bin."""
    bins = r.first + np.arange(len(r.near) // FINER)
    wide = reach + MARGIN
    low, high = np.searchsorted(r.centres, np.stack([bins - wide, bins + 1 + wide]))
    high = low + -(-(high - low) // VECTOR) * VECTOR
    shift = np.maximum(0, high - (len(r.centres) + VECTOR))
    columns = np.column_stack([low - shift, high - shift])
    return (2 * columns).astype(np.uint64)
