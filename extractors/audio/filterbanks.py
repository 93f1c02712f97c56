"""Filter banks: the filters, bands and sizes that settings decide, made once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import C1, AudioSettings
from spdkit.extractors.audio.spectral import band_sums
from spdkit.extractors.audio.tuning import FMAX, FMIN

Weights = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Bands:
    """A matrix whose rows are zero but for one stretch.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_bands, n_bins)
    spans : ndarray of int64, shape (n_bands, 2)
        First bin of each stretch, and one past its last.
    """

    weights: Weights
    spans: NDArray[np.int64]

    def __matmul__(self, rows: Weights) -> Weights:
        """Matrix product with `rows`, shape (n_bins, n_frames)."""
        out = np.empty((len(self.weights), rows.shape[1]), dtype=np.float32)
        band_sums(self.weights, self.spans, rows, out)
        return out


def bands(weights: Weights) -> Bands:
    """Find the stretches of a matrix, shape (n_bands, n_bins)."""
    nonzero = [np.flatnonzero(row) for row in weights]
    spans = [(int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0) for used in nonzero]
    return Bands(weights, np.array(spans))


@dataclass(frozen=True)
class FilterBanks:
    """Constants of one `AudioSettings`.

    Attributes
    ----------
    freqs : ndarray of float64, shape (n_bins,)
        Hz of each bin.
    mel, mfcc_mel : Bands
        The mel bands, and those under the MFCC.
    contrast : ndarray of int64, shape (n_bands, 3)
        See `spectral.extremes`.
    peaks : tuple of int
        Range of bins in which pitches are looked for.
    n_tonal : int
        Bins from which the sound for chroma is made.
    n_low : int
        Those and the ones above that its medians see.
    decimation : int
        By which that sound's rate is lower.
    chroma : ndarray of float32, shape (n_chroma, bins_per_octave)
    """

    freqs: NDArray[np.float64]
    mel: Bands
    mfcc_mel: Bands
    contrast: NDArray[np.int64]
    peaks: tuple[int, int]
    n_tonal: int
    n_low: int
    decimation: int
    chroma: Weights


@lru_cache(maxsize=16)
def filter_banks(s: AudioSettings) -> FilterBanks:
    """Filter banks for `s`."""
    freqs = np.fft.rfftfreq(s.n_fft, 1 / s.sr).astype(np.float64)
    n_tonal, decimation = _tonal_range(s)
    inside = np.flatnonzero((freqs >= FMIN) & (freqs < min(FMAX, s.sr / 2)))
    mel = mel_filters(freqs, s.n_mels, s.mel_fmin, s.mel_high)
    mfcc_mel = mel_filters(freqs, s.mfcc_n_mels, 0.0, s.sr / 2)
    return FilterBanks(
        freqs=freqs,
        mel=bands(mel),
        mfcc_mel=bands(mfcc_mel),
        contrast=_octaves(freqs, s),
        peaks=(max(1, int(inside[0])), min(int(inside[-1]) + 1, len(freqs) - 1)),
        n_tonal=n_tonal,
        n_low=min(len(freqs), n_tonal + s.hpss_kernel_size),
        decimation=decimation,
        chroma=chroma_map(s.bins_per_octave, s.n_chroma, s.chroma_fmin or C1),
    )


def mel_filters(
    freqs: NDArray[np.float64], n_mels: int, fmin: float, fmax: float
) -> NDArray[np.float32]:
    """Triangles on Slaney's mel scale, of unit area, shape (n_mels, n_bins).

    Reference: Slaney (1998), Auditory Toolbox; `librosa.filters.mel`.
    """
    mels = np.linspace(_to_mel(fmin), _to_mel(fmax), n_mels + 2)
    # Linear to 1 kHz, logarithmic above: 27 mels for a factor of 6.4.
    hz = np.where(mels < 15, 200 / 3 * mels, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
    ramps = hz[:, None] - freqs
    rise = -ramps[:-2] / np.diff(hz)[:-1, None]
    fall = ramps[2:] / np.diff(hz)[1:, None]
    triangles = np.maximum(0, np.minimum(rise, fall)) * (2 / (hz[2:] - hz[:-2]))[:, None]
    return triangles.astype(np.float32)


def _to_mel(hz: float) -> float:
    return 15 + 27 * math.log(hz / 1000) / math.log(6.4) if hz >= 1000 else hz * 3 / 200


def chroma_map(bins_per_octave: int, n_chroma: int, fmin: float) -> NDArray[np.float32]:
    """Which pitch class each bin of an octave belongs to, C first; zeros and ones.

    Shape (n_chroma, bins_per_octave).

    Reference: `librosa.filters.cq_to_chroma`.
    """
    merge = bins_per_octave // n_chroma
    classes = np.repeat(np.eye(n_chroma), merge, axis=1)
    classes = np.roll(classes, -(merge // 2), axis=1)
    midi = (69 + 12 * math.log2(fmin / 440)) % 12
    return np.roll(classes, round(midi * n_chroma / 12), axis=0).astype(np.float32)


def _octaves(freqs: NDArray[np.float64], s: AudioSettings) -> NDArray[np.int64]:
    # As librosa has them: a band starts one bin early, and only the last keeps its last bin.
    edges = np.concatenate([[0.0], s.contrast_fmin * 2.0 ** np.arange(s.contrast_n_bands + 1)])
    bands = []
    for band in range(s.contrast_n_bands + 1):
        inside = np.flatnonzero((freqs >= edges[band]) & (freqs <= edges[band + 1]))
        first, stop = int(inside[0]) - (band > 0), int(inside[-1]) + 1
        top = band == s.contrast_n_bands
        stop = len(freqs) if top else stop
        count = max(1, int(np.rint(s.contrast_quantile * (stop - first))))
        stop -= not top
        bands.append((first, stop, min(count, stop - first)))
    return np.array(bands)


def _tonal_range(s: AudioSettings) -> tuple[int, int]:
    """Bins that chroma and tuning need, and the largest halving of the rate that keeps them."""
    highest = max(FMAX, 1.02 * (s.chroma_fmin or C1) * 2.0**s.n_octaves)
    n_bins = s.n_fft // 2 + 1
    # 15 % more: filters reach beyond their pitch, and a sharp edge rings.
    n_tonal = min(n_bins, math.ceil(1.15 * highest / s.sr * s.n_fft))
    decimation = 1
    while (
        s.n_fft % (4 * decimation) == 0
        and s.hop_length % (2 * decimation) == 0
        and n_tonal <= s.n_fft // (4 * decimation)
    ):
        decimation *= 2
    return n_tonal, decimation
