"""Half-rate spectrum of a clip, cut to the clip as librosa's resampler cuts it.

Halving the rate is a low-pass filter, and in the frequency domain that is a product. But the filter
rings beyond both ends of the clip, and librosa drops what does. It is a few samples: the ends of
the clip, which are also kept in time, are halved by the resampler itself and say which. The
spectrum of so short a sound is smooth, so a coarse grid holds it, and cubics between its points
give what to subtract from every bin.

References: soxr's "HQ" recipe, which `librosa.cqt` uses; Lagrange's interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

Frames = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

_RINGING = 96  # samples at half the rate that the filter rings, all but 1e-6 of it
_GRID = 1024  # least points around the circle that hold the spectrum of such a ringing


@dataclass(frozen=True)
class Clip:
    """A clip within silence.

    Attributes
    ----------
    spectrum : ndarray of complex64, shape (n // 2 + 1,)
        Of the `n` samples of clip and silence, which are taken as periodic.
    head, tail : ndarray of float32
        Its first and last samples; all of them, if there are few.
    stop : int
        Where the clip ends; it starts at 0.
    """

    spectrum: Spectrum
    head: Frames
    tail: Frames
    stop: int


def clip_spectrum(y: Frames, stop: int) -> Clip:
    """Spectrum of samples, shape (n,), of which those from `stop` on are taken as silence."""
    inside = y[:stop]
    cut = np.zeros_like(y)
    cut[:stop] = inside
    return Clip(scipy.fft.rfft(cut), inside, inside, stop)


def at_half_rate(clip: Clip, more: int) -> Clip:
    """The clip at half the rate. Values stay as large as they are: the sound's amplitude doubles.

    Parameters
    ----------
    clip : Clip
    more : int
        How often it will be halved again at most.
    """
    n = len(clip.spectrum) - 1
    before, after, head, tail = _half_rate_ends(clip, 2 * _RINGING * (2**more - 1))
    size = 1  # bins a cell
    while n % (2 * size) == 0 and n // (2 * size) >= _GRID:
        size *= 2
    grid = np.zeros((2, n // size), dtype=np.float32)
    np.add.at(grid[0], np.arange(-_RINGING, 0) % (n // size), before)
    np.add.at(grid[1], np.arange(_RINGING) % (n // size), after)
    n_cells = n // 2 // size + 1
    # From the point before 0 Hz to two beyond the last cell.
    points = scipy.fft.fft(grid).take(np.arange(-1, n_cells + 2), axis=1, mode="wrap")
    stop = -(-clip.stop // 2)
    by_cell = np.exp(-2j * np.pi / n * (np.arange(n_cells) * size * stop % n))
    by_bin = np.exp(-2j * np.pi / n * (np.arange(size) * stop % n))
    passed = _half_rate_filter(n)
    spectrum = np.empty(n // 2 + 1, dtype=np.complex64)
    less_ringing(
        clip.spectrum.view(np.float32), passed, points, by_cell, by_bin, spectrum.view(np.float32)
    )
    return Clip(spectrum, head, tail, stop)


@lru_cache(maxsize=64)
def _half_rate_filter(n: int) -> Frames:
    """What soxr lets through when it halves a rate, at the bins of `n` samples at that rate."""
    impulse = np.zeros(8192, dtype=np.float32)
    impulse[4096] = 1
    passed = np.abs(np.fft.rfft(soxr.resample(impulse, 2, 1, quality="HQ")))
    frequency = np.linspace(0, 0.5, len(passed))
    bins = np.arange(n // 2 + 1) / n
    return np.interp(bins, frequency, passed / passed[0]).astype(np.float32)


def _half_rate_ends(clip: Clip, keep: int) -> tuple[Frames, Frames, Frames, Frames]:
    """What is heard before and after the clip at half the rate, and `keep` samples of its ends."""
    reach = 2 * (keep + _RINGING)
    head, tail = clip.head[:reach], clip.tail[-reach:]
    tail = tail[(clip.stop - len(tail)) % 2 :]  # from a sample on that half the rate has, too
    silence = np.zeros(2 * _RINGING, dtype=np.float32)
    gap = silence[: len(silence) - len(head) % 2]
    y = soxr.resample(np.concatenate([silence, head, gap, tail, silence]), 2, 1, quality="HQ")
    y *= np.float32(2)
    start = (len(silence) + len(head) + len(gap)) // 2
    stop = start + -(-len(tail) // 2)
    return (
        y[:_RINGING],
        y[stop : stop + _RINGING],
        y[_RINGING : _RINGING + min(keep, -(-len(head) // 2))],
        y[max(start, stop - keep) : stop],
    )


@numba.njit(cache=True)
def less_ringing(
    spectrum: Frames,
    passed: Frames,
    points: NDArray[np.complex64],
    by_cell: NDArray[np.complex128],
    by_bin: NDArray[np.complex128],
    out: Frames,
) -> None:
    """A spectrum through a filter, less the spectra of two short sounds.

    Those are known at the first bin of every cell; in between, Lagrange's cubics give them.

    Parameters
    ----------
    spectrum : ndarray of float32, shape (at least 2 * n_bins,)
        Real and imaginary parts in turn.
    passed : ndarray of float32, shape (n_bins,)
        What the filter lets through.
    points : ndarray of complex64, shape (2, n_cells + 3)
        Spectra of the sound that ends at 0 and of the later one as if it started at 0, at the first
        bins of all cells, of the one before them and of the two after them.
    by_cell, by_bin : ndarray of complex128, shapes (n_cells,) and (bins a cell,)
        How the later sound's place turns the spectrum: at the first bin of a cell, and from that
        bin on.
    out : ndarray of float32, shape (2 * n_bins,)
        Takes real and imaginary parts in turn.
    """
    size = len(by_bin)
    w = np.empty((4, size), dtype=np.float32)
    re, im = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    for i in range(size):
        t = i / size
        w[0, i], w[1, i] = -t * (1 - t) * (2 - t) / 6, (1 - t) * (2 - t) * (1 + t) / 2
        w[2, i], w[3, i] = t * (1 + t) * (2 - t) / 2, -t * (1 - t) * (1 + t) / 6
        re[i], im[i] = by_bin[i].real, by_bin[i].imag
    for cell in range(len(by_cell)):
        turn = np.complex64(by_cell[cell])
        a0, a1, a2, a3 = points[0, cell : cell + 4]
        b0, b1, b2, b3 = points[1, cell : cell + 4]
        b0, b1, b2, b3 = b0 * turn, b1 * turn, b2 * turn, b3 * turn
        first, stop = cell * size, min((cell + 1) * size, len(passed))
        share, before, after = passed[first:stop], spectrum[2 * first :], out[2 * first :]
        for i in range(len(share)):
            w0, w1, w2, w3 = w[0, i], w[1, i], w[2, i], w[3, i]
            x = w0 * b0.real + w1 * b1.real + w2 * b2.real + w3 * b3.real
            y = w0 * b0.imag + w1 * b1.imag + w2 * b2.imag + w3 * b3.imag
            both_x = w0 * a0.real + w1 * a1.real + w2 * a2.real + w3 * a3.real
            both_y = w0 * a0.imag + w1 * a1.imag + w2 * a2.imag + w3 * a3.imag
            both_x += x * re[i] - y * im[i]
            both_y += x * im[i] + y * re[i]
            after[2 * i] = share[i] * before[2 * i] - both_x
            after[2 * i + 1] = share[i] * before[2 * i + 1] - both_y
