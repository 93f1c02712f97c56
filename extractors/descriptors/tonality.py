"""Key of a sound: chroma at its own tuning, held against the profiles of 24 keys.

References
----------
.. [1] Krumhansl (1990), Cognitive foundations of musical pitch, chapter 4.
.. [2] Temperley (2007), Music and probability, table 6.1.
.. [3] Albrecht and Shanahan (2013), The use of large corpora to train a new type of key-finding
   algorithm, Music Perception 31(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.tuning import fullest, votes_of

Samples = NDArray[np.float32]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# How well each pitch class, from the tonic up, fits a major and a minor key.
KEY_PROFILES = {
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "temperley": (
        (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    ),
    "albrecht": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
}


@dataclass(frozen=True)
class Key:
    """A key and how well it fits.

    Attributes
    ----------
    tonic : int
        Pitch class, C is 0.
    major : bool
    strength : float
        Correlation of the chroma with the profile of the key.
    margin : float
        By how much that exceeds the correlation with the next best of the 24 keys.
    """

    tonic: int
    major: bool
    strength: float
    margin: float

    def __str__(self) -> str:
        return f"{PITCH_CLASSES[self.tonic]} {'major' if self.major else 'minor'}"


def tonality(y: Samples, *, sr: int, n_fft: int = 8192, profile: str = "krumhansl") -> Key | None:
    """The key of a sound that peaks at 1, from its chroma at its own tuning.

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
    sr, n_fft, profile
        See `DescriptorExtractor`.
    """
    return find_key(mean_chroma(y, sr=sr, n_fft=n_fft), profile)


def mean_chroma(y: Samples, *, sr: int, n_fft: int) -> NDArray[np.float64]:
    """Mean of `librosa.feature.chroma_stft` over frames that overlap by half, shape (12,)."""
    import librosa

    power = librosa.util.abs2(librosa.stft(y, n_fft=n_fft, hop_length=n_fft // 2))
    pitch, magnitude = librosa.piptrack(S=power, sr=sr, n_fft=n_fft)
    peaks = pitch > 0
    tuning = fullest(votes_of(pitch[peaks], 12), magnitude[peaks]).bins
    chroma = librosa.feature.chroma_stft(S=power, sr=sr, n_fft=n_fft, tuning=tuning)
    mean: NDArray[np.float64] = chroma.mean(axis=1, dtype=np.float64)
    return mean


def find_key(chroma: NDArray[np.floating], profile: str = "krumhansl") -> Key | None:
    """The key whose profile correlates best with a chroma vector (Krumhansl and Schmuckler).

    Parameters
    ----------
    chroma : ndarray, shape (12,)
        From C up; only its shape matters, not its scale.
    profile : str
        One of `KEY_PROFILES`.

    Returns
    -------
    Key or None
        None when all pitch classes are alike. Of equals, major before minor and lower tonics first.
    """
    deviation = np.asarray(chroma, dtype=np.float64) - np.mean(chroma)
    norm = np.linalg.norm(deviation)
    if not norm > 1e-9 * np.max(np.abs(chroma)):
        return None
    correlation = _profiles(profile) @ (deviation / norm)
    # Round-off must not decide between equals.
    second, best = np.sort(np.round(correlation, 12))[-2:]
    index = int(np.argmax(np.round(correlation, 12)))
    return Key(index % 12, index < 12, float(np.clip(best, -1, 1)), float(best - second))


@cache
def _profiles(name: str) -> NDArray[np.float64]:
    """Profiles of C major … B major, C minor … B minor, centred and of length 1, shape (24, 12)."""
    rows = np.array([np.roll(mode, k) for mode in KEY_PROFILES[name] for k in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
