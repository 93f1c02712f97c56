"""The harmonic part of a sound, and tonnetz: chroma as a point in the space of tonal centroids.

References: Fitzgerald (2010), harmonic/percussive separation using median filtering; Harte, Sandler
and Gasser (2006), detecting harmonic change in musical audio.
"""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings

Frames = NDArray[np.float32]


def harmonic_part(D: NDArray[np.complex64], n_samples: int, settings: AudioSettings) -> Frames:
    """Sound of the harmonic mask, shape (n_samples,): `librosa.effects.harmonic` from its STFT."""
    harmonic, _ = librosa.decompose.hpss(  # type: ignore[attr-defined]
        D,
        kernel_size=settings.hpss_kernel_size,
        power=settings.hpss_power,
        margin=settings.hpss_margin,
    )
    y: Frames = librosa.istft(
        harmonic,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        window=settings.window,
        dtype=np.float32,
        length=n_samples,
    )
    return y


def tonnetz(chroma: Frames) -> Frames:
    """Tonal centroids, shape (6, n_frames), from a chromagram."""
    centroids: Frames = librosa.feature.tonnetz(chroma=chroma)
    return centroids
