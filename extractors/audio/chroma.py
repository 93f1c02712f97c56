"""Chroma of a sound of any length, segment by segment, from its constant-Q transform; tonnetz."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from spdkit.extractors.audio.constant_q import constant_q
from spdkit.extractors.audio.constant_q_filters import response
from spdkit.extractors.audio.filterbanks import FilterBanks
from spdkit.extractors.audio.low_rate import LowRateSound
from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.spectral import products

Frames = NDArray[np.float32]

_SEGMENT = 4096  # frames: a clip of half a minute is one


def chroma_cqt(
    sound: LowRateSound, n_frames: int, tuning: float, banks: FilterBanks, s: AudioSettings
) -> Iterator[Frames]:
    """Constant-Q chromagram in segments, each frame scaled to a maximum of 1.

    Parameters
    ----------
    sound : LowRateSound
        At ``s.sr / banks.decimation``.
    n_frames : int
        Of the clip.
    tuning : float
        In fractions of a bin.

    Yields
    ------
    ndarray of float32, shape (n_chroma, frames of the segment)
    """
    rate, hop = s.sr / banks.decimation, s.hop_length // banks.decimation
    r = response(tuning, s)
    reach = math.ceil(r.reach * rate / hop)
    for start in range(0, n_frames, _SEGMENT):
        stop = min(start + _SEGMENT, n_frames)
        first, last = max(0, start - reach), min(stop + reach, n_frames)
        # Filters at one end see over it to the other: between them lies silence.
        length = scipy.fft.next_fast_len(last - first + reach) * hop
        end = min(sound.n_samples, last * hop) - first * hop
        ringing = sound.ringing
        y = np.zeros(length, dtype=np.float32)
        y[: end + ringing] = sound.read(first * hop, first * hop + end + ringing)
        if ringing and first == 0:
            y[-ringing:] = sound.read(-ringing, 0)
        bins = constant_q(y, end, hop, rate, r)[start - first : stop - first]
        classes = bins.reshape(stop - start, s.n_octaves, -1).sum(axis=1)
        chroma = products(banks.chroma, classes.T.copy())
        largest = chroma.max(axis=0)
        largest[largest < np.finfo(np.float32).tiny] = 1
        yield chroma / largest


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
